#include "base/yaml.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <sstream>
#include <unordered_map>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace sofia::config {

namespace {

constexpr std::size_t bytes_max = std::size_t{1} << 20U;
constexpr std::size_t depth_max = 64;

// A failure with its line, until the caller puts the file's name before it.
struct Refusal : std::exception {
    Refusal(std::size_t at, std::string what_is_wrong, std::string what_to_do = {})
        : line(at), message(std::move(what_is_wrong)), hint(std::move(what_to_do)) {}
    const char* what() const noexcept override { return message.c_str(); }
    std::size_t line;
    std::string message;
    std::string hint;
};

std::size_t line_of(const YAML::Mark& mark) { return mark.line < 0 ? 1 : static_cast<std::size_t>(mark.line) + 1; }

// Builds the tree from the parser's events. Aliases are refused, so the tree is never larger than the text.
class Builder final : public YAML::EventHandler {
public:
    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { put(Yaml{.line = line_of(mark)}); }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        throw Refusal(line_of(mark), "aliases (*name) are not supported", "write the value out");
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
        put(Yaml{.kind = Yaml::Kind::scalar, .quoted = tag == "!", .text = value, .line = line_of(mark)});
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
        open(Yaml{.kind = Yaml::Kind::sequence, .line = line_of(mark)});
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
        open(Yaml{.kind = Yaml::Kind::mapping, .line = line_of(mark)});
    }
    void OnMapEnd() override { close(); }

    Yaml take() { return std::move(root_); }

private:
    struct Level {
        Yaml value;
        std::optional<Yaml> key;                             // of a mapping, while its value is awaited
        std::unordered_map<std::string, std::size_t> lines;  // of a mapping's keys
    };

    void open(Yaml value) {
        if (levels_.size() >= depth_max) throw Refusal(value.line, fmt::format("nested deeper than {} levels", depth_max));
        levels_.push_back(Level{.value = std::move(value), .key = std::nullopt, .lines = {}});
    }

    void close() {
        Yaml value = std::move(levels_.back().value);
        levels_.pop_back();
        put(std::move(value));
    }

    void put(Yaml value) {
        if (levels_.empty()) {
            root_ = std::move(value);
            return;
        }
        Level& level = levels_.back();
        if (level.value.kind == Yaml::Kind::sequence) {
            level.value.items.push_back(std::move(value));
        } else if (level.key) {
            level.value.entries.emplace_back(*std::exchange(level.key, std::nullopt), std::move(value));
        } else {
            begin_entry(level, std::move(value));
        }
    }

    static void begin_entry(Level& level, Yaml key) {
        if (key.kind != Yaml::Kind::scalar) throw Refusal(key.line, "a key is not text", "quote it if it is meant as text");
        const auto [place, added] = level.lines.try_emplace(key.text, key.line);
        if (!added) {
            throw Refusal(key.line, fmt::format("key {} is given twice, first in line {}", yaml_scalar(key.text), place->second));
        }
        level.key = std::move(key);
    }

    Yaml root_;
    std::vector<Level> levels_;
};

struct BadByte {
    std::size_t offset;
    const char* reason;
};

// Bytes of the UTF-8 character that starts at `text[at]`; 0 when it is none (RFC 3629: no overlong forms, no surrogates).
std::size_t utf8_length(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
    const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) { return byte(i) >= low && byte(i) <= high; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const bool second = follows(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf);
        return second && follows(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool second = follows(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf);
        return second && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

std::optional<BadByte> find_bad_byte(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = utf8_length(text, i);
        if (length == 0) return BadByte{i, "not valid UTF-8"};
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool control = (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f;
        if (control) return BadByte{i, "a control character"};
        i += length;
    }
    return std::nullopt;
}

// Throws Refusal and the library's exceptions.
Yaml build(std::string_view text) {
    if (text.size() > bytes_max) throw Refusal(1, "larger than 1 MiB", "is this the right file?");
    if (const auto bad = find_bad_byte(text)) {
        const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bad->offset), '\n');
        const auto byte = static_cast<unsigned char>(text[bad->offset]);
        throw Refusal(static_cast<std::size_t>(line), fmt::format("byte 0x{:02x} is {}", byte, bad->reason), "save it as UTF-8 text");
    }
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder;
    if (!parser.HandleNextDocument(builder)) return Yaml{};
    Builder second;
    if (parser.HandleNextDocument(second)) {
        throw Refusal(second.take().line, "a second document begins", "keep one document in a file");
    }
    return builder.take();
}

bool is_plain_safe(std::string_view text) {
    constexpr std::string_view inner = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
    if (text.empty() || text.find_first_not_of(inner) != std::string_view::npos) return false;
    if (text.front() == '-' || text.front() == '.' || text.front() == '+') {
        const std::size_t digit = text.find_first_not_of("-+.");
        if (digit == std::string_view::npos || text[digit] < '0' || text[digit] > '9' || text.starts_with("--")) return false;
    }
    constexpr std::array<std::string_view, 3> nulls{"null", "Null", "NULL"};
    return std::find(nulls.begin(), nulls.end(), text) == nulls.end();
}

std::string quote(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string format_nested(const Yaml& value) {
    std::string out;
    switch (value.kind) {
        case Yaml::Kind::null: return "null";
        case Yaml::Kind::scalar: return value.quoted || !is_plain_safe(value.text) ? quote(value.text) : value.text;
        case Yaml::Kind::sequence:
            for (const Yaml& item : value.items) out += (out.empty() ? "" : ", ") + format_nested(item);
            return "[" + out + "]";
        case Yaml::Kind::mapping:
            for (const auto& [key, entry] : value.entries) {
                out += (out.empty() ? "" : ", ") + yaml_scalar(key.text) + ": " + format_nested(entry);
            }
            return "{" + out + "}";
    }
    return out;
}

}  // namespace

bool Yaml::same_as(const Yaml& other) const {
    if (kind != other.kind || quoted != other.quoted || text != other.text) return false;
    const auto same_items = [](const Yaml& a, const Yaml& b) { return a.same_as(b); };
    const auto same_entries = [](const auto& a, const auto& b) { return a.first.text == b.first.text && a.second.same_as(b.second); };
    return std::equal(items.begin(), items.end(), other.items.begin(), other.items.end(), same_items) &&
           std::equal(entries.begin(), entries.end(), other.entries.begin(), other.entries.end(), same_entries);
}

Result<Yaml> parse_yaml(std::string_view text, const std::string& name) {
    const auto refused = [&](std::size_t line, const std::string& what, std::string hint) {
        return fail(ErrorCode::config, fmt::format("{} line {}: {}", name, line, what), std::move(hint));
    };
    try {
        return build(text);
    } catch (const Refusal& refusal) {
        return refused(refusal.line, refusal.message, refusal.hint);
    } catch (const YAML::Exception& error) {
        return refused(line_of(error.mark), "not valid YAML: " + error.msg, "");
    } catch (const std::exception& error) {
        return refused(1, std::string("not valid YAML: ") + error.what(), "");
    }
}

Result<Yaml> parse_yaml_value(std::string_view text) {
    const auto refused = [&](const std::string& what) {
        return fail(ErrorCode::config, fmt::format("value {} is not valid YAML: {}", quote(text), what), "quote it if it is text");
    };
    try {
        Yaml document = build("v: " + std::string(text));
        if (document.kind != Yaml::Kind::mapping || document.entries.size() != 1) return refused("it holds more than one value");
        return std::move(document.entries.front().second);
    } catch (const Refusal& refusal) {
        return refused(refusal.message);
    } catch (const YAML::Exception& error) {
        return refused(error.msg);
    } catch (const std::exception& error) {
        return refused(error.what());
    }
}

std::string format_yaml(const Yaml& value) {
    if (value.kind != Yaml::Kind::scalar || value.quoted) return format_nested(value);
    // A plain text with blanks or commas stays as it was written where that reads back the same.
    const bool one_line = value.text.find_first_of("\n\r") == std::string::npos;
    const auto again = one_line ? parse_yaml_value(value.text) : Result<Yaml>(Yaml{});
    return again && again->same_as(value) ? value.text : format_nested(value);
}

std::string format_yaml_flow(const Yaml& value) { return format_nested(value); }

std::string yaml_scalar(std::string_view text) { return is_plain_safe(text) ? std::string(text) : quote(text); }

}  // namespace sofia::config

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

#include <fmt/format.h>

namespace sofia {

namespace {

constexpr std::size_t compared_length_max = 256;

template <class Number>
std::optional<Number> parse_whole(std::string_view text) {
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-') || text.starts_with('+')) return std::nullopt;
    }
    Number value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

// Optimal string alignment: insert, delete, replace, swap of neighbours; no substring is edited twice.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        std::swap(before, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

// Characters as a terminal shows them: code points, not bytes.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool is_number(std::string_view cell) {
    if (cell.ends_with('%')) cell.remove_suffix(1);
    return parse_double(cell).has_value();
}

bool is_missing(std::string_view cell) { return cell.empty() || cell == "-"; }

bool is_number_column(const std::vector<std::vector<std::string>>& rows, std::size_t column) {
    bool any = false;
    for (const auto& row : rows) {
        if (is_missing(row[column])) continue;
        if (!is_number(row[column])) return false;
        any = true;
    }
    return any;
}

}  // namespace

std::optional<double> parse_double(std::string_view text) { return parse_whole<double>(text); }
std::optional<std::int64_t> parse_int(std::string_view text) { return parse_whole<std::int64_t>(text); }

std::string format_double(double value) {
    std::array<char, 32> buffer{};
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    assert(error == std::errc{});
    if (value != value) return "nan";  // never `-nan`
    return std::string(buffer.data(), end);
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    for (std::size_t end = text.find(separator); end != std::string_view::npos; end = text.find(separator, begin)) {
        parts.emplace_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    parts.emplace_back(text.substr(begin));
    return parts;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n\v\f";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
    std::string out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) out += separator;
        out += parts[i];
    }
    return out;
}

std::string counted(std::size_t count, std::string_view noun) {
    std::string out = std::to_string(count) + ' ';
    out += noun;
    if (count != 1) out += 's';
    return out;
}

std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates) {
    if (name.size() > compared_length_max) return std::nullopt;
    const std::string wanted = lower(name);
    const std::string* best = nullptr;
    std::size_t best_distance = 0;
    for (const std::string& candidate : candidates) {
        if (candidate.size() > compared_length_max) continue;
        const std::size_t distance = edit_distance(wanted, lower(candidate));
        const std::size_t allowed = std::max<std::size_t>(1, std::min(wanted.size(), candidate.size()) / 3);
        if (distance > allowed || (best != nullptr && distance >= best_distance)) continue;
        best = &candidate;
        best_distance = distance;
    }
    if (best == nullptr) return std::nullopt;
    return *best;
}

std::string with_suggestion(std::string message, std::string_view name, std::span<const std::string> candidates) {
    if (const auto candidate = nearest(name, candidates)) message += ", did you mean " + *candidate + "?";
    return message;
}

std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f) {
            out += c;
        } else {
            out += fmt::format("\\x{:02x}", byte);
        }
    }
    return out;
}

std::string format_table(std::span<const std::string> header, const std::vector<std::vector<std::string>>& rows) {
    const std::size_t columns = header.size();
    std::vector<std::size_t> widths(columns);
    std::vector<char> right(columns);
    for (std::size_t c = 0; c < columns; ++c) {
        widths[c] = width(header[c]);
        for (const auto& row : rows) {
            assert(row.size() == columns);
            widths[c] = std::max(widths[c], width(row[c]));
        }
        right[c] = is_number_column(rows, c) ? 1 : 0;
    }

    std::string out;
    const auto add_line = [&](std::span<const std::string> cells) {
        std::string line;
        for (std::size_t c = 0; c < columns; ++c) {
            const std::string blanks(widths[c] - width(cells[c]), ' ');
            if (c > 0) line += "  ";
            line += right[c] != 0 ? blanks + cells[c] : cells[c] + blanks;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + '\n';
    };
    add_line(header);
    std::vector<std::string> rule(columns);
    for (std::size_t c = 0; c < columns; ++c) rule[c].assign(widths[c], '-');
    add_line(rule);
    for (const auto& row : rows) add_line(row);
    return out;
}

}  // namespace sofia

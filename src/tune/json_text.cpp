#include "tune/json_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

namespace sofia::tune {

namespace {

constexpr std::array<std::string_view, 3> bare_words = {"-Infinity", "Infinity", "NaN"};
constexpr char mark = '\x01';

/// The words outside strings become strings that begin with `mark`.
std::string mark_bare_words(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 8);
    bool inside = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (inside && text[i] == '\\' && i + 1 < text.size()) {
            out += text[i++];
        } else if (text[i] == '"') {
            inside = !inside;
        } else if (!inside) {
            bool found = false;
            for (const std::string_view word : bare_words) {
                if (!text.substr(i).starts_with(word)) continue;
                out += "\"\\u0001" + std::string(word) + '"';
                i += word.size() - 1;
                found = true;
                break;
            }
            if (found) continue;
        }
        out += text[i];
    }
    return out;
}

std::string quote(const std::string& text) { return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace); }

}  // namespace

std::string python_json(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    std::array<char, 400> buffer{};
    const double size = std::abs(value);
    const bool scientific = size != 0.0 && (size < 1e-4 || size >= 1e16);
    const auto format = scientific ? std::chars_format::scientific : std::chars_format::fixed;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
    std::string text(buffer.data(), end);
    if (!scientific && text.find('.') == std::string::npos) text += ".0";
    return text;
}

std::string python_json(const ParamValue& value) {
    struct Writer {
        std::string operator()(std::monostate) const { return "null"; }
        std::string operator()(bool b) const { return b ? "true" : "false"; }
        std::string operator()(std::int64_t i) const { return std::to_string(i); }
        std::string operator()(double d) const { return python_json(d); }
        std::string operator()(const std::string& s) const { return quote(s); }
    };
    return std::visit(Writer{}, value);
}

std::string python_json(const std::map<std::string, ParamValue>& object) {
    std::string out = "{";
    for (const auto& [key, value] : object) out += (out.size() > 1 ? ", " : "") + quote(key) + ": " + python_json(value);
    return out + "}";
}

Result<Json> parse_python_json(std::string_view text) {
    try {
        return Json::parse(mark_bare_words(text));
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorCode::data, std::string("not JSON: ") + error.what());
    }
}

Result<ParamValue> value_of(const Json& json) {
    if (json.is_null()) return ParamValue(std::monostate{});
    if (json.is_boolean()) return ParamValue(json.get<bool>());
    if (json.is_number_unsigned() && json.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return ParamValue(json.get<double>());
    }
    if (json.is_number_integer()) return ParamValue(json.get<std::int64_t>());
    if (json.is_number()) return ParamValue(json.get<double>());
    if (!json.is_string()) return fail(ErrorCode::data, "a parameter's value is neither null, boolean, number nor text: " + json.dump());
    auto text = json.get<std::string>();
    if (text == mark + std::string("Infinity")) return ParamValue(std::numeric_limits<double>::infinity());
    if (text == mark + std::string("-Infinity")) return ParamValue(-std::numeric_limits<double>::infinity());
    if (text == mark + std::string("NaN")) return ParamValue(std::numeric_limits<double>::quiet_NaN());
    return ParamValue(std::move(text));
}

Result<std::map<std::string, ParamValue>> object_of(std::string_view text) {
    SOFIA_TRY(const Json json, parse_python_json(text));
    if (!json.is_object()) return fail(ErrorCode::data, "not an object: " + std::string(text));
    std::map<std::string, ParamValue> object;
    for (const auto& [key, item] : json.items()) {
        SOFIA_TRY(object[key], value_of(item));
    }
    return object;
}

}  // namespace sofia::tune

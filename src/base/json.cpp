#include "base/json.hpp"

#include <cmath>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace sofia {

namespace {

// Deeper input is an attack or a mistake; writers and destructors recurse.
constexpr int depth_max = 256;

struct TooDeep : std::runtime_error {
    using std::runtime_error::runtime_error;
};

std::string place(std::string_view text, std::size_t offset) {
    std::size_t line = 1;
    std::size_t column = 1;
    for (std::size_t i = 0; i < offset && i < text.size(); ++i) {
        column = text[i] == '\n' ? 1 : column + 1;
        if (text[i] == '\n') ++line;
    }
    return " line " + std::to_string(line) + " column " + std::to_string(column);
}

// The library's text without its own prefix `[json.exception.parse_error.101] parse error at line 1, column 2: `.
std::string reason(const std::string& what) {
    const std::size_t colon = what.find(": ");
    return colon == std::string::npos ? what : what.substr(colon + 2);
}

}  // namespace

Json json_number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Result<Json> parse_json(std::string_view text, const std::string& name) {
    const auto guard = [](int depth, Json::parse_event_t, Json&) {
        if (depth > depth_max) throw TooDeep("nested deeper than " + std::to_string(depth_max) + " levels");
        return true;
    };
    try {
        return Json::parse(text.begin(), text.end(), guard);
    } catch (const Json::parse_error& error) {
        const std::size_t offset = error.byte > 0 ? error.byte - 1 : 0;
        return fail(ErrorCode::data, name + place(text, offset) + ": not valid JSON: " + reason(error.what()));
    } catch (const Json::exception& error) {
        return fail(ErrorCode::data, name + ": not valid JSON: " + error.what());
    } catch (const TooDeep& error) {
        return fail(ErrorCode::data, name + ": not valid JSON: " + error.what());
    }
}

std::string format_json(const Json& value) { return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

std::string canonical_json(const Json& value) {
    const nlohmann::json sorted = value;
    return sorted.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace sofia

#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"
#include "tune/distribution.hpp"

namespace sofia::tune {

/// JSON as Python's json module writes and reads it: ", " and ": " between, ASCII only, floats as repr (`1.0`, `1e-05`), and Infinity,
/// -Infinity and NaN as bare words.
[[nodiscard]] std::string python_json(const ParamValue& value);
[[nodiscard]] std::string python_json(const std::map<std::string, ParamValue>& object);
[[nodiscard]] std::string python_json(double value);

/// Bare non-finite words are kept as marked strings, which `value_of` turns back into doubles. Error: data.
[[nodiscard]] Result<Json> parse_python_json(std::string_view text);

/// A scalar of a document from `parse_python_json`. Error data: an object or a list.
[[nodiscard]] Result<ParamValue> value_of(const Json& json);

/// An object of scalars. Error: data.
[[nodiscard]] Result<std::map<std::string, ParamValue>> object_of(std::string_view text);

}  // namespace sofia::tune

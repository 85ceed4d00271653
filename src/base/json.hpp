#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.hpp"

namespace sofia {

/// JSON whose objects keep the order in which keys were put in, as files for people should.
using Json = nlohmann::ordered_json;

/// A double as JSON; NaN and infinities become null, for JSON has neither.
[[nodiscard]] Json json_number(double value);

/// `name` stands for the file in messages. Error: data, with line and column.
[[nodiscard]] Result<Json> parse_json(std::string_view text, const std::string& name);

/// Two spaces of indentation and a last newline; doubles shortest round-trip.
[[nodiscard]] std::string format_json(const Json& value);

/// One line, keys sorted, no blanks, ASCII-escaped: the form that is hashed.
[[nodiscard]] std::string canonical_json(const Json& value);

}  // namespace sofia

#pragma once

// Internal to the room: text that is safe in HTML and in a script, and numbers as people read them.

#include <string>
#include <string_view>

namespace sofia::report {

/// For element text and quoted attributes: & < > " ' escaped, control characters other than line ends dropped.
[[nodiscard]] std::string escape(std::string_view text);

/// A JSON string with quotes that cannot end a script element.
[[nodiscard]] std::string script_string(std::string_view text);

/// `-12,345.60` with a real minus sign; NaN as a dash, infinities as the sign. `decimals` 0..12.
[[nodiscard]] std::string format_number(double value, int decimals);

/// A coordinate or a raw value for a script: up to `digits` significant digits, `null` for what is not finite.
[[nodiscard]] std::string script_number(double value, int digits);

}  // namespace sofia::report

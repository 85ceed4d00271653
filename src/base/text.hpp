#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sofia {

/// The whole text as a number, by the shortest-decimal rules of std::from_chars with a leading `+` allowed; nothing when anything is left over.
/// `inf` and `nan` are accepted by `parse_double`; callers that forbid them say so themselves.
[[nodiscard]] std::optional<double> parse_double(std::string_view text);
[[nodiscard]] std::optional<std::int64_t> parse_int(std::string_view text);

/// Shortest text that reads back as the same double (`0.1`, `1e+300`, `nan`, `inf`).
[[nodiscard]] std::string format_double(double value);

[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
[[nodiscard]] std::string_view trim(std::string_view text);
[[nodiscard]] std::string lower(std::string_view text);
[[nodiscard]] std::string join(std::span<const std::string> parts, std::string_view separator);

/// `1 value`, `2 values`, for nouns whose plural ends in s.
[[nodiscard]] std::string counted(std::size_t count, std::string_view noun);

/// The candidate nearest to `name` by edit distance (Damerau-Levenshtein, restricted), when near enough to be what was meant; ties by order.
[[nodiscard]] std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates);

/// `unknown option --trails` + `, did you mean --trials?` when something is near.
[[nodiscard]] std::string with_suggestion(std::string message, std::string_view name, std::span<const std::string> candidates);

/// Text that may quote bad input, as one line that cannot drive a terminal: control characters become `\x1b`.
[[nodiscard]] std::string printable(std::string_view text);

/// A table for people: columns aligned (numbers right), two spaces between, header and rule. Rows have the header's size (asserted).
[[nodiscard]] std::string format_table(std::span<const std::string> header, const std::vector<std::vector<std::string>>& rows);

}  // namespace sofia

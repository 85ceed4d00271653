#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "market/trade.hpp"

namespace sofia::store {

/// Why a field or row is bad: the text after `FILE line N: `. Nothing: it is good.
using Reason = std::optional<std::string>;

/// Splits one line (without its line end). Fields may be quoted, with `""` for a quote inside. Views point into `line` or, for fields that
/// held a doubled quote, into this object; both must outlive them. Reused from row to row.
class RowFields {
public:
    [[nodiscard]] Reason split(std::string_view line);
    [[nodiscard]] std::size_t size() const { return fields_.size(); }
    [[nodiscard]] std::string_view operator[](std::size_t index) const { return fields_[index]; }

private:
    [[nodiscard]] Reason quoted(std::string_view line, std::size_t& at);
    std::vector<std::string_view> fields_;
    std::string unescaped_;
};

/// `"abc"`, shortened, with control characters and bytes that are no UTF-8 as `\x1b`.
[[nodiscard]] std::string shown(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

/// A header name in the form in which names are compared: lower case, without blanks, `_`, `-`.
[[nodiscard]] std::string plain_name(std::string_view name);

/// The columns of a header line (without line end), as they stand. The error is data, its message without the place.
[[nodiscard]] Result<std::vector<std::string>> read_header(std::string_view line);

enum class TimeUnit : std::uint8_t { seconds, milliseconds, microseconds, nanoseconds };

[[nodiscard]] std::string_view unit_name(TimeUnit unit);  ///< s, ms, us, ns

/// The unit of a timestamp field by its magnitude; nothing when it is no number or out of range.
[[nodiscard]] std::optional<TimeUnit> unit_of(std::string_view field);

/// Times are in [0, time_end): 1970 to 2200. In a file of ms, us or ns they are not before `scaled_time_begin`, where those begin.
inline constexpr TimeNs time_end = TimeNs{7'258'118'400} * ns_per_second;
inline constexpr TimeNs scaled_time_begin = TimeNs{100'000'000} * ns_per_second;

// Each reads one field, blanks around it allowed, and puts the value into `out` when it is good. `name` is the column's for the message.
[[nodiscard]] Reason read_time(std::string_view field, TimeUnit unit, TimeNs& out);
[[nodiscard]] Reason read_number(std::string_view field, std::string_view name, double& out);        ///< finite
[[nodiscard]] Reason read_positive(std::string_view field, std::string_view name, double& out);      ///< finite, above zero
[[nodiscard]] Reason read_not_negative(std::string_view field, std::string_view name, double& out);  ///< finite, zero or above
[[nodiscard]] Reason read_side(std::string_view field, market::Side& out);
[[nodiscard]] Reason read_tick(std::string_view field, market::TickDirection& out);

// The same rules for values that come as numbers (Parquet).
[[nodiscard]] Reason check_time(TimeNs time);
[[nodiscard]] Reason check_positive(double value, std::string_view name);
[[nodiscard]] Reason check_not_negative(double value, std::string_view name);

}  // namespace sofia::store

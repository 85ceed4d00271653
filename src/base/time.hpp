#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sofia {

/// A moment: UTC nanoseconds since 1970-01-01. A span of time is the same integer type under another name.
using TimeNs = std::int64_t;
using DurationNs = std::int64_t;

inline constexpr DurationNs ns_per_us = 1'000;
inline constexpr DurationNs ns_per_ms = 1'000'000;
inline constexpr DurationNs ns_per_second = 1'000'000'000;
inline constexpr DurationNs ns_per_minute = 60 * ns_per_second;
inline constexpr DurationNs ns_per_hour = 60 * ns_per_minute;
inline constexpr DurationNs ns_per_day = 24 * ns_per_hour;

/// `2020-01-01T00:00:00Z`, with as many decimals of a second as are needed (3, 6 or 9).
[[nodiscard]] std::string format_time(TimeNs time);

/// `2020-01-01`: the UTC day that holds `time`.
[[nodiscard]] std::string format_date(TimeNs time);

/// `2020-01-01` (midnight), `2020-01-01T12:30[:00[.123456789]][Z]` or with a space for the T; UTC only. Error: usage.
[[nodiscard]] Result<TimeNs> parse_time(std::string_view text);

/// `90`, `90s`, `30m`, `2h`, `1d`, `250ms`: a bare number is seconds; decimals allowed; not negative. Error: usage.
[[nodiscard]] Result<DurationNs> parse_duration(std::string_view text);

/// The largest multiple of `step` (> 0) that is not after `time`, for times before 1970 too.
[[nodiscard]] constexpr TimeNs floor_time(TimeNs time, DurationNs step) {
    const TimeNs rest = time % step;
    return rest < 0 ? time - rest - step : time - rest;
}

/// Wall clock now. Only for clock fields and log lines, never for a decision or a reproducible output.
[[nodiscard]] TimeNs wall_clock_now();

/// Monotonic nanoseconds, for rates and timeouts.
[[nodiscard]] DurationNs steady_now();

}  // namespace sofia

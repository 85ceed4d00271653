#include "base/time.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/text.hpp"

namespace sofia {

namespace {

struct Unit {
    std::string_view suffix;
    DurationNs length;
};

// Two-letter units first: `ms` ends with `s`.
constexpr std::array units{
    Unit{"ms", ns_per_ms},    Unit{"us", ns_per_us},  Unit{"ns", 1},         Unit{"s", ns_per_second},
    Unit{"m", ns_per_minute}, Unit{"h", ns_per_hour}, Unit{"d", ns_per_day},
};

// Takes exactly `count` digits off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
    if (text.size() < count) return std::nullopt;
    int value = 0;
    for (const char c : text.substr(0, count)) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take(std::string_view& text, char expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(1);
    return true;
}

// Days since 1970 of `YYYY-MM-DD`, taken off the front.
std::optional<std::int64_t> take_date(std::string_view& text) {
    const auto year = take_digits(text, 4);
    if (!year || !take(text, '-')) return std::nullopt;
    const auto month = take_digits(text, 2);
    if (!month || !take(text, '-')) return std::nullopt;
    const auto day = take_digits(text, 2);
    if (!day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days{date}.time_since_epoch().count();
}

// Nanoseconds of `.123456789`, one to nine digits, taken off the front; 0 when there is no point.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
    if (!take(text, '.')) return 0;
    std::int64_t value = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
        if (digits == 9) return std::nullopt;
        value = value * 10 + (text[digits] - '0');
    }
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
    for (; digits < 9; ++digits) value *= 10;
    return value;
}

// Nanoseconds since midnight of `HH:MM[:SS[.fraction]]`, taken off the front.
std::optional<std::int64_t> take_clock(std::string_view& text) {
    const auto hour = take_digits(text, 2);
    if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
    const auto minute = take_digits(text, 2);
    if (!minute || *minute > 59) return std::nullopt;
    std::int64_t time = *hour * ns_per_hour + *minute * ns_per_minute;
    if (!take(text, ':')) return time;
    const auto second = take_digits(text, 2);
    if (!second || *second > 59) return std::nullopt;
    const auto fraction = take_fraction(text);
    if (!fraction) return std::nullopt;
    return time + *second * ns_per_second + *fraction;
}

std::optional<TimeNs> parse_moment(std::string_view text) {
    const auto days = take_date(text);
    if (!days) return std::nullopt;
    std::int64_t clock = 0;
    if (take(text, 'T') || take(text, ' ')) {
        const auto parsed = take_clock(text);
        if (!parsed) return std::nullopt;
        clock = *parsed;
        take(text, 'Z');
    }
    if (!text.empty()) return std::nullopt;
    // Whole days first: the first day that int64 holds in part is left out.
    constexpr std::int64_t days_max = std::numeric_limits<std::int64_t>::max() / ns_per_day - 1;
    if (*days > days_max || *days < -days_max) return std::nullopt;
    return *days * ns_per_day + clock;
}

std::optional<DurationNs> scale(std::string_view number, DurationNs unit) {
    if (number.empty() || number.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
    if (const auto whole = parse_int(number)) {
        DurationNs out = 0;
        if (__builtin_mul_overflow(*whole, unit, &out)) return std::nullopt;
        return out;
    }
    const auto value = parse_double(number);
    if (!value) return std::nullopt;
    const double scaled = *value * static_cast<double>(unit);
    if (!(scaled < 9.2e18)) return std::nullopt;
    return std::llround(scaled);
}

}  // namespace

std::string format_time(TimeNs time) {
    const TimeNs midnight = floor_time(time, ns_per_day);
    const std::int64_t rest = time - midnight;
    const std::int64_t seconds = rest / ns_per_second;
    const std::int64_t fraction = rest % ns_per_second;
    std::string out = fmt::format("{}T{:02}:{:02}:{:02}", format_date(time), seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (fraction % ns_per_us != 0) {
        out += fmt::format(".{:09}", fraction);
    } else if (fraction % ns_per_ms != 0) {
        out += fmt::format(".{:06}", fraction / ns_per_us);
    } else if (fraction != 0) {
        out += fmt::format(".{:03}", fraction / ns_per_ms);
    }
    return out + "Z";
}

std::string format_date(TimeNs time) {
    std::int64_t days = time / ns_per_day;
    if (time % ns_per_day < 0) --days;
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

Result<TimeNs> parse_time(std::string_view text) {
    if (const auto time = parse_moment(text)) return *time;
    return fail(ErrorCode::usage, fmt::format("\"{}\" is not a time", text), "write 2020-01-01 or 2020-01-01T12:30:00Z, in UTC");
}

Result<DurationNs> parse_duration(std::string_view text) {
    std::string_view number = text;
    DurationNs length = ns_per_second;
    for (const Unit& unit : units) {
        if (!number.ends_with(unit.suffix)) continue;
        number.remove_suffix(unit.suffix.size());
        length = unit.length;
        break;
    }
    if (const auto duration = scale(number, length)) return *duration;
    return fail(ErrorCode::usage, fmt::format("\"{}\" is not a duration", text), "write seconds, or 250ms, 90s, 30m, 2h, 1d");
}

TimeNs wall_clock_now() { return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count(); }

DurationNs steady_now() { return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace sofia

#include "store/csv_fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.hpp"
#include "store/csv_scan.hpp"

namespace sofia::store {

namespace {

constexpr std::size_t shown_bytes_max = 40;
constexpr int decimals_max = 9;

std::string lower_trimmed(std::string_view text) { return lower(trim(text)); }

// The length of the UTF-8 sequence at the front of `text`; 0 when it is none (also overlong forms, surrogates, above U+10FFFF).
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        if (first == 0xE0 && byte(1) < 0xA0) return 0;
        if (first == 0xED && byte(1) > 0x9F) return 0;
        return follows(1) && follows(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if (first == 0xF0 && byte(1) < 0x90) return 0;
        if (first == 0xF4 && byte(1) > 0x8F) return 0;
        return follows(1) && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

// Decimal text in `unit` to nanoseconds, exactly, cut after the ninth of a second. Nothing when it is not digits with at most one point, or
// has more than 19 digits before it.
std::optional<TimeNs> exact_time(std::string_view text, int unit_exponent) {
    std::uint64_t value = 0;
    int decimals = -1;
    int digits = 0;
    for (const char c : text) {
        if (c == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (c < '0' || c > '9') return std::nullopt;
        ++digits;
        if (decimals >= unit_exponent) continue;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (__builtin_mul_overflow(value, std::uint64_t{10}, &value) || __builtin_add_overflow(value, digit, &value)) return std::nullopt;
        if (decimals >= 0) ++decimals;
    }
    if (digits == 0) return std::nullopt;
    for (int i = std::max(decimals, 0); i < unit_exponent; ++i) {
        if (__builtin_mul_overflow(value, std::uint64_t{10}, &value)) return std::nullopt;
    }
    if (value >= static_cast<std::uint64_t>(time_end)) return time_end;
    return static_cast<TimeNs>(value);
}

int exponent_of(TimeUnit unit) { return decimals_max - 3 * static_cast<int>(unit); }

std::string out_of_range(std::string_view field, TimeUnit unit) {
    constexpr std::array<std::string_view, 4> names = {"seconds", "milliseconds", "microseconds", "nanoseconds"};
    return "timestamp " + shown(field) + " is out of range: the file's times are unix " + std::string(names[static_cast<std::size_t>(unit)]) +
           (unit == TimeUnit::seconds ? ", 1970 to 2200" : ", 1973 to 2200");
}

}  // namespace

Reason RowFields::quoted(std::string_view line, std::size_t& at) {
    const std::size_t begin = at + 1;
    std::size_t end = begin;
    bool doubled = false;
    while (true) {
        end = line.find('"', end);
        if (end == std::string_view::npos) return "a quoted field does not end on its line";
        if (end + 1 >= line.size() || line[end + 1] != '"') break;
        doubled = true;
        end += 2;
    }
    at = end + 1;
    if (at < line.size() && line[at] != ',') return "text follows a closing quote: " + shown(line.substr(at));
    if (!doubled) {
        fields_.push_back(line.substr(begin, end - begin));
        return {};
    }
    const std::size_t start = unescaped_.size();
    for (std::size_t i = begin; i < end; ++i) {
        unescaped_ += line[i];
        if (line[i] == '"') ++i;
    }
    fields_.push_back(std::string_view(unescaped_).substr(start));
    return {};
}

Reason RowFields::split(std::string_view line) {
    fields_.clear();
    unescaped_.clear();
    unescaped_.reserve(line.size());  // so that views into it stay
    std::size_t at = 0;
    while (true) {
        if (at < line.size() && line[at] == '"') {
            if (Reason reason = quoted(line, at)) return reason;
        } else {
            const std::size_t end = std::min(line.find(',', at), line.size());
            fields_.push_back(line.substr(at, end - at));
            at = end;
        }
        if (at >= line.size()) return {};
        ++at;  // the comma
    }
}

std::string shown(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string out = "\"";
    std::size_t at = 0;
    while (at < text.size() && at < shown_bytes_max) {
        const std::size_t length = sequence_length(text.substr(at));
        const auto byte = static_cast<unsigned char>(text[at]);
        if (length == 0 || byte < 0x20 || byte == 0x7f) {
            out += "\\x";
            out += hex[byte >> 4U];
            out += hex[byte & 15U];
            ++at;
        } else {
            out += text.substr(at, length);
            at += length;
        }
    }
    return out + (at < text.size() ? "…\"" : "\"");
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        // ASCII, eight bytes at a time.
        while (text.size() >= 8 && (scan::load8(text.data()) & scan::tops) == 0) text.remove_prefix(8);
        if (text.empty()) return true;
        const std::size_t length = sequence_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string plain_name(std::string_view name) {
    std::string out;
    for (const char c : lower_trimmed(name)) {
        if (c != ' ' && c != '_' && c != '-') out += c;
    }
    return out;
}

Result<std::vector<std::string>> read_header(std::string_view line) {
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!is_utf8(line)) return fail(ErrorCode::data, "the header has bytes that are no UTF-8", "save the file as UTF-8");
    RowFields fields;
    if (const Reason reason = fields.split(line)) return fail(ErrorCode::data, *reason);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < fields.size(); ++i) names.emplace_back(trim(fields[i]));
    return names;
}

std::string_view unit_name(TimeUnit unit) {
    constexpr std::array<std::string_view, 4> names = {"s", "ms", "us", "ns"};
    return names[static_cast<std::size_t>(unit)];
}

std::optional<TimeUnit> unit_of(std::string_view field) {
    const std::string_view text = trim(field);
    const auto value = parse_double(text);
    if (!value && text.find('-') != std::string_view::npos && parse_time(text)) return TimeUnit::seconds;
    if (!value || !(*value >= 0.0) || *value > 1e19) return std::nullopt;
    if (*value < 1e11) return TimeUnit::seconds;
    if (*value < 1e14) return TimeUnit::milliseconds;
    return *value < 1e17 ? TimeUnit::microseconds : TimeUnit::nanoseconds;
}

Reason read_time(std::string_view field, TimeUnit unit, TimeNs& out) {
    const std::string_view text = trim(field);
    TimeNs time = 0;
    if (const auto exact = exact_time(text, exponent_of(unit))) {
        time = *exact;
    } else if (const auto value = parse_double(text)) {
        // An exponent, a sign, or more digits than fit.
        if (std::isnan(*value)) return "timestamp " + shown(field) + " is not a number";
        const double scale = power_of_ten[static_cast<std::size_t>(exponent_of(unit))];
        if (!(*value >= 0.0) || *value * scale >= static_cast<double>(time_end)) return out_of_range(field, unit);
        time = std::llround(*value * scale);
    } else if (const auto iso = parse_time(text); iso && unit == TimeUnit::seconds) {
        time = *iso;
    } else if (text.empty()) {
        return "timestamp is empty";
    } else {
        return "timestamp " + shown(field) + " is not a number";
    }
    if (time < 0 || time >= time_end || (unit != TimeUnit::seconds && time < scaled_time_begin)) return out_of_range(field, unit);
    out = time;
    return {};
}

Reason read_number(std::string_view field, std::string_view name, double& out) {
    std::string_view text = trim(field);
    if (text.empty()) return std::string(name) + " is empty";
    if (text.starts_with('+') && text.size() > 1 && text[1] != '-' && text[1] != '+') text.remove_prefix(1);
    double value = 0.0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (stop != end || error == std::errc::invalid_argument) return std::string(name) + " " + shown(field) + " is not a number";
    if (error == std::errc::result_out_of_range) return std::string(name) + " " + shown(field) + " is beyond what a number can hold";
    if (!std::isfinite(value)) return std::string(name) + " " + shown(field) + " is not finite";
    out = value;
    return {};
}

Reason read_positive(std::string_view field, std::string_view name, double& out) {
    double value = 0.0;
    if (Reason reason = read_number(field, name, value)) return reason;
    if (value <= 0.0) return std::string(name) + " " + shown(field) + " is not above zero";
    out = value;
    return {};
}

Reason read_not_negative(std::string_view field, std::string_view name, double& out) {
    double value = 0.0;
    if (Reason reason = read_number(field, name, value)) return reason;
    if (value < 0.0) return std::string(name) + " " + shown(field) + " is negative";
    out = value == 0.0 ? 0.0 : value;  // -0 is 0
    return {};
}

Reason read_side(std::string_view field, market::Side& out) {
    const std::string text = lower_trimmed(field);
    if (text != "buy" && text != "sell") return "side " + shown(field) + " is neither Buy nor Sell";
    out = text == "buy" ? market::Side::buy : market::Side::sell;
    return {};
}

Reason read_tick(std::string_view field, market::TickDirection& out) {
    constexpr std::array<std::string_view, 4> names = {"plustick", "zeroplustick", "minustick", "zerominustick"};
    const std::string text = lower_trimmed(field);
    const auto* found = std::ranges::find(names, text);
    if (found == names.end()) {
        return "tickDirection " + shown(field) + " is none of PlusTick, ZeroPlusTick, MinusTick, ZeroMinusTick";
    }
    out = static_cast<market::TickDirection>(found - names.begin());
    return {};
}

Reason check_time(TimeNs time) {
    if (time < 0 || time >= time_end) return "timestamp " + std::to_string(time) + " ns is out of range: 1970 to 2200";
    return {};
}

Reason check_positive(double value, std::string_view name) {
    if (!std::isfinite(value)) return std::string(name) + " " + format_double(value) + " is not finite";
    if (value <= 0.0) return std::string(name) + " " + format_double(value) + " is not above zero";
    return {};
}

Reason check_not_negative(double value, std::string_view name) {
    if (!std::isfinite(value)) return std::string(name) + " " + format_double(value) + " is not finite";
    if (value < 0.0) return std::string(name) + " " + format_double(value) + " is negative";
    return {};
}

}  // namespace sofia::store

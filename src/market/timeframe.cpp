#include "market/timeframe.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"

namespace sofia::market {

namespace {

struct Unit {
    char letter;
    DurationNs length;
};

constexpr Unit units[] = {{'d', ns_per_day}, {'h', ns_per_hour}, {'m', ns_per_minute}, {'s', ns_per_second}};

std::optional<DurationNs> length_of(std::string_view text) {
    if (text.size() < 2) return std::nullopt;
    const auto* unit = std::ranges::find(units, text.back(), &Unit::letter);
    if (unit == std::end(units)) return std::nullopt;
    const auto count = parse_int(text.substr(0, text.size() - 1));
    if (!count || *count < 1 || *count > ns_per_day / unit->length) return std::nullopt;
    return *count * unit->length;
}

Unit largest_unit(DurationNs length) {
    return *std::ranges::find_if(units, [&](const Unit& unit) { return length % unit.length == 0; });
}

}  // namespace

Result<Timeframe> Timeframe::parse(std::string_view text) {
    const auto length = length_of(text);
    if (!length || ns_per_day % *length != 0) {
        return fail(ErrorCode::config, "timeframe \"" + std::string(text) + "\" is no duration that divides a day",
                    "write a count and s, m, h or d, for instance 30s, 1m, 15m, 4h, 1d");
    }
    return Timeframe(*length);
}

std::string Timeframe::name() const {
    const Unit unit = largest_unit(length_);
    return std::to_string(length_ / unit.length) + unit.letter;
}

std::string Timeframe::prefix() const {
    const Unit unit = largest_unit(length_);
    return unit.letter + std::to_string(length_ / unit.length);
}

Timeframe one_minute() { return Timeframe::parse("1m").value(); }

Result<std::vector<Timeframe>> parse_timeframes(const std::vector<std::string>& texts) {
    std::vector<Timeframe> timeframes;
    for (const std::string& text : texts) {
        SOFIA_TRY(const Timeframe timeframe, Timeframe::parse(text));
        if (std::ranges::find(timeframes, timeframe) != timeframes.end()) {
            return fail(ErrorCode::config, "timeframe \"" + text + "\" is named twice", "name each timeframe once");
        }
        timeframes.push_back(timeframe);
    }
    std::ranges::sort(timeframes);
    return timeframes;
}

}  // namespace sofia::market

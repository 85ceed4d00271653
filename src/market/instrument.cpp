#include "market/instrument.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <vector>

#include "base/text.hpp"

namespace sofia::market {

namespace {

constexpr std::int64_t minutes_per_day = 1440;
constexpr std::uint8_t every_day = 0x7f;
constexpr std::uint8_t monday_to_friday = 0x1f;
constexpr std::array<std::string_view, 7> day_names{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/// `13:30` as minutes; 24:00 is the end of the day.
std::optional<std::int64_t> minute_of(std::string_view text) {
    if (text.size() != 5 || text[2] != ':') return std::nullopt;
    const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : -1000; };
    const std::int64_t hours = digit(0) * 10 + digit(1);
    const std::int64_t minutes = digit(3) * 10 + digit(4);
    if (hours < 0 || minutes < 0 || minutes > 59 || hours * 60 + minutes > minutes_per_day) return std::nullopt;
    return hours * 60 + minutes;
}

std::optional<std::size_t> day_of(std::string_view name) {
    const auto* found = std::ranges::find(day_names, name);
    if (found == day_names.end()) return std::nullopt;
    return static_cast<std::size_t>(found - day_names.begin());
}

/// `mon-fri`, `fri-mon`, `sat`, or several of them joined by commas, as a mask.
std::optional<std::uint8_t> days_of(std::string_view text) {
    unsigned mask = 0;
    for (const std::string& part : split(text, ',')) {
        const std::size_t dash = part.find('-');
        const auto first = day_of(std::string_view(part).substr(0, dash));
        const auto last = dash == std::string::npos ? first : day_of(std::string_view(part).substr(dash + 1));
        if (!first || !last) return std::nullopt;
        for (std::size_t day = *first;; day = (day + 1) % 7) {
            mask |= 1U << day;
            if (day == *last) break;
        }
    }
    return static_cast<std::uint8_t>(mask);
}

std::string clock_text(std::int64_t minute) {
    char text[16];
    std::snprintf(text, sizeof text, "%02d:%02d", static_cast<int>(minute / 60), static_cast<int>(minute % 60));
    return text;
}

std::string days_text(std::uint8_t mask) {
    const auto has = [&](std::size_t day) { return ((mask >> (day % 7)) & 1U) != 0; };
    std::vector<std::string> parts;
    for (std::size_t day = 0; day < 7; ++day) {
        if (!has(day) || (has(day + 6) && mask != every_day)) continue;  // only where a run begins
        std::size_t last = day;
        while (last + 1 < day + 7 && has(last + 1)) ++last;
        const std::string first_name(day_names[day]);
        parts.push_back(last == day ? first_name : first_name + "-" + std::string(day_names[last % 7]));
        if (mask == every_day) break;
    }
    return join(parts, ",");
}

/// `count * step`, as the double nearest to the decimal where 1/step is whole.
struct Grid {
    explicit Grid(double step_of) : step(step_of), per_unit(std::round(1.0 / step_of)) {
        inverse = per_unit >= 1.0 && std::fabs(per_unit * step - 1.0) < 1e-12;
    }
    [[nodiscard]] double count(double value) const { return inverse ? value * per_unit : value / step; }
    [[nodiscard]] double value(double count) const { return inverse ? count / per_unit : count * step; }

    double step;
    double per_unit;
    bool inverse = false;
};

}  // namespace

Session::Session() = default;

Result<Session> Session::parse(std::string_view text) {
    const auto wrong = [&] {
        return fail(ErrorCode::config, "session \"" + std::string(text) + "\" is not understood",
                    "write 24x7, or HH:MM-HH:MM in UTC, which means mon-fri unless days follow: 22:00-21:00 sun-thu");
    };
    Session session;
    const std::string trimmed = lower(trim(text));
    if (trimmed == "24x7") return session;
    const std::size_t blank = trimmed.find(' ');
    const std::string_view hours = std::string_view(trimmed).substr(0, blank);
    if (hours.size() != 11 || hours[5] != '-') return wrong();
    const auto open = minute_of(hours.substr(0, 5));
    const auto close = minute_of(hours.substr(6));
    if (!open || !close || *open == *close || *open == minutes_per_day) return wrong();
    session.open_minute_ = *open;
    session.length_minutes_ = *close > *open ? *close - *open : *close - *open + minutes_per_day;
    session.weekdays_ = monday_to_friday;
    if (blank != std::string::npos) {
        const auto days = days_of(trim(std::string_view(trimmed).substr(blank)));
        if (!days) return wrong();
        session.weekdays_ = *days;
    }
    return session;
}

bool Session::always() const { return length_minutes_ == minutes_per_day && weekdays_ == every_day; }

bool Session::opens_on(std::int64_t day) const {
    const std::int64_t since_monday = ((day + 3) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
    return ((weekdays_ >> since_monday) & 1) != 0;
}

TimeNs Session::open_on(std::int64_t day) const { return day * ns_per_day + open_minute_ * ns_per_minute; }

bool Session::contains(TimeNs time) const {
    if (always()) return true;
    const std::int64_t today = floor_time(time, ns_per_day) / ns_per_day;
    for (const std::int64_t day : {today, today - 1}) {
        const TimeNs open = open_on(day);
        if (opens_on(day) && time >= open && time < open + length_minutes_ * ns_per_minute) return true;
    }
    return false;
}

TimeNs Session::next_open(TimeNs time) const {
    if (contains(time)) return time;
    std::int64_t day = floor_time(time, ns_per_day) / ns_per_day;
    while (!opens_on(day) || open_on(day) < time) ++day;
    return open_on(day);
}

TimeNs Session::close_after(TimeNs time) const {
    assert(contains(time));
    if (always()) return std::numeric_limits<TimeNs>::max();
    const std::int64_t today = floor_time(time, ns_per_day) / ns_per_day;
    const std::int64_t day = opens_on(today) && time >= open_on(today) ? today : today - 1;
    return open_on(day) + length_minutes_ * ns_per_minute;
}

std::string Session::text() const {
    if (always()) return "24x7";
    std::int64_t close = open_minute_ + length_minutes_;
    if (close > minutes_per_day) close -= minutes_per_day;
    const std::string hours = clock_text(open_minute_) + "-" + clock_text(close);
    return weekdays_ == monday_to_friday ? hours : hours + " " + days_text(weekdays_);
}

void Instrument::describe(config::Keys& keys) {
    keys.text("symbol", symbol, "Name of the instrument.");
    keys.number("tick", tick, {1e-12, 1e9}, "Smallest price step, in quote units.");
    keys.number("lot", lot, {1e-12, 1e9}, "Smallest quantity step, in contracts.");
    keys.number("multiplier", multiplier, {1e-12, 1e12}, "Size of one contract: base units (linear) or quote units (inverse).");
    keys.choice("kind", kind_name, {"linear", "inverse"}, "linear settles in quote currency, inverse in base coin.");
    keys.number("taker_fee_percent", taker_fee_percent, {-1.0, 10.0}, "Fee of a side that takes, percent of notional.");
    keys.number("maker_fee_percent", maker_fee_percent, {-1.0, 10.0}, "Fee of a side that makes, percent of notional; negative is a rebate.");
    keys.text("session", session_text, "Open hours in UTC: 24x7, 13:30-20:00 (mon-fri), 22:00-21:00 sun-thu.");
    keys.boolean("simulated", simulated, "Whether the data was made by the simulator.");
}

Result<void> Instrument::validate() const {
    const auto positive = [](double value) { return std::isfinite(value) && value > 0.0; };
    const std::string name = symbol.empty() ? "instrument" : "instrument " + symbol;
    if (!positive(tick)) return fail(ErrorCode::config, name + ": tick " + format_double(tick) + " is not above zero");
    if (!positive(lot)) return fail(ErrorCode::config, name + ": lot " + format_double(lot) + " is not above zero");
    if (!positive(multiplier)) {
        return fail(ErrorCode::config, name + ": multiplier " + format_double(multiplier) + " is not above zero");
    }
    if (kind_name != "linear" && kind_name != "inverse") {
        return fail(ErrorCode::config, name + ": kind \"" + kind_name + "\" is neither linear nor inverse");
    }
    if (!std::isfinite(taker_fee_percent) || !std::isfinite(maker_fee_percent)) {
        return fail(ErrorCode::config, name + ": a fee is not a number");
    }
    SOFIA_CHECK(session());
    return {};
}

ContractKind Instrument::kind() const { return kind_name == "inverse" ? ContractKind::inverse : ContractKind::linear; }

Result<Session> Instrument::session() const { return Session::parse(session_text); }

double Instrument::profit(double contracts, double in, double out) const {
    if (kind() == ContractKind::linear) return contracts * multiplier * (out - in);
    return contracts * multiplier * (1.0 / in - 1.0 / out);
}

double Instrument::notional(double contracts, double price) const {
    const double size = std::fabs(contracts) * multiplier;
    return kind() == ContractKind::linear ? size * price : size / price;
}

double Instrument::round_to_tick(double price) const {
    const Grid grid(tick);
    return grid.value(std::round(grid.count(price)));
}

double Instrument::floor_to_lot(double contracts) const {
    const Grid grid(lot);
    const double count = grid.count(contracts);
    const double nearest = std::round(count);
    const bool whole = std::fabs(count - nearest) <= 1e-9 * std::fabs(nearest);
    return grid.value(whole ? nearest : std::trunc(count));
}

}  // namespace sofia::market

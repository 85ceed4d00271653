#include "trading/barriers.hpp"

#include <bit>
#include <cmath>
#include <cstdint>

#include "base/text.hpp"

namespace sofia::trading {

namespace {

/// Prices are doubles near whole ticks; comparisons allow this part of a tick.
constexpr double tick_slack = 1e-6;

double ticks_up(double price, double tick) { return std::ceil(price / tick - tick_slack); }
double ticks_down(double price, double tick) { return std::floor(price / tick + tick_slack); }

/// `count` ticks as the double nearest to the decimal where 1/tick is whole.
double price_of(double count, double tick) {
    const double per_unit = std::round(1.0 / tick);
    return per_unit >= 1.0 && std::fabs(per_unit * tick - 1.0) < 1e-12 ? count / per_unit : count * tick;
}

/// std::nextafter, which is a call, for what prices nearly always are: above 0.
double just_above(double x) {
    return x > 0.0 ? std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) + 1) : std::nextafter(x, std::numeric_limits<double>::infinity());
}
double just_below(double x) {
    return x > 0.0 ? std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) - 1) : std::nextafter(x, -std::numeric_limits<double>::infinity());
}

/// Beyond every price, on the side of the stop (-1) or of the target (1).
double never(Direction direction, double side) { return sign(direction) * side * std::numeric_limits<double>::infinity(); }

double stop_trigger(const Levels& levels, double tick) {
    return levels.exits == Exits::hold ? never(levels.direction, -1.0) : levels.stop + sign(levels.direction) * tick_slack * tick;
}

double target_trigger(const Levels& levels, double tick) {
    return levels.exits == Exits::hold ? never(levels.direction, 1.0) : levels.target + sign(levels.direction) * (1.0 - tick_slack) * tick;
}

Side exit_side(Direction direction) { return direction == Direction::long_side ? Side::sell : Side::buy; }

}  // namespace

std::string_view name(ExitReason reason) {
    switch (reason) {
        case ExitReason::target: return "target";
        case ExitReason::stop: return "stop";
        case ExitReason::timeout: return "timeout";
        case ExitReason::flip: return "flip";
        case ExitReason::close: return "close";
        case ExitReason::end: return "end";
    }
    return "";
}

void BarrierConfig::describe(config::Keys& keys) {
    keys.number("stop_atr", stop_atr, {0.01, 100.0}, "Distance from entry to stop, in ATR of the touch.");
    keys.number("target_r", target_r, {0.01, 100.0}, "Distance from entry to target, in multiples of the risk (entry to stop).");
    keys.integer("max_hold_bars", max_hold_bars, {1, static_cast<double>(hold_bars_max)},
                 "Bars of the touch's own timeframe after which the trade is closed.");
}

Result<void> BarrierConfig::validate() const {
    if (!(stop_atr > 0.0)) return fail(ErrorCode::config, "barriers.stop_atr " + format_double(stop_atr) + " is not above 0");
    if (!(target_r > 0.0)) return fail(ErrorCode::config, "barriers.target_r " + format_double(target_r) + " is not above 0");
    if (max_hold_bars < 1 || max_hold_bars > hold_bars_max) {
        return fail(ErrorCode::config, "barriers.max_hold_bars " + std::to_string(max_hold_bars) + " is not in 1.." + std::to_string(hold_bars_max));
    }
    return {};
}

std::optional<Levels> make_levels(Direction direction, double entry, double atr, TimeNs deadline, const BarrierConfig& config, double tick) {
    const double distance = config.stop_atr * atr;
    if (!(distance > 0.0) || !std::isfinite(entry)) return std::nullopt;
    Levels levels{direction, entry, 0.0, 0.0, deadline, config.exits};
    if (direction == Direction::long_side) {
        levels.stop = price_of(ticks_down(entry - distance, tick), tick);
        levels.target = price_of(ticks_up(entry + config.target_r * levels.risk(), tick), tick);
    } else {
        levels.stop = price_of(ticks_up(entry + distance, tick), tick);
        levels.target = price_of(ticks_down(entry - config.target_r * levels.risk(), tick), tick);
    }
    if (!(levels.stop > 0.0) || !(levels.risk() > 0.0)) return std::nullopt;
    return levels;
}

TimeNs vertical_barrier(TimeNs known_at, DurationNs timeframe, std::int64_t bars, const market::Session& session) {
    if (session.always()) return known_at + bars * timeframe;
    TimeNs time = known_at;
    for (std::int64_t bar = 0; bar < bars; ++bar) time = floor_time(session.next_open(time), timeframe) + timeframe;
    return time;
}

std::vector<PriceRange> price_ranges(std::span<const Bar> bars) {
    std::vector<PriceRange> ranges((bars.size() + range_bars - 1) / range_bars);
    for (std::size_t i = 0; i < bars.size(); ++i) {
        PriceRange& range = ranges[i / range_bars];
        range.until = bars[i].close_time;
        if (bars[i].filled) continue;
        range.low = std::min(range.low, bars[i].low);
        range.high = std::max(range.high, bars[i].high);
    }
    return ranges;
}

BarrierWalk::BarrierWalk(const Levels& levels, const FillRules& rules)
    : levels_(levels),
      rules_(rules),
      exit_order_(exit_side(levels.direction), levels.deadline, rules),
      stop_trigger_(stop_trigger(levels, rules.tick)),
      target_trigger_(target_trigger(levels, rules.tick)),
      low_(levels.entry),
      high_(levels.entry) {
    see(low_, high_);
}

bool BarrierWalk::at_stop(double price) const { return levels_.direction == Direction::long_side ? price <= stop_trigger_ : price >= stop_trigger_; }

bool BarrierWalk::beyond_target(double price) const {
    return levels_.direction == Direction::long_side ? price >= target_trigger_ : price <= target_trigger_;
}

void BarrierWalk::see(double low, double high) {
    low_ = std::min(low_, low);
    high_ = std::max(high_, high);
    // A print of the wrong side may lie beyond the stop without triggering it: the quiet range ends before the barriers all the same.
    quiet_low_ = std::max(low_, just_above(std::min(stop_trigger_, target_trigger_)));
    quiet_high_ = std::min(high_, just_below(std::max(stop_trigger_, target_trigger_)));
}

Exit BarrierWalk::stopped(TimeNs time, double best_print) const {
    const double s = sign(levels_.direction);
    const double reference = s > 0.0 ? std::min(levels_.stop, best_print) : std::max(levels_.stop, best_print);
    return {time, reference, slipped(reference, -s, rules_), ExitReason::stop, false};
}

Exit BarrierWalk::market_exit(const Fill& fill) const { return {fill.time, fill.reference, fill.price, exit_reason_, false}; }

std::optional<Exit> BarrierWalk::examine(const Trade& trade) {
    std::optional<Exit> exit;
    if (at_stop(trade.price) && trade.side == exit_side(levels_.direction)) {
        exit = stopped(trade.ts, trade.price);
    } else if (beyond_target(trade.price)) {
        exit = Exit{trade.ts, levels_.target, levels_.target, ExitReason::target, false};
    } else if (const auto fill = exit_order_.on_trade(trade)) {
        exit = market_exit(*fill);
    }
    const double seen = exit ? exit->reference : trade.price;
    see(seen, seen);
    return exit;
}

std::optional<Exit> BarrierWalk::barrier(const Bar& bar) const {
    const bool is_long = levels_.direction == Direction::long_side;
    const bool target = beyond_target(is_long ? bar.high : bar.low);
    if (at_stop(is_long ? bar.low : bar.high)) {
        Exit exit = stopped(bar.close_time, is_long ? bar.high : bar.low);
        exit.ambiguous = target;
        return exit;
    }
    if (target) return Exit{bar.close_time, levels_.target, levels_.target, ExitReason::target, false};
    return std::nullopt;
}

std::optional<Exit> BarrierWalk::step(const Bar& bar) {
    if (bar.filled) return std::nullopt;
    const auto fill = exit_order_.on_bar(bar);
    std::optional<Exit> exit;
    if (fill && rules_.mode == FillMode::bar_open) {
        exit = market_exit(*fill);
    } else if ((exit = barrier(bar)); !exit) {
        see(bar.low, bar.high);
        if (fill) exit = market_exit(*fill);
    }
    if (exit) see(exit->reference, exit->reference);
    return exit;
}

bool BarrierWalk::pass(const PriceRange& range) {
    // A market order on its way fills on a bar that opens at its decision or later.
    if (range.until > exit_order_.decided_at()) return false;
    const bool is_long = levels_.direction == Direction::long_side;
    if (at_stop(is_long ? range.low : range.high) || beyond_target(is_long ? range.high : range.low)) return false;
    see(range.low, range.high);
    return true;
}

void BarrierWalk::request_exit(ExitReason reason, TimeNs decided_at) {
    if (exit_order_.decided_at() <= decided_at) return;
    exit_order_ = MarketOrder(exit_side(levels_.direction), decided_at, rules_);
    exit_reason_ = reason;
}

double BarrierWalk::adverse() const {
    return std::max(0.0, levels_.direction == Direction::long_side ? levels_.entry - low_ : high_ - levels_.entry);
}

double BarrierWalk::favourable() const {
    return std::max(0.0, levels_.direction == Direction::long_side ? high_ - levels_.entry : levels_.entry - low_);
}

}  // namespace sofia::trading

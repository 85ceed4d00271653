#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/config.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "market/instrument.hpp"
#include "trading/entry.hpp"
#include "trading/touch.hpp"

// The three barriers of a trade and the walk of prices between them.
namespace sofia::trading {

/// The longest hold. Of days it is 137 years, which a time in nanoseconds still holds.
inline constexpr std::int64_t hold_bars_max = 50'000;

/// What ends a trade before its vertical barrier.
enum class Exits : std::uint8_t {
    barriers,  ///< stop and target
    hold,      ///< neither: the trade is held to the end; the stop only measures the risk, one R
};

struct BarrierConfig {
    double stop_atr = 2.0;
    double target_r = 1.5;
    std::int64_t max_hold_bars = 48;
    Exits exits = Exits::barriers;  ///< not a key: it belongs to the strategy

    void describe(config::Keys& keys);
    [[nodiscard]] Result<void> validate() const;
};

enum class ExitReason : std::uint8_t { target, stop, timeout, flip, close, end };
inline constexpr std::size_t exit_reasons = 6;
[[nodiscard]] std::string_view name(ExitReason reason);

/// The levels of a trade, fixed when it is entered. Stop and target lie on the tick grid, rounded away from the entry.
struct Levels {
    Direction direction = Direction::long_side;
    double entry = std::numeric_limits<double>::quiet_NaN();
    double stop = std::numeric_limits<double>::quiet_NaN();
    double target = std::numeric_limits<double>::quiet_NaN();
    TimeNs deadline = 0;  ///< vertical barrier: then a market order closes the trade
    Exits exits = Exits::barriers;

    /// |entry - stop|, quote units: one R.
    [[nodiscard]] double risk() const { return direction == Direction::long_side ? entry - stop : stop - entry; }
};

/// stop = entry -/+ stop_atr * ATR, target = entry +/- target_r * risk. Nothing when ATR is missing or zero or the stop would not be a price.
[[nodiscard]] std::optional<Levels> make_levels(Direction direction, double entry, double atr, TimeNs deadline, const BarrierConfig& config,
                                                double tick);

/// The close of the `bars`-th bar of a timeframe after `known_at`, counting only bars that exist in the session.
[[nodiscard]] TimeNs vertical_barrier(TimeNs known_at, DurationNs timeframe, std::int64_t bars, const market::Session& session);

struct Exit {
    TimeNs time = 0;
    double reference = std::numeric_limits<double>::quiet_NaN();  ///< before slippage
    double price = std::numeric_limits<double>::quiet_NaN();
    ExitReason reason = ExitReason::end;
    bool ambiguous = false;  ///< stop and target lay inside one bar: counted as the stop
};

/// So many neighbouring bars are summed up in one PriceRange.
inline constexpr std::size_t range_bars = 16;

/// What a walk has to know of neighbouring bars to go past them in one step.
struct PriceRange {
    TimeNs until = 0;                                        ///< when the last of them closes
    double low = std::numeric_limits<double>::infinity();    ///< of those with a print
    double high = -std::numeric_limits<double>::infinity();
};

/// Ranges of `range_bars` bars each, the last one of what is left.
[[nodiscard]] std::vector<PriceRange> price_ranges(std::span<const Bar> bars);

/// Watches one open trade until it is out. For a long trade (a short one mirrors it):
/// - the stop is triggered by a Sell print, or a bar's low, at or below it and fills at min(stop, print), on bars min(stop, high), less
///   slippage: filling at the level would pocket the overshoot (Broadie, Glasserman, Kou 1997);
/// - the target is a limit order: it needs a print, or a bar's high, one tick beyond it and fills at the target;
/// - both inside one bar is the stop, and ambiguous;
/// - at the vertical barrier, or when asked (`request_exit`), a market order leaves by the rules of entry.hpp; until it fills the barriers stand;
/// - with Exits::hold there is no stop and no target.
/// Bars without a print change nothing. A value type, for one thread.
class BarrierWalk {
public:
    BarrierWalk(const Levels& levels, const FillRules& rules);

    /// Whether `trade` certainly changes nothing: the fast way out of a replay of trades.
    [[nodiscard]] bool quiet(const Trade& trade) const {
        return trade.price >= quiet_low_ && trade.price <= quiet_high_ && trade.ts <= exit_order_.active_after();
    }

    [[nodiscard]] std::optional<Exit> step(const Trade& trade) {
        if (quiet(trade)) [[likely]]
            return std::nullopt;
        return examine(trade);
    }
    [[nodiscard]] std::optional<Exit> step(const Bar& bar);

    /// Whether the bars of `range` certainly end nothing: then it is as if each had been a step.
    [[nodiscard]] bool pass(const PriceRange& range);

    /// Sends the market order that leaves, if none was sent before `decided_at`.
    void request_exit(ExitReason reason, TimeNs decided_at);

    [[nodiscard]] const Levels& levels() const { return levels_; }

    /// Largest move against and for the trade so far, quote units from the entry, not negative. The bar of the exit counts with the exit only.
    [[nodiscard]] double adverse() const;
    [[nodiscard]] double favourable() const;

private:
    [[nodiscard]] bool at_stop(double price) const;
    [[nodiscard]] bool beyond_target(double price) const;
    [[nodiscard]] std::optional<Exit> examine(const Trade& trade);
    [[nodiscard]] std::optional<Exit> barrier(const Bar& bar) const;
    [[nodiscard]] Exit stopped(TimeNs time, double best_print) const;
    [[nodiscard]] Exit market_exit(const Fill& fill) const;
    void see(double low, double high);

    Levels levels_;
    FillRules rules_;
    MarketOrder exit_order_;
    ExitReason exit_reason_ = ExitReason::timeout;
    double stop_trigger_;
    double target_trigger_;
    double low_;
    double high_;
    double quiet_low_;
    double quiet_high_;
};

}  // namespace sofia::trading

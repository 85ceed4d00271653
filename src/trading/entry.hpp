#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "base/config.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "market/bar.hpp"
#include "market/instrument.hpp"
#include "market/trade.hpp"

// How a market order of ours fills on history: only ever at a price that came after the decision.
namespace sofia::trading {

using market::Bar;
using market::Side;
using market::Trade;

/// What an order fills on.
enum class FillMode : std::uint8_t {
    trades,     ///< the first print after decision and latency whose aggressor makes our side possible: we buy at Buy prints, sell at Sell prints
    bar_close,  ///< base bars whose open is the previous close: the next bar's close; barriers start one bar later
    bar_open,   ///< base bars with true opens: the next bar's open; barriers start in that bar
};

[[nodiscard]] std::string_view name(FillMode mode);

struct ExecutionConfig {
    double slippage_ticks = 1.0;
    double latency_ms = 100.0;
    double max_wait_seconds = 300.0;

    void describe(config::Keys& keys);
    [[nodiscard]] Result<void> validate() const;
};

/// The same, resolved for an instrument.
struct FillRules {
    FillMode mode = FillMode::trades;
    double tick = 0.01;
    double slippage = 0.01;  ///< quote units against us on every market fill
    DurationNs latency = 0;  ///< from decision to market; bars cannot resolve what is shorter than they are and round it down to whole bars
    DurationNs max_wait = 0;

    [[nodiscard]] static FillRules of(const ExecutionConfig& config, const market::Instrument& instrument, FillMode mode);
};

/// What a market fill at `reference` costs (`way` 1: we buy) or brings (-1: we sell): never less than one tick.
[[nodiscard]] inline double slipped(double reference, double way, const FillRules& rules) {
    return std::max(std::min(reference, rules.tick), reference + way * rules.slippage);
}

/// Why an entry order did not fill.
enum class Unfilled : std::uint8_t {
    no_print,     ///< nothing it could trade with came within `max_wait`
    too_late,     ///< the first possible fill came at or after the trade's vertical barrier
    end_of_data,  ///< the data ended while it waited
};

[[nodiscard]] std::string_view name(Unfilled why);

struct Fill {
    TimeNs time = 0;
    double reference = std::numeric_limits<double>::quiet_NaN();  ///< what the market showed
    double price = std::numeric_limits<double>::quiet_NaN();      ///< what we got: the reference and slippage
};

/// A market order in flight. It stays until it fills; who sent it decides how long to wait. A value type.
class MarketOrder {
public:
    MarketOrder(Side side, TimeNs decided_at, const FillRules& rules)
        : side_(side), decided_at_(decided_at), active_after_(decided_at + rules.latency), rules_(rules) {}

    [[nodiscard]] std::optional<Fill> on_trade(const Trade& trade) const {
        if (trade.ts <= active_after_ || trade.side != side_) return std::nullopt;
        return fill(trade.ts, trade.price);
    }

    /// Bars without a print fill nothing.
    [[nodiscard]] std::optional<Fill> on_bar(const Bar& bar) const;

    [[nodiscard]] TimeNs decided_at() const { return decided_at_; }

    /// Prints at or before this time cannot fill it.
    [[nodiscard]] TimeNs active_after() const { return active_after_; }

private:
    [[nodiscard]] Fill fill(TimeNs time, double reference) const {
        return {time, reference, slipped(reference, side_ == Side::buy ? 1.0 : -1.0, rules_)};
    }

    Side side_;
    TimeNs decided_at_;
    TimeNs active_after_;
    FillRules rules_;
};

}  // namespace sofia::trading

#pragma once

#include <cstdint>
#include <optional>

#include "trading/barriers.hpp"
#include "trading/entry.hpp"
#include "trading/touch.hpp"

namespace sofia::trading {

/// What a trade made in R (multiples of the entry's risk), before fees and funding.
struct RoundTrip {
    double gross_r = 0.0;  ///< sign * (exit - entry) / risk at what the market showed
    double slip_r = 0.0;   ///< slippage of both fills / risk, a cost
};

/// One trade from decision to exit: an entry order, then a walk between barriers. The decision core and the labels both run trades through this
/// class, so that a label is what the core would have done alone. A value type, for one thread.
class TradePath {
public:
    enum class State : std::uint8_t { waiting, open, closed, unfilled };

    TradePath(const Touch& touch, TimeNs deadline, const FillRules& rules, const BarrierConfig& barriers);

    /// Takes the next base bar (bar modes) or print (trades mode) after the decision, in order of time.
    State step(const Bar& bar);
    State step(const Trade& trade) {
        if (walk_ && state_ == State::open && walk_->quiet(trade)) [[likely]]
            return state_;
        return take(trade);
    }

    /// Whether `trade` certainly changes nothing.
    [[nodiscard]] bool quiet(const Trade& trade) const { return state_ == State::open && walk_->quiet(trade); }

    /// Whether the bars of `range` certainly change nothing but how far the price went: then they count as seen.
    [[nodiscard]] bool pass(const PriceRange& range) { return state_ == State::open && walk_->pass(range); }

    /// Open: sends the market order that leaves.
    void request_exit(ExitReason reason, TimeNs decided_at);

    /// The data ended: an open trade leaves at `last_price` less slippage (reason end), a waiting order stays unfilled.
    State finish(TimeNs time, double last_price);

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] const Touch& touch() const { return touch_; }
    [[nodiscard]] Unfilled why_unfilled() const { return why_; }  ///< unfilled only
    [[nodiscard]] const Fill& entry() const { return entry_; }    ///< open and closed, as are the following
    [[nodiscard]] const Levels& levels() const { return walk_->levels(); }
    [[nodiscard]] double adverse_r() const { return walk_->adverse() / levels().risk(); }
    [[nodiscard]] double favourable_r() const { return walk_->favourable() / levels().risk(); }
    [[nodiscard]] const Exit& exit() const { return exit_; }      ///< closed only
    [[nodiscard]] RoundTrip round_trip() const;                   ///< closed only

private:
    State take(const Trade& trade);
    void fill(const Fill& fill);
    bool expired(TimeNs now);
    void close(const Exit& exit);

    Touch touch_;
    TimeNs deadline_;
    FillRules rules_;
    BarrierConfig barriers_;
    MarketOrder order_;
    State state_ = State::waiting;
    Unfilled why_ = Unfilled::no_print;
    Fill entry_;
    std::optional<BarrierWalk> walk_;
    Exit exit_;
};

}  // namespace sofia::trading

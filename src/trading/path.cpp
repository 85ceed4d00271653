#include "trading/path.hpp"

#include <algorithm>

namespace sofia::trading {

namespace {
Side entry_side(Direction direction) { return direction == Direction::long_side ? Side::buy : Side::sell; }
}  // namespace

TradePath::TradePath(const Touch& touch, TimeNs deadline, const FillRules& rules, const BarrierConfig& barriers)
    : touch_(touch), deadline_(deadline), rules_(rules), barriers_(barriers), order_(entry_side(touch.direction), touch.known_at, rules) {}

bool TradePath::expired(TimeNs now) {
    if (now <= order_.active_after() + rules_.max_wait) return false;
    state_ = State::unfilled;
    why_ = Unfilled::no_print;
    return true;
}

void TradePath::fill(const Fill& fill) {
    if (fill.time >= deadline_) {
        state_ = State::unfilled;
        why_ = Unfilled::too_late;
        return;
    }
    entry_ = fill;
    auto levels = make_levels(touch_.direction, fill.price, touch_.atr, deadline_, barriers_, rules_.tick);
    if (!levels) {
        // The price fell below its own stop distance between decision and fill: what is left above zero is the stop.
        levels = Levels{touch_.direction, fill.price,     std::min(rules_.tick, 0.5 * fill.price), fill.price * (1.0 + barriers_.target_r),
                        deadline_,        barriers_.exits};
    }
    walk_.emplace(*levels, rules_);
    state_ = State::open;
}

void TradePath::close(const Exit& exit) {
    exit_ = exit;
    state_ = State::closed;
}

TradePath::State TradePath::step(const Bar& bar) {
    if (state_ == State::waiting) {
        if (expired(bar.open_time)) return state_;
        const auto filled = order_.on_bar(bar);
        if (!filled) return state_;
        fill(*filled);
        // A fill at the close has no part in the bar before it; one at the open lives through the whole bar.
        if (rules_.mode != FillMode::bar_open) return state_;
    }
    if (state_ == State::open) {
        if (const auto exit = walk_->step(bar)) close(*exit);
    }
    return state_;
}

TradePath::State TradePath::take(const Trade& trade) {
    if (state_ == State::waiting) {
        if (expired(trade.ts)) return state_;
        if (const auto filled = order_.on_trade(trade)) fill(*filled);
        return state_;
    }
    if (state_ == State::open) {
        if (const auto exit = walk_->step(trade)) close(*exit);
    }
    return state_;
}

void TradePath::request_exit(ExitReason reason, TimeNs decided_at) {
    if (state_ == State::open) walk_->request_exit(reason, decided_at);
}

TradePath::State TradePath::finish(TimeNs time, double last_price) {
    if (state_ == State::waiting) {
        state_ = State::unfilled;
        why_ = Unfilled::end_of_data;
    } else if (state_ == State::open) {
        close({time, last_price, slipped(last_price, -sign(touch_.direction), rules_), ExitReason::end, false});
    }
    return state_;
}

RoundTrip TradePath::round_trip() const {
    const double s = sign(touch_.direction);
    const double risk = levels().risk();
    const double slip = s * (entry_.price - entry_.reference) + s * (exit_.reference - exit_.price);
    return {s * (exit_.reference - entry_.reference) / risk, slip / risk};
}

}  // namespace sofia::trading

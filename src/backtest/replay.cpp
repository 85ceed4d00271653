#include "backtest/replay.hpp"

#include <limits>

namespace sofia::backtest {

namespace {

/// Hands out signals and funding up to a moment.
class Queue {
public:
    Queue(trading::DecisionCore& core, const Happenings& happenings) : core_(core), happenings_(happenings) { look(); }

    /// Whatever comes before an event that is known at `known_at`: signals before it, funding up to it.
    void before(TimeNs known_at) {
        if (known_at < next_) [[likely]]
            return;
        advance(known_at, known_at);
    }

    /// Signals and funding up to `end`.
    void finish(TimeNs end) { advance(end + 1, end); }

private:
    void advance(TimeNs signals_before, TimeNs funding_until) {
        for (;;) {
            const bool signal = signal_ < happenings_.signals.size() && happenings_.signals[signal_].touch.known_at < signals_before;
            const bool funding = funding_ < happenings_.funding.size() && happenings_.funding[funding_].time <= funding_until;
            if (!signal && !funding) break;
            const bool funding_first = funding && (!signal || happenings_.funding[funding_].time <= happenings_.signals[signal_].touch.known_at);
            if (funding_first) {
                core_.on_funding(happenings_.funding[funding_++]);
            } else {
                core_.on_signal(happenings_.signals[signal_++]);
            }
        }
        look();
    }

    void look() {
        next_ = std::numeric_limits<TimeNs>::max();
        if (signal_ < happenings_.signals.size()) next_ = happenings_.signals[signal_].touch.known_at;
        if (funding_ < happenings_.funding.size()) next_ = std::min(next_, happenings_.funding[funding_].time);
    }

    trading::DecisionCore& core_;
    const Happenings& happenings_;
    std::size_t signal_ = 0;
    std::size_t funding_ = 0;
    TimeNs next_ = 0;  // of the earliest that waits
};

}  // namespace

void replay(trading::DecisionCore& core, std::span<const trading::Bar> bars, const Happenings& happenings, TimeNs end) {
    Queue queue(core, happenings);
    for (const trading::Bar& bar : bars) {
        if (bar.close_time > end) break;
        queue.before(bar.close_time);
        core.on_bar(bar);
    }
    queue.finish(end);
    core.finish(end);
}

void replay(trading::DecisionCore& core, std::span<const trading::Trade> trades, const Happenings& happenings, TimeNs end) {
    Queue queue(core, happenings);
    for (const trading::Trade& trade : trades) {
        if (trade.ts > end) break;
        queue.before(trade.ts);
        core.on_trade(trade);
    }
    queue.finish(end);
    core.finish(end);
}

}  // namespace sofia::backtest

#include "labels/pullback.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace sofia::labels {

std::string_view name(LabelState state) {
    switch (state) {
        case LabelState::labeled: return "labeled";
        case LabelState::unfilled: return "unfilled";
        case LabelState::no_levels: return "no_levels";
        case LabelState::cut: return "cut";
    }
    return "";
}

namespace {

TimeNs known_at(const Bar& bar) { return bar.close_time; }
TimeNs known_at(const Trade& trade) { return trade.ts; }
double last_price(const Bar& bar) { return bar.close; }
double last_price(const Trade& trade) { return trade.price; }

/// The first of `events` that was not known at `time` yet.
template <class Event>
std::size_t first_after(std::span<const Event> events, TimeNs time) {
    const auto known = [](const Event& event) { return known_at(event); };
    return static_cast<std::size_t>(std::ranges::upper_bound(events, time, {}, known) - events.begin());
}

/// The stamps with what stood for the price where they do not say it.
template <class Event>
std::vector<trading::Funding> marked(std::span<const trading::Funding> funding, std::span<const Event> events) {
    std::vector<trading::Funding> out(funding.begin(), funding.end());
    for (trading::Funding& stamp : out) {
        const std::size_t next = first_after(events, stamp.time - 1);
        if (std::isnan(stamp.mark) && next > 0) stamp.mark = last_price(events[next - 1]);
    }
    return out;
}

/// A history to walk through.
template <class Event>
struct Path {
    std::span<const Event> events;
    std::span<const trading::PriceRange> ranges;
    std::vector<trading::Funding> funding;

    /// The first event after `time`; the ranges are a table of where to look.
    [[nodiscard]] std::size_t first(TimeNs time) const {
        if (ranges.empty()) return first_after(events, time);
        const auto range = std::ranges::upper_bound(ranges, time, {}, &trading::PriceRange::until);
        const std::size_t skipped = std::min(static_cast<std::size_t>(range - ranges.begin()) * trading::range_bars, events.size());
        return skipped + first_after(events.subspan(skipped, std::min(trading::range_bars, events.size() - skipped)), time);
    }

    /// How many events from `at` on certainly change nothing but the trade's extremes, which `trade` has then seen.
    [[nodiscard]] std::size_t passed(trading::TradePath& trade, std::size_t at) const {
        const std::size_t range = at / trading::range_bars;
        return at % trading::range_bars == 0 && range < ranges.size() && trade.pass(ranges[range]) ? trading::range_bars : 0;
    }
};

/// The rules of a trade that stands alone.
class Rules {
public:
    static Result<Rules> make(const trading::DecisionConfig& config, const market::Instrument& instrument, trading::FillMode fills) {
        SOFIA_CHECK(config.validate());
        SOFIA_CHECK(instrument.validate());
        SOFIA_TRY(const auto timeframes, market::parse_timeframes(config.touch.timeframes));
        SOFIA_TRY(const market::Session session, instrument.session());
        Rules rules(config, session);
        rules.fills_ = trading::FillRules::of(config.execution, instrument, fills);
        for (const market::Timeframe timeframe : timeframes) rules.timeframes_.push_back(timeframe.length());
        return rules;
    }

    template <class Event>
    Label label(const Touch& touch, const Path<Event>& path) const {
        assert(touch.timeframe < timeframes_.size());
        Label label;
        label.touch = touch;
        const auto deadline = trading::vertical_barrier(touch.known_at, timeframes_[touch.timeframe], config_.barriers.max_hold_bars, session_);
        if (!trading::make_levels(touch.direction, touch.close, touch.atr, deadline, config_.barriers, fills_.tick)) {
            label.state = LabelState::no_levels;
            return label;
        }
        trading::TradePath trade(touch, deadline, fills_, config_.barriers);
        // What was known when the touch was has no part in it.
        for (std::size_t at = path.first(touch.known_at); at < path.events.size();) {
            if (const std::size_t passed = path.passed(trade, at); passed > 0) {
                at += passed;
                continue;
            }
            const auto state = trade.step(path.events[at++]);
            if (state == trading::TradePath::State::closed || state == trading::TradePath::State::unfilled) {
                settle(trade, path.funding, label);
                break;
            }
        }
        return label;
    }

private:
    Rules(const trading::DecisionConfig& config, const market::Session& session) : config_(config), session_(session) {}

    void settle(const trading::TradePath& trade, std::span<const trading::Funding> funding, Label& label) const {
        if (trade.state() == trading::TradePath::State::unfilled) {
            label.state = LabelState::unfilled;
            label.why = trade.why_unfilled();
            return;
        }
        const trading::Exit& exit = trade.exit();
        const trading::RoundTrip trip = trade.round_trip();
        const double risk = trade.levels().risk();
        label.state = LabelState::labeled;
        label.y = exit.reason == trading::ExitReason::target ? 1 : 0;
        label.entry_time = trade.entry().time;
        label.end_time = exit.time;
        label.gross_r = trip.gross_r;
        label.costs.slip = trip.slip_r;
        label.costs.fee = trading::fee_r(config_.costs, trade.entry().price, exit.price, exit.reason, risk);
        label.costs.ops = trading::ops_r(config_.costs, config_.sizing.starting_equity, config_.sizing.risk_fraction);
        const auto first = std::ranges::upper_bound(funding, label.entry_time, {}, &trading::Funding::time);
        for (auto event = first; event != funding.end() && event->time <= label.end_time; ++event) {
            label.costs.funding += trading::funding_r(label.touch.direction, event->rate, event->mark, risk);
        }
        label.reason = exit.reason;
        label.ambiguous = exit.ambiguous;
        label.mae_r = trade.adverse_r();
        label.mfe_r = trade.favourable_r();
    }

    trading::DecisionConfig config_;
    trading::FillRules fills_;
    std::vector<DurationNs> timeframes_;
    market::Session session_;
};

template <class Event>
std::vector<Label> label_all(const Rules& rules, std::span<const Touch> touches, const Path<Event>& path) {
    std::vector<Label> labels;
    labels.reserve(touches.size());
    for (const Touch& touch : touches) labels.push_back(rules.label(touch, path));
    return labels;
}

}  // namespace

Result<std::vector<Label>> pullback_labels(const trading::DecisionConfig& config, const market::Instrument& instrument, trading::FillMode fills,
                                           std::span<const Touch> touches, std::span<const Bar> base_bars, std::span<const trading::Funding> funding,
                                           std::span<const trading::PriceRange> ranges) {
    assert(ranges.empty() || ranges.size() == (base_bars.size() + trading::range_bars - 1) / trading::range_bars);
    SOFIA_TRY(const Rules rules, Rules::make(config, instrument, fills));
    return label_all(rules, touches, Path<Bar>{base_bars, ranges, marked(funding, base_bars)});
}

Result<std::vector<Label>> pullback_labels(const trading::DecisionConfig& config, const market::Instrument& instrument,
                                           std::span<const Touch> touches, std::span<const Trade> trades, std::span<const trading::Funding> funding) {
    SOFIA_TRY(const Rules rules, Rules::make(config, instrument, trading::FillMode::trades));
    return label_all(rules, touches, Path<Trade>{trades, {}, marked(funding, trades)});
}

trading::EvModel realized_ev(std::span<const Label> labels, std::span<const std::size_t> rows) {
    trading::EvModel ev;
    double won = 0.0;
    double lost = 0.0;
    std::int64_t wins = 0;
    std::int64_t timeouts = 0;
    DurationNs held = 0;
    for (const std::size_t row : rows) {
        const Label& label = labels[row];
        if (!label.labeled()) continue;
        ++ev.labels;
        (label.y == 1 ? won : lost) += label.gross_r;
        wins += label.y;
        timeouts += label.reason == trading::ExitReason::timeout ? 1 : 0;
        held += label.end_time - label.entry_time;
    }
    if (wins > 0) ev.win = won / static_cast<double>(wins);
    if (ev.labels > wins) ev.loss = -lost / static_cast<double>(ev.labels - wins);
    if (ev.labels > 0) {
        ev.timeouts = static_cast<double>(timeouts) / static_cast<double>(ev.labels);
        ev.mean_hold = held / ev.labels;
    }
    return ev;
}

}  // namespace sofia::labels

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

Result<Labeler> Labeler::make(const trading::DecisionConfig& config, const market::Instrument& instrument, trading::FillMode fills) {
    SOFIA_CHECK(config.validate());
    SOFIA_CHECK(instrument.validate());
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(config.touch.timeframes));
    SOFIA_TRY(market::Session session, instrument.session());
    std::vector<DurationNs> lengths;
    for (const market::Timeframe timeframe : timeframes) lengths.push_back(timeframe.length());
    return Labeler(config, instrument, fills, std::move(lengths), session);
}

Labeler::Labeler(const trading::DecisionConfig& config, const market::Instrument& instrument, trading::FillMode fills,
                 std::vector<DurationNs> timeframes, market::Session session)
    : config_(config), rules_(trading::FillRules::of(config.execution, instrument, fills)), timeframes_(std::move(timeframes)), session_(session) {}

void Labeler::add(const Touch& touch) {
    assert(touch.timeframe < timeframes_.size());
    Label& label = labels_.emplace_back();
    label.touch = touch;
    const auto deadline = trading::vertical_barrier(touch.known_at, timeframes_[touch.timeframe], config_.barriers.max_hold_bars, session_);
    if (!trading::make_levels(touch.direction, touch.close, touch.atr, deadline, config_.barriers, rules_.tick)) {
        label.state = LabelState::no_levels;
        return;
    }
    active_.push_back({labels_.size() - 1, trading::TradePath(touch, deadline, rules_, config_.barriers)});
}

template <class Event>
void Labeler::step(const Event& event) {
    for (std::size_t i = 0; i < active_.size();) {
        const auto state = active_[i].path.step(event);
        if (state == trading::TradePath::State::waiting || state == trading::TradePath::State::open) {
            ++i;
            continue;
        }
        settle(active_[i]);
        active_[i] = active_.back();
        active_.pop_back();
    }
}

void Labeler::on_bar(const Bar& bar) {
    step(bar);
    last_price_ = bar.close;
}

void Labeler::on_trade(const Trade& trade) {
    step(trade);
    last_price_ = trade.price;
}

void Labeler::on_funding(const trading::Funding& event) {
    funding_.push_back(event);
    if (std::isnan(event.mark)) funding_.back().mark = last_price_;
}

void Labeler::settle(const Active& active) {
    Label& label = labels_[active.index];
    const trading::TradePath& path = active.path;
    if (path.state() == trading::TradePath::State::unfilled) {
        label.state = LabelState::unfilled;
        label.why = path.why_unfilled();
        return;
    }
    const trading::Exit& exit = path.exit();
    const trading::RoundTrip trip = path.round_trip();
    const double risk = path.levels().risk();
    label.state = LabelState::labeled;
    label.y = exit.reason == trading::ExitReason::target ? 1 : 0;
    label.entry_time = path.entry().time;
    label.end_time = exit.time;
    label.gross_r = trip.gross_r;
    label.costs.slip = trip.slip_r;
    label.costs.fee = trading::fee_r(config_.costs, path.entry().price, exit.price, exit.reason, risk);
    label.costs.ops = trading::ops_r(config_.costs, config_.sizing.starting_equity, config_.sizing.risk_fraction);
    const auto first = std::ranges::upper_bound(funding_, label.entry_time, {}, &trading::Funding::time);
    for (auto event = first; event != funding_.end() && event->time <= label.end_time; ++event) {
        label.costs.funding += trading::funding_r(label.touch.direction, event->rate, event->mark, risk);
    }
    label.reason = exit.reason;
    label.ambiguous = exit.ambiguous;
    label.mae_r = path.adverse_r();
    label.mfe_r = path.favourable_r();
}

namespace {

TimeNs known_at(const Bar& bar) { return bar.close_time; }
TimeNs known_at(const Trade& trade) { return trade.ts; }
void feed(Labeler& labeler, const Bar& bar) { labeler.on_bar(bar); }
void feed(Labeler& labeler, const Trade& trade) { labeler.on_trade(trade); }

template <class Event>
std::vector<Label> label_all(Labeler labeler, std::span<const Touch> touches, std::span<const Event> events,
                             std::span<const trading::Funding> funding) {
    std::size_t touch = 0;
    std::size_t stamp = 0;
    for (const Event& event : events) {
        // A touch that became known before this event has not seen it.
        for (; touch < touches.size() && touches[touch].known_at < known_at(event); ++touch) labeler.add(touches[touch]);
        for (; stamp < funding.size() && funding[stamp].time <= known_at(event); ++stamp) labeler.on_funding(funding[stamp]);
        feed(labeler, event);
    }
    for (; touch < touches.size(); ++touch) labeler.add(touches[touch]);
    return std::move(labeler).take();
}

}  // namespace

Result<std::vector<Label>> pullback_labels(const trading::DecisionConfig& config, const market::Instrument& instrument, trading::FillMode fills,
                                           std::span<const Touch> touches, std::span<const Bar> base_bars,
                                           std::span<const trading::Funding> funding) {
    SOFIA_TRY(Labeler labeler, Labeler::make(config, instrument, fills));
    return label_all(std::move(labeler), touches, base_bars, funding);
}

Result<std::vector<Label>> pullback_labels(const trading::DecisionConfig& config, const market::Instrument& instrument,
                                           std::span<const Touch> touches, std::span<const Trade> trades, std::span<const trading::Funding> funding) {
    SOFIA_TRY(Labeler labeler, Labeler::make(config, instrument, trading::FillMode::trades));
    return label_all(std::move(labeler), touches, trades, funding);
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

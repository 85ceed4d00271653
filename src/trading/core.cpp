#include "trading/core.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "base/text.hpp"

namespace sofia::trading {

namespace {

/// No account pays or gets more at once. A bad print or rate may ask for any amount: it ruins an account, and must not end the program.
constexpr double payment_max = 1e9;

market::Money payment(double coins) { return market::to_money(std::clamp(coins, -payment_max, payment_max)); }

}  // namespace

void PositionConfig::describe(config::Keys& keys) {
    keys.choice("opposite", opposite, {"flip", "ignore", "close"}, "What an opposite signal does to an open position.");
    keys.integer("cooldown_bars", cooldown_bars, {0, 50'000}, "Bars of the closed trade's timeframe before the next entry.");
}

Result<void> PositionConfig::validate() const {
    if (opposite != "flip" && opposite != "ignore" && opposite != "close") {
        return fail(ErrorCode::config, "position.opposite \"" + opposite + "\" is none of flip, ignore, close");
    }
    if (cooldown_bars < 0) return fail(ErrorCode::config, "position.cooldown_bars " + std::to_string(cooldown_bars) + " is below 0");
    return {};
}

void DecisionConfig::describe(config::Keys& keys) {
    keys.section("touch", touch);
    keys.section("barriers", barriers);
    keys.section("execution", execution);
    keys.section("costs", costs);
    keys.section("gate", gate);
    keys.section("sizing", sizing);
    keys.section("position", position);
}

Result<void> DecisionConfig::validate() const {
    SOFIA_CHECK(touch.validate());
    SOFIA_CHECK(barriers.validate());
    SOFIA_CHECK(execution.validate());
    SOFIA_CHECK(costs.validate());
    SOFIA_CHECK(gate.validate());
    SOFIA_CHECK(sizing.validate());
    return position.validate();
}

Result<DecisionCore> DecisionCore::make(const DecisionConfig& config, const CoreInputs& inputs) {
    SOFIA_CHECK(config.validate());
    SOFIA_CHECK(inputs.instrument.validate());
    if (inputs.window.to < inputs.window.from) return fail(ErrorCode::config, "the window ends before it begins");
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(config.touch.timeframes));
    SOFIA_TRY(market::Session session, inputs.instrument.session());
    std::vector<DurationNs> lengths;
    for (const market::Timeframe timeframe : timeframes) lengths.push_back(timeframe.length());
    return DecisionCore(config, inputs, std::move(lengths), session);
}

DecisionCore::DecisionCore(const DecisionConfig& config, const CoreInputs& inputs, std::vector<DurationNs> timeframes, market::Session session)
    : config_(config),
      inputs_(inputs),
      ev_(ev_in_use(config.gate, config.barriers, inputs.ev)),
      rules_(FillRules::of(config.execution, inputs.instrument, inputs.fills)),
      timeframes_(std::move(timeframes)),
      session_(session),
      equity_(market::to_money(config.sizing.starting_equity)) {
    if (config.position.opposite == "ignore") opposite_ = Opposite::ignore;
    if (config.position.opposite == "close") opposite_ = Opposite::close;
}

std::optional<Refusal> DecisionCore::outside(const Signal& signal, TimeNs deadline) const {
    if (!inputs_.window.contains(signal.touch.known_at)) return Refusal::window;
    if (deadline >= inputs_.window.to) return Refusal::window_end;
    return std::nullopt;
}

std::optional<Refusal> DecisionCore::occupied(const Signal& signal) const {
    const Touch& touch = signal.touch;
    if (taken_at_ == touch.known_at) return Refusal::outranked;
    if (next_) return Refusal::entry_pending;
    if (open_) {
        const bool same = open_->signal.touch.direction == touch.direction;
        if (same || opposite_ == Opposite::ignore) return Refusal::in_position;
        return std::nullopt;
    }
    if (touch.known_at < cool_until_) return Refusal::cooldown;
    return std::nullopt;
}

double DecisionCore::risk_equity() const { return config_.sizing.compounding ? market::to_double(equity_) : config_.sizing.starting_equity; }

CostsR DecisionCore::expected_costs(const Signal& signal, const Levels& levels) const {
    const double risk = levels.risk();
    const double close = signal.touch.close;
    // Who holds leaves by a market order, whatever the signal's probability is of.
    const double target = config_.barriers.exits == Exits::hold ? 0.0 : signal.probability;
    return {expected_fee_r(config_.costs, close, risk, target), expected_slip_r(rules_.slippage, risk, target),
            funding_clock_.expected_r(signal.touch.direction, close, risk, ev_.mean_hold),
            ops_r(config_.costs, risk_equity(), config_.sizing.risk_fraction)};
}

void DecisionCore::refuse(Refusal refusal) { ++refused_[static_cast<std::size_t>(refusal)]; }

void DecisionCore::on_signal(const Signal& signal) {
    ++signals_;
    const Touch& touch = signal.touch;
    assert(touch.timeframe < timeframes_.size());
    const TimeNs deadline = vertical_barrier(touch.known_at, timeframes_[touch.timeframe], config_.barriers.max_hold_bars, session_);
    if (const auto refusal = outside(signal, deadline)) return refuse(*refusal);
    const auto levels = make_levels(touch.direction, touch.close, touch.atr, deadline, config_.barriers, rules_.tick);
    if (!levels) return refuse(Refusal::levels);
    if (const auto refusal = occupied(signal)) return refuse(*refusal);
    const double equity = market::to_double(equity_);
    if (!(equity > 0.0)) return refuse(Refusal::equity);
    const Verdict verdict = judge(signal, expected_costs(signal, *levels), config_.gate, config_.costs, ev_);
    gate_headroom_ = std::max(gate_headroom_, verdict.headroom);
    if (verdict.refusal) return refuse(*verdict.refusal);

    if (open_ && opposite_ == Opposite::close) {
        taken_at_ = touch.known_at;
        open_->path.request_exit(ExitReason::close, touch.known_at);
        return;
    }
    const double contracts = contracts_for(config_.sizing, inputs_.instrument, *levels, equity, signal.size_scale);
    if (!(contracts > 0.0)) return refuse(Refusal::size);
    if (open_) open_->path.request_exit(ExitReason::flip, touch.known_at);
    enter(signal, deadline, contracts, verdict.expected_value);
}

void DecisionCore::enter(const Signal& signal, TimeNs deadline, double contracts, double expected_value) {
    const double ops = ops_r(config_.costs, risk_equity(), config_.sizing.risk_fraction);
    taken_at_ = signal.touch.known_at;
    if (!busy_) {
        last_price_ = signal.touch.close;
        last_time_ = signal.touch.known_at;
    }
    next_.emplace(Leg{signal, contracts, expected_value, ops, TradePath(signal.touch, deadline, rules_, config_.barriers), {}});
    busy_ = true;
}

void DecisionCore::on_bar(const Bar& bar) {
    if (!busy_ || rules_.mode == FillMode::trades) return;
    last_time_ = bar.close_time;
    advance(bar);
    last_price_ = bar.close;
}

void DecisionCore::take(const Trade& trade) {
    if (rules_.mode == FillMode::trades) advance(trade);
}

template <class Event>
void DecisionCore::advance(const Event& event) {
    if (open_ && open_->path.step(event) == TradePath::State::closed) closed();
    if (next_) {
        const TradePath::State state = next_->path.step(event);
        if (state == TradePath::State::unfilled) {
            const Touch& touch = next_->signal.touch;
            unfilled_.push_back({touch.known_at, last_time_, touch.timeframe, touch.direction, next_->path.why_unfilled()});
            next_.reset();
        } else if (state != TradePath::State::waiting) {
            opened();
            if (state == TradePath::State::closed) closed();
        }
    }
    busy_ = open_ || next_;
    if (!busy_) funding_.clear();
}

double DecisionCore::fee_money(const Leg& leg, double price, double fraction) const {
    if (config_.costs.fee_per_trade_r < 0.0) return fraction * inputs_.instrument.notional(leg.contracts, price);
    const Levels& levels = leg.path.levels();
    return 0.5 * config_.costs.fee_per_trade_r * std::fabs(inputs_.instrument.profit(leg.contracts, levels.entry, levels.stop));
}

void DecisionCore::opened() {
    assert(!open_);
    open_ = next_;
    next_.reset();
    open_->entry_fee = payment(fee_money(*open_, open_->path.entry().price, entry_fee_fraction(config_.costs)));
    equity_ -= open_->entry_fee;
}

void DecisionCore::settle_funding(ClosedTrade& trade, const Leg& leg) {
    const double risk = leg.path.levels().risk();
    for (const Funding& event : funding_) {
        if (event.time <= trade.entry_time || event.time > trade.exit_time) continue;
        trade.funding_r += funding_r(trade.direction, event.rate, event.mark, risk);
        trade.funding += payment(sign(trade.direction) * event.rate * inputs_.instrument.notional(leg.contracts, event.mark));
    }
    std::erase_if(funding_, [&](const Funding& event) { return event.time <= trade.exit_time; });
}

void DecisionCore::closed() {
    const Leg& leg = *open_;
    const TradePath& path = leg.path;
    const Levels& levels = path.levels();
    const Exit& exit = path.exit();
    const market::Instrument& instrument = inputs_.instrument;
    ClosedTrade trade;
    trade.signal_time = leg.signal.touch.known_at;
    trade.entry_time = path.entry().time;
    trade.exit_time = exit.time;
    trade.timeframe = leg.signal.touch.timeframe;
    trade.direction = levels.direction;
    trade.contracts = leg.contracts;
    trade.entry_price = path.entry().price;
    trade.exit_price = exit.price;
    trade.stop = levels.stop;
    trade.target = levels.target;
    trade.reason = exit.reason;
    trade.ambiguous = exit.ambiguous;
    trade.notional = instrument.notional(leg.contracts, trade.entry_price);
    trade.probability = leg.signal.probability;
    trade.expected_value = leg.expected_value;
    trade.mae_r = path.adverse_r();
    trade.mfe_r = path.favourable_r();

    const RoundTrip trip = path.round_trip();
    trade.gross_r = trip.gross_r;
    trade.slip_r = trip.slip_r;
    trade.fee_r = fee_r(config_.costs, trade.entry_price, trade.exit_price, exit.reason, levels.risk());
    trade.ops_r = leg.ops_r;
    settle_funding(trade, leg);
    trade.net_r = trade.gross_r - (trade.fee_r + trade.slip_r + trade.funding_r + trade.ops_r);

    const market::Money exit_fee = payment(fee_money(leg, exit.price, exit_fee_fraction(config_.costs, exit.reason)));
    trade.pnl = payment(instrument.profit(sign(levels.direction) * leg.contracts, trade.entry_price, trade.exit_price));
    trade.fees = leg.entry_fee + exit_fee;
    trade.ops = payment(config_.costs.ops_cost_per_trade);
    trade.net = trade.pnl - trade.fees - trade.funding - trade.ops;
    equity_ += trade.pnl - exit_fee - trade.funding - trade.ops;  // the entry fee went at the entry
    trade.equity_after = equity_;

    cool_until_ = trade.exit_time + config_.position.cooldown_bars * timeframes_[trade.timeframe];
    trades_.push_back(trade);
    open_.reset();
}

void DecisionCore::on_funding(const Funding& event) {
    funding_clock_.step(event);
    if (!busy_) return;
    funding_.push_back(event);
    if (std::isnan(event.mark)) funding_.back().mark = last_price_;
}

void DecisionCore::finish(TimeNs time) {
    last_time_ = std::max(last_time_, time);
    if (open_ && open_->path.finish(last_time_, last_price_) == TradePath::State::closed) closed();
    if (next_) {
        const Touch& touch = next_->signal.touch;
        next_->path.finish(last_time_, last_price_);
        unfilled_.push_back({touch.known_at, last_time_, touch.timeframe, touch.direction, next_->path.why_unfilled()});
        next_.reset();
    }
    busy_ = false;
    funding_.clear();
}

double DecisionCore::equity_at(double price) const {
    const double realised = market::to_double(equity_);
    if (!open_) return realised;
    const double contracts = sign(open_->signal.touch.direction) * open_->contracts;
    return realised + inputs_.instrument.profit(contracts, open_->path.entry().price, price);
}

}  // namespace sofia::trading

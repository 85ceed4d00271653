#include "app/pipeline/benchmarks.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "backtest/honesty.hpp"
#include "math/statistics.hpp"

namespace sofia::pipeline {
namespace {

using market::Bar;

/// The base bars that lie inside the window.
std::span<const Bar> base_bars(const History& history, trading::Window window) {
    const std::vector<Bar>& bars = history.bars.front();
    const auto first = std::ranges::lower_bound(bars, window.from, {}, &Bar::open_time);
    const auto last = std::ranges::upper_bound(first, bars.end(), window.to, {}, &Bar::close_time);
    return {first, last};
}

std::span<const market::Trade> prints_in(const History& history, trading::Window window) {
    const std::vector<market::Trade>& trades = history.data.trades;
    const auto first = std::ranges::lower_bound(trades, window.from, {}, &market::Trade::ts);
    const auto last = std::ranges::upper_bound(first, trades.end(), window.to, {}, &market::Trade::ts);
    return {first, last};
}

/// What a timeframe's bars inside the window look like to somebody who enters at their close.
Result<std::vector<trading::Touch>> closes_in(const std::vector<Bar>& bars, const trading::TouchConfig& config, std::size_t timeframe,
                                              trading::Window window) {
    SOFIA_TRY(trading::TouchDetector detector, trading::TouchDetector::make(config, timeframe));
    std::vector<trading::Touch> closes;
    for (const Bar& bar : bars) {
        if (bar.close_time >= window.to) break;
        detector.step(bar);
        if (!window.contains(bar.close_time) || std::isnan(bar.close) || std::isnan(detector.atr())) continue;
        closes.push_back({bar.close_time, timeframe, trading::Direction::long_side, bar.close, detector.ema(), detector.atr()});
    }
    return closes;
}

/// `count` of them at random, in their order.
void thin(std::vector<trading::Touch>& touches, std::size_t count, RandomStream random) {
    if (touches.size() <= count) return;
    std::vector<trading::Touch> kept;
    std::size_t wanted = count;
    for (std::size_t i = 0; i < touches.size(); ++i) {  // each with the chance that its turn gives it: selection sampling
        if (random.below(touches.size() - i) >= wanted) continue;
        kept.push_back(touches[i]);
        --wanted;
    }
    touches = std::move(kept);
}

Result<std::vector<labels::Label>> outcomes_of(const History& history, const Settings& settings, std::span<const trading::Touch> touches,
                                               trading::Window window) {
    const market::Instrument& instrument = history.data.instrument;
    if (history.fills == trading::FillMode::trades) {
        return labels::pullback_labels(settings.decision, instrument, touches, prints_in(history, window), history.funding);
    }
    return labels::pullback_labels(settings.decision, instrument, history.fills, touches, base_bars(history, window), history.funding);
}

backtest::HoldInputs hold_inputs(const History& history, const Settings& settings) {
    const trading::DecisionConfig& decision = settings.decision;
    return {.instrument = history.data.instrument,
            .costs = decision.costs,
            .fills = trading::FillRules::of(decision.execution, history.data.instrument, history.fills),
            .starting_equity = decision.sizing.starting_equity};
}

Result<backtest::Figures> every_touch(const StrategyData& data, const std::vector<std::size_t>& which, trading::Window window) {
    Settings settings = data.settings;
    settings.decision.gate.use_gates = false;
    SOFIA_TRY(const trading::DecisionCore core, run_core(data.history, settings, bare_signals(data.candidates, which), {}, window));
    return backtest::figures_of(core, window, settings.decision.touch.timeframes);
}

}  // namespace

Result<std::vector<backtest::EntryOutcome>> entry_pool(const History& history, const Settings& settings, std::span<const trading::ClosedTrade> trades,
                                                       trading::Window window, RandomStream random) {
    SOFIA_TRY(const auto columns, touch_columns(history, settings.decision.touch));
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(settings.decision.touch.timeframes));
    std::set<std::pair<std::size_t, trading::Direction>> kinds;
    for (const trading::ClosedTrade& trade : trades) kinds.emplace(trade.timeframe, trade.direction);
    std::vector<trading::Touch> touches;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        SOFIA_TRY(const std::vector<trading::Touch> closes, closes_in(columns[i], settings.decision.touch, i, window));
        for (trading::Touch touch : closes) {
            const TimeNs deadline =
                trading::vertical_barrier(touch.known_at, timeframes[i].length(), settings.decision.barriers.max_hold_bars, history.data.session);
            if (deadline >= window.to) continue;
            for (const auto direction : {trading::Direction::long_side, trading::Direction::short_side}) {
                touch.direction = direction;
                if (kinds.contains({i, direction})) touches.push_back(touch);
            }
        }
    }
    thin(touches, entries_max, random);
    std::ranges::stable_sort(touches, {}, &trading::Touch::known_at);
    SOFIA_TRY(const std::vector<labels::Label> outcomes, outcomes_of(history, settings, touches, window));
    std::vector<backtest::EntryOutcome> pool;
    for (const labels::Label& label : outcomes) {
        if (!label.labeled()) continue;
        pool.push_back({label.touch.timeframe, label.touch.direction, label.touch.known_at, label.end_time, label.gross_r, label.net_r()});
    }
    return pool;
}

Result<Benchmarks> benchmarks_of(const StrategyData& data, const std::vector<std::size_t>& which, const trading::DecisionCore& core,
                                 const backtest::Figures& own, const RandomStream& random, ThreadPool& threads) {
    Benchmarks out;
    const trading::Window window = own.window;
    out.hold = backtest::buy_and_hold(base_bars(data.history, window), data.history.funding, hold_inputs(data.history, data.settings));
    SOFIA_TRY(const auto pool, entry_pool(data.history, data.settings, core.trades(), window, random.split("pool")));
    out.random = backtest::random_entries(pool, core.trades(), {}, random.split("entries"), threads);
    out.percentile = backtest::percentile_of(out.random.expectancy_r, own.expectancy_r);
    out.gross_percentile = backtest::percentile_of(out.random.gross_expectancy_r, own.gross_expectancy_r);
    out.p = backtest::exceedance(out.random.expectancy_r, own.expectancy_r);
    SOFIA_TRY(out.every_touch, every_touch(data, which, window));
    return out;
}

Json to_json(const Benchmarks& benchmarks) {
    const auto numbers = [](std::initializer_list<std::pair<const char*, double>> list) {
        Json json = Json::object();
        for (const auto& [key, value] : list) json[key] = json_number(value);
        return json;
    };
    const backtest::HoldFigures& hold = benchmarks.hold;
    const backtest::RandomEntries& random = benchmarks.random;
    const backtest::Figures& every = benchmarks.every_touch;
    Json json = Json::object();
    json["buy_and_hold"] = numbers({{"entry_price", hold.entry_price},
                                    {"exit_price", hold.exit_price},
                                    {"contracts", hold.contracts},
                                    {"net_pnl", hold.net_pnl},
                                    {"fees", hold.fees},
                                    {"funding", hold.funding},
                                    {"return_percent", hold.return_percent},
                                    {"max_drawdown_percent", hold.max_drawdown_percent},
                                    {"sharpe_annual", hold.sharpe_annual}});
    Json entries = {{"runs", random.runs}, {"pool", random.pool}, {"trades", random.trades}, {"fewest", random.fewest}};
    entries.update(numbers({{"expectancy_r", math::mean(random.expectancy_r)},
                            {"expectancy_r_5", math::quantile(random.expectancy_r, 0.05)},
                            {"expectancy_r_95", math::quantile(random.expectancy_r, 0.95)},
                            {"gross_expectancy_r", math::mean(random.gross_expectancy_r)},
                            {"percentile", benchmarks.percentile},
                            {"gross_percentile", benchmarks.gross_percentile},
                            {"p", benchmarks.p}}));
    json["random_entries"] = std::move(entries);
    json["every_touch"] = {{"signals", every.signals}, {"trades", every.trades}};
    json["every_touch"].update(numbers({{"net_r", every.net_r},
                                        {"gross_r", every.gross_r},
                                        {"expectancy_r", every.expectancy_r},
                                        {"gross_expectancy_r", every.gross_expectancy_r},
                                        {"win_rate", every.win_rate},
                                        {"profit_factor", every.profit_factor},
                                        {"net_pnl", every.net_pnl},
                                        {"return_percent", every.return_percent},
                                        {"max_drawdown_percent", every.max_drawdown_percent},
                                        {"max_drawdown_r", every.max_drawdown_r},
                                        {"sharpe_annual", every.sharpe_annual}}));
    return json;
}

}  // namespace sofia::pipeline

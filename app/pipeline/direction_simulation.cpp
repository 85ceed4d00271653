#include "app/pipeline/direction_simulation.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "app/pipeline/direction_fit.hpp"
#include "app/pipeline/history.hpp"
#include "backtest/replay.hpp"
#include "base/threads.hpp"
#include "math/volatility.hpp"

namespace sofia::pipeline {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
const std::vector<std::string> timeframes = {"1m"};

DurationNs days(double count) { return std::llround(count * static_cast<double>(ns_per_day)); }

/// Where the model is fitted, ascending, and behind the last one the end of the data.
std::vector<TimeNs> fit_times(const Minutes& minutes, const DirectionSettings& settings, TimeNs test) {
    const TimeNs begin = minutes.bars.front().open_time;
    const TimeNs end = minutes.bars.back().close_time;
    const TimeNs earliest = begin + std::max((end - begin) / 2, 2 * days(settings.split.val_days));
    const TimeNs start = std::max(end - days(settings.simulation.days), earliest);
    if (start >= end) return {};
    const DurationNs step = std::max(days(settings.simulation.step_days), ns_per_minute);
    std::vector<TimeNs> times = {start};
    TimeNs next = test - (test - start) / step * step;
    while (next <= start) next += step;
    for (; next < end; next += step) times.push_back(next);
    times.push_back(end);
    return times;
}

std::vector<SimulationStep> plan(const Minutes& minutes, const DirectionSettings& settings, TimeNs test) {
    const std::vector<TimeNs> times = fit_times(minutes, settings, test);
    const TimeNs begin = minutes.bars.front().open_time;
    std::vector<SimulationStep> steps;
    for (std::size_t i = 0; i + 1 < times.size(); ++i) {
        const TimeNs validation = times[i] - days(settings.split.val_days);
        const TimeNs train = settings.split.train_days > 0.0 ? std::max(begin, validation - days(settings.split.train_days)) : begin;
        steps.push_back({.windows = {.train = {train, validation}, .validation = {validation, times[i]}, .test = {times[i], times[i + 1]}}});
    }
    return steps;
}

/// Fits step by step, as many at a time as there are threads, and writes the probabilities of the minutes behind each. NaN: no probability.
Result<std::vector<double>> walk(const Minutes& minutes, const DirectionSettings& settings, std::uint64_t seed, std::vector<SimulationStep>& steps,
                                 const Context& context) {
    const features::MinuteTable& table = minutes.table;
    std::vector<double> probabilities(table.rows(), nan);
    std::vector<Result<void>> ended(steps.size());
    Progress progress = context.bar("simulation", "fits", steps.size());
    const auto run = [&](SimulationStep& step) -> Result<void> {
        SOFIA_CHECK(context.go_on());
        const auto samples = fitting_samples(minutes, step.windows);
        if (!samples && samples.error().code != ErrorCode::data) return std::unexpected(samples.error());
        if (!samples) {
            step.left_out = samples.error().message;
            progress.advance(1);
            return {};
        }
        const DirectionFit fit{.samples = *samples, .columns = minutes.columns, .seed = seed, .learner = minutes.custom.learner.get()};
        SOFIA_TRY(const FittedModel model, fit_model(fit, settings, *context.stop));
        step.trees = model.trees();
        std::vector<std::size_t> which;
        std::vector<double> matrix;
        const auto first = static_cast<std::size_t>(std::ranges::lower_bound(table.ts, step.windows.test.from) - table.ts.begin());
        for (std::size_t i = first; i < table.rows() && table.ts[i] < step.windows.test.to; ++i) {
            const std::span<const double> row = table.features.row(i);
            if (!warmed_up(row)) continue;
            which.push_back(i);
            matrix.insert(matrix.end(), row.begin(), row.end());
        }
        if (!which.empty()) {
            SOFIA_TRY(const std::vector<double> predicted, model.predict({matrix, which.size(), table.features.width()}, 1));
            for (std::size_t i = 0; i < which.size(); ++i) probabilities[which[i]] = predicted[i];
        }
        progress.advance(1);
        return {};
    };
    ThreadPool pool(context.threads);
    pool.for_each(steps.size(), [&](std::size_t i) { ended[i] = run(steps[i]); });
    for (const Result<void>& result : ended) SOFIA_CHECK(result);
    for (const SimulationStep& step : steps) {
        if (step.left_out.empty()) continue;
        context.log.warning(fmt::format("the simulation has no model from {} to {}: {}", format_time(step.windows.test.from),
                                        format_time(step.windows.test.to), step.left_out));
    }
    return probabilities;
}

/// A signal for each minute with a probability; which of them are acted on is the core's to decide.
std::vector<trading::Signal> signals_of(const Minutes& minutes, const DirectionSettings& settings, const std::vector<double>& probabilities) {
    std::vector<trading::Signal> signals;
    math::Atr atr(math::Length::of<14>());
    for (std::size_t i = 0; i < minutes.bars.size(); ++i) {
        const market::Bar& bar = minutes.bars[i];
        atr.step(bar.high, bar.low, bar.close);
        const double p = probabilities[i];
        if (std::isnan(p) || p == 0.5) continue;
        const auto direction = p > 0.5 ? trading::Direction::long_side : trading::Direction::short_side;
        if (settings.rule.sides != "both" && settings.rule.sides != trading::name(direction)) continue;
        signals.push_back(
            {.touch = {.known_at = bar.close_time, .timeframe = 0, .direction = direction, .close = bar.close, .ema = nan, .atr = atr.value()},
             .probability = std::max(p, 1.0 - p)});
    }
    return signals;
}

Result<trading::DecisionCore> trade(const Minutes& minutes, const DirectionSettings& settings, const std::vector<double>& probabilities,
                                    trading::Window window) {
    std::vector<trading::Funding> funding;
    if (!settings.funding.file.empty()) {
        SOFIA_TRY(funding, load_funding(settings.funding));
    }
    SOFIA_TRY(
        trading::DecisionCore core,
        trading::DecisionCore::make(decision_of(settings), {.instrument = settings.instrument, .fills = minutes.fills, .window = window, .ev = {}}));
    const std::vector<trading::Signal> signals = signals_of(minutes, settings, probabilities);
    const auto first = std::ranges::upper_bound(minutes.bars, window.from, {}, &market::Bar::close_time);
    backtest::replay(core, std::span<const market::Bar>(first, minutes.bars.end()), {.signals = signals, .funding = funding}, window.to);
    return core;
}

/// Returns of the UTC days of the window, percent of the equity that each began with.
std::vector<double> daily_percent(std::span<const trading::ClosedTrade> trades, trading::Window window, double equity) {
    const auto day_of = [](TimeNs time) { return floor_time(time, ns_per_day); };
    std::vector<double> out;
    auto next = trades.begin();
    for (TimeNs day = day_of(window.from); day < window.to; day += ns_per_day) {
        const double before = equity;
        for (; next != trades.end() && (day_of(next->exit_time) <= day || day + ns_per_day >= window.to); ++next)
            equity += market::to_double(next->net);
        out.push_back(before > 0.0 ? 100.0 * (equity - before) / before : 0.0);
    }
    return out;
}

/// What `simulate_direction` promises of the minutes inside `window`.
struct Judge {
    const Minutes& minutes;
    const std::vector<double>& probabilities;
    std::span<const trading::ClosedTrade> trades;
    double starting_equity;
    ScoreOptions options;
    RandomStream random;
    ThreadPool& pool;

    [[nodiscard]] Kpi kpi(const char* name, Kpi::Better better, const std::vector<double>& series, const ScoreOptions& blocks) const {
        return {name, better, series.empty() ? Estimate{} : mean_estimate(series, blocks, random.split(name), pool)};
    }

    template <class ValueOf>
    [[nodiscard]] Kpi of_trades(const char* name, std::span<const trading::ClosedTrade> inside, ValueOf value_of) const {
        std::vector<double> series;
        for (const trading::ClosedTrade& trade : inside) series.push_back(value_of(trade));
        return kpi(name, Kpi::Better::higher, series, {});
    }

    [[nodiscard]] SimulationFigures figures(trading::Window window) const {
        SimulationFigures out{.window = window};
        std::vector<double> asked;
        std::vector<double> labels;
        const features::MinuteTable& table = minutes.table;
        for (std::size_t i = 0; i < table.rows(); ++i) {
            if (!window.contains(table.ts[i]) || std::isnan(probabilities[i]) || std::isnan(table.y[i])) continue;
            asked.push_back(probabilities[i]);
            labels.push_back(table.y[i]);
        }
        out.labeled = labels.size();
        const auto first = std::ranges::lower_bound(trades, window.from, {}, &trading::ClosedTrade::signal_time);
        const std::span<const trading::ClosedTrade> inside(first, trades.end());
        const double equity = first == trades.begin() ? starting_equity : market::to_double(std::prev(first)->equity_after);
        out.figures = backtest::figures_of(inside, window, equity, timeframes);
        using trading::ClosedTrade;
        out.kpis = {
            kpi("accuracy", Kpi::Better::higher, hits(asked, labels), options),
            kpi("log_loss", Kpi::Better::lower, log_losses(asked, labels), options),
            of_trades("hit_rate", inside, [](const ClosedTrade& t) { return t.gross_r > 0.0 ? 1.0 : 0.0; }),
            of_trades("gross_bps", inside, [](const ClosedTrade& t) { return 1e4 * t.gross_r * std::abs(t.entry_price - t.stop) / t.entry_price; }),
            of_trades("net_bps", inside, [](const ClosedTrade& t) { return 1e4 * market::to_double(t.net) / t.notional; }),
            kpi("daily_percent", Kpi::Better::higher, daily_percent(inside, window, equity), {})};
        return out;
    }
};

}  // namespace

Result<std::optional<DirectionSimulation>> simulate_direction(const Minutes& minutes, const DirectionSettings& settings, std::uint64_t seed,
                                                              const Context& context) {
    if (minutes.custom.label != nullptr) {
        context.log.warning(fmt::format("no simulation: the rule trades rises of the close, the model predicts the label {}", settings.label));
        return std::nullopt;
    }
    SOFIA_TRY(const DirectionWindows windows, direction_windows(minutes, settings.split));
    DirectionSimulation out{.steps = plan(minutes, settings, windows.test.from)};
    const TimeNs end = minutes.bars.back().close_time;
    const TimeNs start = out.steps.empty() ? end : out.steps.front().windows.test.from;
    if (start > end - days(settings.simulation.days)) {
        context.log.warning(fmt::format("the simulation covers {:.1f} of {} days: what lies before is needed to fit its first model",
                                        static_cast<double>(end - start) / static_cast<double>(ns_per_day), settings.simulation.days));
    }
    if (out.steps.empty()) return std::nullopt;
    SOFIA_TRY(const std::vector<double> probabilities, walk(minutes, settings, seed, out.steps, context));
    out.rows = static_cast<std::size_t>(std::ranges::count_if(probabilities, [](double p) { return !std::isnan(p); }));
    if (out.rows == 0) {
        context.log.warning("no simulation: not one minute of it has a probability");
        return std::nullopt;
    }
    const trading::Window window{start, end};
    SOFIA_TRY(const trading::DecisionCore core, trade(minutes, settings, probabilities, window));
    out.trades = core.trades();
    SOFIA_CHECK(context.go_on());

    ThreadPool pool(context.threads);
    const Judge judge{.minutes = minutes,
                      .probabilities = probabilities,
                      .trades = out.trades,
                      .starting_equity = settings.decision.sizing.starting_equity,
                      .options = {.least_block = static_cast<std::size_t>(settings.horizon)},
                      .random = RandomStream(seed).split("simulation"),
                      .pool = pool};
    out.whole = judge.figures(window);
    out.whole.figures = backtest::figures_of(core, window, timeframes);
    out.untouched = judge.figures({std::max(start, windows.test.from), end});
    return out;
}

}  // namespace sofia::pipeline

#include "app/pipeline/strategy.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "backtest/replay.hpp"

namespace sofia::pipeline {
namespace {

bool is_long(const trading::Touch& touch) { return touch.direction == trading::Direction::long_side; }

/// The class that a model is asked for, by touch.
std::size_t entry_asked(const trading::Touch&) { return 1; }
std::size_t trend_asked(const trading::Touch& touch) { return static_cast<std::size_t>(is_long(touch) ? labels::Trend::up : labels::Trend::down); }
std::size_t regime_asked(const trading::Touch& touch) {
    return static_cast<std::size_t>(is_long(touch) ? labels::Regime::trending_up : labels::Regime::trending_down);
}
using Asked = std::size_t (*)(const trading::Touch&);

ClassifierTask entry_task(const StrategyData& data, std::span<const std::size_t> rows, std::string_view purpose) {
    ClassifierTask task{.purpose = fmt::format("{} entry", purpose)};
    for (const std::size_t row : rows) {
        const labels::Label& label = data.labeled.labels[row];
        if (!label.labeled()) continue;
        task.rows.push_back(row);
        task.labels.push_back(label.y);
        task.asked.push_back(entry_asked(label.touch));
        task.intervals.push_back({label.touch.known_at, label.end_time});
    }
    return task;
}

/// The rows whose move is known, with the class that `class_of` says.
template <class ClassOf>
ClassifierTask forward_task(const StrategyData& data, const std::vector<labels::ForwardMove>& moves, std::span<const std::size_t> rows,
                            std::string purpose, std::size_t classes, Asked asked, const ClassOf& class_of) {
    ClassifierTask task{.purpose = std::move(purpose), .classes = classes};
    for (const std::size_t row : rows) {
        if (!moves[row].known()) continue;
        const trading::Touch& touch = data.candidates.touches[row];
        task.rows.push_back(row);
        task.labels.push_back(static_cast<double>(class_of(moves[row])));
        task.asked.push_back(asked(touch));
        task.intervals.push_back({touch.known_at, moves[row].end_time});
    }
    return task;
}

Result<void> check_rows(const Settings& settings, const ClassifierTask& task, std::size_t positives) {
    const std::size_t count = task.rows.size();
    if (static_cast<std::int64_t>(count) >= settings.fit.min_train_rows && positives > 0 && positives < count) return {};
    return fail(ErrorCode::data, fmt::format("{} labeled touches ({} reach the target) are too few to fit a model", count, positives),
                "use more data, more touches or a smaller fit.min_train_rows");
}

std::vector<std::size_t> asked_classes(const Candidates& candidates, std::span<const std::size_t> which, Asked asked) {
    std::vector<std::size_t> classes;
    classes.reserve(which.size());
    for (const std::size_t index : which) classes.push_back(asked(candidates.touches[index]));
    return classes;
}

Result<std::vector<double>> asked_of(const Classifier& classifier, const History& history, const Candidates& candidates,
                                     std::span<const std::size_t> which, Asked asked) {
    return predict_asked(classifier, history, candidates, which, asked_classes(candidates, which, asked));
}

/// What the models of a strategy learn, and what the gate has to know of it. A gate that is off has no task.
struct Tasks {
    ClassifierTask entry;
    std::optional<ClassifierTask> trend;
    std::optional<ClassifierTask> regime;
    labels::RegimeLimits regime_limits;
    trading::EvModel ev;
    std::size_t positives = 0;
};

Result<Tasks> make_tasks(const StrategyData& data, std::span<const std::size_t> rows, std::string_view purpose) {
    const Settings& settings = data.settings;
    Tasks out{.entry = entry_task(data, rows, purpose)};
    out.positives = static_cast<std::size_t>(std::ranges::count(out.entry.labels, 1.0));
    SOFIA_CHECK(check_rows(settings, out.entry, out.positives));
    out.ev = labels::realized_ev(data.labeled.labels, out.entry.rows);
    if (settings.decision.gate.use_trend_gate) {
        const auto class_of = [&](const labels::ForwardMove& move) { return labels::trend_of(move, settings.trend); };
        out.trend = forward_task(data, data.labeled.trend_moves, rows, fmt::format("{} trend", purpose), labels::trends, trend_asked, class_of);
    }
    if (settings.decision.gate.use_regime_gate) {
        std::vector<labels::ForwardMove> training;
        for (const std::size_t row : rows) training.push_back(data.labeled.regime_moves[row]);
        out.regime_limits = labels::regime_limits(training, settings.regime);
        const auto class_of = [&](const labels::ForwardMove& move) { return labels::regime_of(move, out.regime_limits); };
        out.regime = forward_task(data, data.labeled.regime_moves, rows, fmt::format("{} regime", purpose), labels::regimes, regime_asked, class_of);
    }
    return out;
}

FitInputs inputs_of(const StrategyData& data) { return {data.history, data.settings, data.candidates, data.labeled.samples, data.tools}; }

std::vector<std::size_t> rows_of_fold(const StrategyData& data, const labels::Fold& fold) {
    return labels::train_rows(data.labeled.samples, fold.train, fold.validation.from, data.settings.split.embargo());
}

std::string purpose_of(const labels::Fold& fold) { return fmt::format("fold {}", fold.index); }

void set_probabilities(std::span<trading::Signal> signals, double trading::Signal::* member, std::span<const double> probabilities) {
    for (std::size_t i = 0; i < signals.size(); ++i) signals[i].*member = probabilities[i];
}

}  // namespace

TouchKey key_of(const trading::Touch& touch) { return {touch.known_at, touch.timeframe, touch.direction}; }
TouchKey key_of(const trading::ClosedTrade& trade) { return {trade.signal_time, trade.timeframe, trade.direction}; }
TouchKey key_of(const trading::UnfilledOrder& order) { return {order.signal_time, order.timeframe, order.direction}; }

std::vector<trading::Signal> bare_signals(const Candidates& candidates, std::span<const std::size_t> which) {
    std::vector<trading::Signal> signals;
    signals.reserve(which.size());
    for (const std::size_t index : which) signals.push_back({.touch = candidates.touches[index]});
    return signals;
}

Result<StrategyModels> fit_models(const StrategyData& data, std::span<const std::size_t> rows, std::string_view purpose, std::uint64_t seed,
                                  std::size_t threads, const StopFlag& stop) {
    const FitInputs inputs = inputs_of(data);
    SOFIA_TRY(const Tasks tasks, make_tasks(data, rows, purpose));
    StrategyModels out;
    out.train_rows = tasks.entry.rows.size();
    out.positives = tasks.positives;
    out.ev = tasks.ev;
    out.regime_limits = tasks.regime_limits;
    SOFIA_TRY(out.entry, fit_classifier(inputs, tasks.entry, seed, threads, stop));
    if (tasks.trend) {
        SOFIA_TRY(out.trend, fit_classifier(inputs, *tasks.trend, seed, threads, stop));
    }
    if (tasks.regime) {
        SOFIA_TRY(out.regime, fit_classifier(inputs, *tasks.regime, seed, threads, stop));
    }
    return out;
}

Result<std::vector<trading::Signal>> signals_of(const StrategyModels& models, const History& history, const Candidates& candidates,
                                                std::span<const std::size_t> which) {
    std::vector<trading::Signal> signals = bare_signals(candidates, which);
    SOFIA_TRY(const auto entry, asked_of(models.entry, history, candidates, which, entry_asked));
    set_probabilities(signals, &trading::Signal::probability, entry);
    if (models.trend) {
        SOFIA_TRY(const auto trend, asked_of(*models.trend, history, candidates, which, trend_asked));
        set_probabilities(signals, &trading::Signal::trend_probability, trend);
    }
    if (models.regime) {
        SOFIA_TRY(const auto regime, asked_of(*models.regime, history, candidates, which, regime_asked));
        set_probabilities(signals, &trading::Signal::regime_probability, regime);
    }
    return signals;
}

Result<trading::DecisionCore> run_core(const History& history, const Settings& settings, std::span<const trading::Signal> signals,
                                       const trading::EvModel& ev, trading::Window window) {
    SOFIA_TRY(
        trading::DecisionCore core,
        trading::DecisionCore::make(settings.decision, {.instrument = history.data.instrument, .fills = history.fills, .window = window, .ev = ev}));
    const backtest::Happenings happenings{.signals = signals, .funding = history.funding};
    if (history.fills == trading::FillMode::trades) {
        const auto first = std::ranges::lower_bound(history.data.trades, window.from, {}, &market::Trade::ts);
        backtest::replay(core, std::span<const market::Trade>(first, history.data.trades.end()), happenings, window.to);
    } else {
        const std::vector<market::Bar>& bars = history.bars.front();
        const auto first = std::ranges::upper_bound(bars, window.from, {}, &market::Bar::close_time);
        backtest::replay(core, std::span<const market::Bar>(first, bars.end()), happenings, window.to);
    }
    return core;
}

Result<WindowRun> run_window(const StrategyData& data, const StrategyModels& models, trading::Window window) {
    std::vector<std::size_t> which = labels::rows_in(data.labeled.samples, window);
    std::vector<trading::Signal> signals;
    {
        const StageTimer timer(data.tools.clock, TimeStage::models);
        SOFIA_TRY(signals, signals_of(models, data.history, data.candidates, which));
    }
    const StageTimer timer(data.tools.clock, TimeStage::decide);
    SOFIA_TRY(trading::DecisionCore core, run_core(data.history, data.settings, signals, models.ev, window));
    return WindowRun{std::move(which), std::move(signals), std::move(core)};
}

Result<StrategyModels> fit_fold(const StrategyData& data, const labels::Fold& fold, std::uint64_t seed, std::size_t threads, const StopFlag& stop) {
    return fit_models(data, rows_of_fold(data, fold), purpose_of(fold), seed, threads, stop);
}

Result<StrategyModels> fit_final(const StrategyData& data, trading::Window window, std::uint64_t seed, std::size_t threads, const StopFlag& stop) {
    const auto rows = labels::train_rows(data.labeled.samples, window, window.to, data.settings.split.embargo());
    return fit_models(data, rows, "train", seed, threads, stop);
}

namespace {

/// The signals of a fold's validation by models that nobody keeps: those of `fit_fold`, asked while they are there.
Result<std::vector<trading::Signal>> forecast_fold(const StrategyData& data, const Tasks& tasks, std::span<const std::size_t> which,
                                                   std::uint64_t seed, std::size_t threads, const StopFlag& stop, FoldOutcome& outcome) {
    const FitInputs inputs = inputs_of(data);
    std::vector<trading::Signal> signals = bare_signals(data.candidates, which);
    const auto ask = [&](const ClassifierTask& task, Asked asked, double trading::Signal::* member) -> Result<std::size_t> {
        SOFIA_TRY(const Forecast forecast, forecast_asked(inputs, task, which, asked_classes(data.candidates, which, asked), seed, threads, stop));
        set_probabilities(signals, member, forecast.probabilities);
        return forecast.best_iteration;
    };
    SOFIA_TRY(outcome.best_iteration, ask(tasks.entry, entry_asked, &trading::Signal::probability));
    if (tasks.trend) SOFIA_CHECK(ask(*tasks.trend, trend_asked, &trading::Signal::trend_probability));
    if (tasks.regime) SOFIA_CHECK(ask(*tasks.regime, regime_asked, &trading::Signal::regime_probability));
    return signals;
}

}  // namespace

Result<FoldOutcome> run_fold(const StrategyData& data, const labels::Fold& fold, std::uint64_t seed, std::size_t threads, const StopFlag& stop) {
    FoldOutcome outcome;
    outcome.fold = fold;
    const std::vector<std::size_t> which = labels::rows_in(data.labeled.samples, fold.validation);
    const auto tasks = make_tasks(data, rows_of_fold(data, fold), purpose_of(fold));
    const auto signals = tasks ? forecast_fold(data, *tasks, which, seed, threads, stop, outcome)
                               : Result<std::vector<trading::Signal>>(std::unexpected(tasks.error()));
    if (!signals) {
        if (signals.error().code != ErrorCode::data) return std::unexpected(signals.error());
        outcome.best_iteration = 0;
        outcome.note = signals.error().message;
        outcome.score = backtest::fold_score(0, 0.0, data.settings.score);
        return outcome;
    }
    outcome.train_rows = tasks->entry.rows.size();
    outcome.positives = tasks->positives;
    outcome.ev = tasks->ev;
    const StageTimer timer(data.tools.clock, TimeStage::decide);
    SOFIA_TRY(const trading::DecisionCore core, run_core(data.history, data.settings, *signals, outcome.ev, fold.validation));
    outcome.trades = core.trades();
    outcome.score = backtest::fold_score(outcome.trades, data.settings.score);
    for (const trading::ClosedTrade& trade : outcome.trades) outcome.gross_r += trade.gross_r;
    outcome.refused = core.refused();
    outcome.gate_headroom = core.gate_headroom();
    outcome.unfilled = static_cast<std::int64_t>(core.unfilled().size());
    return outcome;
}

}  // namespace sofia::pipeline

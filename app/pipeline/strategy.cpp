#include "app/pipeline/strategy.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "backtest/replay.hpp"
#include "base/random.hpp"
#include "labels/uniqueness.hpp"

namespace sofia::pipeline {

std::uint64_t fit_seed(std::uint64_t seed, std::string_view purpose) {
    // LightGBM takes 31 bits.
    return RandomStream(seed).split("fit").split(purpose).seed() & 0x7fffffffu;
}

std::vector<double> feature_matrix(const History& history, const Candidates& candidates, std::span<const std::size_t> which) {
    std::vector<double> matrix;
    matrix.reserve(which.size() * history.rows.width());
    for (const std::size_t index : which) {
        const std::span<const double> row = history.rows.row(candidates.rows[index]);
        matrix.insert(matrix.end(), row.begin(), row.end());
    }
    return matrix;
}

namespace {

std::vector<double> outcomes(const LabeledCandidates& labeled, std::span<const std::size_t> which) {
    std::vector<double> values;
    values.reserve(which.size());
    for (const std::size_t index : which) values.push_back(labeled.labels[index].y);
    return values;
}

std::vector<double> uniqueness(const LabeledCandidates& labeled, std::span<const std::size_t> which) {
    std::vector<labels::Interval> intervals;
    intervals.reserve(which.size());
    for (const std::size_t index : which) intervals.push_back({labeled.labels[index].touch.known_at, labeled.labels[index].end_time});
    return labels::average_uniqueness(intervals);
}

/// Rows as LightGBM takes them; owns what TrainingData points to.
struct Batch {
    std::vector<double> matrix;
    std::vector<double> labels;
    std::vector<double> weights;
    models::TrainingData data;
};

std::unique_ptr<Batch> make_batch(const StrategyData& from, std::span<const std::size_t> which) {
    auto batch = std::make_unique<Batch>();
    batch->matrix = feature_matrix(from.history, from.candidates, which);
    batch->labels = outcomes(from.labeled, which);
    batch->weights = uniqueness(from.labeled, which);
    batch->data.features = {batch->matrix, which.size(), from.history.rows.width()};
    batch->data.labels = batch->labels;
    batch->data.weights = batch->weights;
    batch->data.feature_names = from.history.rows.columns();
    return batch;
}

}  // namespace

Result<EntryModel> fit_entry_model(const StrategyData& data, std::span<const std::size_t> rows, std::uint64_t seed, std::size_t threads,
                                   const StopFlag& stop) {
    std::vector<std::size_t> labeled;
    for (const std::size_t row : rows) {
        if (data.labeled.labels[row].labeled()) labeled.push_back(row);
    }
    const auto is_positive = [&](std::size_t row) { return data.labeled.labels[row].y == 1; };
    const auto positives = static_cast<std::size_t>(std::ranges::count_if(labeled, is_positive));
    if (static_cast<std::int64_t>(labeled.size()) < data.settings.fit.min_train_rows || positives == 0 || positives == labeled.size()) {
        return fail(ErrorCode::data, fmt::format("{} labeled touches ({} reach the target) are too few to fit a model", labeled.size(), positives),
                    "use more data, more touches or a smaller fit.min_train_rows");
    }
    const auto blocks = labels::forward_blocks(data.labeled.samples, labeled, static_cast<std::size_t>(data.settings.fit.early_stopping_blocks),
                                               data.settings.split.embargo());
    const std::vector<std::size_t>& train = blocks.back().train;
    const std::vector<std::size_t>& judge = blocks.back().judged;
    if (train.empty() || judge.empty()) return fail(ErrorCode::data, "no touch is left to fit on after purging", "use more data or a shorter hold");
    const auto train_batch = make_batch(data, train);
    const auto judge_batch = make_batch(data, judge);
    SOFIA_TRY(const models::Dataset train_set, models::Dataset::make(train_batch->data, data.settings.model, threads));
    SOFIA_TRY(const models::Dataset judge_set, models::Dataset::make_aligned(judge_batch->data, train_set, threads));
    SOFIA_TRY(models::Booster booster, models::Booster::fit(data.settings.model, train_set, &judge_set, seed, threads, stop));
    const double seconds = booster.report().seconds;
    return EntryModel{std::move(booster), labels::realized_ev(data.labeled.labels, labeled), labeled.size(), positives, seconds};
}

Result<std::vector<double>> predict_entries(const models::Booster& booster, const History& history, const Candidates& candidates,
                                            std::span<const std::size_t> which) {
    if (which.empty()) return std::vector<double>{};
    const std::vector<double> matrix = feature_matrix(history, candidates, which);
    return booster.predict({matrix, which.size(), history.rows.width()});
}

Result<trading::DecisionCore> run_core(const History& history, const Settings& settings, const Candidates& candidates,
                                       std::span<const std::size_t> which, std::span<const double> probabilities, const trading::EvModel& ev,
                                       trading::Window window) {
    SOFIA_TRY(
        trading::DecisionCore core,
        trading::DecisionCore::make(settings.decision, {.instrument = history.data.instrument, .fills = history.fills, .window = window, .ev = ev}));
    std::vector<trading::Signal> signals;
    signals.reserve(which.size());
    for (std::size_t i = 0; i < which.size(); ++i) signals.push_back({.touch = candidates.touches[which[i]], .probability = probabilities[i]});
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

Result<FoldOutcome> run_fold(const StrategyData& data, const labels::Fold& fold, std::uint64_t seed, std::size_t threads, const StopFlag& stop) {
    FoldOutcome outcome;
    outcome.fold = fold;
    const auto rows = labels::train_rows(data.labeled.samples, fold.train, fold.validation.from, data.settings.split.embargo());
    auto model = fit_entry_model(data, rows, fit_seed(seed, fmt::format("fold {}", fold.index)), threads, stop);
    if (!model) {
        if (model.error().code != ErrorCode::data) return std::unexpected(std::move(model).error());
        outcome.note = model.error().message;
        outcome.score = backtest::fold_score(0, 0.0, data.settings.score);
        return outcome;
    }
    outcome.train_rows = model->train_rows;
    outcome.positives = model->positives;
    outcome.best_iteration = model->booster.report().best_iteration;
    outcome.ev = model->ev;
    outcome.fit_seconds = model->fit_seconds;
    const auto judged = labels::rows_in(data.labeled.samples, fold.validation);
    SOFIA_TRY(const auto probabilities, predict_entries(model->booster, data.history, data.candidates, judged));
    SOFIA_TRY(const trading::DecisionCore core,
              run_core(data.history, data.settings, data.candidates, judged, probabilities, model->ev, fold.validation));
    outcome.trades = core.trades();
    outcome.score = backtest::fold_score(outcome.trades, data.settings.score);
    for (const trading::ClosedTrade& trade : outcome.trades) outcome.gross_r += trade.gross_r;
    outcome.refused = core.refused();
    outcome.unfilled = static_cast<std::int64_t>(core.unfilled().size());
    return outcome;
}

}  // namespace sofia::pipeline

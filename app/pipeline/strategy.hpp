#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "app/pipeline/history.hpp"
#include "app/pipeline/settings.hpp"
#include "backtest/score.hpp"
#include "models/booster.hpp"
#include "trading/core.hpp"

namespace sofia::pipeline {

/// Everything a fold, a training or a backtest of one set of settings works on. References; the owner keeps them alive.
struct StrategyData {
    const History& history;
    const Settings& settings;
    const Candidates& candidates;
    const LabeledCandidates& labeled;
};

/// P(target before stop) and what the gate has to know of the training labels.
struct EntryModel {
    models::Booster booster;
    trading::EvModel ev;
    std::size_t train_rows = 0;
    std::size_t positives = 0;
    double fit_seconds = 0.0;  ///< inside LightGBM; outside every promise of reproducibility
};

/// Fits on the labeled ones of `rows` (ascending, purged), weighted by the average uniqueness of their labels; the last block of them
/// decides when to stop. Errors: data, when there are too few rows or one class is missing; those of the model's fit.
[[nodiscard]] Result<EntryModel> fit_entry_model(const StrategyData& data, std::span<const std::size_t> rows, std::uint64_t seed, std::size_t threads,
                                                 const StopFlag& stop);

/// The feature rows of some candidates as one matrix, row-major.
[[nodiscard]] std::vector<double> feature_matrix(const History& history, const Candidates& candidates, std::span<const std::size_t> which);

/// P(target before stop) for each of `which`.
[[nodiscard]] Result<std::vector<double>> predict_entries(const models::Booster& booster, const History& history, const Candidates& candidates,
                                                          std::span<const std::size_t> which);

/// Runs the decision core over `window` with the candidates `which` (ascending) as signals. Error: config.
[[nodiscard]] Result<trading::DecisionCore> run_core(const History& history, const Settings& settings, const Candidates& candidates,
                                                     std::span<const std::size_t> which, std::span<const double> probabilities,
                                                     const trading::EvModel& ev, trading::Window window);

/// What one fold gave.
struct FoldOutcome {
    labels::Fold fold;
    std::size_t train_rows = 0;
    std::size_t positives = 0;
    std::size_t best_iteration = 0;
    std::string note;                ///< why nothing was fitted, or empty
    trading::EvModel ev;
    backtest::FoldScore score;
    double gross_r = 0.0;
    trading::RefusalCounts refused{};
    std::int64_t unfilled = 0;
    std::vector<trading::ClosedTrade> trades;
    double fit_seconds = 0.0;
};

/// Fits fold `fold` on its purged training rows and runs the core over its validation window. A fold without enough to learn from trades
/// nothing and says so in its note. Errors: config, interrupted, internal.
[[nodiscard]] Result<FoldOutcome> run_fold(const StrategyData& data, const labels::Fold& fold, std::uint64_t seed, std::size_t threads,
                                           const StopFlag& stop);

/// The seed of a fit: by what it is for, the same in tuning and in a later refit.
[[nodiscard]] std::uint64_t fit_seed(std::uint64_t seed, std::string_view purpose);

}  // namespace sofia::pipeline

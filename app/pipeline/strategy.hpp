#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "app/pipeline/classifier.hpp"
#include "app/pipeline/history.hpp"
#include "app/pipeline/settings.hpp"
#include "backtest/score.hpp"
#include "labels/forward.hpp"
#include "trading/core.hpp"

namespace sofia::pipeline {

/// Everything a fold, a training or a backtest of one set of settings works on. References; the owner keeps them alive.
struct StrategyData {
    const History& history;
    const Settings& settings;
    const Candidates& candidates;
    const LabeledCandidates& labeled;
    FitTools tools{};
};

/// What decides about a touch: its models and what the gate has to know of the training labels. A gate that is off has no model.
struct StrategyModels {
    Classifier entry;                  ///< P(target before stop)
    std::optional<Classifier> trend;   ///< up, down, flat
    std::optional<Classifier> regime;  ///< trending up, trending down, ranging, volatile
    labels::RegimeLimits regime_limits;
    trading::EvModel ev;
    std::size_t train_rows = 0;        ///< labeled touches of the entry model
    std::size_t positives = 0;
};

/// Fits on the labeled ones of `rows` (ascending, purged). `purpose` names the seeds, as in "fold 3". Errors: data, when there are too few rows or
/// one class is missing; those of the models' fit.
[[nodiscard]] Result<StrategyModels> fit_models(const StrategyData& data, std::span<const std::size_t> rows, std::string_view purpose,
                                                std::uint64_t seed, std::size_t threads, const StopFlag& stop);

/// What a touch, its trade and its order have in common.
using TouchKey = std::tuple<TimeNs, std::size_t, trading::Direction>;
[[nodiscard]] TouchKey key_of(const trading::Touch& touch);
[[nodiscard]] TouchKey key_of(const trading::ClosedTrade& trade);
[[nodiscard]] TouchKey key_of(const trading::UnfilledOrder& order);

/// The candidates `which` before any model is asked: without probabilities.
[[nodiscard]] std::vector<trading::Signal> bare_signals(const Candidates& candidates, std::span<const std::size_t> which);

/// The candidates `which` with what the models say of them.
[[nodiscard]] Result<std::vector<trading::Signal>> signals_of(const StrategyModels& models, const History& history, const Candidates& candidates,
                                                              std::span<const std::size_t> which);

/// Runs the decision core over `window` with `signals` (in order of time). Error: config.
[[nodiscard]] Result<trading::DecisionCore> run_core(const History& history, const Settings& settings, std::span<const trading::Signal> signals,
                                                     const trading::EvModel& ev, trading::Window window);

/// What the models and the decision core made of a window.
struct WindowRun {
    std::vector<std::size_t> which;  ///< the candidates inside it
    std::vector<trading::Signal> signals;
    trading::DecisionCore core;
};
[[nodiscard]] Result<WindowRun> run_window(const StrategyData& data, const StrategyModels& models, trading::Window window);

/// Fits the models that fold `fold` is judged with, on its purged training rows. Errors: as fit_models.
[[nodiscard]] Result<StrategyModels> fit_fold(const StrategyData& data, const labels::Fold& fold, std::uint64_t seed, std::size_t threads,
                                              const StopFlag& stop);

/// Fits what a trial trades with after tuning: on the rows of `window` whose labels end inside it. Errors: as fit_models.
[[nodiscard]] Result<StrategyModels> fit_final(const StrategyData& data, trading::Window window, std::uint64_t seed, std::size_t threads,
                                               const StopFlag& stop);

/// What one fold gave.
struct FoldOutcome {
    labels::Fold fold;
    std::size_t train_rows = 0;
    std::size_t positives = 0;
    std::size_t best_iteration = 0;  ///< of the entry model's first member
    std::string note;                ///< why nothing was fitted, or empty
    trading::EvModel ev;
    backtest::FoldScore score;
    double gross_r = 0.0;
    trading::RefusalCounts refused{};
    double gate_headroom = -std::numeric_limits<double>::infinity();  ///< trading::DecisionCore::gate_headroom
    std::int64_t unfilled = 0;
    std::vector<trading::ClosedTrade> trades;
};

/// Fits fold `fold` on its purged training rows and runs the core over its validation window. A fold without enough to learn from trades
/// nothing and says so in its note. Errors: config, interrupted, internal.
[[nodiscard]] Result<FoldOutcome> run_fold(const StrategyData& data, const labels::Fold& fold, std::uint64_t seed, std::size_t threads,
                                           const StopFlag& stop);

}  // namespace sofia::pipeline

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/parameter_map.hpp"
#include "app/pipeline/settings.hpp"
#include "app/pipeline/study_ledger.hpp"
#include "app/pipeline/test_adjustment.hpp"
#include "backtest/honesty.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/threads.hpp"

// How much of a trial's figures is owed to its having been chosen among others (docs/touch.md, Honesty).
namespace sofia::pipeline {

/// A Sharpe ratio of daily net R after the choice among all trials on the data, and among as many as they are worth if alike ones are counted once.
struct DeflatedFigures {
    backtest::DeflatedSharpe all;
    double effective = std::numeric_limits<double>::quiet_NaN();  ///< the deflated Sharpe ratio with the effective number of trials
};

/// The robust score beside what the best of skill-less trials scores.
struct NullFigures {
    double score = std::numeric_limits<double>::quiet_NaN();
    std::size_t trials = 0;
    backtest::NullScore null;
    double p = std::numeric_limits<double>::quiet_NaN();  ///< backtest::exceedance
};

/// A stretch of a trial's life.
struct Stage {
    std::string name;  ///< `tuning`, `test`, `shadow`
    std::int64_t trades = 0;
    double net_r = 0.0;
    double gross_r = 0.0;
    double days = 0.0;
};

struct Luck {
    std::vector<std::pair<std::string, std::size_t>> studies;  ///< on these data, with their trials, by name
    std::size_t trials = 0;                                     ///< N: of all of them
    double mean_correlation = std::numeric_limits<double>::quiet_NaN();  ///< of daily net R, within the trial's own study
    double effective_trials = std::numeric_limits<double>::quiet_NaN();
    DeflatedFigures tuning;  ///< over the folds that the trial was chosen by
    DeflatedFigures window;  ///< over the backtest's window, as if it had been chosen there
    backtest::SelectionOverfitting overfitting;
    NullFigures null;
    std::optional<AdjustedTest> test;      ///< where a selection has run trials over test
    std::vector<Stage> stages;             ///< tuning, and test and shadow where a selection has looked
    std::vector<backtest::FoldScore> folds;
    std::optional<ParameterMap> parameters;
};

/// `window_daily`: daily net R of the backtest. `settings` are those that the study was tuned with; `seed` is its seed. Reads the summaries of the
/// study in `folder` and of its neighbours. Errors: io; data, when a summary of the study lacks what is needed, or the trial has none.
[[nodiscard]] Result<Luck> luck_of(const std::filesystem::path& folder, std::int64_t trial, std::span<const double> window_daily,
                                   const Settings& settings, std::uint64_t seed, const Context& context, ThreadPool& pool);

[[nodiscard]] Json to_json(const Luck& luck, std::int64_t trial);

}  // namespace sofia::pipeline

#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "backtest/score.hpp"
#include "base/random.hpp"
#include "base/threads.hpp"
#include "math/overfitting.hpp"

// What is left of the best trial once it is known that it was the best of many (docs/touch.md, Honesty).
namespace sofia::backtest {

/// Where a trial's parameters came from.
enum class Origin { startup, sampled };  // drawn at random before the sampler had learnt, or afterwards

/// A trial as its summary keeps it. Pruned and failed trials belong here too; they have the days that they got to, or none.
struct TrialRecord {
    std::int64_t trial = 0;
    Origin origin = Origin::sampled;
    std::vector<double> daily_net_r;         ///< one a UTC day of the folds' validation windows, days without trades as zeros
    std::vector<std::int64_t> daily_trades;  ///< by exit day; as long as `daily_net_r`
};

/// Daily figures. Standard deviations and variances with n - 1.
struct DeflatedSharpe {
    std::size_t days = 0;                                                            ///< T
    std::size_t trials = 0;                                                          ///< N: all of them
    std::size_t startup_trials = 0;                                                  ///< of these, with a Sharpe
    double sharpe = std::numeric_limits<double>::quiet_NaN();                        ///< a day
    double variance_startup = std::numeric_limits<double>::quiet_NaN();              ///< of Sharpe ratios over random start-up trials
    double variance_all = std::numeric_limits<double>::quiet_NaN();                  ///< over all trials
    double variance = std::numeric_limits<double>::quiet_NaN();  ///< V: the larger one, as a learning sampler narrows the second
    double expected_best = std::numeric_limits<double>::quiet_NaN();  ///< SR0
    double probabilistic = std::numeric_limits<double>::quiet_NaN();  ///< P(true Sharpe > 0) had there been one trial
    double deflated = std::numeric_limits<double>::quiet_NaN();  ///< P(true Sharpe > 0) after the choice
    double min_track_record_days = std::numeric_limits<double>::quiet_NaN();  ///< days to a `probabilistic` of 0.95
    double min_track_record_days_deflated = std::numeric_limits<double>::quiet_NaN();  ///< days to a `deflated` of 0.95; NaN at a Sharpe <= SR0
};

/// `daily_net_r` of the chosen trial. A trial without a Sharpe ratio (it never traded, or failed) counts in N and not in V; where fewer than two have
/// one and N > 1, `deflated` is NaN.
[[nodiscard]] DeflatedSharpe deflated_sharpe(std::span<const double> daily_net_r, std::span<const TrialRecord> trials);

/// Mean correlation of daily net R over all pairs of the trials that have as many days as the longest and that vary; NaN below two of them. For
/// `math::effective_trials`; only for trials over the same days.
[[nodiscard]] double mean_correlation(std::span<const TrialRecord> trials);

struct SelectionOverfitting {
    math::Overfitting cscv;  ///< `chosen` are places in `trials`
    std::vector<std::int64_t> trials;  ///< numbers of the trials compared, ascending
    std::vector<std::int64_t> left_out;  ///< those with fewer days than the longest: pruned and failed ones
    std::int64_t min_trades = 0;  ///< n_min of a block
};

struct OverfittingOptions {
    std::size_t blocks = 16;
    std::int64_t folds = 8;  ///< over the same days: a block's n_min is folds / blocks of a fold's, rounded up
};

/// Probability of backtest overfitting under the selection rule itself: the blocks of a half are the folds, each scored by `fold_score`, a trial by
/// `robust_score`, and trials are ranked by `rank_trials` (infeasible ones last and never chosen). Performance is the robust score.
[[nodiscard]] SelectionOverfitting selection_overfitting(std::span<const TrialRecord> trials, const OverfittingOptions& options,
                                                         const ScoreConfig& config, ThreadPool& pool);

struct NullScoreOptions {
    std::int64_t trials = 200;
    std::vector<std::int64_t> fold_trades = std::vector<std::int64_t>(8, 100);  ///< trades of each fold
    std::size_t replications = 1'000;
};

/// Robust scores of the best of skill-less trials.
struct NullScore {
    double mean = std::numeric_limits<double>::quiet_NaN();  ///< what the best is expected to score
    double standard_error = std::numeric_limits<double>::quiet_NaN();  ///< of `mean`, by Monte Carlo
    std::vector<double> best;  ///< by replication, ascending
};

/// Every trade's R is drawn from `r` less its mean: no skill before costs, so net of costs the truth lies lower. Trials are independent, which is the
/// most that luck can do: trials that resemble each other reach less. NaN where such folds are infeasible, or without trades.
[[nodiscard]] NullScore null_score(std::span<const double> r, const NullScoreOptions& options, const ScoreConfig& config, const RandomStream& random,
                                   ThreadPool& pool);

/// P-value of `value` among draws without skill: (1 + those of `ascending` that reach it) / (1 + all of them). NaN when there are none or `value` is
/// NaN.
[[nodiscard]] double exceedance(std::span<const double> ascending, double value);

}  // namespace sofia::backtest

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/config.hpp"
#include "base/result.hpp"
#include "trading/core.hpp"

// How good a trial is over its folds.
namespace sofia::backtest {

struct ScoreConfig {
    std::int64_t min_trades = 20;
    double quantile = 0.25;
    double max_thin_folds = 0.25;
    double tie_tolerance = 0.01;

    void describe(config::Keys& keys);
    [[nodiscard]] Result<void> validate() const;
};

struct FoldScore {
    std::int64_t trades = 0;
    double net_r = 0.0;
    double score = 0.0;
};

/// S_k = sum of net R / max(n_k, n_min); 0 without trades.
[[nodiscard]] FoldScore fold_score(std::span<const trading::ClosedTrade> trades, const ScoreConfig& config);
[[nodiscard]] FoldScore fold_score(std::int64_t trades, double net_r, const ScoreConfig& config);

struct RobustScore {
    double value = 0.0;           ///< the quantile (type 7) of the fold scores; NaN without folds
    bool feasible = false;        ///< not more than `max_thin_folds` of the folds have fewer than n_min trades
    std::int64_t thin_folds = 0;
    double interquartile = 0.0;   ///< of the fold scores
    double mean = 0.0;
    double mean_lower = 0.0;      ///< mean - 1.645 standard errors over folds; NaN below two folds
};
[[nodiscard]] RobustScore robust_score(std::span<const FoldScore> folds, const ScoreConfig& config);

struct RankedTrial {
    std::int64_t trial = 0;
    RobustScore score;
};

/// Trial numbers from best to worst, feasible ones only: all within `tie_tolerance` of the highest value form a cluster, ordered by
/// (interquartile range, mean_lower descending, trial number); the cluster is taken out and the rest ranked the same way.
[[nodiscard]] std::vector<std::int64_t> rank_trials(std::span<const RankedTrial> trials, const ScoreConfig& config);

}  // namespace sofia::backtest

#include "backtest/score.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "math/statistics.hpp"

namespace sofia::backtest {

void ScoreConfig::describe(config::Keys& keys) {
    keys.integer("min_trades", min_trades, {1, 1'000'000}, "Trades below which a fold's score is divided by this number all the same.");
    keys.number("quantile", quantile, {0.0, 1.0}, "Quantile of the fold scores that is the robust score.");
    keys.number("max_thin_folds", max_thin_folds, {0.0, 1.0}, "Share of folds with fewer trades than min_trades above which a trial is infeasible.");
    keys.number("tie_tolerance", tie_tolerance, {0.0, 10.0}, "Scores within this of the best count as equal, in R.");
}

Result<void> ScoreConfig::validate() const {
    if (min_trades < 1) return fail(ErrorCode::config, "score.min_trades " + std::to_string(min_trades) + " is below 1");
    if (!(quantile >= 0.0 && quantile <= 1.0)) {
        return fail(ErrorCode::config, "score.quantile " + format_double(quantile) + " is not in 0..1");
    }
    if (!(max_thin_folds >= 0.0)) return fail(ErrorCode::config, "score.max_thin_folds " + format_double(max_thin_folds) + " is below 0");
    if (!(tie_tolerance >= 0.0)) return fail(ErrorCode::config, "score.tie_tolerance " + format_double(tie_tolerance) + " is below 0");
    return {};
}

FoldScore fold_score(std::int64_t trades, double net_r, const ScoreConfig& config) {
    if (trades == 0) return {};
    return {trades, net_r, net_r / static_cast<double>(std::max(trades, config.min_trades))};
}

FoldScore fold_score(std::span<const trading::ClosedTrade> trades, const ScoreConfig& config) {
    double net_r = 0.0;
    for (const trading::ClosedTrade& trade : trades) net_r += trade.net_r;
    return fold_score(static_cast<std::int64_t>(trades.size()), net_r, config);
}

RobustScore robust_score(std::span<const FoldScore> folds, const ScoreConfig& config) {
    RobustScore robust;
    std::vector<double> scores;
    for (const FoldScore& fold : folds) {
        scores.push_back(fold.score);
        if (fold.trades < config.min_trades) ++robust.thin_folds;
    }
    const double count = static_cast<double>(folds.size());
    robust.value = math::quantile(scores, config.quantile);
    robust.feasible = !folds.empty() && static_cast<double>(robust.thin_folds) <= config.max_thin_folds * count;
    robust.interquartile = math::quantile(scores, 0.75) - math::quantile(scores, 0.25);
    robust.mean = folds.empty() ? std::numeric_limits<double>::quiet_NaN() : math::mean(scores);
    robust.mean_lower = folds.size() < 2 ? std::numeric_limits<double>::quiet_NaN() : robust.mean - 1.645 * math::stdev(scores) / std::sqrt(count);
    return robust;
}

std::vector<std::int64_t> rank_trials(std::span<const RankedTrial> trials, const ScoreConfig& config) {
    std::vector<RankedTrial> left;
    for (const RankedTrial& trial : trials) {
        if (trial.score.feasible && !std::isnan(trial.score.value)) left.push_back(trial);
    }
    std::ranges::sort(left, [](const RankedTrial& a, const RankedTrial& b) {
        return a.score.value != b.score.value ? a.score.value > b.score.value : a.trial < b.trial;
    });
    // Missing last: a trial of one fold has no lower bound.
    const auto lower = [](const RankedTrial& trial) {
        return std::isnan(trial.score.mean_lower) ? -std::numeric_limits<double>::infinity() : trial.score.mean_lower;
    };
    std::vector<std::int64_t> ranked;
    for (auto first = left.begin(); first != left.end();) {
        const double floor = first->score.value - config.tie_tolerance;
        const auto last = std::find_if(first, left.end(), [&](const RankedTrial& trial) { return trial.score.value < floor; });
        std::sort(first, last, [&](const RankedTrial& a, const RankedTrial& b) {
            if (a.score.interquartile != b.score.interquartile) return a.score.interquartile < b.score.interquartile;
            if (lower(a) != lower(b)) return lower(a) > lower(b);
            return a.trial < b.trial;
        });
        for (; first != last; ++first) ranked.push_back(first->trial);
    }
    return ranked;
}

}  // namespace sofia::backtest

#include "backtest/honesty.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <memory>

#include "math/sharpe.hpp"
#include "math/statistics.hpp"

namespace sofia::backtest {

DeflatedSharpe deflated_sharpe(std::span<const double> daily_net_r, std::span<const TrialRecord> trials) {
    std::vector<double> all;
    std::vector<double> startup;
    for (const TrialRecord& record : trials) {
        const double sharpe = math::sharpe_sample(record.daily_net_r).sharpe;
        if (std::isnan(sharpe)) continue;
        all.push_back(sharpe);
        if (record.origin == Origin::startup) startup.push_back(sharpe);
    }
    DeflatedSharpe out;
    out.days = daily_net_r.size();
    out.trials = trials.size();
    out.startup_trials = startup.size();
    out.variance_startup = math::variance(startup);
    out.variance_all = math::variance(all);
    out.variance = std::fmax(out.variance_startup, out.variance_all);  // the other one where one is NaN
    const auto count = static_cast<double>(std::max<std::size_t>(1, trials.size()));
    out.expected_best = count == 1.0 ? 0.0 : math::expected_best_sharpe(out.variance, count);
    const math::SharpeSample sample = math::sharpe_sample(daily_net_r);
    out.sharpe = sample.sharpe;
    out.probabilistic = math::probabilistic_sharpe(sample, 0.0);
    out.deflated = math::probabilistic_sharpe(sample, out.expected_best);
    out.min_track_record_days = math::min_track_record(sample, 0.0);
    out.min_track_record_days_deflated = math::min_track_record(sample, out.expected_best);
    return out;
}

double mean_correlation(std::span<const TrialRecord> trials) {
    std::size_t days = 0;
    for (const TrialRecord& record : trials) days = std::max(days, record.daily_net_r.size());
    std::vector<double> total(days, 0.0);  // of the standardised series: the square of their sum holds every pair twice
    double count = 0.0;
    for (const TrialRecord& record : trials) {
        if (record.daily_net_r.size() < days) continue;
        const double deviation = math::stdev(record.daily_net_r);
        if (!(deviation > 0.0)) continue;
        const double center = math::mean(record.daily_net_r);
        for (std::size_t day = 0; day < days; ++day) total[day] += (record.daily_net_r[day] - center) / deviation;
        count += 1.0;
    }
    if (count < 2.0) return std::numeric_limits<double>::quiet_NaN();
    for (double& value : total) value *= value;
    const double all = math::sum(total) / (static_cast<double>(days) - 1.0);
    return (all - count) / (count * (count - 1.0));
}

namespace {

/// Scores of each block, trial by trial.
using BlockScores = std::vector<std::vector<FoldScore>>;

std::vector<FoldScore> block_scores(const TrialRecord& record, std::size_t blocks, const ScoreConfig& config) {
    assert(record.daily_trades.size() == record.daily_net_r.size());
    const std::vector<std::size_t> bounds = math::block_bounds(record.daily_net_r.size(), blocks);
    std::vector<FoldScore> scores;
    for (std::size_t b = 0; b < blocks; ++b) {
        double net_r = 0.0;
        std::int64_t trades = 0;
        for (std::size_t day = bounds[b]; day < bounds[b + 1]; ++day) {
            net_r += record.daily_net_r[day];
            trades += record.daily_trades[day];
        }
        scores.push_back(fold_score(trades, net_r, config));
    }
    return scores;
}

RobustScore score_of(const std::vector<FoldScore>& all, std::span<const std::size_t> blocks, const ScoreConfig& config) {
    std::vector<FoldScore> folds;
    folds.reserve(blocks.size());
    for (const std::size_t b : blocks) folds.push_back(all[b]);
    return robust_score(folds, config);
}

math::SelectionRule rule_of(BlockScores scores, const ScoreConfig& config) {
    const auto shared = std::make_shared<const BlockScores>(std::move(scores));
    return {.rank =
                [shared, config](std::span<const std::size_t> blocks, std::span<double> ranking) {
                    std::vector<RankedTrial> ranked;
                    ranked.reserve(shared->size());
                    for (std::size_t i = 0; i < shared->size(); ++i) {
                        ranked.push_back({static_cast<std::int64_t>(i), score_of((*shared)[i], blocks, config)});
                    }
                    std::ranges::fill(ranking, std::numeric_limits<double>::quiet_NaN());
                    auto place = static_cast<double>(ranking.size());
                    for (const std::int64_t i : rank_trials(ranked, config)) ranking[static_cast<std::size_t>(i)] = place--;
                },
            .performance = [shared, config](std::span<const std::size_t> blocks,
                                            std::size_t trial) { return score_of((*shared)[trial], blocks, config).value; }};
}

}  // namespace

SelectionOverfitting selection_overfitting(std::span<const TrialRecord> trials, const OverfittingOptions& options, const ScoreConfig& config,
                                           ThreadPool& pool) {
    std::vector<const TrialRecord*> ordered;
    std::size_t days = 0;
    for (const TrialRecord& record : trials) {
        ordered.push_back(&record);
        days = std::max(days, record.daily_net_r.size());
    }
    std::ranges::sort(ordered, {}, &TrialRecord::trial);
    SelectionOverfitting out;
    ScoreConfig block_config = config;
    const auto blocks = static_cast<std::int64_t>(options.blocks);
    block_config.min_trades = std::max<std::int64_t>(1, (config.min_trades * options.folds + blocks - 1) / blocks);
    out.min_trades = block_config.min_trades;
    BlockScores scores;
    for (const TrialRecord* record : ordered) {
        if (record->daily_net_r.size() < days || days < options.blocks) {
            out.left_out.push_back(record->trial);
            continue;
        }
        out.trials.push_back(record->trial);
        scores.push_back(block_scores(*record, options.blocks, block_config));
    }
    out.cscv = math::overfitting_of(out.trials.size(), options.blocks, rule_of(std::move(scores), block_config), pool);
    return out;
}

NullScore null_score(std::span<const double> r, const NullScoreOptions& options, const ScoreConfig& config, const RandomStream& random,
                     ThreadPool& pool) {
    NullScore out;
    const double center = math::mean(r);
    std::vector<FoldScore> probe;
    for (const std::int64_t trades : options.fold_trades) probe.push_back(fold_score(trades, 0.0, config));
    if (std::isnan(center) || options.trials < 1 || options.replications < 1 || !robust_score(probe, config).feasible) return out;
    std::vector<double> centred;
    for (const double value : r) centred.push_back(value - center);
    out.best.resize(options.replications);
    pool.for_each(options.replications, [&](std::size_t i) {
        RandomStream draw = random.split(i);
        double best = -std::numeric_limits<double>::infinity();
        std::vector<FoldScore> folds(options.fold_trades.size());
        for (std::int64_t trial = 0; trial < options.trials; ++trial) {
            for (std::size_t fold = 0; fold < folds.size(); ++fold) {
                double net_r = 0.0;
                for (std::int64_t k = 0; k < options.fold_trades[fold]; ++k) net_r += centred[draw.below(centred.size())];
                folds[fold] = fold_score(options.fold_trades[fold], net_r, config);
            }
            best = std::max(best, robust_score(folds, config).value);
        }
        out.best[i] = best;
    });
    std::ranges::sort(out.best);
    out.mean = math::mean(out.best);
    out.standard_error = math::stdev(out.best) / std::sqrt(static_cast<double>(out.best.size()));
    return out;
}

double exceedance(std::span<const double> ascending, double value) {
    if (ascending.empty() || std::isnan(value)) return std::numeric_limits<double>::quiet_NaN();
    const auto reached = ascending.end() - std::ranges::lower_bound(ascending, value);
    return static_cast<double>(1 + reached) / static_cast<double>(1 + ascending.size());
}

}  // namespace sofia::backtest

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/core.h>

#include "math/signed_rank.hpp"
#include "tune/learnt.hpp"
#include "tune/pruner.hpp"

namespace sofia::tune {

namespace {

/// The best complete feasible trial; the lowest number of equal ones.
struct BestTrial {
    FrozenTrial trial;  ///< its number, value and reports
    bool found = false;

    void learn(const FrozenTrial& one, const std::vector<Direction>& directions) {
        if (one.state != TrialState::complete || one.values.empty() || !one.feasible()) return;
        const double value = one.values.front();
        if (found) {
            const double best = trial.values.front();
            const bool better = directions.front() == Direction::minimize ? value < best : value > best;
            if (!better && !(value == best && one.number < trial.number)) return;
        }
        found = true;
        trial = FrozenTrial();
        trial.number = one.number;
        trial.values = one.values;
        trial.reports = one.reports;
    }
};

using Reports = std::map<std::int64_t, double>;

bool all_finite(const Reports& reports) {
    return std::all_of(reports.begin(), reports.end(), [](const auto& at) { return std::isfinite(at.second); });
}

double mean(const Reports& reports) {
    double sum = 0.0;
    for (const auto& [step, value] : reports) sum += value;
    return sum / static_cast<double>(reports.size());
}

class WilcoxonPruner : public Pruner {
public:
    explicit WilcoxonPruner(const WilcoxonConfig& config) : config_(config) {}

    PruneVerdict prune(const History& history, const FrozenTrial& trial) const override {
        if (trial.reports.empty() || !all_finite(trial.reports)) return {};
        const BestTrial& best = learnt_.of(history);
        if (!best.found || best.trial.reports.empty() || !all_finite(best.trial.reports)) return {};
        const bool minimize = history.directions().front() == Direction::minimize;
        std::vector<double> worse_by;
        for (const auto& [step, value] : trial.reports) {
            const auto theirs = best.trial.reports.find(step);
            if (theirs != best.trial.reports.end()) worse_by.push_back(minimize ? value - theirs->second : theirs->second - value);
        }
        if (std::ssize(worse_by) < std::max<std::int64_t>(2, config_.startup_steps)) return {};
        if (!(math::signed_rank_p(worse_by) < config_.p_threshold)) return {};
        const double ours = mean(trial.reports);
        const double theirs = mean(best.trial.reports);
        return {minimize ? ours > theirs : ours < theirs, {}};
    }

private:
    WilcoxonConfig config_;
    mutable Learnt<BestTrial> learnt_;
};

}  // namespace

Result<void> WilcoxonConfig::validate() const {
    if (!(p_threshold >= 0.0 && p_threshold <= 1.0)) {
        return fail(ErrorCode::config, fmt::format("wilcoxon pruner: p_threshold {} is not from 0 to 1", p_threshold));
    }
    if (startup_steps < 0) return fail(ErrorCode::config, fmt::format("wilcoxon pruner: startup_steps {} is negative", startup_steps));
    return {};
}

std::unique_ptr<Pruner> wilcoxon_pruner(const WilcoxonConfig& config) { return std::make_unique<WilcoxonPruner>(config); }

}  // namespace sofia::tune

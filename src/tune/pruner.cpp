#include "tune/pruner.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/core.h>

#include "tune/learnt.hpp"

namespace sofia::tune {

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

class NoPruner : public Pruner {
public:
    PruneVerdict prune(const History&, const FrozenTrial&) const override { return {}; }
};

/// The smallest (largest) that is not NaN; NaN of nothing else.
template <class Iterator>
double best_of(Iterator begin, Iterator end, Direction direction) {
    double best = not_a_number;
    for (; begin != end; ++begin) {
        const double value = begin->second;
        if (std::isnan(best) || (direction == Direction::minimize ? value < best : value > best)) best = value;
    }
    return best;
}

/// numpy's percentile, linear, of ascending values: with an infinity beside it the interpolation gives NaN, there as here.
double percentile_of(const std::vector<double>& ascending, double percentile) {
    if (ascending.empty()) return not_a_number;
    const double at = static_cast<double>(ascending.size() - 1) * (percentile / 100.0);
    const double below = std::floor(at);
    const bool last = at >= static_cast<double>(ascending.size() - 1);
    const double a = last ? ascending.back() : ascending[static_cast<std::size_t>(below)];
    const double b = last ? ascending.back() : ascending[static_cast<std::size_t>(below) + 1];
    const double part = last ? 1.0 : at - below;
    return part >= 0.5 ? b - (b - a) * (1.0 - part) : a + (b - a) * part;
}

/// The complete trials' reports by step.
struct ReportsByStep {
    struct Step {
        std::vector<double> ascending;  ///< without NaN
        std::int64_t count = 0;         ///< with NaN
    };
    std::map<std::int64_t, Step> steps;

    void learn(const FrozenTrial& trial, const std::vector<Direction>&) {
        if (trial.state != TrialState::complete) return;
        for (const auto& [step, value] : trial.reports) {
            Step& at = steps[step];
            ++at.count;
            if (!std::isnan(value)) at.ascending.insert(std::upper_bound(at.ascending.begin(), at.ascending.end(), value), value);
        }
    }
};

class PercentilePruner : public Pruner {
public:
    explicit PercentilePruner(const PercentileConfig& config) : config_(config) {}

    PruneVerdict prune(const History& history, const FrozenTrial& trial) const override { return {prunes(history, trial), {}}; }

private:
    bool prunes(const History& history, const FrozenTrial& trial) const {
        const auto complete = static_cast<std::int64_t>(history.count(TrialState::complete));
        if (complete == 0 || complete < config_.startup_trials || trial.reports.empty()) return false;
        const std::int64_t step = trial.reports.rbegin()->first;
        if (!config_.steps.looks_at(trial, step)) return false;

        const Direction direction = history.directions().front();
        const double best = best_of(trial.reports.begin(), trial.reports.end(), direction);
        if (std::isnan(best)) return true;
        const ReportsByStep& others = learnt_.of(history);
        const auto at = others.steps.find(step);
        if (at == others.steps.end() || at->second.count < config_.min_trials) return false;
        const bool minimize = direction == Direction::minimize;
        const double limit = percentile_of(at->second.ascending, minimize ? config_.percentile : 100.0 - config_.percentile);
        return minimize ? best > limit : best < limit;  // false for a NaN limit
    }

    PercentileConfig config_;
    mutable Learnt<ReportsByStep> learnt_;
};

class PatientPruner : public Pruner {
public:
    PatientPruner(const PatientConfig& config, std::unique_ptr<Pruner> wrapped) : config_(config), wrapped_(std::move(wrapped)) {}

    PruneVerdict prune(const History& history, const FrozenTrial& trial) const override {
        const auto recent = config_.patience + 1;
        const auto count = static_cast<std::int64_t>(trial.reports.size());
        if (count <= recent) return {};
        const auto split = std::next(trial.reports.begin(), count - recent);
        const Direction direction = history.directions().front();
        const double before = best_of(trial.reports.begin(), split, direction);
        const double after = best_of(split, trial.reports.end(), direction);
        // False where one of them is NaN.
        const bool stuck = direction == Direction::minimize ? before + config_.min_delta < after : before - config_.min_delta > after;
        if (!stuck) return {};
        return wrapped_ ? wrapped_->prune(history, trial) : PruneVerdict{true, {}};
    }

private:
    PatientConfig config_;
    std::unique_ptr<Pruner> wrapped_;
};

class ThresholdPruner : public Pruner {
public:
    explicit ThresholdPruner(const ThresholdConfig& config) : config_(config) {}

    PruneVerdict prune(const History&, const FrozenTrial& trial) const override {
        if (trial.reports.empty()) return {};
        const auto& [step, value] = *trial.reports.rbegin();
        if (!config_.steps.looks_at(trial, step)) return {};
        return {std::isnan(value) || value < config_.lower || value > config_.upper, {}};
    }

private:
    ThresholdConfig config_;
};

}  // namespace

Result<void> PruneSteps::validate(const std::string& pruner) const {
    if (warmup < 0) return fail(ErrorCode::config, fmt::format("{} pruner: warmup_steps {} is negative", pruner, warmup));
    if (interval < 1) return fail(ErrorCode::config, fmt::format("{} pruner: interval_steps {} is less than 1", pruner, interval));
    return {};
}

bool PruneSteps::looks_at(const FrozenTrial& trial, std::int64_t step) const {
    if (step < warmup) return false;
    const std::int64_t start = (step - warmup) / interval * interval + warmup;
    return trial.reports.size() < 2 || std::next(trial.reports.rbegin())->first < start;
}

Result<void> PercentileConfig::validate() const {
    if (!(percentile >= 0.0 && percentile <= 100.0)) {
        return fail(ErrorCode::config, fmt::format("percentile or median pruner: percentile {} is not from 0 to 100", percentile));
    }
    if (startup_trials < 0) return fail(ErrorCode::config, fmt::format("percentile or median pruner: startup_trials {} is negative", startup_trials));
    if (min_trials < 1) return fail(ErrorCode::config, fmt::format("percentile or median pruner: min_trials {} is less than 1", min_trials));
    return steps.validate("percentile");
}

Result<void> PatientConfig::validate() const {
    if (patience < 0) return fail(ErrorCode::config, fmt::format("patient pruner: patience {} is negative", patience));
    if (!(min_delta >= 0.0)) return fail(ErrorCode::config, fmt::format("patient pruner: min_delta {} is not 0 or more", min_delta));
    return {};
}

Result<void> ThresholdConfig::validate() const {
    if (!std::isfinite(lower) && !std::isfinite(upper)) return fail(ErrorCode::config, "threshold pruner: there is no limit", "give lower or upper");
    if (!(lower <= upper)) return fail(ErrorCode::config, fmt::format("threshold pruner: lower {} is above upper {}", lower, upper));
    return steps.validate("threshold");
}

std::unique_ptr<Pruner> no_pruner() { return std::make_unique<NoPruner>(); }
std::unique_ptr<Pruner> percentile_pruner(const PercentileConfig& config) { return std::make_unique<PercentilePruner>(config); }
std::unique_ptr<Pruner> median_pruner(const PercentileConfig& config) {
    PercentileConfig half = config;
    half.percentile = 50.0;
    return std::make_unique<PercentilePruner>(half);
}
std::unique_ptr<Pruner> patient_pruner(const PatientConfig& config, std::unique_ptr<Pruner> wrapped) {
    return std::make_unique<PatientPruner>(config, std::move(wrapped));
}
std::unique_ptr<Pruner> threshold_pruner(const ThresholdConfig& config) { return std::make_unique<ThresholdPruner>(config); }

}  // namespace sofia::tune

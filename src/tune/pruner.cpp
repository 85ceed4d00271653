#include "tune/pruner.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/text.hpp"

namespace sofia::tune {

namespace {

class NoPruner : public Pruner {
public:
    bool prune(const History&, const FrozenTrial&) const override { return false; }
};

/// numpy's nanmedian: the middle one, or the mean of the middle two; NaN of nothing.
double median(std::vector<double> values) {
    std::erase_if(values, [](double v) { return std::isnan(v); });
    if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
    std::sort(values.begin(), values.end());
    const std::size_t half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : values[half - 1] + (values[half] - values[half - 1]) * 0.5;
}

class MedianPruner : public Pruner {
public:
    explicit MedianPruner(const MedianConfig& config) : config_(config) {}

    bool prune(const History& history, const FrozenTrial& trial) const override {
        const auto complete = static_cast<std::int64_t>(history.count(TrialState::complete));
        if (complete == 0 || complete < config_.startup_trials || trial.reports.empty()) return false;
        const std::int64_t step = trial.reports.rbegin()->first;
        if (step < config_.warmup_steps || !first_in_interval(trial, step)) return false;

        const bool minimize = history.directions().front() == Direction::minimize;
        double best = std::numeric_limits<double>::quiet_NaN();
        for (const auto& [at, value] : trial.reports) {
            if (std::isnan(best) || (minimize ? value < best : value > best)) best = value;
        }
        if (std::isnan(best)) return true;

        std::vector<double> others;
        for (const TrialPtr& other : history.finished_log()) {
            if (other->state != TrialState::complete) continue;
            const auto at = other->reports.find(step);
            if (at != other->reports.end()) others.push_back(at->second);
        }
        if (static_cast<std::int64_t>(others.size()) < config_.min_trials) return false;
        const double limit = median(std::move(others));
        return minimize ? best > limit : best < limit;  // false for a NaN limit
    }

private:
    /// Whether no earlier report lies in the same interval of steps.
    bool first_in_interval(const FrozenTrial& trial, std::int64_t step) const {
        const std::int64_t start = (step - config_.warmup_steps) / config_.interval_steps * config_.interval_steps + config_.warmup_steps;
        return trial.reports.size() < 2 || std::next(trial.reports.rbegin())->first < start;
    }

    MedianConfig config_;
};

}  // namespace

Result<void> MedianConfig::validate() const {
    if (startup_trials < 0 || warmup_steps < 0 || interval_steps < 1 || min_trials < 1) {
        return fail(ErrorCode::config, "median pruner: startup_trials and warmup_steps are at least 0, interval_steps and min_trials at least 1");
    }
    return {};
}

std::unique_ptr<Pruner> no_pruner() { return std::make_unique<NoPruner>(); }
std::unique_ptr<Pruner> median_pruner(const MedianConfig& config) { return std::make_unique<MedianPruner>(config); }

Result<std::unique_ptr<Pruner>> make_pruner(const std::string& name) {
    if (name == "none") return no_pruner();
    if (name == "median") return median_pruner();
    const std::vector<std::string> known = {"none", "median"};
    return fail(ErrorCode::usage, with_suggestion("unknown pruner \"" + name + "\"", name, known), "pruners: none, median");
}

}  // namespace sofia::tune

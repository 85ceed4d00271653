#include "tune/importance.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/core.h>

#include "base/text.hpp"
#include "tune/importance_data.hpp"

namespace sofia::tune {

namespace {

std::set<std::string> names_of(std::span<const TrialPtr> trials) {
    std::set<std::string> names;
    for (const TrialPtr& trial : trials) {
        for (const Param& param : trial->params) names.insert(param.name);
    }
    return names;
}

}  // namespace

Result<void> PedAnovaOptions::validate() const {
    if (0.0 < target_quantile && target_quantile < region_quantile && region_quantile <= 1.0) return {};
    return fail(ErrorCode::usage,
                fmt::format("PED-ANOVA needs 0 < target quantile < region quantile <= 1, not {} and {}", target_quantile, region_quantile));
}

Result<void> FanovaOptions::validate() const {
    if (trees >= 1 && depth_max >= 1) return {};
    return fail(ErrorCode::usage, fmt::format("fANOVA needs at least one tree and one level, not {} and {}", trees, depth_max));
}

Result<ImportanceTrials> importance_trials(std::span<const TrialPtr> trials, const std::vector<Direction>& directions,
                                           const ImportanceOptions& options) {
    if (options.objective >= directions.size()) {
        return fail(ErrorCode::usage, fmt::format("there is no objective {}", options.objective),
                    directions.size() == 1 ? "the study has one objective, number 0"
                                           : fmt::format("the study's objectives are 0 to {}", directions.size() - 1));
    }
    ImportanceTrials out;
    for (const TrialPtr& trial : trials) {
        if (trial != nullptr && trial->state == TrialState::complete && options.objective < trial->values.size()) out.complete.push_back(trial);
    }
    const std::set<std::string> names = names_of(out.complete);
    const std::vector<std::string> known(names.begin(), names.end());
    for (const std::string& name : options.params) {
        if (names.contains(name)) continue;
        return fail(ErrorCode::usage, with_suggestion(fmt::format("no complete trial has a parameter {}", name), name, known));
    }
    const double sign = directions[options.objective] == Direction::minimize ? 1.0 : -1.0;
    for (const TrialPtr& trial : out.complete) {
        const double value = trial->values[options.objective];
        if (!std::isfinite(value)) continue;
        out.finite.push_back(trial);
        out.losses.push_back(sign * value);
    }
    return out;
}

std::vector<Importance> largest_first(std::vector<Importance> importances) {
    std::ranges::sort(importances, [](const Importance& a, const Importance& b) { return a.value != b.value ? a.value > b.value : a.name < b.name; });
    return importances;
}

std::vector<Importance> normalized(std::vector<Importance> importances) {
    double sum = 0.0;
    for (const Importance& one : importances) sum += one.value;
    for (Importance& one : importances) one.value = sum == 0.0 ? 1.0 / static_cast<double>(importances.size()) : one.value / sum;
    return importances;
}

}  // namespace sofia::tune

#include "app/pipeline/study_importance.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "tune/importance.hpp"

namespace sofia::pipeline {

namespace {

std::ptrdiff_t finite_values(const LoadedStudy& loaded, std::size_t objective) {
    return std::ranges::count_if(loaded.trials, [&](const tune::TrialPtr& trial) {
        return trial->state == tune::TrialState::complete && objective < trial->values.size() && std::isfinite(trial->values[objective]);
    });
}

}  // namespace

Result<Output> assess_importance(const ImportanceRequest& request, const Context& context) {
    SOFIA_TRY(const LoadedStudy loaded, load_study(request.choice));
    const tune::ImportanceOptions options{.objective = request.target, .params = request.params};
    const tune::FanovaOptions forest{.seed = context.seed, .threads = context.threads};
    SOFIA_TRY(const std::vector<tune::Importance> raw, request.evaluator == ImportanceEvaluator::fanova
                                                           ? tune::fanova(loaded.trials, loaded.info.directions, options, forest)
                                                           : tune::ped_anova(loaded.trials, loaded.info.directions, options));
    if (finite_values(loaded, request.target) < 2) {
        return fail(ErrorCode::data,
                    fmt::format("study \"{}\" has fewer than two complete trials with a finite value: nothing can be told of its parameters",
                                printable(loaded.info.name)),
                    "run more trials");
    }
    if (!raw.empty() && std::ranges::all_of(raw, [](const tune::Importance& one) { return one.value == 0.0; })) {
        context.log.warning("no parameter tells good trials from bad ones; equal shares mean nothing here");
    }
    const char* evaluator = request.evaluator == ImportanceEvaluator::fanova ? "fanova" : "ped-anova";
    Json json = {{"study", loaded.info.name}, {"evaluator", evaluator}, {"objective", request.target}, {"importances", Json::object()}};
    std::vector<std::vector<std::string>> rows;
    constexpr double bar_width = 40.0;
    for (const tune::Importance& one : tune::normalized(raw)) {
        json["importances"][one.name] = one.value;
        rows.push_back({printable(one.name), fmt::format("{:.4f}", one.value), std::string(static_cast<std::size_t>(one.value * bar_width), '#')});
    }
    const std::vector<std::string> header = {"parameter", "importance", evaluator};
    return make_output(rows.empty() ? "no parameter\n" : format_table(header, rows), std::move(json));
}

}  // namespace sofia::pipeline

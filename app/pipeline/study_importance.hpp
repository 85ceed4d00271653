#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/study_open.hpp"

namespace sofia::pipeline {

enum class ImportanceEvaluator : std::uint8_t { ped_anova, fanova };

struct ImportanceRequest {
    StudyChoice choice;
    ImportanceEvaluator evaluator = ImportanceEvaluator::ped_anova;
    std::vector<std::string> params;  ///< empty: all that the evaluator can assess
    std::size_t target = 0;           ///< the objective
};

/// How much each parameter matters, shares of 1, largest first. `context.seed` seeds fANOVA's forest. Where no parameter tells good trials from bad
/// ones the shares are equal, as Optuna's, and that is logged. Errors: those of load_study; usage (no such parameter or objective; fANOVA, and all
/// values are equal); data (fewer than two complete trials with a finite value).
[[nodiscard]] Result<Output> assess_importance(const ImportanceRequest& request, const Context& context);

}  // namespace sofia::pipeline

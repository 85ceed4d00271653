#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/study_open.hpp"

namespace sofia::pipeline {

enum class ImportanceMethod : std::uint8_t { ped_anova, fanova };

struct ImportanceRequest {
    StudyChoice choice;
    ImportanceMethod method = ImportanceMethod::ped_anova;
    std::vector<std::string> params;  ///< empty: all that the method can assess
    std::size_t target = 0;           ///< the objective
};

/// How much each parameter matters, shares of 1, largest first. `context.seed` seeds fANOVA's forest. Errors: those of load_study; usage (no such
/// parameter or objective; nothing to tell trials apart).
[[nodiscard]] Result<Output> assess_importance(const ImportanceRequest& request, const Context& context);

}  // namespace sofia::pipeline

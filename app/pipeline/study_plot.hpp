#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/study_importance.hpp"
#include "app/pipeline/study_open.hpp"
#include "report/study.hpp"

namespace sofia::pipeline {

struct PlotRequest {
    StudyChoice choice;
    std::filesystem::path out;        ///< empty: <study>.html in the current folder
    std::vector<std::string> params;  ///< which parameters, each a name or several with commas between; empty: all
    std::string target;               ///< an objective's name or number; empty: all of them, to choose among
    std::optional<ImportanceEvaluator> evaluator = ImportanceEvaluator::ped_anova;  ///< none: importance is not assessed
};

/// What the page of a study shows. Errors: usage (no such parameter or objective, with the nearest one); data (no trial is complete and none has
/// reported a value).
[[nodiscard]] Result<report::StudyData> study_plot_data(const LoadedStudy& loaded, const PlotRequest& request, const Context& context);

/// Writes the page, atomically. Errors: those of load_study and study_plot_data; usage (the study's name cannot be a file's and `out` is not given);
/// io.
[[nodiscard]] Result<Output> plot_study(const PlotRequest& request, const Context& context);

}  // namespace sofia::pipeline

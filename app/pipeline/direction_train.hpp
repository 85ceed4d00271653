#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/direction_kpis.hpp"
#include "app/pipeline/direction_promote.hpp"
#include "app/pipeline/direction_scores.hpp"
#include "app/pipeline/output.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// One call of `sofia train` for the direction strategy.
struct DirectionTrainRequest {
    std::filesystem::path summary;   ///< tuning_summary_<trial>.json
    std::vector<std::string> sets;   ///< over the trial's settings
    std::filesystem::path data_dir;  ///< empty: the summary's
    std::filesystem::path model_dir; ///< models/<SYMBOL>; empty: where the summary's study lies
    Promote promote = Promote::if_better;
};

struct DirectionTrainResult {
    std::filesystem::path folder;  ///< model_dir/YYYY-MM-DD, or with -2, -3, … behind it
    std::filesystem::path model;   ///< lgbm.txt in it, or the file of a registered learner
    std::size_t trees = 0;         ///< 0 for a registered learner
    std::size_t bytes = 0;         ///< of the model
    ProbabilityScores validation;
    ProbabilityScores test;
    std::vector<Kpi> kpis;         ///< of the simulation; empty: there was none
    Promotion promotion;
};

/// Fits the model of a trial as the trial did (trained on the training window, stopped by validation), measures it on the test window, and writes
/// `lgbm.txt`, `model_card.json`, `model_card.html`, `manifest.json` and the files of its simulation into a folder of the day (UTC), which appears
/// whole. The link `best_lgbm` beside it moves when the model is better than the one that it names, on this validation window. Errors: io, data,
/// config; blocked, when the data's columns are not those of the summary, or the model in use cannot be compared; interrupted.
[[nodiscard]] Result<DirectionTrainResult> train_direction(const DirectionTrainRequest& request, const Context& context);

[[nodiscard]] Output describe(const DirectionTrainResult& result);

}  // namespace sofia::pipeline

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "app/pipeline/artifacts.hpp"
#include "app/pipeline/context.hpp"
#include "app/pipeline/study_terms.hpp"
#include "app/pipeline/tune.hpp"
#include "base/config.hpp"
#include "base/result.hpp"
#include "tune/study.hpp"

namespace sofia::pipeline {

/// A study's name is the name of its folder, so it must not lead anywhere else. Error: usage.
[[nodiscard]] Result<void> check_study_name(const std::string& study);

/// The values between which, or from which, a distribution draws.
[[nodiscard]] std::vector<tune::ParamValue> extremes(const tune::Distribution& distribution);

/// Sets the values that a trial draws, by name, under the configuration keys that `key_of` gives for all of them. Returns key -> value as YAML, as
/// the trial's summary keeps them. Error: config.
[[nodiscard]] Result<std::map<std::string, std::string>> set_parameters(config::Keys& keys, const std::map<std::string, tune::ParamValue>& values,
                                                                        const std::map<std::string, std::string>& key_of);

/// What a strategy's study is opened with beside the request.
struct TuneStudy {
    std::string name;
    StudyFolder folder;
    tune::Direction direction = tune::Direction::maximize;
    std::string sampler;
    std::int64_t startup_trials = 10;
    std::string pruner = "none";
    StudyTerms terms;
};

/// Creates or resumes the study of a strategy in its folder, or in the storage that was asked for, and holds it to its terms. Errors: config
/// (sampler, pruner), io, conflict (it is there, other terms, or summaries in the folder of trials that the study does not know: they would be
/// written over).
[[nodiscard]] Result<tune::Study> open_tune_study(const TuneRequest& request, const TuneStudy& asked, const Context& context);

}  // namespace sofia::pipeline

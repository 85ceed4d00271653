#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "app/pipeline/artifacts.hpp"
#include "app/pipeline/crew.hpp"
#include "app/pipeline/dataset_cache.hpp"
#include "app/pipeline/shared_cache.hpp"
#include "app/pipeline/stage_clock.hpp"
#include "app/pipeline/strategy.hpp"
#include "app/pipeline/study_terms.hpp"
#include "app/pipeline/tune.hpp"
#include "tune/optimize.hpp"
#include "tune/study.hpp"

namespace sofia::pipeline {

/// What all trials of a call of `tune` share: one history in one process, read by all workers. Read by many threads; the caches, the clock, the crew
/// and what stands behind `mutex` change while trials run.
struct Search {
    Search(const TuneRequest& asked, const Context& with) : request(asked), context(with) {}

    const TuneRequest& request;
    const Context& context;
    Settings settings;
    History history;
    labels::Splits splits;
    StudyTerms terms;
    std::vector<labels::Fold> folds;
    tune::SearchSpace space;
    std::map<std::string, std::string> keys;  ///< parameter -> configuration key
    std::int64_t largest_hold_bars = 0;
    std::string study;
    tune::Study* opened = nullptr;  ///< the study itself, once it is open
    StudyFolder folder;
    std::size_t workers = 1;            ///< folds that are worked on at the same time
    std::size_t lightgbm_threads = 1;   ///< of each

    SharedCache<Candidates> candidates{16};
    SharedCache<LabeledCandidates> labeled{16};
    std::unique_ptr<DatasetCache> datasets;
    std::unique_ptr<Crew> crew;
    StageClock clock;

    std::mutex mutex;
    Result<void> written;  ///< the first failure to write a summary
    std::int64_t feasible = 0;
};

/// The settings of a trial with these parameters. `params` gets configuration key -> value as YAML.
[[nodiscard]] Result<Settings> trial_settings(const Search& search, const std::map<std::string, tune::ParamValue>& values,
                                              std::map<std::string, std::string>& params);

/// Whether a trial's own settings are looked at under this key: what is made once for all trials cannot be searched.
[[nodiscard]] bool is_of_a_trial(const std::string& key);

/// Scores a trial on the search's folds and writes its summary. The folds are jobs of the crew, reported in their order. Errors: those of the
/// settings, the fits and the summary; interrupted.
[[nodiscard]] Result<tune::Outcome> run_trial(Search& search, tune::Trial& trial);

}  // namespace sofia::pipeline

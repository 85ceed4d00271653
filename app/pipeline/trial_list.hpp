#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/summary.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// A trial by its summary.
struct StudyTrial {
    std::filesystem::path summary;
    SummaryHead head;
};

/// Whether a file is a trial's summary, by its name.
[[nodiscard]] bool is_summary(const std::filesystem::path& path);

/// The summaries of a study's folder by trial number. Errors: io; data, naming the file.
[[nodiscard]] Result<std::vector<StudyTrial>> read_study(const std::filesystem::path& folder);

/// Places in `trials` from best to worst (backtest::rank_trials, with the study's tie tolerance): complete and feasible ones only.
[[nodiscard]] Result<std::vector<std::size_t>> ranked(const std::vector<StudyTrial>& trials);

/// Which trials may be chosen from.
enum class TrialKind : std::uint8_t { tuned, trained };

/// All trials of the studies in `model_dir` and up to two folders below it: by study, best first, then those that are not ranked. Of trained ones
/// `path_of` is the train config, of tuned ones the summary. A summary that cannot be read is warned of and left out. Error usage: there is none.
[[nodiscard]] Result<std::vector<StudyTrial>> list_trials(const std::filesystem::path& model_dir, TrialKind kind, const Context& context);
[[nodiscard]] std::filesystem::path path_of(const StudyTrial& trial, TrialKind kind);

/// Number from 1, study, trial, state, robust score, trades, status, file; and the same as a JSON list.
[[nodiscard]] Output describe(const std::vector<StudyTrial>& trials, TrialKind kind);

}  // namespace sofia::pipeline

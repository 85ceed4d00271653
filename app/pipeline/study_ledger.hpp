#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/verdict.hpp"
#include "backtest/honesty.hpp"
#include "base/result.hpp"
#include "trading/window.hpp"

namespace sofia::pipeline {

/// What a summary says that tells skill from luck.
struct TrialLedger {
    backtest::TrialRecord record;
    std::string state;                          ///< `complete`, `pruned`
    std::map<std::string, std::string> params;  ///< configuration key -> value as YAML
    std::vector<backtest::FoldScore> folds;
    double gross_r = 0.0;             ///< of all folds
    std::vector<double> trade_net_r;  ///< of all folds, in the order of their exits
    double robust_score = 0.0;
    Verdict verdict;
};

/// All trials that a study has finished.
struct StudyLedger {
    std::filesystem::path folder;         ///< of its summaries
    std::string study;
    std::string symbol;
    trading::Window tuning;
    std::size_t trials = 0;               ///< complete, pruned and failed ones, as far as summaries and the folder's database know them
    std::vector<TrialLedger> summarised;  ///< by number; a failed trial leaves no summary

    /// One record a trial, empty ones for those without a summary.
    [[nodiscard]] std::vector<backtest::TrialRecord> records() const;

    /// Error data: the trial has no summary.
    [[nodiscard]] Result<const TrialLedger*> find(std::int64_t trial) const;
};

/// Of the summaries in a study's folder. Error: io; data, naming the file: one that an earlier version has written lacks the days' trades.
[[nodiscard]] Result<StudyLedger> read_ledger(const std::filesystem::path& folder);

/// The studies beside `folder` that were tuned on the same symbol and on some of the same time as `study`, by name. One that cannot be read is
/// warned of and left out.
[[nodiscard]] std::vector<StudyLedger> neighbouring_ledgers(const std::filesystem::path& folder, const StudyLedger& study, const Context& context);

}  // namespace sofia::pipeline

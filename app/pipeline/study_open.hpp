#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "tune/study.hpp"

namespace sofia::pipeline {

/// Which study a verb means.
struct StudyChoice {
    std::string storage;  ///< a URL or a bare path; empty: NAME.db of the current folder
    std::string study;    ///< empty: the only study of the storage
};

/// A storage that is already there. Nothing is made. Errors: usage, io (no such file, a folder), data (not a study file, another schema),
/// unavailable (no server).
[[nodiscard]] Result<std::shared_ptr<tune::Storage>> open_existing(const StudyChoice& choice);

/// The study without its trials. Errors usage: no such study, with the nearest name; several and none is named.
[[nodiscard]] Result<tune::StudyInfo> choose_study(tune::Storage& storage, const StudyChoice& choice);

/// A study as it was stored when it was opened.
struct LoadedStudy {
    std::shared_ptr<tune::Storage> storage;
    tune::StudyInfo info;
    tune::Study study;
    std::vector<tune::TrialPtr> trials;  ///< by number, none missing

    [[nodiscard]] std::size_t count(tune::TrialState state) const;

    /// The best trial, or those that no other dominates; empty when none is complete and feasible.
    [[nodiscard]] std::vector<tune::TrialPtr> best() const;

    /// What an objective is called: as the study says it, else `value`, or `value 0`, `value 1`.
    [[nodiscard]] std::vector<std::string> objective_names() const;
};

/// Opens, chooses, reads. Errors as above.
[[nodiscard]] Result<LoadedStudy> load_study(const StudyChoice& choice);

/// The names of `study:metric_names`; empty when the study has none.
[[nodiscard]] std::vector<std::string> metric_names(const tune::StudyInfo& info);

/// Finite numbers as they are, NaN as null, infinities as the strings "Infinity" and "-Infinity", which JavaScript and Python read as numbers.
[[nodiscard]] Json plain_number(double value);
[[nodiscard]] Json plain_value(const tune::ParamValue& value);

/// An attribute's text as a document; one that cannot be read comes back as text.
[[nodiscard]] Json plain_attribute(const std::string& json);

/// Everything of a trial: number, state, value or values, params, intermediate_values, attributes, constraints, times, duration in seconds.
[[nodiscard]] Json trial_document(const tune::FrozenTrial& trial, std::size_t objectives);

/// At most six digits, for tables: `0.0123457`.
[[nodiscard]] std::string short_number(double value);
[[nodiscard]] std::string short_value(const tune::ParamValue& value);

/// Values with a comma between; a dash when there is none.
[[nodiscard]] std::string values_text(const tune::FrozenTrial& trial);

/// From start to end in seconds; NaN when one is missing.
[[nodiscard]] double seconds_of(const tune::FrozenTrial& trial);

/// `1.25 s`, `3 min 20 s`; a dash when unknown.
[[nodiscard]] std::string duration_text(double seconds);

/// `minimize, maximize`.
[[nodiscard]] std::string directions_text(const std::vector<tune::Direction>& directions);

}  // namespace sofia::pipeline

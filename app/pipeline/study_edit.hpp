#pragma once

#include <cstdint>
#include <string>

#include "app/pipeline/output.hpp"
#include "app/pipeline/study_open.hpp"

namespace sofia::pipeline {

struct CopyRequest {
    StudyChoice from;
    std::string to_storage;  ///< made when missing; empty: the same one
    std::string to_study;    ///< empty: the same name
};

/// Copies a study as Optuna's copy_study does: directions, attributes and every trial with all it has, unfinished ones too; trials are numbered
/// anew in order. All of it or nothing. Errors: those of load_study; conflict: the name exists.
[[nodiscard]] Result<Output> copy_study(const CopyRequest& request);

/// Errors: those of load_study; usage: an empty name; conflict: the name exists.
[[nodiscard]] Result<Output> rename_study(const StudyChoice& choice, const std::string& name);

enum class Consent : std::uint8_t { missing, given };

/// Deletes a study and its trials. Errors: those of load_study; usage without consent.
[[nodiscard]] Result<Output> delete_study(const StudyChoice& choice, Consent consent);

}  // namespace sofia::pipeline

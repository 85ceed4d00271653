#pragma once

#include <cstdint>
#include <filesystem>

#include "app/pipeline/output.hpp"
#include "app/pipeline/study_open.hpp"

namespace sofia::pipeline {

enum class ExportFormat : std::uint8_t { csv, parquet, json };

struct ExportRequest {
    StudyChoice choice;
    ExportFormat format = ExportFormat::csv;
    std::filesystem::path out;  ///< empty: standard output, which takes text only
};

/// All trials of a study. CSV and Parquet have the columns of Optuna's `trials_dataframe()` in its order: `number`, `value` (or `values_0`, … or
/// `values_<metric>`), `datetime_start`, `datetime_complete` (UTC), `duration` in seconds, `params_<name>`, `user_attrs_<key>`,
/// `system_attrs_<key>`, `state`. A parameter or attribute is a column of numbers where every value it has is one, else of text (attributes as
/// JSON); what a trial has not is empty. In CSV an infinite number is `inf` or `-inf`, as pandas and polars read it. JSON is the study with
/// everything its trials have, intermediate values too. Written atomically. Errors: those of load_study; usage (Parquet without a file); io.
[[nodiscard]] Result<Output> export_study(const ExportRequest& request);

}  // namespace sofia::pipeline

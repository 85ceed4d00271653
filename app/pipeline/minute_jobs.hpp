#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/direction_train.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/store_put.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

// The small jobs around minute rows under the names that programs know them by (sofia in Python has the same), from files to files. minute_features
// itself is features/minute.hpp on bars, and write_minute_table (direction_data.hpp) on a data folder.
namespace sofia::pipeline {

/// Rows of minutes in one file, Parquet or CSV with `ts`, cut into training and validation.
struct TimeSplitRequest {
    std::filesystem::path in;
    double val_days = 14.0;
    std::int64_t horizon = 5;       ///< minutes
    std::filesystem::path out_dir;  ///< gets train.parquet and validation.parquet
};

/// By the rule of features::time_based_split: what lies between the two has a label that ends in validation, and is counted. Errors: io, data, usage.
[[nodiscard]] Result<Output> time_based_split(const TimeSplitRequest& request, const Context& context);

struct LeakGuardRequest {
    std::filesystem::path train;
    std::filesystem::path validation;
    std::int64_t horizon = 5;  ///< minutes
};

/// features::guard_no_future_leak on the `ts` of two files. Errors: blocked (training reaches into validation), io, data.
[[nodiscard]] Result<Output> guard_no_future_leak(const LeakGuardRequest& request);

/// Rows into the feature store at `out_dir`, a folder or a URL, as the last written ones of their ts (put_rows). Errors: as put_rows.
[[nodiscard]] Result<PutReport> to_parquet(const store::FeatureRows& rows, const std::string& out_dir, const std::string& symbol,
                                           const Context& context);

struct ToParquetRequest {
    std::vector<std::filesystem::path> files;  ///< Parquet or CSV
    std::string out_dir;
    std::string symbol;
    std::optional<DurationNs> bar;  ///< see store::FeatureFileOptions
};

/// The same of files, in their order. Errors: those of store::read_feature_file too.
[[nodiscard]] Result<Output> to_parquet(const ToParquetRequest& request, const Context& context);

struct TrainFromParquetRequest {
    std::filesystem::path path;  ///< what `tune` takes as data: rows, bars or trades
    std::filesystem::path config_file;  ///< of the direction strategy
    std::vector<std::string> sets;
    double val_days = 14.0;
    std::optional<double> test_days;  ///< none: as val_days
    std::int64_t trials = 50;
    std::filesystem::path model_dir = "models";  ///< gets <SYMBOL>/
    std::string symbol;  ///< empty: that of the data
    std::string study;  ///< empty: a random readable name
    std::int64_t workers = 0;  ///< 0: one a thread
    Promote promote = Promote::if_better;
};

/// Tunes the direction strategy on the rows of `path` and trains the best trial. Errors: those of tune_direction and train_direction; usage, when no
/// trial has ended well.
[[nodiscard]] Result<DirectionTrainResult> train_from_parquet(const TrainFromParquetRequest& request, const Context& context);

}  // namespace sofia::pipeline

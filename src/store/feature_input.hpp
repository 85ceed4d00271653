#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/feature_rows.hpp"

namespace sofia::store {

/// Whether a table without times is an error, or comes with empty `ts`, `known_at`, or both.
enum class TableTimes : std::uint8_t { required, optional };

struct FeatureFileOptions {
    /// Length of a bar: known_at is ts plus it in a table without known_at, ts is known_at less it in one without ts. Else unused.
    std::optional<DurationNs> bar;
    TableTimes times = TableTimes::required;
};

/// Reads a table of feature rows: Parquet, or CSV by its name (.csv, .csv.gz, .csv.zst).
///
/// Times: `ts` (or open_time, timestamp), the start of the bar, and `known_at` (or close_time); timestamps, or unix times whose unit shows in the
/// first row. A column `written_at` is left out. Other columns keep their type, float32 as float64, narrow integers as int64. In CSV a column that is
/// among `known` has its type; of others, true and false make a boolean, numbers float64, ISO times a timestamp, anything else text. Empty is
/// missing, in a column of numbers `nan` too. Errors: io; data with file and line, also for a missing time column, with what to do.
[[nodiscard]] Result<FeatureRows> read_feature_file(const std::filesystem::path& path, std::span<const Column> known,
                                                    const FeatureFileOptions& options = {});

enum class WrittenAt : std::uint8_t { leave_out, keep };

/// ts, known_at, written_at if asked for, then the columns; times as `2024-01-31T00:00:00Z`, numbers as the shortest text that reads back, missing as
/// nothing.
[[nodiscard]] std::string feature_csv(const FeatureRows& rows, WrittenAt written_at = WrittenAt::leave_out);

/// Writes CSV by its name (.csv), else Parquet; atomically. Error: io.
[[nodiscard]] Result<void> write_feature_file(const std::filesystem::path& path, const FeatureRows& rows,
                                              WrittenAt written_at = WrittenAt::leave_out);

}  // namespace sofia::store

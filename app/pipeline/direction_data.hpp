#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/custom.hpp"
#include "app/pipeline/direction_settings.hpp"
#include "app/pipeline/output.hpp"
#include "base/result.hpp"
#include "features/catalogue.hpp"
#include "features/minute.hpp"
#include "market/bar.hpp"
#include "models/matrix.hpp"
#include "store/folder.hpp"
#include "trading/entry.hpp"
#include "trading/window.hpp"

namespace sofia::pipeline {

/// The minutes of a data folder and their features.
struct Minutes {
    std::string symbol;
    bool simulated = false;
    std::vector<std::filesystem::path> files;
    std::vector<market::Bar> bars;  ///< closed minutes; those without a print are filled
    trading::FillMode fills = trading::FillMode::bar_open;  ///< what an order fills on: bar_close where opens carry the last close on
    std::vector<features::FeatureSpec> columns;  ///< of `table`, the registered ones last
    features::MinuteTable table;
    Custom custom;             ///< what was registered and is used here
    std::vector<TimeNs> ends;  ///< when `table.y` of a row is known, where its label is a registered one; else empty: the horizon after the row
    std::size_t warm_up = 0;   ///< bars that registered columns wait for

    [[nodiscard]] TimeNs end_time(std::size_t row) const { return ends.empty() ? table.end_time(row) : ends[row]; }
};

/// Reads trades or 1-minute bars, fills holes with the last close (bars::Cascade) and makes the features and labels that `settings` ask for; those
/// that are registered from outside pass the leak audit first (custom.hpp). Errors: io, data, config; blocked (a leak).
[[nodiscard]] Result<Minutes> load_minutes(const store::DataFolder& folder, const DirectionSettings& settings, const Context& context);

/// SHA-256 of the bars inside `window`: times, prices, volume.
[[nodiscard]] std::string bars_hash(const std::vector<market::Bar>& bars, trading::Window window);

/// The rows of one window that a model can learn from or be judged by: warmed up, with a label that ended before the next window began.
struct DirectionSample {
    trading::Window window;        ///< of `ts`
    std::vector<TimeNs> ts;
    std::vector<double> features;  ///< row-major
    std::vector<double> y;
    std::size_t width = 0;
    std::size_t purged = 0;     ///< left out because their label ends in the next window
    std::size_t unlabeled = 0;  ///< left out because there is no close `horizon` minutes later
    TimeNs last_end = 0;        ///< when the last label is known
    DurationNs longest = 0;     ///< from a row's `known_at` to the end of its label, at most

    [[nodiscard]] std::size_t rows() const { return ts.size(); }
    [[nodiscard]] models::MatrixView matrix() const { return {features, rows(), width}; }
    [[nodiscard]] double ups() const;  ///< how many labels are 1
};

/// Training, validation and what comes after them, in order of time; each begins where the one before ends.
struct DirectionWindows {
    trading::Window train;
    trading::Window validation;
    trading::Window test;

    friend bool operator==(const DirectionWindows&, const DirectionWindows&) = default;
};

/// The rows of the three windows. Nothing but a final model's figures may look at test.
struct DirectionSamples {
    DirectionSample train;
    DirectionSample validation;
    DirectionSample test;
};

/// SHA-256 of the rows of training and validation: times, features, labels. What a trial's value follows from.
[[nodiscard]] std::string rows_hash(const DirectionSamples& samples);

/// Whether a row's columns that need nothing but bars are numbers.
[[nodiscard]] bool warmed_up(std::span<const double> row);

/// Windows by `split`: test ends with the last bar, validation where test begins. Error: data, when nothing is left to train on.
[[nodiscard]] Result<DirectionWindows> direction_windows(const Minutes& minutes, const DirectionSplitConfig& split);

/// The rows inside `windows` that a model is fitted on; those of test are left out, whatever it holds. Purged as in `direction_samples`. Errors:
/// data, when training or validation is empty or training has one class only.
[[nodiscard]] Result<DirectionSamples> fitting_samples(const Minutes& minutes, const DirectionWindows& windows);

/// The rows inside `windows`. Purged rows make `guard_no_future_leak` pass between neighbours, which is asked. Errors: data, when a window is empty
/// or training has one class only.
[[nodiscard]] Result<DirectionSamples> direction_samples(const Minutes& minutes, const DirectionWindows& windows);
[[nodiscard]] Result<DirectionSamples> direction_samples(const Minutes& minutes, const DirectionSplitConfig& split);

/// One call of `sofia features --minute`.
struct MinuteTableRequest {
    std::filesystem::path config_file;
    std::vector<std::string> sets;
    std::filesystem::path data_dir;
    std::filesystem::path out;  ///< a Parquet file
};

/// Writes `ts`, `known_at`, the features and `y`, a row a minute. Errors: config, data, io.
[[nodiscard]] Result<Output> write_minute_table(const MinuteTableRequest& request, const Context& context);

}  // namespace sofia::pipeline

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "models/booster.hpp"
#include "models/calibration.hpp"

namespace sofia::models {

/// A column a model was fitted on. The version changes when the feature's definition does.
struct FeatureId {
    std::string name;
    std::string version = "1";

    friend bool operator==(const FeatureId&, const FeatureId&) = default;
};

/// SHA-256 of the canonical JSON of the ordered names and versions: `[["m1.rsi14","1"],…]`.
[[nodiscard]] std::string feature_hash(const std::vector<FeatureId>& features);

/// A stretch of time [begin, end) whose data has shaped the model, by the purpose it served.
struct Window {
    std::string name;     ///< `tuning`, `train`, `early stopping`, `calibration`, …
    TimeNs begin = 0;
    TimeNs end = 0;

    friend bool operator==(const Window&, const Window&) = default;
};

/// One booster of a model, its calibrator beside it.
struct Member {
    std::string name = "model";  ///< file `<name>.txt`; letters, digits, `_` and `-`
    Booster booster;
    Calibrator calibrator;
};

/// What `model_<trial>/` holds: a text file a member, features.json, calibrator.json, and model.json, which names them with their hashes.
struct Model {
    std::vector<Member> members;         ///< at least one
    std::vector<FeatureId> features;     ///< the columns of every member, in order
    TimeNs train_end = 0;                ///< no label or feature after this moment has shaped the model
    std::vector<Window> windows;         ///< everything it has seen, in order of time
    std::string symbol;
    bool simulated = false;              ///< fitted on simulated data
};

/// The first window that shares a moment with [begin, end), or nullptr: such a backtest would be in-sample.
[[nodiscard]] const Window* overlapping_window(const Model& model, TimeNs begin, TimeNs end);

/// Writes the files one by one, model.json last, each atomically; files of other names (backtests) stay. An earlier model.json is removed first, so
/// that a broken-off save cannot be taken for a model. Errors: io; usage (members, names or columns do not fit).
[[nodiscard]] Result<void> save_model(const std::filesystem::path& folder, const Model& model);

/// Reads it back and checks hashes, columns and versions against each other. Errors: io; data, naming the file.
[[nodiscard]] Result<Model> load_model(const std::filesystem::path& folder);

}  // namespace sofia::models

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace sofia::pipeline {

/// Where things of one study lie under `--model-dir` (models/<SYMBOL>). Paths only; nothing is made.
struct StudyFolder {
    std::filesystem::path root;  ///< models/<SYMBOL>/<study>

    [[nodiscard]] std::filesystem::path database() const { return root / "optuna.db"; }
    [[nodiscard]] std::filesystem::path manifest() const { return root / "manifest.json"; }
    [[nodiscard]] std::filesystem::path summary(std::int64_t trial) const { return root / ("tuning_summary_" + std::to_string(trial) + ".json"); }
    [[nodiscard]] std::filesystem::path train_config(std::int64_t trial) const { return root / ("train_config_" + std::to_string(trial) + ".json"); }
    [[nodiscard]] std::filesystem::path model(std::int64_t trial) const { return root / ("model_" + std::to_string(trial)); }
};

}  // namespace sofia::pipeline

#pragma once

#include <filesystem>
#include <string>

#include "app/pipeline/feature_stream.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

// What `sofia train` leaves for a warm start: the state of a feature stream at `train_end`, the last moment that the training may know. A process
// that reads it and takes what came after that moment makes the rows and touches that it would make after the whole history, to the last bit on one
// build.
namespace sofia::pipeline {

struct FeatureState {
    std::string symbol;
    TimeNs as_of = 0;      ///< the stream has taken everything that was known then, and nothing else
    FeatureStream stream;
};

/// The file's name in a model folder.
inline constexpr const char* feature_state_file = "feature_state.json";

/// Writes it atomically; equal states give equal bytes. The stream was advanced to `as_of`. Error: io.
[[nodiscard]] Result<void> write_feature_state(const std::filesystem::path& file, const FeatureState& state);

/// Reads it back with the configuration that stands in it; `at`: at whose closes the stream hands out rows. Errors: io (no such file); data, naming
/// file and place: no whole file, another schema, a content that is not what was written, columns that this program makes differently.
[[nodiscard]] Result<FeatureState> read_feature_state(const std::filesystem::path& file, RowTimeframes at = {});

/// The entry of a process that goes on from a training: the feature state of a model folder, which has to be of the model's `train_end` and columns.
/// Errors: as read_feature_state; those of models::load_model.
[[nodiscard]] Result<FeatureState> warm_features(const std::filesystem::path& model_folder, RowTimeframes at = {});

/// Error blocked: `wanted` would make other rows or touches than the stream of `state`; the first key that differs is named with both values.
[[nodiscard]] Result<void> check_stream_config(const std::filesystem::path& file, const FeatureState& state, const FeatureStreamConfig& wanted);

}  // namespace sofia::pipeline

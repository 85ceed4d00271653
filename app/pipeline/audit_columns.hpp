#pragma once

#include <string>
#include <vector>

#include "app/pipeline/settings.hpp"
#include "base/result.hpp"
#include "features/catalogue.hpp"
#include "models/model_folder.hpp"

namespace sofia::pipeline {

/// The columns as the models room names them.
[[nodiscard]] std::vector<models::FeatureId> feature_ids(const std::vector<features::FeatureSpec>& columns);

/// The columns that the settings give, without reading any data. Error: config.
[[nodiscard]] Result<std::vector<features::FeatureSpec>> columns_of(const Settings& settings);

/// Feature audit: the columns that a model expects against those that the data and the settings give, in order, with their versions. Error:
/// blocked, with both lists cut to what differs.
[[nodiscard]] Result<void> audit_columns(const std::vector<models::FeatureId>& expected, const std::vector<features::FeatureSpec>& present);

}  // namespace sofia::pipeline

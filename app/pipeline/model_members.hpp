#pragma once

#include "app/pipeline/strategy.hpp"
#include "models/model_folder.hpp"

namespace sofia::pipeline {

/// The boosters of a strategy as the members of a model folder: `entry`, `trend` and `regime`, or `entry_1`, `entry_2`, … with several seeds. The
/// calibrator stands beside each member of its classifier. Leaves `models` without boosters.
[[nodiscard]] std::vector<models::Member> to_members(StrategyModels models);

/// Back again, without what only training knows. `where` stands for the folder in messages. Error: data, when the members are not those of
/// a strategy or those that the gates of `settings` need are missing.
[[nodiscard]] Result<StrategyModels> from_members(std::vector<models::Member> members, const Settings& settings, const std::string& where);

}  // namespace sofia::pipeline

#pragma once

#include <optional>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/direction_data.hpp"
#include "app/pipeline/direction_settings.hpp"
#include "base/result.hpp"
#include "market/bar.hpp"
#include "store/feature_rows.hpp"
#include "store/folder.hpp"

// The direction strategy from rows that were made before, in place of trades or bars.
namespace sofia::pipeline {

/// The rows of a data folder of kind `rows`: of a feature store what a read gives, of files all their rows. By ts, one a ts. `known_at` is a minute
/// after ts where files do not say. Errors: io; data (a ts twice, columns of one name and two types); those of the store.
[[nodiscard]] Result<store::FeatureRows> read_rows(const store::DataFolder& folder, const Context& context);

/// Rows that hold 1-minute bars: open, high, low, close, volume, perhaps buy_volume, sell_volume and the other columns of bars. Nothing for rows
/// without these. Errors: data, with the time of a row that is no bar of a minute.
[[nodiscard]] Result<std::optional<std::vector<market::Bar>>> bars_of_rows(const store::FeatureRows& rows);

/// Minutes whose columns stand in `rows`: close, ret1, sma20_gap, sma50_gap, vol_z, and with `features.order_flow` flow and flow20. Other columns are
/// not used, and named in the log. Labels follow from the closes (features::minute_features): a column `y` is held against them, since a label of
/// another horizon would end inside the next window unseen. The bars of these minutes know their close alone: open, high and low are the close,
/// volume is missing, and orders fill on closes. Errors: data (a missing column, rows that are not minutes in order, a `y` that is none of this
/// horizon, with the one that it is of); config (columns that are made of bars are asked for: features.joined, features.custom, funding.file, label).
[[nodiscard]] Result<Minutes> minutes_of_rows(const store::DataFolder& folder, const store::FeatureRows& rows, const DirectionSettings& settings,
                                              const Context& context);

}  // namespace sofia::pipeline

#pragma once

#include <filesystem>
#include <vector>

#include "base/result.hpp"
#include "market/bar.hpp"
#include "market/timeframe.hpp"
#include "store/folder.hpp"
#include "store/report.hpp"
#include "store/trades.hpp"

namespace sofia::store {

struct BarData {
    std::vector<market::Bar> bars;  ///< ascending, one a start; intervals without a bar are left out and reported as gaps
    market::Timeframe timeframe = market::one_minute();
    ReadReport report;
};

/// Reads the bar files of a folder (CSV as in `read_trades`, or Parquet): timestamp or open_time is the bar's START; open, high, low, close
/// above zero, volume not negative; optional trades, vwap, buy_volume, sell_volume, plus_ticks, minus_ticks, filled: empty is NaN.
/// Of buy_volume and sell_volume one gives the other. A bar is `filled` if the file says so or, without that column, if it has no
/// volume and no trade. An open outside [low, high] widens the bar; high below low, or a close outside, is a bad row.
/// The timeframe is the commonest distance of neighbours (1m for a single bar); it divides a day and every start lies on its grid.
/// Of bars with the same start the first in the order of file names stays. Errors: as `read_trades`.
[[nodiscard]] Result<BarData> read_bars(const DataFolder& folder, const ReadOptions& options);

}  // namespace sofia::store

#pragma once

#include <span>
#include <vector>

#include "glue.hpp"
#include "market/bar.hpp"
#include "market/timeframe.hpp"

namespace sofia::python {

/// Finished bars of one timeframe, as a table brought them.
struct BarInput {
    std::vector<market::Bar> bars;
    market::Timeframe timeframe = market::one_minute();
};

/// Bars from columns by name: open_time, open, high, low, close, volume; optional vwap, trades, buy_volume, sell_volume, plus_ticks, minus_ticks
/// (missing: NaN), filled. The rules are those of store::read_bars for files: prices above zero, volume not negative, an open outside [low, high]
/// widens the bar, starts ascend on the grid of their commonest distance. Holding Python's lock. Throws Failure: data, with the row from 0.
[[nodiscard]] BarInput bars_of(const nb::dict& columns);

/// The columns of bars by name, as bar tables in Parquet have them. Holding Python's lock.
[[nodiscard]] nb::dict columns_of(std::span<const market::Bar> bars);

}  // namespace sofia::python

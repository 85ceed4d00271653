#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "store/csv_bars.hpp"

namespace sofia::store {

/// Whether a .json file is a list of candles, by its first bytes: a list of objects or of lists, or an exchange's answer that holds one
/// (`{"result": {"list": [` as Bybit sends it). Error: io.
[[nodiscard]] Result<bool> looks_like_klines(const std::filesystem::path& path);

/// The block of a whole file of candles in JSON, in the order of the file:
///
///   [{"ts": 1704067200, "o": 42283.5, "h": 42290, "l": 42283.5, "c": 42289.5, "v": 12.5}, …]      also under their long names: open, high, low,
///   close,
///                                                                                               volume, timestamp, time, t, start, open_time,
///                                                                                               openTime
///   [[1704067200000, "42283.5", "42290", "42283.5", "42289.5", "12.5", …], …]                   what stands behind the volume is left out
///   {"result": {"list": [[…], …]}}
///
/// Times are the candle's start in seconds, or ms, us, ns, as the first one shows; numbers may stand in quotes. Checked and completed as the rows of
/// other bar files. Errors: io; data, naming the file and the line or the candle (from 1) and what is wrong with it.
[[nodiscard]] Result<BarBlock> read_kline_json(const std::filesystem::path& path, BadRows bad_rows, BarLayout& layout);

}  // namespace sofia::store

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "base/progress.hpp"
#include "base/result.hpp"
#include "market/trade.hpp"
#include "store/folder.hpp"
#include "store/report.hpp"

namespace sofia::store {

/// What to do with a row that is malformed or has an impossible value.
enum class BadRows : std::uint8_t {
    refuse,  ///< the first one is the error
    skip,    ///< left out, counted, the first ones listed
};

struct ReadOptions {
    BadRows bad_rows = BadRows::refuse;
    std::size_t threads = 0;          ///< 0: the cores this process may use. The result does not depend on it.
    const StopFlag* stop = nullptr;   ///< asked between blocks; then the error is `interrupted`
    std::optional<market::Trade> before;  ///< the print before a folder that goes on later: the tick rule then begins with it
};

/// Takes what is read. Both are called by the thread that called `read_trades`.
struct TradeSink {
    /// Throw away what came: rows out of order were found late, and reading starts again with sorting. At most once a read.
    std::function<void()> restart;

    /// The next trades. Valid during the call only; never empty.
    std::function<void(std::span<const market::Trade>)> block;
};

/// Reads every trade of the folder in time order, in blocks of some thousands; memory does not grow with the files' size as long as each
/// file is in order. Trades of one time keep the order of their file; between files the one that starts earlier goes first, then by name.
/// A file that is newest first is read backward, ties too; any other disorder is sorted (stable), which holds that file in memory.
///
/// CSV: UTF-8 (a byte-order mark is fine), comma, LF or CRLF, fields may be quoted but hold no line break, blank lines are skipped.
///   timestamp      unix time from 1970 to 2200, decimals allowed (cut after the ninth of a second); seconds, or ms, us, ns from 1e11,
///                  1e14, 1e17 up, as the first row of the file shows; or `2020-01-01T00:00:00Z`
///   price          above zero, finite         size    not negative, finite        side    Buy or Sell, any case
///   tickDirection  PlusTick, ZeroPlusTick, MinusTick, ZeroMinusTick, any case; without the column, by the tick rule over the trades in
///                  their final order, starting with zero_plus, or from `ReadOptions::before` where that is not after the first
///   trdMatchID     where there is one, a row with an id that already came at the same time is a duplicate and is dropped
/// Numbers are read to the nearest double, exactly as std::from_chars does.
/// Parquet: the same columns as numbers (or timestamps) and text.
///
/// Errors: io (a file cannot be read), data (`FILE line N: …`: a bad row, a truncated or damaged archive, a line longer than 1 MiB, bytes
/// that are no UTF-8, a file with no row, no row at all), interrupted. After an error what came is to be thrown away.
[[nodiscard]] Result<ReadReport> read_trades(const DataFolder& folder, const ReadOptions& options, const TradeSink& sink);

}  // namespace sofia::store

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/folder.hpp"
#include "store/report.hpp"
#include "store/trades.hpp"

namespace sofia::store {

struct CheckOptions {
    ReadOptions read;
    DurationNs gap_min = ns_per_hour;  ///< trades: how long without a print, inside the session, is a gap; bars: any missing one is
    double spike = 0.05;               ///< a price this fraction away from both its neighbours, on one side, is an outlier
    std::size_t listed_max = 20;       ///< how many gaps and outliers are listed
};

/// A print (or a close) that stands alone above or below its neighbours.
struct Outlier {
    TimeNs ts = 0;
    double price = 0.0;
    double before = 0.0;
    double after = 0.0;
};

/// What `sofia data check` tells.
struct DataCheck {
    DataKind kind = DataKind::trades;
    std::string symbol;
    ReadReport report;        ///< rows, span, duplicates, disorder, bad rows, carried and widened opens
    std::string timeframe;    ///< of bars; empty for trades
    double price_min = 0.0;
    double price_max = 0.0;
    double volume = 0.0;      ///< sum of sizes
    std::uint64_t identical = 0;  ///< trades equal to the one before in every field: normal for orders filled in pieces
    std::uint64_t filled = 0;     ///< bars without a print
    std::uint64_t gap_count = 0;
    DurationNs gap_total = 0;
    std::vector<Gap> gaps;        ///< the longest first, ties by time
    std::uint64_t outlier_count = 0;
    std::vector<Outlier> outliers;  ///< the first ones
};

/// Reads the whole folder once. Errors: as `read_trades` and `read_bars`; with `options.read.bad_rows` skip, bad rows are counted instead.
[[nodiscard]] Result<DataCheck> check(const DataFolder& folder, const CheckOptions& options = {});

}  // namespace sofia::store

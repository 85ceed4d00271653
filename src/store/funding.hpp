#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace sofia::store {

/// One settlement of a perpetual: longs pay `rate` (a fraction of notional, not percent) to shorts at `ts`; negative: shorts pay.
struct FundingRate {
    TimeNs ts = 0;
    double rate = 0.0;
    friend bool operator==(const FundingRate&, const FundingRate&) = default;
};

/// Reads a CSV (also .gz, .zst) with timestamp, funding_rate (or rate) and optionally symbol and exchange, of which the rows equal to
/// `symbol` and `exchange` (any case) are kept; an empty one matches when the file holds a single value. Ascending, one a time.
/// Errors: io; data (`FILE line N: …`, a rate beyond -1..1, two rates at one time, nothing that matches: the names that are there are listed).
[[nodiscard]] Result<std::vector<FundingRate>> read_funding(const std::filesystem::path& path, const std::string& symbol,
                                                            const std::string& exchange);

}  // namespace sofia::store

#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.hpp"
#include "store/folder.hpp"
#include "store/report.hpp"
#include "store/trades.hpp"

namespace sofia::store {

struct ImportReport {
    ReadReport read;
    std::filesystem::path folder;  ///< out/SYMBOL
    std::uint64_t days = 0;        ///< files written
};

/// Trade files of any kind into `out/SYMBOL/date=YYYY-MM-DD/trades.parquet`, one file a UTC day, in time order, without duplicates;
/// instrument.yaml is copied beside them. `out/SYMBOL` appears whole or not at all, and opens as a DataFolder that reads the same trades.
/// Errors: as `read_trades`; usage when the folder holds bars; conflict when out/SYMBOL is there and not empty; io.
[[nodiscard]] Result<ImportReport> import_trades(const DataFolder& folder, const std::filesystem::path& out, const ReadOptions& options);

}  // namespace sofia::store

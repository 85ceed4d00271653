#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "base/result.hpp"
#include "market/bar.hpp"
#include "market/instrument.hpp"
#include "market/timeframe.hpp"
#include "market/trade.hpp"
#include "store/bars.hpp"
#include "store/folder.hpp"
#include "store/trades.hpp"

namespace sofia::pipeline {

/// The history of one symbol in memory: trades, or the bars of the first timeframe. Exactly one of the two is filled.
struct MarketData {
    std::string symbol;
    market::Instrument instrument;
    market::Session session;
    store::DataKind kind = store::DataKind::bars;
    std::vector<market::Trade> trades;  ///< in time order
    std::vector<market::Bar> bars;      ///< of `base`, in time order; opens widened into [low, high] where they were carried
    store::ReadReport report;
    std::vector<std::filesystem::path> files;
};

/// Reads a data folder whole and logs what is worth knowing of it. Bars must be of `base`. Errors: as store's readers; data, when the bars
/// are of another timeframe.
[[nodiscard]] Result<MarketData> load_market_data(const store::DataFolder& folder, market::Timeframe base, const store::ReadOptions& options,
                                                  const Context& context);

/// What a reader saw, as lines for the log: rows, span, and whatever was not plain.
void log_report(const store::ReadReport& report, const Context& context);

/// Error data where two neighbouring trades lie more than ten years apart. `last` is the time before the first of them, then that of the last.
[[nodiscard]] Result<void> check_holes(const store::DataFolder& folder, std::span<const market::Trade> trades, TimeNs& last);

}  // namespace sofia::pipeline

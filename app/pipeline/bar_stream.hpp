#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/settings.hpp"
#include "bars/cascade.hpp"
#include "base/result.hpp"
#include "market/trade.hpp"
#include "store/folder.hpp"
#include "store/report.hpp"

namespace sofia::pipeline {

/// Takes what a data folder holds: prints, or bars of the first timeframe. `restart` throws away all that came (see store::TradeSink); each may
/// refuse, which ends the stream.
struct InputSink {
    std::function<Result<void>()> restart;
    std::function<Result<void>(std::span<const market::Trade> trades)> trades;
    std::function<Result<void>(const market::Bar& bar)> bar;
};

/// Reads a data folder, trades or bars of `base`, in time order. `before`: the print that came before a folder that goes on later
/// (store::ReadOptions). Memory does not grow with the number of trades. Errors: as store's readers and `sink`.
[[nodiscard]] Result<store::ReadReport> stream_input(const store::DataFolder& folder, market::Timeframe base, const DataConfig& config,
                                                     const std::optional<market::Trade>& before, const InputSink& sink, const Context& context);

/// Takes closed bars of every timeframe. `restart` throws away all that came (see store::TradeSink); `bar` may refuse, which ends the stream.
struct BarSink {
    std::function<Result<void>()> restart;
    std::function<Result<void>(std::size_t timeframe, const market::Bar& bar)> bar;
};

struct BarStreamResult {
    store::ReadReport report;
    bars::Counters counters;
};

/// Reads a data folder, trades or bars, and hands on its closed bars of `timeframes` in the order of their close. Memory does not grow with the
/// number of trades. Errors: as store's readers and `sink`.
[[nodiscard]] Result<BarStreamResult> stream_bars(const store::DataFolder& folder, const std::vector<market::Timeframe>& timeframes,
                                                  const DataConfig& config, const BarSink& sink, const Context& context);

/// The same of finished bars of the first timeframe that are in memory already. Errors: as `sink`, config.
[[nodiscard]] Result<BarStreamResult> stream_stored(const store::DataFolder& folder, std::span<const market::Bar> bars,
                                                    const std::vector<market::Timeframe>& timeframes, const BarSink& sink);

}  // namespace sofia::pipeline

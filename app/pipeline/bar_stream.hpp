#pragma once

#include <functional>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/settings.hpp"
#include "bars/cascade.hpp"
#include "base/result.hpp"
#include "store/folder.hpp"
#include "store/report.hpp"

namespace sofia::pipeline {

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

}  // namespace sofia::pipeline

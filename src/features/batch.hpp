#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "base/threads.hpp"
#include "base/time.hpp"
#include "features/engine.hpp"
#include "market/bar.hpp"
#include "market/instrument.hpp"
#include "market/table.hpp"
#include "market/timeframe.hpp"

// The batch forms of Engine: the same steps over bars that are all there.
namespace sofia::features {

/// A published funding rate: known at `ts`, as a fraction of the notional.
struct FundingRate {
    TimeNs ts = 0;
    double rate = 0.0;
};

/// Bars of one instrument to turn into rows: `bars[k]` are closed bars of `timeframes[k]` in time order, `funding` in time order.
struct Input {
    std::span<const std::vector<market::Bar>> bars;
    std::span<const FundingRate> funding = {};
};

/// Feeds `input` to `engine` in the order of known_at and calls `sink` with each base bar's row. A bar larger than the base that closes at the same
/// moment is in the row. Memory does not grow with the input.
void for_each_row(Engine& engine, const Input& input, const std::function<void(TimeNs known_at, std::span<const double> row)>& sink);

/// All rows in one table, one a base bar. `input.bars` has as many series as `timeframes` (else error: usage). Errors of
/// `Engine::make`.
[[nodiscard]] Result<market::Table> compute(const FeaturesConfig& config, const std::vector<market::Timeframe>& timeframes, const Input& input,
                                            const market::Session& session = {});

/// Neighbouring rows. The spans live until the sink returns.
struct RowGroup {
    std::span<const TimeNs> known_at;
    std::span<const double> values;  ///< row-major, one value a column
};

/// The same rows in groups of `group_rows` (the last may be smaller), as a writer of Parquet takes them, and no more than one group in memory. The
/// columns are shared out over the threads of `pool`, each with its own engine; their values do not depend on how many there are. Returns
/// the columns. Errors: those of `Engine::make`, a number of series that is not that of `timeframes` (usage), the first of `sink`.
[[nodiscard]] Result<std::vector<FeatureSpec>> compute_groups(const FeaturesConfig& config, const std::vector<market::Timeframe>& timeframes,
                                                              const Input& input, ThreadPool& pool,
                                                              const std::function<Result<void>(const RowGroup&)>& sink,
                                                              const market::Session& session = {}, std::size_t group_rows = 4'096);

}  // namespace sofia::features

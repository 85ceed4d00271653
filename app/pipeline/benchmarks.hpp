#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "app/pipeline/strategy.hpp"
#include "backtest/benchmarks.hpp"
#include "backtest/figures.hpp"
#include "base/json.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/threads.hpp"

namespace sofia::pipeline {

/// What the same window gave without the models: through the decision core's own paths, costs and settings.
struct Benchmarks {
    backtest::HoldFigures hold;
    backtest::RandomEntries random;
    double percentile = std::numeric_limits<double>::quiet_NaN();        ///< share of random runs with a lower mean net R a trade
    double gross_percentile = std::numeric_limits<double>::quiet_NaN();
    double p = std::numeric_limits<double>::quiet_NaN();                 ///< (1 + random runs at least as good) / (1 + runs)
    backtest::Figures every_touch;                                       ///< the core over all touches with `gate.use_gates` off
};

/// `core`: what the strategy did in a window, `own` the figures of that; `which`: the candidates inside it.
[[nodiscard]] Result<Benchmarks> benchmarks_of(const StrategyData& data, const std::vector<std::size_t>& which, const trading::DecisionCore& core,
                                               const backtest::Figures& own, const RandomStream& random, ThreadPool& threads);

/// Entries at the closes of the window's bars, of the timeframes and directions that `trades` have, with what each would have made alone: random ones
/// of them where there are more than `entries_max`. Those that the core would refuse or could not fill are left out. Errors: config.
inline constexpr std::size_t entries_max = 20'000;
[[nodiscard]] Result<std::vector<backtest::EntryOutcome>> entry_pool(const History& history, const Settings& settings,
                                                                     std::span<const trading::ClosedTrade> trades, trading::Window window,
                                                                     RandomStream random);

[[nodiscard]] Json to_json(const Benchmarks& benchmarks);

}  // namespace sofia::pipeline

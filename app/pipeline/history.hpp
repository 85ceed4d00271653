#pragma once

#include <functional>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/market_data.hpp"
#include "app/pipeline/settings.hpp"
#include "features/engine.hpp"
#include "labels/forward.hpp"
#include "labels/splits.hpp"
#include "market/table.hpp"
#include "trading/core.hpp"

namespace sofia::pipeline {

/// What every trial, training and backtest of one data folder and feature set shares: made once, then read by any number of threads.
struct History {
    MarketData data;                             ///< its `bars` are moved to `bars[0]`
    std::vector<market::Timeframe> timeframes;   ///< ascending, the base first
    std::vector<std::vector<market::Bar>> bars;  ///< closed bars of each timeframe
    std::vector<trading::PriceRange> ranges;     ///< of the base bars; empty where trades fill orders
    std::vector<features::FeatureSpec> columns;
    market::Table rows{{}};                      ///< one row a close of the row timeframe or a larger one
    std::vector<trading::Funding> funding;
    trading::FillMode fills = trading::FillMode::trades;

    [[nodiscard]] trading::Window window() const;  ///< from the first bar's open to the last bar's close
};

/// Plays the data through bars and features. `row_timeframe` is the smallest timeframe at whose closes rows are kept. Errors: config, data
/// (no bar at all), io (funding file).
[[nodiscard]] Result<History> build_history(MarketData data, const Settings& settings, market::Timeframe row_timeframe, const Context& context);

/// Opens a data folder and builds the history that `settings` asks for, rows at the closes of the smallest of `settings`' touch timeframes and
/// of those that its search space may choose.
[[nodiscard]] Result<History> load_history(const store::DataFolder& folder, const Settings& settings, const Context& context);

/// The funding events of `settings.funding.file`, or none.
[[nodiscard]] Result<std::vector<trading::Funding>> load_funding(const FundingConfig& config);

/// The bars of the touch timeframes, in their order. Error: config.
[[nodiscard]] Result<std::vector<std::vector<market::Bar>>> touch_columns(const History& history, const trading::TouchConfig& touch);

/// The touches of a history, each with the feature row known at its time.
struct Candidates {
    std::vector<trading::Touch> touches;
    std::vector<std::size_t> rows;  ///< index into History::rows
};
[[nodiscard]] Result<Candidates> find_candidates(const History& history, const trading::TouchConfig& touch);

/// The labels of all candidates by `settings`' barriers, execution and costs, what a gate's model learns of the time after them, and the samples for
/// purging them by `largest_hold_bars`.
struct LabeledCandidates {
    std::vector<labels::Label> labels;
    std::vector<labels::ForwardMove> trend_moves;   ///< empty where the trend gate is off
    std::vector<labels::ForwardMove> regime_moves;  ///< empty where the regime gate is off
    std::vector<labels::Sample> samples;            ///< end with the latest of them
};
[[nodiscard]] Result<LabeledCandidates> label_candidates(const History& history, const Candidates& candidates, const Settings& settings,
                                                         std::int64_t largest_hold_bars);

}  // namespace sofia::pipeline

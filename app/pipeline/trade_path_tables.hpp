#pragma once

#include "backtest/trade_paths.hpp"
#include "base/json.hpp"
#include "report/report.hpp"

// Resampled lists of trades as files and pages show them.
namespace sofia::pipeline {

[[nodiscard]] Json paths_json(const backtest::TradePaths& paths, const backtest::TradePathOptions& options);

/// Observed, mean and quantiles of drawdown and return.
[[nodiscard]] report::Table paths_table(const backtest::TradePaths& paths, const backtest::TradePathOptions& options);

/// Shares of the lists that lost so much.
[[nodiscard]] report::FigureTable ruin_table(const backtest::TradePaths& paths, const backtest::TradePathOptions& options);

}  // namespace sofia::pipeline

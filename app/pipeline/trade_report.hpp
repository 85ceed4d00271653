#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "backtest/figures.hpp"
#include "base/result.hpp"
#include "market/bar.hpp"
#include "trading/core.hpp"

// Figures and a report of trades that came from anywhere: a backtest's trades.csv, an account's statement, another program.
namespace sofia::pipeline {

struct TradeList {
    std::vector<trading::ClosedTrade> trades;  ///< any order
    std::vector<std::string> timeframes;       ///< names of the trades' timeframes
    trading::Window window;                    ///< of the run; empty: from the first entry to the last exit
    double starting_equity = 1.0;
};

/// Sorts by exit, fills an empty window and the equity after each trade, and asks what figures need. Errors: data (an exit before its entry, a trade
/// outside the window), usage (no trade and no window, a starting equity that is not above zero).
[[nodiscard]] Result<TradeList> checked(TradeList list);

/// backtest::figures_of, as text and as the JSON that metrics.json has.
[[nodiscard]] Result<Output> trade_figures(const TradeList& list);

struct TradeReportRequest {
    TradeList list;
    std::filesystem::path out;     ///< .html: the report, offline in one file; .png: equity and drawdown
    std::string title;
    std::string subtitle;          ///< empty: the window
    std::string symbol;
    std::vector<market::Bar> bars; ///< of one timeframe, ascending, for the candles; may be empty
    bool simulated = false;        ///< then it says so above everything else
    std::vector<std::string> warnings;
    std::vector<std::string> notes;
};

/// The report of a backtest, as far as trades tell it. Errors: those of `checked`, report::write_html and report::write_png; usage (another ending).
[[nodiscard]] Result<Output> report_trades(const TradeReportRequest& request, const Context& context);

}  // namespace sofia::pipeline

#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "backtest/figures.hpp"
#include "base/random.hpp"
#include "base/threads.hpp"
#include "market/instrument.hpp"
#include "trading/core.hpp"

// What one could have had without the strategy: the market itself, and the strategy's own orders at moments that nobody chose. The third benchmark,
// every touch, is a run of the decision core without models and gates, so it needs nothing here.
namespace sofia::backtest {

/// What holding is charged with: the core's own settings.
struct HoldInputs {
    market::Instrument instrument;
    trading::CostConfig costs;     ///< fees in percent; `fee_per_trade_r` has no meaning without a stop and is not used
    trading::FillRules fills;
    double starting_equity = 0.0;  ///< settlement coin
};

/// Long once the equity from the first close to the last one, a taker at both ends, funding paid. NaN without two bars or a price.
struct HoldFigures {
    double entry_price = std::numeric_limits<double>::quiet_NaN();
    double exit_price = std::numeric_limits<double>::quiet_NaN();
    double contracts = std::numeric_limits<double>::quiet_NaN();
    double net_pnl = std::numeric_limits<double>::quiet_NaN();              ///< settlement coin
    double fees = std::numeric_limits<double>::quiet_NaN();
    double funding = std::numeric_limits<double>::quiet_NaN();
    double return_percent = std::numeric_limits<double>::quiet_NaN();
    double max_drawdown_percent = std::numeric_limits<double>::quiet_NaN();  ///< of the equity at each bar's close
    double sharpe_annual = std::numeric_limits<double>::quiet_NaN();         ///< of the equity's daily changes over the starting equity
    std::vector<EquityPoint> curve;  ///< the first close, then the last one of every hour; `cumulative_r` is NaN: there is no risk to count in
};

/// `bars`: base bars of the window, ascending. Nothing is liquidated: a loss beyond the equity is a drawdown of more than 100 %.
[[nodiscard]] HoldFigures buy_and_hold(std::span<const trading::Bar> bars, std::span<const trading::Funding> funding, const HoldInputs& inputs);

/// What an entry at some moment would have made, by the trade's own path (labels::Label).
struct EntryOutcome {
    std::size_t timeframe = 0;
    trading::Direction direction = trading::Direction::long_side;
    TimeNs known_at = 0;
    TimeNs end_time = 0;  ///< the exit
    double gross_r = 0.0;
    double net_r = 0.0;
};

struct RandomEntryOptions {
    std::size_t runs = 1'000;
};

/// Runs of as many trades as the strategy made, of its timeframes and directions in its proportions, one position at a time.
struct RandomEntries {
    std::size_t runs = 0;
    std::size_t pool = 0;               ///< entries drawn from
    std::int64_t trades = 0;            ///< of the strategy
    std::int64_t fewest = 0;            ///< of a run: less than `trades` only where the window has no room for them
    std::vector<double> expectancy_r;   ///< mean net R a trade, by run, ascending
    std::vector<double> gross_expectancy_r;
};

/// A run draws moments at random, begins at one of them, goes round the window once and takes what comes while it is flat, until it has as many
/// trades as the strategy. Whether an entry is taken never depends on how it ends, so that runs over fair prices are fair before costs (optional
/// stopping). Empty without trades, or without an entry for one of their kinds. Same for any number of threads.
[[nodiscard]] RandomEntries random_entries(std::span<const EntryOutcome> pool, std::span<const ClosedTrade> trades, const RandomEntryOptions& options,
                                           const RandomStream& random, ThreadPool& threads);

/// Share of `ascending` below `value`, equals half; NaN when it is empty or `value` is NaN.
[[nodiscard]] double percentile_of(std::span<const double> ascending, double value);

}  // namespace sofia::backtest

#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "base/random.hpp"
#include "base/threads.hpp"
#include "trading/core.hpp"

// The same trades in another order and number: how deep could it have gone?
namespace sofia::backtest {

/// What a trade did.
struct PathTrade {
    double growth = 0.0;  ///< net profit over the equity before it
    double net_r = 0.0;
};

/// A trade that found no equity above 0 has a growth of -1.
[[nodiscard]] std::vector<PathTrade> path_trades(std::span<const trading::ClosedTrade> trades);

struct TradePathOptions {
    std::size_t paths = 10'000;
    std::size_t block_length = 0;                                     ///< trades; 0: `math::whole_block_length` of their net R
    std::vector<double> quantiles{0.05, 0.25, 0.5, 0.75, 0.95, 0.99};  ///< each in [0, 1]
    std::vector<double> ruin_levels{0.25, 0.5, 0.75};                 ///< fractions of the starting equity
};

/// A figure over all paths. NaN without trades.
struct PathFigure {
    double observed = std::numeric_limits<double>::quiet_NaN();  ///< of the trades as they came
    double mean = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> quantiles;                               ///< in the order of the options, type 7
};

struct TradePaths {
    std::size_t paths = 0;
    std::size_t trades = 0;
    std::size_t block_length = 1;
    PathFigure drawdown_percent;       ///< largest fall of the equity below its highest so far, 0 to 100
    PathFigure drawdown_r;             ///< the same of the sum of net R
    PathFigure return_percent;         ///< of the whole path
    double deeper = std::numeric_limits<double>::quiet_NaN();  ///< share of paths with a larger drawdown_percent than observed
    std::vector<double> ruin;          ///< by level: share of paths whose equity was ever at or below it
};

/// Circular block bootstrap of the list (Politis, Romano 1992): blocks keep losing streaks together, each path is as long as the list. Sizes follow
/// the equity: every trade gains or loses the fraction that it did. A path goes on after a ruin, so that drawdowns are those of whole paths; an
/// equity that reaches 0 stays there. Same for any number of threads.
[[nodiscard]] TradePaths trade_paths(std::span<const PathTrade> trades, const TradePathOptions& options, const RandomStream& random,
                                     ThreadPool& pool);

}  // namespace sofia::backtest

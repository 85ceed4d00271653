#include "backtest/trade_paths.hpp"

#include <algorithm>
#include <cstdint>

#include "market/fixed.hpp"
#include "math/resample.hpp"
#include "math/statistics.hpp"

namespace sofia::backtest {

std::vector<PathTrade> path_trades(std::span<const trading::ClosedTrade> trades) {
    std::vector<PathTrade> out;
    for (const trading::ClosedTrade& trade : trades) {
        const double before = market::to_double(trade.equity_after - trade.net);
        out.push_back({before > 0.0 ? market::to_double(trade.net) / before : -1.0, trade.net_r});
    }
    return out;
}

namespace {

struct Walk {
    double equity = 1.0;
    double peak = 1.0;
    double lowest = 1.0;
    double drawdown = 0.0;  ///< fraction of the peak
    double total_r = 0.0;
    double peak_r = 0.0;
    double drawdown_r = 0.0;

    void step(const PathTrade& trade) {
        equity = std::max(0.0, equity * (1.0 + trade.growth));
        peak = std::max(peak, equity);
        lowest = std::min(lowest, equity);
        drawdown = std::max(drawdown, (peak - equity) / peak);
        total_r += trade.net_r;
        peak_r = std::max(peak_r, total_r);
        drawdown_r = std::max(drawdown_r, peak_r - total_r);
    }
};

double drawdown_percent(const Walk& walk) { return 100.0 * walk.drawdown; }
double drawdown_r(const Walk& walk) { return walk.drawdown_r; }
double return_percent(const Walk& walk) { return 100.0 * (walk.equity - 1.0); }

template <class Value>
PathFigure figure_of(std::span<const Walk> walks, const Walk& observed, std::span<const double> quantiles, Value value) {
    std::vector<double> values;
    for (const Walk& walk : walks) values.push_back(value(walk));
    PathFigure figure;
    figure.observed = value(observed);
    figure.mean = math::mean(values);
    std::ranges::sort(values);
    for (const double p : quantiles) figure.quantiles.push_back(math::quantile_sorted(values, p));
    return figure;
}

std::size_t block_length_of(std::span<const PathTrade> trades) {
    std::vector<double> net_r;
    for (const PathTrade& trade : trades) net_r.push_back(trade.net_r);
    return math::whole_block_length(net_r);
}

double share(std::span<const Walk> walks, auto&& holds) {
    return static_cast<double>(std::ranges::count_if(walks, holds)) / static_cast<double>(walks.size());
}

}  // namespace

TradePaths trade_paths(std::span<const PathTrade> trades, const TradePathOptions& options, const RandomStream& random, ThreadPool& pool) {
    TradePaths out;
    out.trades = trades.size();
    out.paths = options.paths;
    const std::vector<double> unknown(options.quantiles.size(), std::numeric_limits<double>::quiet_NaN());
    out.drawdown_percent.quantiles = out.drawdown_r.quantiles = out.return_percent.quantiles = unknown;
    out.ruin.assign(options.ruin_levels.size(), std::numeric_limits<double>::quiet_NaN());
    if (trades.empty() || options.paths == 0) return out;

    out.block_length = options.block_length == 0 ? block_length_of(trades) : options.block_length;
    const math::Resampler resampler = math::circular_blocks(out.block_length, random);
    std::vector<Walk> walks(options.paths);
    pool.for_each(options.paths, [&](std::size_t i) {
        std::vector<std::uint32_t> order(trades.size());
        resampler(i, order);
        for (const std::uint32_t place : order) walks[i].step(trades[place]);
    });
    Walk observed;
    for (const PathTrade& trade : trades) observed.step(trade);

    out.drawdown_percent = figure_of(walks, observed, options.quantiles, drawdown_percent);
    out.drawdown_r = figure_of(walks, observed, options.quantiles, drawdown_r);
    out.return_percent = figure_of(walks, observed, options.quantiles, return_percent);
    out.deeper = share(walks, [&](const Walk& walk) { return walk.drawdown > observed.drawdown; });
    for (std::size_t i = 0; i < options.ruin_levels.size(); ++i) {
        out.ruin[i] = share(walks, [&](const Walk& walk) { return walk.lowest <= options.ruin_levels[i]; });
    }
    return out;
}

}  // namespace sofia::backtest

#pragma once

// For the room's tests: a report with everything in it, made of a random walk.

#include <cmath>
#include <vector>

#include "base/random.hpp"
#include "report/report.hpp"

namespace sofia::report::testing {

inline constexpr TimeNs start = 1'577'836'800'000'000'000;  // 2020-01-01

inline std::vector<market::Bar> walk(std::size_t count, DurationNs length) {
    RandomStream random(5);
    std::vector<market::Bar> bars;
    double price = 7200.0;
    const auto tick = [](double p) { return std::round(p * 2.0) / 2.0; };
    for (std::size_t i = 0; i < count; ++i) {
        market::Bar bar;
        bar.open_time = start + static_cast<TimeNs>(i) * length;
        bar.close_time = bar.open_time + length;
        bar.open = tick(price);
        price *= std::exp(0.0012 * random.normal());
        bar.close = tick(price);
        bar.high = tick(std::max(bar.open, bar.close) + 3.0 * random.exponential());
        bar.low = tick(std::min(bar.open, bar.close) - 3.0 * random.exponential());
        bar.volume = random.exponential();
        bars.push_back(bar);
    }
    return bars;
}

inline void add_trades(ReportData& data, std::span<const market::Bar> bars) {
    RandomStream random(6);
    double equity = 10'000.0;
    data.equity = {"equity", "USDT", {{bars.front().open_time, equity}}};
    Series hold{"buy and hold", "USDT", {}};
    for (std::size_t i = 40; i + 60 < bars.size(); i += 30 + random.below(bars.size() / 90 + 1)) {
        const std::size_t exit = i + 3 + random.below(25);
        const bool bought = random.uniform() < 0.55;
        const double move = (bars[exit].close / bars[i].close - 1.0) * (bought ? 1.0 : -1.0) + 0.0009;
        const double profit = equity * move * 2.0;
        equity += profit;
        data.trades.push_back({bars[i].close_time, bars[exit].close_time, bought ? "long" : "short", std::round(equity / bars[i].close * 2e3) / 1e3,
                               bars[i].close, bars[exit].close, profit, move / 0.004,
                               move > 0.004    ? "target"
                               : move < -0.002 ? "stop"
                                               : "time"});
        data.equity.points.push_back({bars[exit].close_time, equity});
        i = exit;
    }
    for (const market::Bar& bar : bars) hold.points.push_back({bar.close_time, 10'000.0 * bar.close / bars.front().open});
    data.benchmarks.push_back(std::move(hold));
    data.markers = trade_markers(data.trades);
    data.months = monthly_returns(data.equity);
    Distribution multiples{"Net result of a trade", "R", {}};
    for (const TradeRow& trade : data.trades) multiples.values.push_back(trade.net_r);
    data.distributions.push_back(std::move(multiples));
}

inline ReportData everything(std::span<const market::Bar> bars) {
    ReportData data;
    data.title = "XBTUSD touch, trial 17";
    data.subtitle = "test window, 2020-01-01T00:00:00Z to 2020-06-28T00:00:00Z, model of trial 17";
    data.simulated = true;
    data.warnings = {"in-sample: the model has seen this window"};
    data.symbol = "XBTUSD";
    data.price_unit = "USD";
    data.bars = bars;
    add_trades(data, bars);
    data.headline = {{"net", 1234.5, "R", 1, ""},
                     {"trades", static_cast<double>(data.trades.size()), "", 0, ""},
                     {"expectancy", 0.083, "R a trade", 3, "95 %: 0.01 to 0.15"},
                     {"return", 18.27, "%", 1, ""},
                     {"max drawdown", -7.31, "%", 1, ""},
                     {"Sharpe, annual", 1.62, "", 2, ""}};
    data.figures = {{"Result",
                     {{"signals", 812.0, "", 0, ""},
                      {"net profit", 1827.123456, "USDT", 2, ""},
                      {"win rate", 54.1, "%", 1, ""},
                      {"profit factor", std::nan(""), "", 2, ""},
                      {"payoff", 1.21, "", 2, ""}}},
                    {"Risk",
                     {{"max drawdown", -7.31, "%", 2, ""},
                      {"time under water", 61.0, "%", 1, ""},
                      {"exposure", 22.4, "%", 1, ""},
                      {"probabilistic Sharpe", 0.94, "", 3, "chance that the true Sharpe ratio is above zero"}}},
                    {"Costs",
                     {{"fees", -31.4, "R", 2, ""},
                      {"slippage", -9.8, "R", 2, ""},
                      {"funding", 1.1, "R", 2, ""},
                      {"break-even cost", 0.124, "R a trade", 4, ""}}}};
    data.tables = {{"By exit",
                    "",
                    {{"reason", ""}, {"trades", "", 0}, {"win rate", "%", 1}, {"net", "R", 2}},
                    {{std::string("target"), 120.0, 100.0, 144.2}, {std::string("stop"), 97.0, 0.0, -98.1}, {std::string("time"), 31.0, 48.4, 2.25}}},
                   {"By direction",
                    "",
                    {{"direction", ""}, {"trades", "", 0}, {"net", "R", 2}},
                    {{std::string("long"), 140.0, 31.0}, {std::string("short"), 108.0, std::nan("")}}}};
    for (int i = 0; i < 40; ++i) {
        const std::string name = "m" + std::to_string(5 * (1 + i % 3)) + ".feature_" + std::to_string(i) + "_gap";
        data.importance.push_back({name, 1000.0 * std::exp(-0.13 * i)});
        data.shap.push_back({name, 0.21 * std::exp(-0.11 * i), i % 4 == 0 ? std::nan("") : i % 3 == 0 ? -0.6 : 0.7});
    }
    data.fold_metric = "expectancy (R a trade)";
    data.folds = {{"fold 1", 0.12, "61 trades"},
                  {"fold 2", 0.07, "58 trades"},
                  {"fold 3", -0.03, "70 trades"},
                  {"fold 4", 0.15, "49 trades"},
                  {"test", 0.05, "81 trades"}};
    data.waterfall_unit = "R";
    data.waterfall = {{"gross", 84.6}, {"fees", -31.4}, {"slippage", -9.8}, {"funding", 1.1}};
    for (int i = 0; i < 10; ++i)
        data.reliability.push_back({0.05 + 0.1 * i, std::min(1.0, 0.1 + 0.082 * i), static_cast<std::size_t>(20 + 30 * i * (9 - i))});
    data.notes = {"Stops fill at the price that triggers them or worse; targets need one tick of penetration.",
                  "3 of 248 exits had stop and target inside one bar and count as stops."};
    data.provenance = {
        {"seed", std::string("42"), "", 0, ""}, {"features", std::string("9f2c51d2a7"), "", 0, ""}, {"revision", std::string("0.1.0"), "", 0, ""}};
    return data;
}

}  // namespace sofia::report::testing

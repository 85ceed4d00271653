#include <benchmark/benchmark.h>

#include "backtest/honesty.hpp"
#include "backtest/trade_paths.hpp"

namespace sofia::backtest {
namespace {

std::vector<TrialRecord> records_of(std::int64_t count, std::size_t days) {
    std::vector<TrialRecord> out;
    for (std::int64_t i = 0; i < count; ++i) {
        RandomStream random = RandomStream(1).split(static_cast<std::uint64_t>(i));
        out.push_back({.trial = i});
        for (std::size_t day = 0; day < days; ++day) {
            out.back().daily_net_r.push_back(random.normal());
            out.back().daily_trades.push_back(3);
        }
    }
    return out;
}

/// Trials by 1,000 days, 16 blocks: 12,870 splits under the tuner's own rule, in one thread.
void selection(benchmark::State& state) {
    const auto records = records_of(state.range(0), 1'000);
    ThreadPool pool(1);
    for (auto _ : state) benchmark::DoNotOptimize(selection_overfitting(records, {}, ScoreConfig{}, pool));
}
BENCHMARK(selection)->Name("selection_overfitting/small")->Arg(5)->Unit(benchmark::kMillisecond);
BENCHMARK(selection)->Name("selection_overfitting")->Arg(200)->Unit(benchmark::kMillisecond);

void sharpe(benchmark::State& state) {
    std::vector<std::vector<double>> series;
    for (const TrialRecord& record : records_of(state.range(0), 1'000)) series.push_back(record.daily_net_r);
    ThreadPool pool(1);
    const auto rule = math::ranking_rule(series, 16, math::Ranking::sharpe);
    for (auto _ : state) benchmark::DoNotOptimize(math::overfitting_of(series.size(), 16, rule, pool));
}
BENCHMARK(sharpe)->Name("sharpe_overfitting/small")->Arg(5)->Unit(benchmark::kMillisecond);
BENCHMARK(sharpe)->Name("sharpe_overfitting")->Arg(200)->Unit(benchmark::kMillisecond);

/// 10,000 paths of a list of trades, in one thread.
void paths(benchmark::State& state) {
    RandomStream random(2);
    std::vector<PathTrade> trades;
    for (std::int64_t i = 0; i < state.range(0); ++i) trades.push_back({0.01 * random.normal(), random.normal()});
    ThreadPool pool(1);
    for (auto _ : state) benchmark::DoNotOptimize(trade_paths(trades, {}, RandomStream(3), pool));
}
BENCHMARK(paths)->Name("trade_paths/small")->Arg(20)->Unit(benchmark::kMillisecond);
BENCHMARK(paths)->Name("trade_paths")->Arg(1'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sofia::backtest

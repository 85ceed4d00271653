#include <algorithm>
#include <chrono>
#include <vector>

#include <benchmark/benchmark.h>

#include "features/batch.hpp"
#include "features/test_bars.hpp"

namespace {

using namespace sofia;
using namespace sofia::features;

/// The columns of bench/features_peer.py: 30 a timeframe, none from trades.
FeaturesConfig peer_columns() {
    FeaturesConfig config;
    config.exclude = {"time.*", "*.flow*", "*.tick*", "*.trade*", "*.sma50_slope", "*.efficiency20"};
    return config;
}

// One row of every column a minute, into one table: small in the tests, a year when asked for.
void bars_to_columns(benchmark::State& state, const FeaturesConfig& config) {
    const auto timeframes = default_timeframes();
    const auto bars = all_timeframes(random_bars(static_cast<std::size_t>(state.range(0))), timeframes);
    std::size_t columns = 0;
    for (auto _ : state) {
        const market::Table table = compute(config, timeframes, {.bars = bars, .funding = {}}).value();
        columns = table.width();
        benchmark::DoNotOptimize(table.values().data());
    }
    state.counters["columns"] = static_cast<double>(columns);
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

// The same handed out in groups of rows, as a Parquet writer takes them, on all cores: no more than one group is in memory.
void bars_to_row_groups(benchmark::State& state, const FeaturesConfig& config) {
    const auto timeframes = default_timeframes();
    const auto bars = all_timeframes(random_bars(static_cast<std::size_t>(state.range(0))), timeframes);
    ThreadPool pool(0);
    std::size_t columns = 0;
    for (auto _ : state) {
        const auto made = compute_groups(config, timeframes, {.bars = bars, .funding = {}}, pool, [](const RowGroup& group) -> Result<void> {
            benchmark::DoNotOptimize(group.values.data());
            benchmark::ClobberMemory();
            return {};
        });
        columns = made.value().size();
    }
    state.counters["columns"] = static_cast<double>(columns);
    state.counters["threads"] = static_cast<double>(pool.size());
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

double percentile(std::vector<double>& values, double p) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(p * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

// One more bar: update of what closes, and the row. Counters in nanoseconds, the clock's own cost included.
void one_more_bar(benchmark::State& state) {
    const auto timeframes = default_timeframes();
    const auto bars = all_timeframes(random_bars(static_cast<std::size_t>(state.range(0))), timeframes);
    std::vector<double> every;
    std::vector<double> all_close;
    for (auto _ : state) {
        Engine engine = Engine::make({}, timeframes).value();
        std::vector<double> row(engine.columns().size());
        std::vector<std::size_t> next(timeframes.size(), 0);
        for (const market::Bar& bar : bars[0]) {
            const auto start = std::chrono::steady_clock::now();
            engine.update(0, bar);
            for (std::size_t k = 1; k < bars.size(); ++k) {
                if (next[k] < bars[k].size() && bars[k][next[k]].close_time == bar.close_time) engine.update(k, bars[k][next[k]++]);
            }
            engine.read(bar.close_time, row);
            benchmark::DoNotOptimize(row.data());
            const auto took =
                static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start).count());
            every.push_back(took);
            if (bar.close_time % (4 * ns_per_hour) == 0) all_close.push_back(took);
        }
    }
    state.counters["p50_ns"] = percentile(every, 0.50);
    state.counters["p99_ns"] = percentile(every, 0.99);
    state.counters["p999_ns"] = percentile(every, 0.999);
    state.counters["five_close_p50_ns"] = percentile(all_close, 0.50);
    state.counters["five_close_p99_ns"] = percentile(all_close, 0.99);
}

// clang-format off: it would put blanks into the names.
BENCHMARK_CAPTURE(bars_to_columns, whole_catalogue/small, FeaturesConfig())->Arg(2'000);
BENCHMARK_CAPTURE(bars_to_columns, whole_catalogue/large, FeaturesConfig())->Arg(525'600)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(bars_to_columns, peer_columns/small, peer_columns())->Arg(2'000);
BENCHMARK_CAPTURE(bars_to_columns, peer_columns/large, peer_columns())->Arg(525'600)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(bars_to_row_groups, whole_catalogue/small, FeaturesConfig())->Arg(2'000);
BENCHMARK_CAPTURE(bars_to_row_groups, whole_catalogue/large, FeaturesConfig())->Arg(525'600)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(bars_to_row_groups, peer_columns/small, peer_columns())->Arg(2'000);
BENCHMARK_CAPTURE(bars_to_row_groups, peer_columns/large, peer_columns())->Arg(525'600)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(one_more_bar)->Name("one_more_bar/small")->Arg(2'000);
BENCHMARK(one_more_bar)->Name("one_more_bar/large")->Arg(525'600)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

#include <cstdint>

#include <benchmark/benchmark.h>

#include "synth/simulate.hpp"

namespace {

using namespace sofia;

void simulate(benchmark::State& state, std::int64_t trades) {
    synth::SimulationConfig config;
    config.trades = trades;
    config.edge = 0.5;
    double sum = 0.0;
    for (auto _ : state) {
        const auto done = synth::simulate_trades(config, RandomStream(1), [&](std::span<const market::Trade> block) -> Result<void> {
            sum += block.back().price;
            return {};
        });
        if (!done) state.SkipWithError(done.error().message.c_str());
    }
    benchmark::DoNotOptimize(sum);
    state.SetItemsProcessed(state.iterations() * trades);
}
BENCHMARK_CAPTURE(simulate, small, std::int64_t{2'000});
BENCHMARK_CAPTURE(simulate, large, std::int64_t{1'000'000})->Unit(benchmark::kMillisecond);

}  // namespace

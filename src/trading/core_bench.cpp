#include <benchmark/benchmark.h>

#include <vector>

#include "trading/test_support.hpp"

namespace {

using namespace sofia;
using namespace sofia::trading;
namespace support = sofia::trading::testing;

std::vector<Trade> prints(std::int64_t count) {
    RandomStream random(3);
    std::vector<Trade> trades;
    trades.reserve(static_cast<std::size_t>(count));
    double price = 2000.0;
    for (std::int64_t i = 0; i < count; ++i) {
        price += random.below(2) == 0 ? 0.5 : -0.5;
        trades.push_back(support::print(support::start + i * 100 * ns_per_ms, price, random.below(2) == 0 ? Side::buy : Side::sell));
    }
    return trades;
}

/// A signal every quarter of an hour, so that the core is in a position most of the time: the dear case. `every` 0: no signals at all.
void over_prints(benchmark::State& state, std::int64_t every) {
    const std::vector<Trade> trades = prints(state.range(0));
    DecisionConfig config = support::plain_config();
    const CoreInputs inputs = support::inputs(FillMode::trades);
    std::size_t closed = 0;
    for (auto _ : state) {
        DecisionCore core = DecisionCore::make(config, inputs).value();
        std::int64_t at = every;
        for (const Trade& trade : trades) {
            if (every > 0 && trade.ts > support::minute(at)) [[unlikely]] {
                core.on_signal(support::signal(at, (at / every) % 2 == 0 ? Direction::long_side : Direction::short_side, trade.price, 20.0));
                at += every;
            }
            core.on_trade(trade);
        }
        closed = core.trades().size();
        benchmark::DoNotOptimize(closed);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
    state.counters["trades"] = static_cast<double>(closed);
}

void idle(benchmark::State& state) { over_prints(state, 0); }
void in_position(benchmark::State& state) { over_prints(state, 15); }
BENCHMARK(idle)->Name("core_over_prints_idle/small")->Arg(10'000);
BENCHMARK(idle)->Name("core_over_prints_idle/full")->Arg(10'000'000);
BENCHMARK(in_position)->Name("core_over_prints_in_position/small")->Arg(10'000);
BENCHMARK(in_position)->Name("core_over_prints_in_position/full")->Arg(10'000'000);

}  // namespace

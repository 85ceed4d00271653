#include <algorithm>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>

#include "bars/cascade.hpp"
#include "base/random.hpp"

namespace {

using namespace sofia;

constexpr std::size_t block = 65'536;

bars::Cascade five_timeframes() {
    return bars::Cascade::make(market::parse_timeframes({"1m", "5m", "15m", "1h", "4h"}).value(), market::Session()).value();
}

// Prints a tenth of a second apart on average: 600 a minute.
std::vector<market::Trade> make_trades(std::size_t count) {
    RandomStream random(1);
    std::vector<market::Trade> trades(count);
    TimeNs ts = 1'704'067'200 * ns_per_second;
    double price = 40'000.0;
    for (market::Trade& trade : trades) {
        ts += static_cast<DurationNs>(random.exponential() * 1e8);
        price += random.normal();
        trade = {ts, price, random.uniform(), random.below(2) == 0 ? market::Side::buy : market::Side::sell,
                 static_cast<market::TickDirection>(random.below(4))};
    }
    return trades;
}

// `count` prints in blocks, as a reader hands them over.
void trades_in_blocks(benchmark::State& state, std::size_t count) {
    const std::vector<market::Trade> trades = make_trades(count);
    std::uint64_t closed = 0;
    for (auto _ : state) {
        bars::Cascade cascade = five_timeframes();
        for (std::size_t i = 0; i < count; i += block) {
            cascade.on_trades(std::span(trades).subspan(i, std::min(block, count - i)), [&](std::size_t, const market::Bar&) { ++closed; });
        }
    }
    benchmark::DoNotOptimize(closed);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}
BENCHMARK_CAPTURE(trades_in_blocks, small, std::size_t{10'000});
BENCHMARK_CAPTURE(trades_in_blocks, large, std::size_t{10'000'000})->Unit(benchmark::kMillisecond);

void trades_one_by_one(benchmark::State& state, std::size_t count) {
    const std::vector<market::Trade> trades = make_trades(count);
    std::uint64_t closed = 0;
    for (auto _ : state) {
        bars::Cascade cascade = five_timeframes();
        for (const market::Trade& trade : trades) cascade.on_trade(trade, [&](std::size_t, const market::Bar&) { ++closed; });
    }
    benchmark::DoNotOptimize(closed);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}
BENCHMARK_CAPTURE(trades_one_by_one, small, std::size_t{10'000});
BENCHMARK_CAPTURE(trades_one_by_one, large, std::size_t{10'000'000})->Unit(benchmark::kMillisecond);

// Bars of one minute, half of them missing, so that filling is in the figure.
void minutes_with_gaps(benchmark::State& state, std::size_t count) {
    std::uint64_t closed = 0;
    for (auto _ : state) {
        bars::Cascade cascade = five_timeframes();
        for (std::size_t i = 0; i < count; i += 2) {
            const TimeNs open = static_cast<TimeNs>(i) * ns_per_minute;
            cascade.on_base_bar(
                {.open_time = open, .close_time = open + ns_per_minute, .open = 1.0, .high = 2.0, .low = 1.0, .close = 2.0, .volume = 1.0},
                [&](std::size_t, const market::Bar&) { ++closed; });
        }
    }
    benchmark::DoNotOptimize(closed);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}
BENCHMARK_CAPTURE(minutes_with_gaps, small, std::size_t{1'440});
BENCHMARK_CAPTURE(minutes_with_gaps, large, std::size_t{525'600})->Unit(benchmark::kMillisecond);

}  // namespace

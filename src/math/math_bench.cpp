#include <vector>

#include <benchmark/benchmark.h>

#include "base/random.hpp"
#include "math/trend.hpp"
#include "math/window.hpp"

namespace {

using sofia::math::Length;

std::vector<double> observations(std::size_t count) {
    sofia::RandomStream random(5);
    std::vector<double> values(count);
    for (double& value : values) value = random.normal();
    return values;
}

// One column of a step; small in the tests, a year of minutes when asked for.
template <class Step>
void column(benchmark::State& state) {
    const std::vector<double> in = observations(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        Step step(Length::of<20>());
        for (const double x : in) benchmark::DoNotOptimize(step.step(x));
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

#define SOFIA_COLUMN(step)                                                            \
    BENCHMARK(column<sofia::math::step>)->Name("column_" #step "/small")->Arg(1'000); \
    BENCHMARK(column<sofia::math::step>)->Name("column_" #step "/large")->Arg(525'600)

SOFIA_COLUMN(Ema);
SOFIA_COLUMN(RollingSum);
SOFIA_COLUMN(RollingMin);
SOFIA_COLUMN(RollingMoments);

}  // namespace

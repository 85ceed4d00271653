// One row through 300 trees of 63 leaves over 40 columns: LightGBM's fast single-row call and FlatTrees. Every call gets another row, as live
// trading does; `one_row` repeats one, which branch predictors learn by heart. p50 and p99 are of single calls, the clock's own time included.
#include <algorithm>
#include <chrono>

#include <LightGBM/c_api.h>
#include <benchmark/benchmark.h>

#include "models/booster.hpp"
#include "models/flat_trees.hpp"
#include "models/test_data.hpp"

namespace {

using namespace sofia::models;
using Clock = std::chrono::steady_clock;

struct Subject {
    testing::Rows rows;
    std::string text;
};

Subject make_subject(std::int64_t trees, std::int64_t leaves, std::size_t columns) {
    Subject subject;
    const testing::Rows train = testing::make_rows(51, 20'000, columns, testing::Gaps::some);
    GbdtConfig config;
    config.rounds = trees;
    config.num_leaves = leaves;
    config.min_data_in_leaf = 20;
    const sofia::StopFlag stop;
    const Dataset data = Dataset::make(train.data(), config, 1).value();
    subject.text = Booster::fit(config, data, nullptr, 1, 1, stop).value().text();
    subject.rows = testing::make_rows(52, 4096, columns, testing::Gaps::some);
    return subject;
}

enum class Size : std::uint8_t { small, large };
enum class Feed : std::uint8_t { fresh_rows, one_row };

const Subject& subject(Size size) {
    static const Subject small_one = make_subject(20, 15, 10);
    if (size == Size::small) return small_one;
    static const Subject large_one = make_subject(300, 63, 40);
    return large_one;
}

template <class Call>
void measure(benchmark::State& state, const Subject& subject, Feed feed, Call call) {
    std::vector<double> times;
    times.reserve(1U << 20U);
    std::size_t i = 0;
    for (auto _ : state) {
        const auto row = subject.rows.view().row(feed == Feed::one_row ? 0 : i++ % subject.rows.rows);
        const auto begin = Clock::now();
        benchmark::DoNotOptimize(call(row));
        const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        state.SetIterationTime(seconds);
        times.push_back(seconds);
    }
    std::ranges::sort(times);
    state.counters["p50_us"] = 1e6 * times[times.size() / 2];
    state.counters["p99_us"] = 1e6 * times[times.size() * 99 / 100];
}

void flat_trees(benchmark::State& state, Size size, Feed feed) {
    const Subject& s = subject(size);
    const FlatTrees flat = FlatTrees::from_text(s.text).value();
    measure(state, s, feed, [&](std::span<const double> row) { return flat.predict(row); });
}

void lightgbm_fast(benchmark::State& state, Size size, Feed feed) {
    const Subject& s = subject(size);
    BoosterHandle booster = nullptr;
    FastConfigHandle fast = nullptr;
    int iterations = 0;
    LGBM_BoosterLoadModelFromString(s.text.c_str(), &iterations, &booster);
    LGBM_BoosterPredictForMatSingleRowFastInit(booster, C_API_PREDICT_NORMAL, 0, -1, C_API_DTYPE_FLOAT64, static_cast<std::int32_t>(s.rows.columns),
                                               "num_threads=1", &fast);
    measure(state, s, feed, [&](std::span<const double> row) {
        double out = 0.0;
        std::int64_t length = 0;
        LGBM_BoosterPredictForMatSingleRowFast(fast, row.data(), &length, &out);
        return out;
    });
    LGBM_FastConfigFree(fast);
    LGBM_BoosterFree(booster);
}

BENCHMARK_CAPTURE(flat_trees, small, Size::small, Feed::fresh_rows)->UseManualTime();
BENCHMARK_CAPTURE(lightgbm_fast, small, Size::small, Feed::fresh_rows)->UseManualTime();
BENCHMARK_CAPTURE(flat_trees, large, Size::large, Feed::fresh_rows)->UseManualTime();
BENCHMARK_CAPTURE(lightgbm_fast, large, Size::large, Feed::fresh_rows)->UseManualTime();
BENCHMARK_CAPTURE(flat_trees, large_one_row, Size::large, Feed::one_row)->UseManualTime();
BENCHMARK_CAPTURE(lightgbm_fast, large_one_row, Size::large, Feed::one_row)->UseManualTime();

}  // namespace

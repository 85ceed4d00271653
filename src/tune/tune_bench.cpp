#include <filesystem>

#include <unistd.h>

#include <benchmark/benchmark.h>

#include "tune/optimize.hpp"

namespace {

using namespace sofia;
using namespace sofia::tune;

enum class Where { memory, sqlite };

SearchSpace eight_floats() {
    SearchSpace space;
    for (int i = 0; i < 8; ++i) space.emplace("x" + std::to_string(i), Distribution::make(FloatDistribution{-5.0, 5.0, false, 0.0}).value());
    return space;
}

// A study of TPE over 8 floats whose objective costs nothing: what the tuner itself costs a trial.
void study(benchmark::State& state, Where where, std::int64_t trials) {
    const SearchSpace space = eight_floats();
    const auto folder = std::filesystem::temp_directory_path() / ("sofia_tune_bench_" + std::to_string(::getpid()));
    for (auto _ : state) {
        std::filesystem::remove_all(folder);
        std::filesystem::create_directories(folder);
        StudyOptions options;
        options.seed = 1;
        if (where == Where::sqlite) options.storage = open_storage("sqlite:///" + (folder / "study.db").string()).value();
        Study s = Study::open(std::move(options)).value();
        OptimizeOptions run;
        run.trials = trials;
        run.space = &space;
        const auto report = optimize(
            s,
            [](Trial& trial) -> Result<Outcome> {
                double sum = 0.0;
                for (const Param& p : trial.frozen().params) sum += p.internal * p.internal;
                return sum;
            },
            run);
        if (!report) state.SkipWithError(report.error().message.c_str());
    }
    std::filesystem::remove_all(folder);
    state.SetItemsProcessed(state.iterations() * trials);
}

// clang-format off: it would put blanks into the names.
BENCHMARK_CAPTURE(study, tpe_memory/small, Where::memory, 50)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(study, tpe_sqlite/small, Where::sqlite, 20)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(study, tpe_memory/medium, Where::memory, 500)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(study, tpe_sqlite/medium, Where::sqlite, 500)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(study, tpe_memory/large, Where::memory, 10'000)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK_CAPTURE(study, tpe_sqlite/large, Where::sqlite, 10'000)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace

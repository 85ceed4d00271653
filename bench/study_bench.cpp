// What the tuner itself costs: a study over 8 floats whose objective costs nothing.
//   study_bench run memory|FILE.db TRIALS   TPE, one trial after the other; {"seconds": ..., "ms": ..., "last_ms": ..., "bytes_a_trial": ...}
//   study_bench fill FILE.db TRIALS         as many finished trials, drawn at random
//   study_bench open FILE.db                the time to open that study with all of its trials
#include <filesystem>
#include <iostream>

#include <fmt/core.h>
#include <malloc.h>

#include "tune/optimize.hpp"

namespace sofia::tune {
namespace {

SearchSpace eight_floats() {
    SearchSpace space;
    for (int i = 0; i < 8; ++i) space.emplace(fmt::format("x{}", i), Distribution::make(FloatDistribution{-5.0, 5.0, false, 0.0}).value());
    return space;
}

Result<Outcome> sphere(Trial& trial) {
    double sum = 0.0;
    for (const Param& p : trial.frozen().params) sum += p.internal * p.internal;
    return sum;
}

/// What is in use between two trials: resident memory also holds what the last draw has given back to the allocator.
double bytes_in_use() {
    const struct mallinfo2 heap = ::mallinfo2();
    return static_cast<double>(heap.uordblks + heap.hblkhd);
}

double seconds_since(DurationNs begin) { return static_cast<double>(steady_now() - begin) / static_cast<double>(ns_per_second); }

Result<Study> open_study(const std::string& where, StudyOptions options) {
    options.name = "bench";
    options.seed = 1;
    options.open = StudyOptions::Open::resume;
    if (where != "memory") {
        SOFIA_TRY(options.storage, open_storage("sqlite:///" + where));
    }
    return Study::open(std::move(options));
}

Result<void> run(const std::string& where, std::int64_t trials) {
    SOFIA_TRY(Study study, open_study(where, {}));
    const SearchSpace space = eight_floats();
    OptimizeOptions options;
    options.trials = trials;
    options.space = &space;
    const std::int64_t early = trials / 10;
    const std::int64_t late = trials - std::max<std::int64_t>(trials / 100, 1);
    double early_bytes = 0.0;
    DurationNs late_begin = 0;
    options.on_trial = [&](const Study&, const TrialPtr& trial) -> Result<void> {
        if (trial->number + 1 == early) early_bytes = bytes_in_use();
        if (trial->number + 1 == late) late_begin = steady_now();
        return {};
    };
    const DurationNs begin = steady_now();
    SOFIA_CHECK(optimize(study, sphere, options));
    const double seconds = seconds_since(begin);
    fmt::print("{{\"seconds\": {}, \"ms\": {}, \"last_ms\": {}, \"bytes_a_trial\": {}}}\n", seconds, 1e3 * seconds / static_cast<double>(trials),
               1e3 * seconds_since(late_begin) / static_cast<double>(trials - late),
               (bytes_in_use() - early_bytes) / static_cast<double>(trials - early));
    return {};
}

Result<void> fill(const std::string& file, std::int64_t trials) {
    StudyOptions options;
    options.sampler = random_sampler();
    SOFIA_TRY(Study study, open_study(file, std::move(options)));
    const SearchSpace space = eight_floats();
    OptimizeOptions many;
    many.trials = trials;
    many.batch = 1000;
    many.space = &space;
    SOFIA_CHECK(optimize(study, sphere, many));
    return {};
}

Result<void> open(const std::string& file) {
    const DurationNs begin = steady_now();
    SOFIA_TRY(const Study study, open_study(file, {}));
    fmt::print("{{\"seconds\": {}, \"trials\": {}}}\n", seconds_since(begin), study.trials().size());
    return {};
}

Result<void> dispatch(const std::vector<std::string>& arguments) {
    const std::size_t n = arguments.size();
    if (n == 3 && arguments[0] == "run") return run(arguments[1], std::stoll(arguments[2]));
    if (n == 3 && arguments[0] == "fill") return fill(arguments[1], std::stoll(arguments[2]));
    if (n == 2 && arguments[0] == "open") return open(arguments[1]);
    return fail(ErrorCode::usage, "study_bench run|fill|open, see the source");
}

}  // namespace
}  // namespace sofia::tune

int main(int count, char** arguments) {
    const auto result = sofia::tune::dispatch({arguments + 1, arguments + count});
    if (result) return 0;
    std::cerr << result.error().message << "\n";
    return sofia::exit_code(result.error().code);
}

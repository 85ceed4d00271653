// A worker of tests/e2e/test_workers.py:
//   tune_worker URL STUDY WORKER TRIALS   runs trials until TRIALS complete ones of the study carry this worker's name
//
// Killed and started again it goes on where the storage says it was. The value of a trial is a function of its parameters, so that whoever
// reads the study can tell whether anything was mixed up. Workers with an even last digit ask with the whole space, the others suggest.
#include <chrono>
#include <iostream>
#include <thread>

#include <nlohmann/json.hpp>

#include "tune/optimize.hpp"

namespace sofia::tune {
namespace {

SearchSpace search_space() {
    SearchSpace space;
    space.emplace("kind", Distribution::make(CategoricalDistribution{{std::string("a"), std::monostate{}, true, 1.5}}).value());
    space.emplace("n", Distribution::make(IntDistribution{1, 100, false, 3}).value());
    space.emplace("x", Distribution::make(FloatDistribution{-5.0, 5.0, false, 0.0}).value());
    return space;
}

Result<Outcome> objective(Trial& trial, const std::string& worker) {
    for (const auto& [name, distribution] : search_space()) SOFIA_CHECK(trial.suggest(name, distribution));
    const double x = trial.frozen().param("x")->internal;
    const double n = trial.frozen().param("n")->internal;
    SOFIA_CHECK(trial.set_user_attribute("worker", worker));
    SOFIA_CHECK(trial.report(0, x));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return x * x + n;
}

Result<void> work(const std::string& url, const std::string& name, const std::string& worker, std::int64_t trials) {
    StudyOptions options;
    options.name = name;
    options.open = StudyOptions::Open::resume;
    options.sampler = random_sampler();
    options.heartbeat.interval = ns_per_second;
    options.heartbeat.grace = 4 * ns_per_second;
    options.heartbeat.max_retry.reset();
    SOFIA_TRY(options.storage, open_storage(url));
    SOFIA_TRY(Study study, Study::open(options));
    std::int64_t done = 0;
    const std::string mine = Json(worker).dump();
    for (const TrialPtr& trial : study.trials()) {
        const auto found = trial->user_attributes.find("worker");
        if (trial->state == TrialState::complete && found != trial->user_attributes.end() && found->second == mine) ++done;
    }
    OptimizeOptions run;
    run.trials = 1;
    const SearchSpace space = search_space();
    if (!worker.empty() && (worker.back() - '0') % 2 == 0) run.space = &space;
    while (done < trials) {
        SOFIA_TRY(const OptimizeReport report, optimize(study, [&](Trial& trial) { return objective(trial, worker); }, run));
        done += report.complete;
    }
    return {};
}

}  // namespace
}  // namespace sofia::tune

int main(int count, char** arguments) {
    if (count != 5) {
        std::cerr << "tune_worker URL STUDY WORKER TRIALS\n";
        return 2;
    }
    const auto result = sofia::tune::work(arguments[1], arguments[2], arguments[3], std::stoll(arguments[4]));
    if (result) return 0;
    std::cerr << result.error().message << "\n";
    return sofia::exit_code(result.error().code);
}

// The native half of tests/peers/test_optuna.py:
//   tune_dump write URL             a study "native" with every kind of trial and value
//   tune_dump continue URL STUDY N  N more trials of the mixed objective
//   tune_dump print URL STUDY       all trials as JSON
//   tune_dump parzen                a case from stdin ({space, observations, points}) to weights, means, sigmas, log densities
//   tune_dump play FUNCTION TRIALS SEEDS [SAMPLER]  the best value of each seed
#include <cmath>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <limits>

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "tune/json_text.hpp"
#include "tune/optimize.hpp"
#include "tune/parzen.hpp"
#include "tune/test_functions.hpp"

namespace sofia::tune {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

Distribution made(Distribution::Kind kind) { return Distribution::make(std::move(kind)).value(); }

SearchSpace mixed_space() {
    SearchSpace space;
    space.emplace(
        "cat",
        made(CategoricalDistribution{{std::string("gbdt"), std::monostate{}, true, std::int64_t{2}, 1.5, std::string("é \"q\"\n"), infinity}}));
    space.emplace("grid", made(FloatDistribution{0.0, 1.0, false, 0.1}));
    space.emplace("leaves", made(IntDistribution{4, 256, false, 4}));
    space.emplace("log_int", made(IntDistribution{1, 1000, true, 1}));
    space.emplace("lr", made(FloatDistribution{1e-5, 1.0, true, 0.0}));
    space.emplace("x", made(FloatDistribution{-5.0, 1e16, false, 0.0}));
    return space;
}

/// Define-by-run, with a parameter that only some trials have.
Result<Outcome> mixed(Trial& trial) {
    double sum = 0.0;
    for (const auto& [name, distribution] : mixed_space()) {
        SOFIA_CHECK(trial.suggest(name, distribution));
        const double x = trial.frozen().param(name)->internal;
        sum += std::log1p(std::abs(x));
    }
    if (trial.number() % 2 == 1) {
        SOFIA_TRY(const double extra, trial.suggest_float("extra", 0.0, 1.0));
        sum += extra;
    }
    return sum;
}

Result<void> write_special(Study& study) {
    SOFIA_TRY(const Trial reports, study.ask());
    Trial with_reports = reports;
    SOFIA_CHECK(with_reports.report(0, 1.5));
    SOFIA_CHECK(with_reports.report(1, not_a_number));
    SOFIA_CHECK(with_reports.report(5, infinity));
    SOFIA_CHECK(with_reports.report(7, -infinity));
    SOFIA_CHECK(with_reports.set_user_attribute("note", Json{{"text", "é \"q\"\n"}, {"list", {1, 2.5, nullptr, true}}}));
    SOFIA_CHECK(with_reports.suggest_float("x", -5.0, 1e16));
    SOFIA_CHECK(study.tell(with_reports, infinity));
    SOFIA_TRY(const Trial low, study.ask(mixed_space()));
    SOFIA_CHECK(study.tell(low, -infinity));
    SOFIA_TRY(const Trial nan, study.ask());
    SOFIA_CHECK(study.tell(nan, not_a_number));
    SOFIA_TRY(const Trial failed, study.ask());
    SOFIA_CHECK(study.tell_failure(failed, "file \"a.csv\" is empty"));
    SOFIA_TRY(Trial pruned, study.ask(mixed_space()));
    SOFIA_CHECK(pruned.report(3, 0.25));
    SOFIA_CHECK(study.tell(pruned, TrialState::pruned));
    SOFIA_TRY(Trial pruned_nan, study.ask());
    SOFIA_CHECK(pruned_nan.report(0, not_a_number));
    SOFIA_CHECK(study.tell(pruned_nan, TrialState::pruned));
    SOFIA_TRY(Trial running, study.ask());
    SOFIA_CHECK(running.suggest_int("leaves", IntDistribution{4, 256, false, 4}));
    SOFIA_CHECK(running.beat());
    return {};
}

Result<void> write(const std::string& url) {
    StudyOptions options;
    options.name = "native";
    options.seed = 7;
    SOFIA_TRY(options.storage, open_storage(url));
    SOFIA_TRY(Study study, Study::open(options));
    SOFIA_CHECK(study.set_user_attribute("purpose", "every kind of value"));
    OptimizeOptions run;
    run.trials = 15;
    run.batch = 4;
    SOFIA_CHECK(optimize(study, mixed, run));
    SOFIA_CHECK(write_special(study));
    SOFIA_CHECK(study.enqueue({{"lr", 0.125}, {"cat", std::monostate{}}, {"leaves", std::int64_t{64}}}));

    StudyOptions two = options;
    two.name = "native-two";
    two.directions = {Direction::minimize, Direction::maximize};
    two.sampler = random_sampler();
    SOFIA_TRY(Study both, Study::open(two));
    OptimizeOptions few;
    few.trials = 3;
    const Objective square = [](Trial& trial) -> Result<Outcome> {
        SOFIA_TRY(const double x, trial.suggest_float("x", 0.0, 1.0));
        return std::vector<double>{x, trial.number() == 1 ? -infinity : x * x};
    };
    SOFIA_CHECK(optimize(both, square, few));
    return {};
}

Result<Study> open(const std::string& url, const std::string& name) {
    StudyOptions options;
    options.name = name;
    options.seed = 11;
    options.open = StudyOptions::Open::load;
    options.sampler = name.ends_with("two") ? std::shared_ptr<Sampler>(random_sampler()) : std::shared_ptr<Sampler>(tpe_sampler());
    SOFIA_TRY(options.storage, open_storage(url));
    return Study::open(options);
}

std::string object(const Attributes& attributes) {
    std::string out = "{";
    for (const auto& [key, json] : attributes) out += (out.size() > 1 ? ", " : "") + python_json(ParamValue(key)) + ": " + json;
    return out + "}";
}

std::string trial_json(const FrozenTrial& t) {
    std::string values;
    for (const double v : t.values) values += (values.empty() ? "" : ", ") + python_json(v);
    std::string params;
    for (const Param& p : t.params) {
        params += (params.empty() ? "" : ", ") + python_json(ParamValue(p.name)) + ": {\"value\": " + python_json(p.value()) +
                  ", \"distribution\": " + p.distribution->json() + "}";
    }
    std::string reports;
    for (const auto& [step, value] : t.reports) reports += (reports.empty() ? "\"" : ", \"") + std::to_string(step) + "\": " + python_json(value);
    const auto time = [](const std::optional<TimeNs>& ts) { return ts ? std::to_string(*ts / ns_per_us) : std::string("null"); };
    return "{\"number\": " + std::to_string(t.number) + ", \"state\": \"" + to_string(t.state) + "\", \"values\": [" + values + "], \"params\": {" +
           params + "}, \"reports\": {" + reports + "}, \"user\": " + object(t.user_attributes) + ", \"system\": " + object(t.system_attributes) +
           ", \"started\": " + time(t.started) + ", \"completed\": " + time(t.completed) + "}";
}

Result<void> print(const std::string& url, const std::string& name) {
    SOFIA_TRY(const Study study, open(url, name));
    std::string trials;
    for (const TrialPtr& t : study.trials()) trials += (trials.empty() ? "" : ",\n") + trial_json(*t);
    std::cout << "{\"user\": " << object(study.user_attributes()) << ", \"trials\": [" << trials << "]}\n";
    return {};
}

Result<void> parzen() {
    const std::string text((std::istreambuf_iterator<char>(std::cin)), {});
    SOFIA_TRY(const Json in, parse_json(text, "stdin"));
    std::vector<Distribution> distributions;
    std::vector<ParzenColumn> columns;
    for (const Json& one : in.at("space")) {
        SOFIA_TRY(Distribution distribution, Distribution::from_json(one.dump()));
        distributions.push_back(std::move(distribution));
    }
    for (std::size_t i = 0; i < distributions.size(); ++i) {
        ParzenColumn column;
        column.distribution = &distributions[i];
        column.values = in.at("observations").at(i).get<std::vector<double>>();
        columns.push_back(std::move(column));
    }
    const ParzenEstimator estimator(columns);
    Json out;
    out["weights"] = estimator.weights();
    for (std::size_t i = 0; i < columns.size(); ++i) {
        out["means"].push_back(estimator.means(i));
        out["sigmas"].push_back(estimator.sigmas(i));
    }
    out["log_pdf"] = estimator.log_pdf(in.at("points").get<std::vector<double>>());
    RandomStream random(in.at("seed").get<std::uint64_t>());
    out["samples"] = estimator.sample(random, in.at("samples").get<std::size_t>());
    std::cout << out.dump() << "\n";
    return {};
}

Result<void> play(const std::string& name, std::int64_t trials, std::uint64_t seeds, const std::string& sampler) {
    SOFIA_TRY(const TestFunction function, test_function(name));
    Json out = Json::array();
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        StudyOptions options;
        options.seed = seed;
        SOFIA_TRY(options.sampler, make_sampler(sampler));
        SOFIA_TRY(Study study, Study::open(options));
        OptimizeOptions run;
        run.trials = trials;
        run.space = &function.space;
        SOFIA_CHECK(optimize(study, [&](Trial& trial) -> Result<Outcome> { return function.value(trial.frozen()); }, run));
        SOFIA_TRY(const TrialPtr best, study.best_trial());
        out.push_back(best->values.front());
    }
    std::cout << out.dump() << "\n";
    return {};
}

Result<void> run(const std::vector<std::string>& arguments) {
    const std::string verb = arguments.empty() ? "" : arguments[0];
    const std::size_t n = arguments.size();
    if (verb == "write" && n == 2) return write(arguments[1]);
    if (verb == "print" && n == 3) return print(arguments[1], arguments[2]);
    if (verb == "parzen") return parzen();
    if (verb == "play" && n >= 4) {
        return play(arguments[1], std::stoll(arguments[2]), std::stoull(arguments[3]), n > 4 ? arguments[4] : "tpe");
    }
    if (verb == "continue" && n == 4) {
        SOFIA_TRY(Study study, open(arguments[1], arguments[2]));
        OptimizeOptions options;
        options.trials = std::stoll(arguments[3]);
        SOFIA_CHECK(optimize(study, mixed, options));
        return {};
    }
    return fail(ErrorCode::usage, "tune_dump write|continue|print|parzen|play, see the source");
}

}  // namespace
}  // namespace sofia::tune

int main(int count, char** arguments) {
    const auto result = sofia::tune::run({arguments + 1, arguments + count});
    if (result) return 0;
    std::cerr << result.error().message << "\n";
    return sofia::exit_code(result.error().code);
}

// The native half of tests/peers/test_tune_samplers.py:
//   sampler_dump sobol DIMENSIONS POINTS     unscrambled Sobol points
//   sampler_dump cma                         stdin {n, population, generations: [points, the best first]} to mean, sigma, covariance after each
//   sampler_dump fronts                      stdin {directions, trials: [{values, constraints}], count} to rank, crowding of the first front, elite
//   sampler_dump split                       stdin {direction, trials: [{state, value, reports, constraints}], below} to the good trials' numbers
//   sampler_dump grid SEED                   stdin {name: [values]} to the values of each grid id
//   sampler_dump run URL STUDY SAMPLER N     N trials of a function with two objectives (nsga2) or one, on a grid of 24 cells
#include <iostream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "tune/cma.hpp"
#include "tune/grid_plan.hpp"
#include "tune/json_text.hpp"
#include "tune/optimize.hpp"
#include "tune/pareto.hpp"
#include "tune/sobol.hpp"
#include "tune/tpe_table.hpp"

namespace sofia::tune {
namespace {

Result<Json> input() {
    const std::string text((std::istreambuf_iterator<char>(std::cin)), {});
    return parse_python_json(text);
}

double number(const Json& json) {
    const ParamValue value = value_of(json).value();
    return std::holds_alternative<std::int64_t>(value) ? static_cast<double>(std::get<std::int64_t>(value)) : std::get<double>(value);
}

std::string list(const std::vector<double>& values) {
    std::string out = "[";
    for (const double v : values) out += (out.size() > 1 ? ", " : "") + python_json(v);
    return out + "]";
}

std::vector<Direction> directions_of(const Json& names) {
    std::vector<Direction> out;
    for (const Json& name : names) out.push_back(name == "minimize" ? Direction::minimize : Direction::maximize);
    return out;
}

/// {state, values, reports: [[step, value]], constraints: [..]}
TrialPtr trial_of(const Json& json, std::int64_t number_) {
    auto out = std::make_shared<FrozenTrial>();
    out->number = number_;
    out->id = number_;
    const std::string state = json.value("state", "complete");
    out->state = state == "complete" ? TrialState::complete : state == "pruned" ? TrialState::pruned : TrialState::fail;
    for (const Json& v : json.at("values")) out->values.push_back(number(v));
    if (json.contains("reports")) {
        for (const Json& report : json.at("reports")) out->reports[report.at(0).get<std::int64_t>()] = number(report.at(1));
    }
    if (json.contains("constraints")) {
        for (const auto& [key, value] : json.at("constraints").items()) out->system_attributes["constraints:" + key] = python_json(number(value));
    }
    return out;
}

Result<void> sobol(std::size_t dimensions, std::uint64_t points) {
    const Sobol sequence(dimensions);
    std::cout << "[";
    for (std::uint64_t i = 0; i < points; ++i) std::cout << (i > 0 ? ", " : "") << list(sequence.point(i));
    std::cout << "]\n";
    return {};
}

Result<void> cma() {
    SOFIA_TRY(const Json in, input());
    Cma state(in.at("n").get<std::size_t>(), 1.0 / 6.0, in.at("population").get<std::size_t>());
    std::cout << "[";
    bool first = true;
    for (const Json& generation : in.at("generations")) {
        state.tell(generation.get<std::vector<std::vector<double>>>());
        std::cout << (first ? "" : ", ") << "{\"mean\": " << list(state.mean()) << ", \"sigma\": " << python_json(state.sigma())
                  << ", \"covariance\": " << list(state.covariance()) << "}";
        first = false;
    }
    std::cout << "]\n";
    return {};
}

Result<void> fronts() {
    SOFIA_TRY(const Json in, input());
    std::vector<TrialPtr> trials;
    for (const Json& one : in.at("trials")) trials.push_back(trial_of(one, static_cast<std::int64_t>(trials.size())));
    const auto directions = directions_of(in.at("directions"));
    const auto sorted = nondominated_fronts(trials, directions);
    std::vector<double> ranks(trials.size());
    for (std::size_t rank = 0; rank < sorted.size(); ++rank) {
        for (const TrialPtr& t : sorted[rank]) ranks[static_cast<std::size_t>(t->number)] = static_cast<double>(rank);
    }
    std::vector<double> best;
    for (const TrialPtr& t : elite(trials, directions, in.at("count").get<std::size_t>())) best.push_back(static_cast<double>(t->number));
    std::cout << "{\"ranks\": " << list(ranks) << ", \"crowding\": " << list(crowding_distances(sorted.front())) << ", \"elite\": " << list(best)
              << "}\n";
    return {};
}

Result<void> split() {
    SOFIA_TRY(const Json in, input());
    TpeTable table;
    std::int64_t at = 0;
    for (const Json& one : in.at("trials")) table.learn(*trial_of(one, at++), directions_of(Json::array({in.at("direction")})));
    std::vector<double> numbers;
    for (const std::uint32_t row : table.best(in.at("below").get<std::size_t>())) numbers.push_back(static_cast<double>(table.number(row)));
    std::cout << list(numbers) << "\n";
    return {};
}

Result<void> grid(std::uint32_t seed) {
    SOFIA_TRY(const Json in, input());
    GridValues values;
    for (const auto& [name, choices] : in.items()) {
        for (const Json& choice : choices) values[name].push_back(value_of(choice).value());
    }
    SOFIA_TRY(const GridPlan plan, GridPlan::make(values, seed));
    std::cout << "[";
    for (std::size_t id = 0; id < plan.cells(); ++id) {
        std::map<std::string, ParamValue> cell;
        for (const auto& [name, choices] : values) cell[name] = *plan.value(plan.cell_at(id), name);
        std::cout << (id > 0 ? ", " : "") << python_json(cell);
    }
    std::cout << "]\n";
    return {};
}

Result<void> run_study(const std::string& url, const std::string& name, const std::string& sampler, std::int64_t trials) {
    StudyOptions options;
    options.name = name;
    options.seed = 3;
    options.open = StudyOptions::Open::resume;
    if (sampler == "nsga2") options.directions = {Direction::minimize, Direction::maximize};
    SamplerOptions small;
    small.nsga2.population = 10;
    SOFIA_TRY(options.sampler, make_sampler(sampler, small));
    SOFIA_TRY(options.storage, open_storage(url));
    SOFIA_TRY(Study study, Study::open(options));
    SOFIA_TRY(const SearchSpace space, parse_space("c: {type: categorical, choices: [a, null]}\n"
                                                   "n: {type: int, low: 1, high: 4}\n"
                                                   "x: {type: float, low: 0, high: 1, step: 0.5}\n",
                                                   "space"));
    OptimizeOptions run;
    run.trials = trials;
    run.batch = 2;
    run.space = &space;
    const auto objective = [&](Trial& trial) -> Result<Outcome> {
        const double x = trial.frozen().param("x")->internal;
        const double n = trial.frozen().param("n")->internal;
        SOFIA_CHECK(trial.set_constraint("n", n - 3.0));
        SOFIA_CHECK(trial.set_constraints(std::vector{x - 0.5}));
        if (sampler == "nsga2") return std::vector<double>{x + n, x * n};
        return x + n;
    };
    SOFIA_CHECK(optimize(study, objective, run));
    return {};
}

Result<void> run(const std::vector<std::string>& arguments) {
    const std::string verb = arguments.empty() ? "" : arguments[0];
    const std::size_t n = arguments.size();
    if (verb == "sobol" && n == 3) return sobol(std::stoull(arguments[1]), std::stoull(arguments[2]));
    if (verb == "cma" && n == 1) return cma();
    if (verb == "fronts" && n == 1) return fronts();
    if (verb == "split" && n == 1) return split();
    if (verb == "grid" && n == 2) return grid(static_cast<std::uint32_t>(std::stoul(arguments[1])));
    if (verb == "run" && n == 5) return run_study(arguments[1], arguments[2], arguments[3], std::stoll(arguments[4]));
    return fail(ErrorCode::usage, "sampler_dump sobol|cma|fronts|split|grid|run, see the source");
}

}  // namespace
}  // namespace sofia::tune

int main(int count, char** arguments) {
    const auto result = sofia::tune::run({arguments + 1, arguments + count});
    if (result) return 0;
    std::cerr << result.error().message << "\n";
    return sofia::exit_code(result.error().code);
}

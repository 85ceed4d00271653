// The native half of tests/peers/test_tune_pruners.py. A list of cases on stdin, the list of what comes of them on stdout.
//   pruner_dump replay   studies: {name, direction, pruner, trials: [{reports: [[step, value], ...], value or null, stubborn}]}
//   pruner_dump query    histories: {name, direction, pruner, trials: [{state, value, reports, rungs}], queries: [{reports, rungs}]}
#include <iostream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "tune/json_text.hpp"
#include "tune/study.hpp"

namespace sofia::tune {
namespace {

Result<double> number(const Json& json) {
    SOFIA_TRY(const ParamValue value, value_of(json));
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
    if (const auto* real = std::get_if<double>(&value)) return *real;
    return fail(ErrorCode::usage, "a value is not a number");
}

Result<std::map<std::int64_t, double>> reports_of(const Json& list) {
    std::map<std::int64_t, double> out;
    for (const Json& one : list) {
        SOFIA_TRY(out[one.at(0).get<std::int64_t>()], number(one.at(1)));
    }
    return out;
}

Direction direction_of(const Json& in) { return in.at("direction") == "minimize" ? Direction::minimize : Direction::maximize; }

std::string rungs(const Attributes& attributes) {
    std::string out;
    for (const auto& [key, json] : attributes) {
        if (key.starts_with("completed_rung_")) out += (out.empty() ? "\"" : ", \"") + key + "\": " + json;
    }
    return "{" + out + "}";
}

Result<std::string> play(Study& study, const Json& one) {
    SOFIA_TRY(Trial trial, study.ask());
    std::string verdicts;
    bool pruned = false;
    for (const Json& report : one.at("reports")) {
        SOFIA_TRY(const double value, number(report.at(1)));
        SOFIA_CHECK(trial.report(report.at(0).get<std::int64_t>(), value));
        SOFIA_TRY(pruned, trial.should_prune());
        verdicts += std::string(verdicts.empty() ? "" : ", ") + (pruned ? "true" : "false");
        pruned = pruned && !one.at("stubborn").get<bool>();
        if (pruned) break;
    }
    if (pruned) {
        SOFIA_CHECK(study.tell(trial, TrialState::pruned));
    } else if (one.at("value").is_null()) {
        SOFIA_CHECK(study.tell(trial, TrialState::fail));
    } else {
        SOFIA_TRY(const double value, number(one.at("value")));
        SOFIA_CHECK(study.tell(trial, value));
    }
    return "{\"verdicts\": [" + verdicts + "], \"rungs\": " + rungs(study.trial(trial.number())->system_attributes);
}

Result<std::string> replay(const Json& in) {
    StudyOptions options;
    options.name = in.at("name").get<std::string>();
    options.directions = {direction_of(in)};
    options.seed = 1;
    SOFIA_TRY(options.pruner, make_pruner(in.at("pruner").get<std::string>()));
    SOFIA_TRY(Study study, Study::open(options));
    std::vector<std::string> lines;
    History named(options.directions);
    named.set_study_name(options.name);
    for (const Json& one : in.at("trials")) {
        SOFIA_TRY(std::string line, play(study, one));
        lines.push_back(std::move(line));
        named.put(study.trial(std::ssize(lines) - 1));
    }
    std::string out;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto bracket = options.pruner->bracket(named, static_cast<std::int64_t>(i));
        out += (i > 0 ? ",\n" : "") + lines[i] + ", \"bracket\": " + (bracket ? std::to_string(*bracket) : "null") + "}";
    }
    return "[" + out + "]";
}

Result<FrozenTrial> trial_of(const Json& one, std::int64_t n) {
    FrozenTrial out;
    out.number = n;
    out.id = n + 1;
    SOFIA_TRY(out.reports, reports_of(one.at("reports")));
    for (const auto& [rung, value] : one.at("rungs").items()) {
        SOFIA_TRY(const double reached, number(value));
        out.system_attributes["completed_rung_" + rung] = python_json(reached);
    }
    if (!one.contains("state")) return out;
    for (const TrialState state : {TrialState::running, TrialState::complete, TrialState::pruned, TrialState::fail}) {
        if (one.at("state") == to_string(state)) out.state = state;
    }
    if (out.state == TrialState::complete) {
        SOFIA_TRY(const double value, number(one.at("value")));
        out.values = {value};
    }
    return out;
}

Result<std::string> query(const Json& in) {
    History history({direction_of(in)});
    history.set_study_name(in.at("name").get<std::string>());
    std::int64_t n = 0;
    for (const Json& one : in.at("trials")) {
        SOFIA_TRY(FrozenTrial trial, trial_of(one, n++));
        history.put(std::make_shared<const FrozenTrial>(std::move(trial)));
    }
    SOFIA_TRY(const auto pruner, make_pruner(in.at("pruner").get<std::string>()));
    std::string out;
    for (const Json& one : in.at("queries")) {
        SOFIA_TRY(const FrozenTrial trial, trial_of(one, n++));
        const PruneVerdict verdict = pruner->prune(history, trial);
        Attributes all = trial.system_attributes;
        for (const auto& [key, json] : verdict.attributes) all[key] = json;
        out += std::string(out.empty() ? "" : ",\n") + "{\"prune\": " + (verdict.prune ? "true" : "false") + ", \"rungs\": " + rungs(all) + "}";
    }
    return "[" + out + "]";
}

Result<void> run(const std::string& verb) {
    if (verb != "replay" && verb != "query") return fail(ErrorCode::usage, "pruner_dump replay|query, see the source");
    const std::string text((std::istreambuf_iterator<char>(std::cin)), {});
    SOFIA_TRY(const Json cases, parse_python_json(text));
    std::string out;
    for (const Json& one : cases) {
        SOFIA_TRY(const std::string result, verb == "replay" ? replay(one) : query(one));
        out += (out.empty() ? "" : ",\n") + result;
    }
    std::cout << "[" << out << "]\n";
    return {};
}

}  // namespace
}  // namespace sofia::tune

int main(int count, char** arguments) {
    const auto result = sofia::tune::run(count == 2 ? arguments[1] : "");
    if (result) return 0;
    std::cerr << result.error().message << "\n";
    return sofia::exit_code(result.error().code);
}

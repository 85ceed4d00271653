#include "app/pipeline/study_plot.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/manifest.hpp"
#include "app/pipeline/study_storage.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "tune/importance.hpp"

namespace sofia::pipeline {

namespace {

using report::Scale;
using report::StudyParameter;
using tune::TrialPtr;
using tune::TrialState;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// ---- parameters

/// Everything that is known of a parameter of the study.
struct Known {
    std::vector<tune::ParamValue> choices;  ///< of a category, in the order of the page
    StudyParameter shown;
};

bool all_numbers(const std::vector<tune::ParamValue>& choices) {
    return std::ranges::all_of(choices, [](const tune::ParamValue& choice) {
        return std::holds_alternative<std::int64_t>(choice) || std::holds_alternative<double>(choice);
    });
}

double number_of(const tune::ParamValue& value) {
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
    return std::get<double>(value);
}

/// Numbers ascending, NaN last; others as they were given.
void sort_choices(std::vector<tune::ParamValue>& choices) {
    if (!all_numbers(choices)) return;
    std::ranges::stable_sort(choices, [](const tune::ParamValue& a, const tune::ParamValue& b) {
        const double x = number_of(a);
        const double y = number_of(b);
        return std::isnan(x) || std::isnan(y) ? !std::isnan(x) && std::isnan(y) : x < y;
    });
}

void widen(StudyParameter& shown, double low, double high) {
    shown.low = std::min(shown.low, low);
    shown.high = std::max(shown.high, high);
}

/// Takes in one trial's parameter: its distribution, which may be wider than an earlier one, and its value, which may lie outside.
void learn(Known& known, const tune::Param& param) {
    const tune::Distribution& distribution = *param.distribution;
    if (const auto* category = distribution.as_categorical()) {
        known.shown.scale = Scale::category;
        for (const tune::ParamValue& choice : category->choices) {
            const auto same = [&](const tune::ParamValue& other) { return other.index() == choice.index() && tune::same_value(other, choice); };
            if (std::ranges::none_of(known.choices, same)) known.choices.push_back(choice);
        }
        return;
    }
    if (std::isfinite(param.internal)) widen(known.shown, param.internal, param.internal);
    if (const auto* number = distribution.as_float()) {
        known.shown.scale = number->log ? Scale::log : Scale::linear;
        widen(known.shown, number->low, number->high);
    } else if (const auto* whole = distribution.as_int()) {
        known.shown.scale = whole->log ? Scale::log : Scale::linear;
        widen(known.shown, static_cast<double>(whole->low), static_cast<double>(whole->high));
    }
}

std::map<std::string, Known> parameters_of(const std::vector<TrialPtr>& trials) {
    std::map<std::string, Known> out;
    std::map<std::string, const tune::Distribution*> last;  // the same distribution again says nothing new about choices
    for (const TrialPtr& trial : trials) {
        for (const tune::Param& param : trial->params) {
            const auto [entry, made] = out.try_emplace(param.name);
            Known& known = entry->second;
            if (made) {
                known.shown.name = param.name;
                known.shown.low = std::numeric_limits<double>::infinity();
                known.shown.high = -known.shown.low;
            }
            const tune::Distribution*& before = last[param.name];
            if (before == param.distribution.get() && param.distribution->as_categorical() != nullptr) continue;
            before = param.distribution.get();
            learn(known, param);
        }
    }
    for (auto& [name, known] : out) {
        sort_choices(known.choices);
        for (const tune::ParamValue& choice : known.choices) known.shown.choices.push_back(tune::format_value(choice));
        // A value that was enqueued or added may have no logarithm.
        if (known.shown.scale == Scale::log && !(known.shown.low > 0.0)) known.shown.scale = Scale::linear;
    }
    return out;
}

/// The names asked for, in order, each once. A name may itself hold commas.
Result<std::vector<std::string>> wanted_parameters(const std::vector<std::string>& asked, const std::map<std::string, Known>& known) {
    std::vector<std::string> names;
    for (const auto& [name, parameter] : known) names.push_back(name);
    if (asked.empty()) return names;
    std::vector<std::string> out;
    for (const std::string& text : asked) {
        const std::vector<std::string> parts = known.contains(text) ? std::vector{text} : split(text, ',');
        for (const std::string& part : parts) {
            const std::string name = known.contains(part) ? part : std::string(trim(part));
            if (!known.contains(name)) {
                return fail(ErrorCode::usage, with_suggestion(fmt::format("the study has no parameter \"{}\"", printable(name)), name, names),
                            names.empty() ? "none of its trials has any" : "its parameters: " + printable(join(names, ", ")));
            }
            if (std::ranges::find(out, name) == out.end()) out.push_back(name);
        }
    }
    return out;
}

double shown_value(const tune::Param& param, const Known& known) {
    if (known.shown.scale != Scale::category) return std::isfinite(param.internal) ? param.internal : nan;
    const tune::ParamValue value = param.value();
    const auto same = [&](const tune::ParamValue& other) { return other.index() == value.index() && tune::same_value(other, value); };
    const auto found = std::ranges::find_if(known.choices, same);
    return found == known.choices.end() ? nan : static_cast<double>(found - known.choices.begin());
}

// ---- objectives

Result<std::vector<std::size_t>> wanted_targets(const std::string& target, const std::vector<std::string>& names) {
    std::vector<std::size_t> all(names.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    if (target.empty()) return all;
    if (const auto named = std::ranges::find(names, target); named != names.end()) {
        return std::vector{static_cast<std::size_t>(named - names.begin())};
    }
    if (const auto number = parse_int(target); number && *number >= 0 && *number < static_cast<std::int64_t>(names.size())) {
        return std::vector{static_cast<std::size_t>(*number)};
    }
    std::string known;
    for (std::size_t i = 0; i < names.size(); ++i) known += fmt::format("{}{} {}", i == 0 ? "" : ", ", i, printable(names[i]));
    return fail(ErrorCode::usage, with_suggestion(fmt::format("the study has no objective \"{}\"", printable(target)), target, names),
                "its objectives: " + known);
}

/// Those of the page's parameters that a trial with a finite value has.
std::vector<std::string> assessable(const LoadedStudy& loaded, std::size_t target, const report::StudyData& data) {
    std::vector<std::string> out;
    for (const StudyParameter& parameter : data.parameters) {
        const bool seen = std::ranges::any_of(loaded.trials, [&](const TrialPtr& trial) {
            return trial->state == TrialState::complete && std::isfinite(trial->values[target]) && trial->param(parameter.name) != nullptr;
        });
        if (seen) out.push_back(parameter.name);
    }
    return out;
}

Result<std::vector<std::vector<report::ParameterShare>>> importances(const LoadedStudy& loaded, const PlotRequest& request, const Context& context,
                                                                     const report::StudyData& data) {
    std::vector<std::vector<report::ParameterShare>> out;
    if (!request.evaluator) return out;
    for (const std::size_t target : data.targets) {
        tune::ImportanceOptions options;
        options.objective = target;
        if (!request.params.empty()) options.params = assessable(loaded, target, data);
        if (!request.params.empty() && options.params.empty()) {
            out.emplace_back();
            continue;
        }
        tune::FanovaOptions forest;
        forest.threads = context.threads;
        forest.seed = context.seed;
        const auto found = request.evaluator == ImportanceEvaluator::fanova ? tune::fanova(loaded.trials, loaded.info.directions, options, forest)
                                                                            : tune::ped_anova(loaded.trials, loaded.info.directions, options);
        out.emplace_back();
        if (!found) {
            // All values alike, for instance: the other charts are still worth seeing.
            context.log.warning("no importance of the parameters for " + printable(data.objectives[target].name) + ": " + found.error().message);
            continue;
        }
        if (std::ranges::all_of(*found, [](const tune::Importance& one) { return one.value == 0.0; })) continue;
        for (const tune::Importance& one : tune::normalized(*found)) {
            const auto place = std::ranges::find(data.parameters, one.name, &StudyParameter::name);
            if (place != data.parameters.end()) out.back().push_back({static_cast<std::size_t>(place - data.parameters.begin()), one.value});
        }
    }
    return out;
}

// ---- trials

report::TrialEnd end_of(TrialState state) {
    switch (state) {
        case TrialState::running: return report::TrialEnd::running;
        case TrialState::complete: return report::TrialEnd::complete;
        case TrialState::pruned: return report::TrialEnd::pruned;
        case TrialState::fail: return report::TrialEnd::fail;
        case TrialState::waiting: return report::TrialEnd::waiting;
    }
    return report::TrialEnd::fail;
}

report::StudyTrial shown_trial(const tune::FrozenTrial& trial, const std::vector<const Known*>& parameters) {
    report::StudyTrial out;
    out.number = trial.number;
    out.end = end_of(trial.state);
    out.feasibility = trial.feasible() ? report::Feasibility::feasible : report::Feasibility::infeasible;
    if (trial.state == TrialState::complete) out.values = trial.values;
    for (const Known* known : parameters) {
        const tune::Param* param = trial.param(known->shown.name);
        out.params.push_back(param == nullptr ? nan : shown_value(*param, *known));
    }
    // Those that failed show a chart of what went wrong less often than one of noise; Optuna leaves them out too.
    if (trial.state != TrialState::fail && trial.state != TrialState::waiting) {
        for (const auto& [step, value] : trial.reports) out.reports.push_back({step, value});
    }
    return out;
}

// ---- words

/// A name inside a sentence keeps its direction of writing to itself (U+2068, U+2069).
std::string isolated(const std::string& name) {
    const bool plain = std::ranges::all_of(name, [](char c) { return c >= 0x20 && c < 0x7f; });
    return plain ? name : "\u2068" + name + "\u2069";
}

std::string names_text(const LoadedStudy& loaded, const std::vector<std::string>& names) {
    if (names.size() == 1) return tune::to_string(loaded.info.directions.front()) + " " + isolated(names.front());
    std::string out;
    for (std::size_t i = 0; i < names.size(); ++i) {
        out += fmt::format("{}{} {}",
                           i == 0                  ? ""
                           : i + 1 == names.size() ? " and "
                                                   : ", ",
                           tune::to_string(loaded.info.directions[i]), isolated(names[i]));
    }
    return out;
}

std::vector<report::Figure> headline(const LoadedStudy& loaded, const std::vector<TrialPtr>& best, std::size_t parameters) {
    std::vector<report::Figure> out;
    const auto add = [&](const char* name, std::size_t trials, const char* note = "") {
        out.push_back({name, static_cast<double>(trials), trials == 1 ? "trial" : "trials", 0, note});
    };
    if (loaded.info.directions.size() > 1) {
        add("not dominated", best.size());
    } else if (!best.empty()) {
        out.push_back({"best value", short_number(best.front()->values.front()), "", 0, fmt::format("trial {}", best.front()->number)});
    }
    add("complete", loaded.count(TrialState::complete));
    if (const std::size_t pruned = loaded.count(TrialState::pruned); pruned > 0) add("pruned", pruned);
    if (const std::size_t failed = loaded.count(TrialState::fail); failed > 0) add("failed", failed);
    if (const std::size_t open = loaded.count(TrialState::running) + loaded.count(TrialState::waiting); open > 0) add("not finished", open);
    const auto infeasible =
        std::ranges::count_if(loaded.trials, [](const TrialPtr& trial) { return trial->state == TrialState::complete && !trial->feasible(); });
    if (infeasible > 0) add("infeasible", static_cast<std::size_t>(infeasible), "violate a constraint");
    out.push_back({"parameters", static_cast<double>(parameters), "", 0, ""});
    std::vector<double> seconds;
    for (const TrialPtr& trial : loaded.trials) {
        if (trial->state == TrialState::complete && !std::isnan(seconds_of(*trial))) seconds.push_back(seconds_of(*trial));
    }
    if (!seconds.empty()) {
        const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
        std::ranges::nth_element(seconds, middle);
        out.push_back({"a trial took", duration_text(*middle), "", 0, "median of the complete ones"});
    }
    return out;
}

Result<void> check_worth(const LoadedStudy& loaded) {
    const auto worth = [](const TrialPtr& trial) {
        return trial->state == TrialState::complete ||
               (!trial->reports.empty() && (trial->state == TrialState::pruned || trial->state == TrialState::running));
    };
    if (std::ranges::any_of(loaded.trials, worth)) return {};
    std::string counts;
    for (const TrialState state : {TrialState::pruned, TrialState::fail, TrialState::running, TrialState::waiting}) {
        if (const std::size_t count = loaded.count(state); count > 0) {
            const std::string name = state == TrialState::fail ? "failed" : tune::to_string(state);
            counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", count, name);
        }
    }
    return fail(
        ErrorCode::data,
        fmt::format("study \"{}\" has no complete trial to plot ({})", printable(loaded.info.name), counts.empty() ? "it has no trials" : counts),
        "`sofia study trials` shows them all");
}

Result<std::filesystem::path> out_file(const PlotRequest& request, const std::string& name) {
    if (!request.out.empty()) return request.out;
    if (!study_storage_url("", name)) {
        return fail(ErrorCode::usage, fmt::format("study \"{}\" cannot be the name of a file", printable(name)), "say where with --out FILE");
    }
    return name + ".html";
}

}  // namespace

Result<report::StudyData> study_plot_data(const LoadedStudy& loaded, const PlotRequest& request, const Context& context) {
    const std::map<std::string, Known> known = parameters_of(loaded.trials);
    const std::vector<std::string> names = loaded.objective_names();
    report::StudyData data;
    SOFIA_TRY(data.targets, wanted_targets(request.target, names));
    SOFIA_TRY(const std::vector<std::string> wanted, wanted_parameters(request.params, known));
    SOFIA_CHECK(check_worth(loaded));
    data.title = loaded.info.name;
    data.subtitle = names_text(loaded, names);
    for (std::size_t i = 0; i < names.size(); ++i) {
        const bool least = loaded.info.directions[i] == tune::Direction::minimize;
        data.objectives.push_back({names[i], least ? report::Goal::minimize : report::Goal::maximize});
    }
    std::vector<const Known*> parameters;
    for (const std::string& name : wanted) {
        parameters.push_back(&known.at(name));
        data.parameters.push_back(parameters.back()->shown);
    }
    const std::vector<TrialPtr> best = loaded.best();
    std::set<std::int64_t> best_numbers;
    for (const TrialPtr& trial : best) best_numbers.insert(trial->number);
    for (const TrialPtr& trial : loaded.trials) {
        if (best_numbers.contains(trial->number)) data.best.push_back(data.trials.size());
        data.trials.push_back(shown_trial(*trial, parameters));
    }
    SOFIA_TRY(data.importance, importances(loaded, request, context, data));
    data.importance_method = request.evaluator == ImportanceEvaluator::fanova ? "fANOVA (Hutter et al. 2014)" : "PED-ANOVA (Watanabe et al. 2023)";
    data.headline = headline(loaded, best, known.size());
    return data;
}

Result<Output> plot_study(const PlotRequest& request, const Context& context) {
    SOFIA_TRY(const LoadedStudy loaded, load_study(request.choice));
    SOFIA_TRY(const std::filesystem::path file, out_file(request, loaded.info.name));
    SOFIA_TRY(report::StudyData data, study_plot_data(loaded, request, context));
    data.provenance = {{"study", loaded.info.name, "", 0, ""}, {"drawn by", "sofia " + library_versions().value("sofia", ""), "", 0, ""}};
    SOFIA_TRY(const std::string page, report::study_html(data));
    SOFIA_CHECK(context.go_on());
    SOFIA_CHECK(write_file(file, page));
    const std::string text = fmt::format("{}: {} of study {}, {:.1f} MB; open it in a browser\n", printable(file.string()),
                                         counted(data.trials.size(), "trial"), printable(loaded.info.name), static_cast<double>(page.size()) / 1e6);
    return make_output(text, {{"file", file.string()}, {"study", loaded.info.name}, {"trials", data.trials.size()}, {"bytes", page.size()}});
}

}  // namespace sofia::pipeline

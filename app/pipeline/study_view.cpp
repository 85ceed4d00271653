#include "app/pipeline/study_view.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/study_storage.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {

namespace {

using tune::TrialPtr;
using tune::TrialState;

constexpr std::array states = {TrialState::complete, TrialState::pruned, TrialState::fail, TrialState::running, TrialState::waiting};

std::optional<TimeNs> last_activity(const std::vector<TrialPtr>& trials) {
    std::optional<TimeNs> last;
    for (const TrialPtr& trial : trials) last = std::max({last, trial->started, trial->completed});
    return last;
}

std::string time_text(std::optional<TimeNs> time) { return time ? format_time(floor_time(*time, ns_per_second)) : "-"; }

Json time_document(std::optional<TimeNs> time) { return time ? Json(format_time(*time)) : Json(); }

Json counts_document(const LoadedStudy& loaded) {
    Json out = Json::object();
    for (const TrialState state : states) out[tune::to_string(state)] = loaded.count(state);
    return out;
}

/// A text without its quotes, anything else as it is stored.
std::string attribute_text(const std::string& json) {
    const Json value = plain_attribute(json);
    return printable(value.is_string() ? value.get<std::string>() : json);
}

std::string counts_text(const LoadedStudy& loaded) {
    std::string out;
    for (const TrialState state : states) {
        if (const std::size_t count = loaded.count(state); count > 0)
            out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, tune::to_string(state));
    }
    return out.empty() ? "0" : out;
}

std::string best_text(const LoadedStudy& loaded, const std::vector<TrialPtr>& best) {
    if (best.empty()) return "-";
    return loaded.info.directions.size() == 1 ? values_text(*best.front()) : fmt::format("{} not dominated", best.size());
}

void add_best(Json& json, const LoadedStudy& loaded, const std::vector<TrialPtr>& best) {
    const std::size_t objectives = loaded.info.directions.size();
    if (objectives == 1) {
        json["best_trial"] = best.empty() ? Json() : trial_document(*best.front(), objectives);
        return;
    }
    json["best_trials"] = Json::array();
    for (const TrialPtr& trial : best) json["best_trials"].push_back(trial_document(*trial, objectives));
}

Json directions_document(const std::vector<tune::Direction>& directions) {
    Json out = Json::array();
    for (const tune::Direction direction : directions) out.push_back(tune::to_string(direction));
    return out;
}

/// Names in order, with the last distribution each and how many trials have it.
struct SpaceEntry {
    std::shared_ptr<const tune::Distribution> distribution;
    std::size_t trials = 0;
};
std::map<std::string, SpaceEntry> space_of(const LoadedStudy& loaded) {
    std::map<std::string, SpaceEntry> space;
    for (const TrialPtr& trial : loaded.trials) {
        for (const tune::Param& param : trial->params) {
            SpaceEntry& entry = space[param.name];
            entry.distribution = param.distribution;
            ++entry.trials;
        }
    }
    return space;
}

std::string range_text(const tune::Distribution& distribution) {
    if (const auto* f = distribution.as_float()) {
        return fmt::format("float {} to {}{}{}", format_double(f->low), format_double(f->high), f->log ? ", log" : "",
                           f->step > 0.0 ? ", step " + format_double(f->step) : "");
    }
    if (const auto* i = distribution.as_int()) {
        return fmt::format("int {} to {}{}{}", i->low, i->high, i->log ? ", log" : "", i->step > 1 ? fmt::format(", step {}", i->step) : "");
    }
    std::string out;
    for (const tune::ParamValue& choice : distribution.as_categorical()->choices)
        out += (out.empty() ? "" : ", ") + printable(tune::format_value(choice));
    return "one of " + out;
}

std::vector<std::vector<std::string>> trial_rows(const tune::FrozenTrial& trial) {
    std::vector<std::vector<std::string>> rows = {{"trial", std::to_string(trial.number)}};
    std::string values;
    for (const double value : trial.values) values += (values.empty() ? "" : ", ") + format_double(value);
    rows.push_back({trial.values.size() > 1 ? "values" : "value", values});
    for (const tune::Param& param : trial.params) rows.push_back({printable(param.name), printable(tune::format_value(param.value()))});
    return rows;
}

std::string pair_table(const std::string& left, const std::string& right, const std::vector<std::vector<std::string>>& rows) {
    const std::vector<std::string> header = {left, right};
    return format_table(header, rows);
}

std::set<std::string> names_of(std::span<const TrialPtr> trials) {
    std::set<std::string> names;
    for (const TrialPtr& trial : trials) {
        for (const tune::Param& param : trial->params) names.insert(param.name);
    }
    return names;
}

/// A column a parameter that some trial has.
std::string trial_table(std::span<const TrialPtr> trials, const std::vector<std::string>& objectives) {
    const std::set<std::string> names = names_of(trials);
    std::vector<std::string> header = {"number", "state"};
    for (const std::string& objective : objectives) header.push_back(printable(objective));
    header.emplace_back("duration");
    for (const std::string& name : names) header.push_back(printable(name));
    std::vector<std::vector<std::string>> rows;
    for (const TrialPtr& trial : trials) {
        rows.push_back({std::to_string(trial->number), tune::to_string(trial->state) + (trial->feasible() ? "" : " (infeasible)")});
        for (std::size_t i = 0; i < objectives.size(); ++i) rows.back().push_back(i < trial->values.size() ? short_number(trial->values[i]) : "-");
        rows.back().push_back(duration_text(seconds_of(*trial)));
        for (const std::string& name : names) {
            const tune::Param* param = trial->param(name);
            rows.back().push_back(param == nullptr ? "-" : short_value(param->value()));
        }
    }
    return format_table(header, rows);
}

Result<std::set<TrialState>> states_of(const std::vector<std::string>& names) {
    std::set<TrialState> out;
    std::vector<std::string> known;
    for (const TrialState state : states) known.push_back(tune::to_string(state));
    for (const std::string& name : names) {
        const auto found = std::ranges::find(known, lower(name));
        if (found == known.end())
            return fail(ErrorCode::usage, with_suggestion("unknown trial state " + name, lower(name), known), "known: " + join(known, ", "));
        out.insert(states[static_cast<std::size_t>(found - known.begin())]);
    }
    if (out.empty()) out.insert(states.begin(), states.end());
    return out;
}

/// What trials are sorted by, lower first; NaN is missing.
using SortKey = std::function<double(const tune::FrozenTrial&)>;

Result<SortKey> sort_key(const TrialsRequest& request, const LoadedStudy& loaded) {
    constexpr double missing = std::numeric_limits<double>::quiet_NaN();
    if (request.sort == "number") return SortKey([](const tune::FrozenTrial& trial) { return static_cast<double>(trial.number); });
    if (request.sort == "duration") return SortKey(seconds_of);
    if (request.sort == "started") {
        return SortKey([](const tune::FrozenTrial& trial) { return trial.started ? static_cast<double>(*trial.started) : missing; });
    }
    if (request.sort == "value") {
        if (request.target >= loaded.info.directions.size()) {
            return fail(ErrorCode::usage, fmt::format("there is no objective {}", request.target),
                        fmt::format("the study's objectives are 0 to {}", loaded.info.directions.size() - 1));
        }
        const double sign = loaded.info.directions[request.target] == tune::Direction::minimize ? 1.0 : -1.0;
        return SortKey([sign, target = request.target](const tune::FrozenTrial& trial) {
            return target < trial.values.size() ? sign * trial.values[target] : missing;
        });
    }
    const std::set<std::string> names = names_of(loaded.trials);
    if (names.contains(request.sort)) {
        return SortKey([name = request.sort](const tune::FrozenTrial& trial) {
            const tune::Param* param = trial.param(name);
            return param == nullptr ? missing : param->internal;
        });
    }
    std::vector<std::string> known = {"number", "value", "duration", "started"};
    known.insert(known.end(), names.begin(), names.end());
    return fail(ErrorCode::usage, with_suggestion("trials cannot be sorted by " + printable(request.sort), request.sort, known),
                "number, value, duration, started, or a parameter");
}

void sort_trials(std::vector<TrialPtr>& trials, const SortKey& key, TrialsRequest::Order order) {
    std::ranges::stable_sort(trials, [&](const TrialPtr& a, const TrialPtr& b) {
        const double x = key(*a);
        const double y = key(*b);
        if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
        return order == TrialsRequest::Order::ascending ? x < y : x > y;
    });
}

}  // namespace

Result<Output> list_studies(const StudyChoice& choice) {
    SOFIA_TRY(const auto storage, open_existing(choice));
    SOFIA_TRY(const std::vector<tune::StudyInfo> infos, storage->studies());
    if (!choice.study.empty()) SOFIA_CHECK(choose_study(*storage, choice));
    Json json = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (const tune::StudyInfo& info : infos) {
        if (!choice.study.empty() && info.name != choice.study) continue;
        SOFIA_TRY(const LoadedStudy loaded, load_study({choice.storage.empty() ? choice.study + ".db" : choice.storage, info.name}));
        const std::vector<TrialPtr> best = loaded.best();
        const auto last = last_activity(loaded.trials);
        rows.push_back({printable(info.name), directions_text(info.directions), counts_text(loaded), best_text(loaded, best), time_text(last)});
        Json entry = {{"name", info.name}, {"directions", directions_document(info.directions)}, {"trials", counts_document(loaded)}};
        add_best(entry, loaded, best);
        entry["last_activity"] = time_document(last);
        json.push_back(std::move(entry));
    }
    const std::vector<std::string> header = {"study", "direction", "trials", "best value", "last activity"};
    return make_output(rows.empty() ? "no study\n" : format_table(header, rows), {{"studies", std::move(json)}});
}

Result<Output> show_study(const StudyChoice& choice) {
    SOFIA_TRY(const LoadedStudy loaded, load_study(choice));
    const std::vector<TrialPtr> best = loaded.best();
    std::optional<TimeNs> first;
    for (const TrialPtr& trial : loaded.trials) {
        if (trial->started && (!first || *trial->started < *first)) first = trial->started;
    }
    const auto last = last_activity(loaded.trials);
    std::vector<std::vector<std::string>> rows = {{"direction", directions_text(loaded.info.directions)},
                                                  {"trials", counts_text(loaded)},
                                                  {"first trial", time_text(first)},
                                                  {"last activity", time_text(last)}};
    Json json = {{"name", loaded.info.name},
                 {"directions", directions_document(loaded.info.directions)},
                 {"metric_names", loaded.objective_names()},
                 {"trials", counts_document(loaded)},
                 {"first_trial", time_document(first)},
                 {"last_activity", time_document(last)}};
    json["params"] = Json::object();
    std::vector<std::vector<std::string>> params;
    for (const auto& [name, entry] : space_of(loaded)) {
        params.push_back({printable(name), range_text(*entry.distribution), std::to_string(entry.trials)});
        json["params"][name] = {{"distribution", plain_attribute(entry.distribution->json())}, {"trials", entry.trials}};
    }
    for (const auto& [key, text] : loaded.info.user_attributes) rows.push_back({printable(key), attribute_text(text)});
    json["user_attributes"] = Json::object();
    for (const auto& [key, text] : loaded.info.user_attributes) json["user_attributes"][key] = plain_attribute(text);
    json["system_attributes"] = Json::object();
    for (const auto& [key, text] : loaded.info.system_attributes) json["system_attributes"][key] = plain_attribute(text);
    add_best(json, loaded, best);
    std::string text = pair_table("study", printable(loaded.info.name), rows);
    const std::vector<std::string> header = {"parameter", "range", "trials"};
    if (!params.empty()) text += "\n" + format_table(header, params);
    if (best.size() == 1) text += "\n" + pair_table("best", "", trial_rows(*best.front()));
    if (best.size() > 1) text += fmt::format("\n{} trials are not dominated; `sofia study best` lists them\n", best.size());
    return make_output(std::move(text), std::move(json));
}

Result<Output> show_best(const StudyChoice& choice) {
    SOFIA_TRY(const LoadedStudy loaded, load_study(choice));
    const std::vector<TrialPtr> best = loaded.best();
    if (best.empty()) {
        const std::string what = loaded.trials.empty() ? "it has no trials" : counts_text(loaded);
        return fail(ErrorCode::data, fmt::format("study \"{}\" has no best trial: {}", printable(loaded.info.name), what),
                    "a best trial is complete and keeps its constraints");
    }
    if (loaded.info.directions.size() == 1) {
        return make_output(pair_table("best", "", trial_rows(*best.front())), trial_document(*best.front(), 1));
    }
    Json json = Json::object();
    add_best(json, loaded, best);
    return make_output(trial_table(best, loaded.objective_names()), std::move(json));
}

Result<Output> list_trials(const TrialsRequest& request) {
    SOFIA_TRY(const auto wanted, states_of(request.states));
    SOFIA_TRY(const LoadedStudy loaded, load_study(request.choice));
    SOFIA_TRY(const SortKey key, sort_key(request, loaded));
    std::vector<TrialPtr> trials = loaded.trials;
    std::erase_if(trials, [&](const TrialPtr& trial) { return !wanted.contains(trial->state); });
    sort_trials(trials, key, request.order);
    const std::size_t all = trials.size();
    if (request.limit > 0 && all > request.limit) trials.resize(request.limit);
    Json json = {{"study", loaded.info.name}, {"count", all}, {"trials", Json::array()}};
    for (const TrialPtr& trial : trials) json["trials"].push_back(trial_document(*trial, loaded.info.directions.size()));
    std::string text = trials.empty() ? "no trial\n" : trial_table(trials, loaded.objective_names());
    if (trials.size() < all) text += fmt::format("{} of {} trials\n", trials.size(), all);
    return make_output(std::move(text), std::move(json));
}

}  // namespace sofia::pipeline

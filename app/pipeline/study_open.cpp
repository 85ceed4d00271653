#include "app/pipeline/study_open.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/study_storage.hpp"
#include "base/text.hpp"
#include "tune/json_text.hpp"

namespace sofia::pipeline {

namespace {

std::string quoted_names(const std::vector<tune::StudyInfo>& studies) {
    constexpr std::size_t shown = 5;
    std::string out;
    for (std::size_t i = 0; i < std::min(shown, studies.size()); ++i) out += (i == 0 ? "" : ", ") + printable(studies[i].name);
    return out + (studies.size() > shown ? ", ..." : "");
}

/// Documents of attributes hold marked strings where Python wrote NaN or Infinity.
void make_plain(Json& json) {
    if (json.is_string()) {
        if (const auto value = tune::value_of(json)) {
            if (const double* number = std::get_if<double>(&*value)) json = plain_number(*number);
        }
    } else if (json.is_structured()) {
        for (Json& item : json) make_plain(item);
    }
}

Json attributes_document(const tune::Attributes& attributes) {
    Json out = Json::object();
    for (const auto& [key, text] : attributes) out[key] = plain_attribute(text);
    return out;
}

}  // namespace

Result<std::shared_ptr<tune::Storage>> open_existing(const StudyChoice& choice) {
    SOFIA_TRY(const std::string url, study_storage_url(choice.storage, choice.study));
    return tune::open_storage(url, tune::Missing::refuse);
}

Result<tune::StudyInfo> choose_study(tune::Storage& storage, const StudyChoice& choice) {
    SOFIA_TRY(std::vector<tune::StudyInfo> studies, storage.studies());
    if (choice.study.empty()) {
        if (studies.empty()) return fail(ErrorCode::usage, "the storage holds no study", "`sofia study run --study NAME` makes one");
        if (studies.size() == 1) return std::move(studies.front());
        return fail(ErrorCode::usage, fmt::format("the storage holds {} studies: {}", studies.size(), quoted_names(studies)),
                    "say which with --study NAME");
    }
    std::vector<std::string> names;
    for (tune::StudyInfo& info : studies) {
        if (info.name == choice.study) return std::move(info);
        names.push_back(info.name);
    }
    const std::string message = fmt::format("there is no study \"{}\"", printable(choice.study));
    return fail(ErrorCode::usage, with_suggestion(message, choice.study, names), "`sofia study list` shows the studies of a storage");
}

Result<LoadedStudy> load_study(const StudyChoice& choice) {
    SOFIA_TRY(const auto storage, open_existing(choice));
    SOFIA_TRY(tune::StudyInfo info, choose_study(*storage, choice));
    tune::StudyOptions options;
    options.name = info.name;
    options.open = tune::StudyOptions::Open::load;
    options.storage = storage;
    options.sampler = tune::random_sampler();
    SOFIA_TRY(tune::Study study, tune::Study::open(std::move(options)));
    std::vector<tune::TrialPtr> trials = study.trials();
    std::erase(trials, nullptr);
    return LoadedStudy{storage, std::move(info), std::move(study), std::move(trials)};
}

std::size_t LoadedStudy::count(tune::TrialState state) const {
    return static_cast<std::size_t>(std::ranges::count_if(trials, [&](const tune::TrialPtr& trial) { return trial->state == state; }));
}

std::vector<tune::TrialPtr> LoadedStudy::best() const {
    if (info.directions.size() > 1) return study.best_trials();
    const auto one = study.best_trial();
    return one ? std::vector{*one} : std::vector<tune::TrialPtr>();
}

std::vector<std::string> LoadedStudy::objective_names() const {
    std::vector<std::string> names = metric_names(info);
    if (names.size() == info.directions.size()) return names;
    names.clear();
    for (std::size_t i = 0; i < info.directions.size(); ++i) names.push_back(info.directions.size() == 1 ? "value" : fmt::format("value {}", i));
    return names;
}

std::vector<std::string> metric_names(const tune::StudyInfo& info) {
    const auto found = info.system_attributes.find("study:metric_names");
    if (found == info.system_attributes.end()) return {};
    const Json json = plain_attribute(found->second);
    std::vector<std::string> names;
    if (!json.is_array()) return {};
    for (const Json& name : json) {
        if (!name.is_string()) return {};
        names.push_back(name.get<std::string>());
    }
    return names.size() == info.directions.size() ? names : std::vector<std::string>();
}

Json plain_number(double value) {
    if (std::isinf(value)) return value > 0.0 ? "Infinity" : "-Infinity";
    return json_number(value);
}

Json plain_value(const tune::ParamValue& value) {
    struct Writer {
        Json operator()(std::monostate) const { return {}; }
        Json operator()(bool b) const { return b; }
        Json operator()(std::int64_t i) const { return i; }
        Json operator()(double d) const { return plain_number(d); }
        Json operator()(const std::string& s) const { return s; }
    };
    return std::visit(Writer{}, value);
}

Json plain_attribute(const std::string& text) {
    auto json = tune::parse_python_json(text);
    if (!json) return text;
    make_plain(*json);
    return *std::move(json);
}

Json trial_document(const tune::FrozenTrial& trial, std::size_t objectives) {
    Json out = {{"number", trial.number}, {"state", tune::to_string(trial.state)}};
    if (objectives == 1) out["value"] = trial.values.empty() ? Json() : plain_number(trial.values.front());
    out["values"] = Json::array();
    for (const double value : trial.values) out["values"].push_back(plain_number(value));
    out["params"] = Json::object();
    for (const tune::Param& param : trial.params) out["params"][param.name] = plain_value(param.value());
    out["intermediate_values"] = Json::object();
    for (const auto& [step, value] : trial.reports) out["intermediate_values"][std::to_string(step)] = plain_number(value);
    out["user_attributes"] = attributes_document(trial.user_attributes);
    out["system_attributes"] = attributes_document(trial.system_attributes);
    const auto constraints = trial.constraints();
    if (!constraints.empty()) {
        out["feasible"] = trial.feasible();
        for (const auto& [name, value] : constraints) out["constraints"][name] = plain_number(value);
    }
    out["started"] = trial.started ? Json(format_time(*trial.started)) : Json();
    out["completed"] = trial.completed ? Json(format_time(*trial.completed)) : Json();
    out["duration"] = json_number(seconds_of(trial));
    return out;
}

std::string short_number(double value) { return fmt::format("{:.6g}", value); }

std::string short_value(const tune::ParamValue& value) {
    if (const double* number = std::get_if<double>(&value)) return short_number(*number);
    return printable(tune::format_value(value));
}

std::string values_text(const tune::FrozenTrial& trial) {
    if (trial.values.empty()) return "-";
    std::string out;
    for (const double value : trial.values) out += (out.empty() ? "" : ", ") + short_number(value);
    return out;
}

double seconds_of(const tune::FrozenTrial& trial) {
    if (!trial.started || !trial.completed) return std::numeric_limits<double>::quiet_NaN();
    const DurationNs microseconds = (*trial.completed - *trial.started) / ns_per_us;
    return static_cast<double>(microseconds) / 1e6;
}

std::string duration_text(double seconds) {
    if (std::isnan(seconds)) return "-";
    if (seconds < 1.0) return fmt::format("{:.3g} ms", seconds * 1e3);
    if (seconds < 120.0) return fmt::format("{:.3g} s", seconds);
    const auto whole = static_cast<std::int64_t>(seconds);
    if (whole < 7200) return fmt::format("{} min {} s", whole / 60, whole % 60);
    return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
}

std::string directions_text(const std::vector<tune::Direction>& directions) {
    std::string out;
    for (const tune::Direction direction : directions) out += (out.empty() ? "" : ", ") + tune::to_string(direction);
    return out;
}

}  // namespace sofia::pipeline

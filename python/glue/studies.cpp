#include "tune/study.hpp"

#include <utility>

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>
#include <nlohmann/json.hpp>

#include "base/json.hpp"
#include "glue.hpp"
#include "param_value.hpp"
#include "sampler_box.hpp"
#include "tune/storage.hpp"

namespace sofia::python {
namespace {

using tune::FrozenTrial;
using tune::Study;
using tune::Trial;

using Released = nb::call_guard<nb::gil_scoped_release>;

/// A study and the storage that it was opened in.
struct StudyBox {
    std::shared_ptr<tune::Storage> storage;
    Study study;
    std::int64_t id;
};

tune::Direction direction_of(const std::string& text) {
    if (text == "minimize") return tune::Direction::minimize;
    if (text == "maximize") return tune::Direction::maximize;
    throw Failure({ErrorCode::usage, "direction \"" + text + "\" is neither minimize nor maximize", ""});
}

nb::object time_of(const std::optional<TimeNs>& time) { return time ? nb::object(nb::int_(*time)) : nb::none(); }

nb::dict texts_of(const tune::Attributes& attributes) {
    nb::dict out;
    for (const auto& [key, json] : attributes) out[python_text(key)] = python_text(json);
    return out;
}

/// number, state, values, params as (name, value, distribution), reports, user attributes, system attributes, start, end, id.
nb::tuple tuple_of(const FrozenTrial& trial) {
    nb::list params;
    for (const tune::Param& param : trial.params) {
        params.append(nb::make_tuple(python_text(param.name), python_value(param.value()), python_text(param.distribution->json())));
    }
    nb::dict reports;
    for (const auto& [step, value] : trial.reports) reports[nb::int_(step)] = value;
    return nb::make_tuple(trial.number, static_cast<int>(trial.state), nb::cast(trial.values), params, reports, texts_of(trial.user_attributes),
                          texts_of(trial.system_attributes), time_of(trial.started), time_of(trial.completed), trial.id,
                          nb::cast(trial.constraints()));
}

/// The other way, for a trial that is added. `params` as (name, value, distribution).
FrozenTrial trial_of(int state, std::vector<double> values, const nb::list& params, std::map<std::int64_t, double> reports, tune::Attributes user,
                     tune::Attributes system, std::optional<TimeNs> started, std::optional<TimeNs> completed) {
    FrozenTrial trial;
    trial.state = static_cast<tune::TrialState>(state);
    trial.values = std::move(values);
    for (const nb::handle one : params) {
        const auto param = nb::cast<nb::tuple>(one);
        tune::Param into;
        into.name = nb::cast<std::string>(param[0]);
        into.distribution = std::make_shared<const tune::Distribution>(value_of(tune::Distribution::from_json(nb::cast<std::string>(param[2]))));
        into.internal = value_of(into.distribution->internal(param_value(param[1])));
        trial.params.push_back(std::move(into));
    }
    trial.reports = std::move(reports);
    trial.user_attributes = std::move(user);
    trial.system_attributes = std::move(system);
    trial.started = started;
    trial.completed = completed;
    return trial;
}

std::unique_ptr<StudyBox> open_study(const std::optional<std::string>& storage, const std::string& name, const std::vector<std::string>& directions,
                                     const std::string& open, std::optional<std::uint64_t> seed, const SamplerBox* sampler, const PrunerBox* pruner,
                                     double heartbeat_s, double grace_s, std::optional<std::int64_t> max_retry) {
    const nb::gil_scoped_release unlocked;
    tune::StudyOptions options;
    options.name = name;
    options.directions.clear();
    for (const std::string& direction : directions) options.directions.push_back(direction_of(direction));
    using Open = tune::StudyOptions::Open;
    options.open = open == "load" ? Open::load : open == "resume" ? Open::resume : Open::create;
    // A study is loaded with its own directions, whatever they are.
    if (options.open == Open::load) options.directions = {tune::Direction::minimize};
    options.seed = seed;
    options.storage =
        storage ? value_of(tune::open_storage(*storage, open == "load" ? tune::Missing::refuse : tune::Missing::create)) : tune::memory_storage();
    if (sampler != nullptr) options.sampler = sampler->make();
    if (pruner != nullptr) options.pruner = pruner->make();
    options.heartbeat.interval = static_cast<DurationNs>(heartbeat_s * static_cast<double>(ns_per_second));
    options.heartbeat.grace = static_cast<DurationNs>(grace_s * static_cast<double>(ns_per_second));
    options.heartbeat.max_retry = max_retry;
    const auto kept = options.storage;
    Study study = value_of(Study::open(std::move(options)));
    const auto info = value_of(kept->find_study(study.name()));
    return std::make_unique<StudyBox>(StudyBox{kept, std::move(study), info ? info->id : 0});
}

tune::SearchSpace space_of(const std::map<std::string, std::string>& space) {
    tune::SearchSpace out;
    for (const auto& [name, json] : space) out.emplace(name, value_of(tune::Distribution::from_json(json)));
    return out;
}

std::vector<Trial> ask(StudyBox& box, std::size_t count, const std::optional<std::map<std::string, std::string>>& space) {
    if (!space) return value_of(box.study.ask_batch(count, nullptr));
    const tune::SearchSpace made = space_of(*space);
    return value_of(box.study.ask_batch(count, &made));
}

/// The trials from `first` on, by number, and those before it that `again` names.
nb::list trials_of(StudyBox& box, std::size_t first, const std::vector<std::int64_t>& again) {
    std::vector<tune::TrialPtr> wanted;
    {
        const nb::gil_scoped_release unlocked;
        value_of(box.study.refresh());
        for (const std::int64_t number : again) {
            if (auto trial = box.study.trial(number)) wanted.push_back(std::move(trial));
        }
        for (tune::TrialPtr& trial : box.study.trials()) {
            if (trial->number >= static_cast<std::int64_t>(first)) wanted.push_back(std::move(trial));
        }
    }
    nb::list out;
    for (const tune::TrialPtr& trial : wanted) out.append(tuple_of(*trial));
    return out;
}

Json json_of(const std::string& text) { return value_of(parse_json(text, "the attribute")); }

nb::tuple attributes_of(StudyBox& box) {
    std::optional<tune::StudyInfo> info;
    {
        const nb::gil_scoped_release unlocked;
        info = value_of(box.storage->find_study(box.study.name()));
    }
    if (!info) throw Failure({ErrorCode::usage, "study \"" + box.study.name() + "\" has been deleted", ""});
    return nb::make_tuple(texts_of(info->user_attributes), texts_of(info->system_attributes));
}

void bind_trial(nb::module_& module) {
    nb::class_<Trial>(module, "Trial", "A running trial. Its study outlives it.")
        .def_prop_ro("number", &Trial::number)
        .def(
            "frozen", [](const Trial& trial) { return tuple_of(trial.frozen()); }, "The trial as it stands, as a tuple.")
        .def(
            "suggest",
            [](Trial& trial, const std::string& name, const std::string& distribution) {
                tune::ParamValue value;
                {
                    const nb::gil_scoped_release unlocked;
                    value = value_of(trial.suggest(name, value_of(tune::Distribution::from_json(distribution))));
                }
                return python_value(value);
            },
            nb::arg("name"), nb::arg("distribution"))
        .def(
            "suggest_float",
            [](Trial& trial, const std::string& name, double low, double high, double step, bool log) {
                return value_of(trial.suggest_float(name, tune::FloatDistribution{.low = low, .high = high, .log = log, .step = step}));
            },
            nb::arg("name"), nb::arg("low"), nb::arg("high"), nb::arg("step"), nb::arg("log"), Released())
        .def(
            "suggest_int",
            [](Trial& trial, const std::string& name, std::int64_t low, std::int64_t high, std::int64_t step, bool log) {
                return value_of(trial.suggest_int(name, tune::IntDistribution{.low = low, .high = high, .log = log, .step = step}));
            },
            nb::arg("name"), nb::arg("low"), nb::arg("high"), nb::arg("step"), nb::arg("log"), Released())
        .def(
            "suggest_categorical",
            [](Trial& trial, const std::string& name, const nb::list& choices) {
                std::vector<tune::ParamValue> values;
                for (const nb::handle choice : choices) values.push_back(param_value(choice));
                tune::ParamValue value;
                {
                    const nb::gil_scoped_release unlocked;
                    value = value_of(trial.suggest_categorical(name, std::move(values)));
                }
                return python_value(value);
            },
            nb::arg("name"), nb::arg("choices"))
        .def(
            "report", [](Trial& trial, std::int64_t step, double value) { value_of(trial.report(step, value)); }, nb::arg("step"), nb::arg("value"),
            Released())
        .def(
            "should_prune", [](const Trial& trial) { return value_of(trial.should_prune()); }, Released())
        .def(
            "set_user_attribute",
            [](Trial& trial, const std::string& key, const std::string& json) { value_of(trial.set_user_attribute(key, json_of(json))); },
            nb::arg("key"), nb::arg("json"), Released())
        .def(
            "set_constraint", [](Trial& trial, const std::string& name, double value) { value_of(trial.set_constraint(name, value)); },
            nb::arg("name"), nb::arg("value"), Released());
}

void bind_study(nb::module_& module) {
    nb::class_<StudyBox>(module, "Study", "A study and its storage.")
        .def_prop_ro("name", [](const StudyBox& box) { return box.study.name(); })
        .def_prop_ro("seed", [](const StudyBox& box) { return box.study.seed(); })
        .def_prop_ro("directions",
                     [](const StudyBox& box) {
                         std::vector<std::string> out;
                         for (const tune::Direction direction : box.study.directions()) out.push_back(tune::to_string(direction));
                         return out;
                     })
        .def("ask", &ask, nb::arg("count"), nb::arg("space").none(), Released(),
             "Trials asked together; fewer, or none, when the sampler has no more to give.")
        .def(
            "tell",
            [](StudyBox& box, const Trial& trial, int state, const std::vector<double>& values) {
                return static_cast<int>(value_of(box.study.tell(trial, static_cast<tune::TrialState>(state), values)));
            },
            nb::arg("trial"), nb::arg("state"), nb::arg("values"), Released())
        .def(
            "fail_running",
            [](StudyBox& box, std::int64_t number, const std::string& reason) {
                static_cast<void>(value_of(box.study.fail_running(number, reason, tune::Repeat::never)));
                const auto trial = box.study.trial(number);
                return trial != nullptr && trial->state == tune::TrialState::fail;
            },
            nb::arg("number"), nb::arg("reason"), Released(), "Fails a trial whose worker is known to have died; false: somebody had finished it.")
        .def(
            "tell_failure",
            [](StudyBox& box, const Trial& trial, const std::string& reason) { static_cast<void>(value_of(box.study.tell_failure(trial, reason))); },
            nb::arg("trial"), nb::arg("reason"), Released())
        .def(
            "add",
            [](StudyBox& box, int state, std::vector<double> values, const nb::list& params, std::map<std::int64_t, double> reports,
               const std::map<std::string, std::string>& user, const std::map<std::string, std::string>& system, std::optional<TimeNs> started,
               std::optional<TimeNs> completed) {
                FrozenTrial trial = trial_of(state, std::move(values), params, std::move(reports), user, system, started, completed);
                const nb::gil_scoped_release unlocked;
                value_of(box.study.add(std::move(trial)));
            },
            nb::arg("state"), nb::arg("values"), nb::arg("params"), nb::arg("reports"), nb::arg("user_attributes"), nb::arg("system_attributes"),
            nb::arg("started").none(), nb::arg("completed").none())
        .def("trials", &trials_of, nb::arg("first"), nb::arg("again"))
        .def(
            "best",
            [](StudyBox& box) {
                std::vector<std::int64_t> out;
                value_of(box.study.refresh());
                for (const tune::TrialPtr& trial : box.study.best_trials()) out.push_back(trial->number);
                return out;
            },
            Released(), "Numbers of the complete and feasible trials that no other dominates.")
        .def("attributes", &attributes_of, "User and system attributes as JSON texts.")
        .def(
            "set_user_attribute",
            [](StudyBox& box, const std::string& key, const std::string& json) { value_of(box.study.set_user_attribute(key, json_of(json))); },
            nb::arg("key"), nb::arg("json"), Released())
        .def(
            "set_system_attribute",
            [](StudyBox& box, const std::string& key, const std::string& json) {
                value_of(box.storage->set_study_attribute(box.id, tune::Storage::Owner::system, key, json));
            },
            nb::arg("key"), nb::arg("json"), Released());
    module.def("open_study", &open_study, nb::arg("storage").none(), nb::arg("name"), nb::arg("directions"), nb::arg("open"), nb::arg("seed").none(),
               nb::arg("sampler").none(), nb::arg("pruner").none(), nb::arg("heartbeat_s"), nb::arg("grace_s"), nb::arg("max_retry").none());
    module.def(
        "study_names",
        [](const std::string& url) {
            std::vector<std::string> out;
            for (const tune::StudyInfo& info : value_of(value_of(tune::open_storage(url, tune::Missing::refuse))->studies()))
                out.push_back(info.name);
            return out;
        },
        nb::arg("storage"), Released());
    module.def(
        "delete_study",
        [](const std::string& url, const std::string& name) {
            const auto storage = value_of(tune::open_storage(url, tune::Missing::refuse));
            const auto found = value_of(storage->find_study(name));
            if (!found) throw Failure({ErrorCode::usage, "there is no study \"" + name + "\"", ""});
            value_of(storage->delete_study(found->id));
        },
        nb::arg("storage"), nb::arg("name"), Released());
}

}  // namespace

void bind_studies(nb::module_& module) {
    bind_trial(module);
    bind_study(module);
}

}  // namespace sofia::python

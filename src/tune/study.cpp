#include "tune/study.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "tune/json_text.hpp"
#include "tune/names.hpp"
#include "tune/pareto.hpp"
#include "tune/relative.hpp"
#include "tune/study_state.hpp"

namespace sofia::tune {

namespace {

std::uint64_t seed_from_entropy() {
    std::random_device entropy;
    return (static_cast<std::uint64_t>(entropy()) << 32) | entropy();
}

std::string attribute_text(const Json& value) { return value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace); }

std::unexpected<Error> exhausted(const StudyState& state) {
    return fail(ErrorCode::usage, fmt::format("study \"{}\": the sampler has no more trials to give", state.info.name));
}

Result<StudyInfo> open_info(Storage& storage, const StudyOptions& options, const std::string& name) {
    SOFIA_TRY(auto found, storage.find_study(name));
    if (options.open == StudyOptions::Open::load && !found) {
        return fail(ErrorCode::usage, fmt::format("there is no study \"{}\"", name), "list the studies of the file, or create it");
    }
    if (found && options.open == StudyOptions::Open::create) {
        return fail(ErrorCode::conflict, fmt::format("study \"{}\" exists", name), "resume it, or take another name");
    }
    if (!found) {
        SOFIA_CHECK(check_name("the study's name", name));
        auto created = storage.create_study(name, options.directions);
        if (created || created.error().code != ErrorCode::conflict || options.open != StudyOptions::Open::resume) return created;
        SOFIA_TRY(found, storage.find_study(name));  // another process created it in this very moment
        if (!found) return created;
    }
    if (options.open == StudyOptions::Open::resume && found->directions != options.directions) {
        return fail(ErrorCode::conflict, fmt::format("study \"{}\" exists with other directions", name),
                    "resume it with its own directions, or take another name");
    }
    return *std::move(found);
}

}  // namespace

Study::Study(std::unique_ptr<StudyState> state) : state_(std::move(state)) {}
Study::~Study() = default;
Study::Study(Study&&) noexcept = default;
Study& Study::operator=(Study&&) noexcept = default;

Result<Study> Study::open(StudyOptions options) {
    if (options.directions.empty()) return fail(ErrorCode::usage, "a study needs at least one direction");
    SOFIA_CHECK(options.heartbeat.validate());
    auto state = std::make_unique<StudyState>();
    state->storage = options.storage ? options.storage : memory_storage();
    state->sampler = options.sampler ? options.sampler : std::shared_ptr<Sampler>(tpe_sampler());
    state->pruner = options.pruner ? options.pruner : std::shared_ptr<Pruner>(no_pruner());
    state->heartbeat = options.heartbeat;
    state->logger = options.log;
    state->share = options.share;
    state->seed = options.seed ? *options.seed : seed_from_entropy();
    // Before a study is made that the sampler cannot serve.
    if (options.open != StudyOptions::Open::load) SOFIA_CHECK(state->sampler->validate(options.directions));
    const std::string name = options.name.empty() ? random_study_name() : options.name;
    // Two processes that create the study at the same time: looking and creating are one transaction.
    SOFIA_CHECK(state->storage->transaction([&]() -> Result<void> {
        SOFIA_TRY(state->info, open_info(*state->storage, options, name));
        return {};
    }));
    SOFIA_CHECK(state->sampler->validate(state->info.directions));
    state->history = History(state->info.directions);
    state->history.set_study_system_attributes(state->info.system_attributes);
    state->history.set_study_name(state->info.name);
    SOFIA_CHECK(state->refresh());
    state->start_beating();
    return Study(std::move(state));
}

const std::string& Study::name() const { return state_->info.name; }
const std::vector<Direction>& Study::directions() const { return state_->info.directions; }
std::uint64_t Study::seed() const { return state_->seed; }

void StudyState::put(FrozenTrial trial) {
    last_id = std::max(last_id, trial.id);
    for (const Param& p : trial.params) first_seen.try_emplace(p.name, p.distribution);
    history.put(std::make_shared<const FrozenTrial>(std::move(trial)));
}

const History& StudyState::shown(std::int64_t number) {
    if (sampler->needs().whole_study) return history;
    const auto id = pruner->bracket(history, number);
    if (!id) return history;
    const auto at = brackets.try_emplace(*id, Bracket{History(history.directions()), 0}).first;
    auto& [part, read] = at->second;
    part.set_study_name(history.study_name());
    part.set_study_system_attributes(history.study_system_attributes());
    for (const auto& log = history.finished_log(); read < log.size(); ++read) {
        if (pruner->bracket(history, log[read]->number) == id) part.put(log[read]);
    }
    const auto ran = part.running();
    for (const auto& [other, trial] : ran) {
        if (!history.running().contains(other)) part.forget(other);
    }
    for (const auto& [other, trial] : history.running()) {
        if (pruner->bracket(history, other) == id) part.put(trial);
    }
    return part;
}

Result<void> StudyState::refresh() {
    std::vector<std::int64_t> again;
    for (const auto* some : {&history.running(), &history.waiting()}) {
        for (const auto& [number, trial] : *some) {
            if (!owned.contains(number)) again.push_back(trial->id);
        }
    }
    SOFIA_TRY(auto fresh, storage->read_trials(info.id, last_id, again));
    return put_all(std::move(fresh));
}

Result<void> StudyState::put_all(std::vector<FrozenTrial> read) {
    for (FrozenTrial& trial : read) {
        if (trial.state == TrialState::complete && trial.values.size() != info.directions.size()) {
            return fail(ErrorCode::data,
                        fmt::format("study \"{}\": trial {} has {} for {}", info.name, trial.number, counted(trial.values.size(), "value"),
                                    counted(info.directions.size(), "objective")),
                        "the database is damaged: restore it from a copy");
        }
        put(std::move(trial));
    }
    return {};
}

Result<void> StudyState::refresh_new() {
    SOFIA_TRY(auto fresh, storage->read_trials(info.id, last_id, {}));
    return put_all(std::move(fresh));
}

Result<void> StudyState::refresh_attributes() {
    SOFIA_TRY(const auto now, storage->find_study(info.name));
    if (now && now->id == info.id) info.system_attributes = now->system_attributes;
    history.set_study_system_attributes(info.system_attributes);
    return {};
}

Result<void> StudyState::write_attributes(const Attributes& attributes) {
    if (attributes.empty()) return {};
    for (const auto& [key, json] : attributes) {
        SOFIA_CHECK(storage->set_study_attribute(info.id, Storage::Owner::system, key, json));
        info.system_attributes[key] = json;
    }
    history.set_study_system_attributes(info.system_attributes);
    return {};
}

Result<void> Study::refresh() {
    const std::lock_guard lock(state_->mutex);
    return state_->refresh();
}

Result<Trial> Study::ask() {
    SOFIA_TRY(auto trials, ask_batch(1, nullptr));
    if (trials.empty()) return exhausted(*state_);
    return std::move(trials.front());
}

Result<Trial> Study::ask(const SearchSpace& space) {
    SOFIA_TRY(auto trials, ask_batch(1, &space));
    if (trials.empty()) return exhausted(*state_);
    return std::move(trials.front());
}

Result<std::vector<Trial>> Study::ask_batch(std::size_t count, const SearchSpace* space) {
    if (const auto& may_ask = state_->share.may_ask) {
        std::size_t allowed = 0;
        while (allowed < count && may_ask()) ++allowed;
        if (allowed == 0) return std::vector<Trial>();
        count = allowed;
    }
    const std::lock_guard lock(state_->mutex);
    SOFIA_CHECK(state_->fail_stale());
    // The long reading is done before others are locked out; in the transaction comes only what was added meanwhile.
    SOFIA_CHECK(state_->refresh());
    std::vector<Trial> out;
    std::vector<TrialPtr> before;  // what a claimed trial was, to be put back
    const auto work = [&]() -> Result<void> {
        SOFIA_CHECK(state_->storage->lock(state_->info.id));
        SOFIA_CHECK(state_->refresh_new());
        // Looked at before a trial is made, since the memory storage undoes nothing.
        if (space != nullptr) {
            for (const auto& [name, distribution] : *space) SOFIA_CHECK(state_->intern(name, distribution));
        }
        if (state_->sampler->needs().study_attributes) SOFIA_CHECK(state_->refresh_attributes());
        for (std::size_t i = 0; i < count; ++i) {
            if (state_->history.waiting().empty()) {
                SOFIA_TRY(const bool no_more, state_->sampler->exhausted(state_->history, space));
                if (no_more) break;
            }
            SOFIA_TRY(Trial trial, open_trial(space, before));
            out.push_back(std::move(trial));
        }
        return {};
    };
    auto result = state_->storage->transaction(work);
    if (!result) {
        for (const TrialPtr& trial : before) {
            state_->owned.erase(trial->number);
            state_->history.forget(trial->number);
            if (trial->state == TrialState::waiting) state_->history.put(trial);
        }
        return std::unexpected(std::move(result).error());
    }
    return out;
}

Result<FrozenTrial> Study::next_trial(std::vector<TrialPtr>& before) {
    StudyState& s = *state_;
    const auto waiting = s.history.waiting();
    for (const auto& [number, trial] : waiting) {
        SOFIA_TRY(const auto started, s.storage->claim(trial->id));
        if (!started) continue;
        before.push_back(trial);
        FrozenTrial claimed = *trial;
        claimed.state = TrialState::running;
        claimed.started = started;
        return claimed;
    }
    FrozenTrial fresh;
    fresh.state = TrialState::running;
    fresh.started = floor_time(wall_clock_now(), ns_per_us);
    SOFIA_TRY(FrozenTrial added, s.storage->add_trial(s.info.id, std::move(fresh)));
    before.push_back(std::make_shared<const FrozenTrial>(added));
    return added;
}

Result<Trial> Study::open_trial(const SearchSpace* space, std::vector<TrialPtr>& before) {
    StudyState& s = *state_;
    for (;;) {
        SOFIA_TRY(FrozenTrial trial, next_trial(before));
        s.owned.insert(trial.number);
        const RandomStream random = s.stream(trial.number);
        const History& history = s.shown(trial.number);
        SOFIA_TRY(SearchSpace joint_space, s.sampler->joint_space(history, space));
        SOFIA_TRY(JointSample joint, s.sampler->sample_joint(history, trial.number, joint_space, random.split("joint")));
        SOFIA_CHECK(s.write_attributes(joint.study_system_attributes));
        Attributes announced = joint.system_attributes;
        if (space != nullptr) {
            auto params = resolve_all(trial, joint, joint_space, *space);
            if (!params && params.error().code == ErrorCode::config) {
                // Somebody enqueued a value that its parameter cannot take: that trial fails, and another one is asked.
                SOFIA_CHECK(fail_enqueued(std::move(trial), params.error().message));
                continue;
            }
            if (!params) return std::unexpected(std::move(params).error());
            SOFIA_CHECK(s.storage->set_params(trial.id, *params));
            trial.params.insert(trial.params.end(), params->begin(), params->end());
        } else {
            std::map<std::string, ParamValue> values;
            for (const auto& [name, internal] : joint.internal) values[name] = joint_space.at(name).value(internal);
            announced.merge(relative_attributes(values));
        }
        if (s.heartbeat.interval > 0) SOFIA_CHECK(s.storage->beat(trial.id));
        if (!s.share.worker.empty()) {
            const std::string json = python_json(ParamValue(s.share.worker));
            SOFIA_CHECK(s.storage->set_trial_attribute(trial.id, Storage::Owner::user, "worker", json));
            trial.user_attributes["worker"] = json;
        }
        for (const auto& [key, json] : announced) {
            SOFIA_CHECK(s.storage->set_trial_attribute(trial.id, Storage::Owner::system, key, json));
            trial.system_attributes[key] = json;
        }
        s.put(trial);
        return Trial(s, std::move(trial), std::move(joint), std::move(joint_space));
    }
}

Result<std::vector<Param>> Study::resolve_all(const FrozenTrial& trial, const JointSample& joint, const SearchSpace& joint_space,
                                              const SearchSpace& space) {
    std::vector<Param> params;
    for (const auto& [name, distribution] : space) {
        if (trial.param(name) != nullptr) continue;  // a trial that is repeated has its parameters already
        SOFIA_TRY(Param p, state_->resolve(trial, joint, joint_space, name, distribution));
        params.push_back(std::move(p));
    }
    return params;
}

Result<void> Study::fail_enqueued(FrozenTrial trial, const std::string& reason) {
    StudyState& s = *state_;
    const std::string json = python_json(ParamValue(reason));
    SOFIA_CHECK(s.storage->set_trial_attribute(trial.id, Storage::Owner::user, "error", json));
    trial.user_attributes["error"] = json;
    SOFIA_TRY(trial.completed, s.storage->finish(trial.id, TrialState::fail, {}));
    trial.state = TrialState::fail;
    s.owned.erase(trial.number);
    s.put(std::move(trial));
    return {};
}

Result<TrialState> Study::tell(const Trial& trial, double value) { return tell(trial, TrialState::complete, std::span(&value, 1)); }

Result<TrialState> Study::tell(const Trial& trial, TrialState state, std::span<const double> values) {
    const std::size_t objectives = state_->info.directions.size();
    FrozenTrial told = *trial.frozen_;
    switch (state) {
        case TrialState::complete:
            if (values.size() != objectives) {
                return fail(ErrorCode::usage,
                            fmt::format("trial {}: {} for {}", trial.number(), counted(values.size(), "value"), counted(objectives, "objective")));
            }
            if (std::any_of(values.begin(), values.end(), [](double v) { return std::isnan(v); }))
                return finish(std::move(told), TrialState::fail, "the value is NaN");
            told.values.assign(values.begin(), values.end());
            return finish(std::move(told), state, {});
        case TrialState::pruned:
            if (!values.empty()) return fail(ErrorCode::usage, fmt::format("trial {}: a pruned trial takes no values", trial.number()));
            if (objectives == 1 && !told.reports.empty() && !std::isnan(told.reports.rbegin()->second)) told.values = {told.reports.rbegin()->second};
            return finish(std::move(told), state, {});
        case TrialState::fail:
            if (!values.empty()) return fail(ErrorCode::usage, fmt::format("trial {}: a failed trial takes no values", trial.number()));
            return finish(std::move(told), state, {});
        default: return fail(ErrorCode::usage, fmt::format("trial {}: cannot be told to be {}", trial.number(), to_string(state)));
    }
}

Result<TrialState> Study::tell_failure(const Trial& trial, std::string_view reason) { return finish(*trial.frozen_, TrialState::fail, reason); }

Result<TrialState> Study::finish(FrozenTrial told, TrialState state, std::string_view reason) {
    if (state_->share.before_tell && state != TrialState::fail) SOFIA_CHECK(state_->share.before_tell(told.number));
    const std::lock_guard lock(state_->mutex);
    told.state = state;
    const auto work = [&]() -> Result<void> {
        if (!reason.empty()) {
            const std::string json = python_json(ParamValue(std::string(reason)));
            SOFIA_CHECK(state_->storage->set_trial_attribute(told.id, Storage::Owner::user, "error", json));
            told.user_attributes["error"] = json;
        }
        SOFIA_TRY(told.completed, state_->storage->finish(told.id, state, told.values));
        return {};
    };
    auto written = state_->storage->transaction(work);
    // Somebody else has finished it: then it is read again.
    if (!written && written.error().code == ErrorCode::conflict) state_->owned.erase(told.number);
    SOFIA_CHECK(std::move(written));
    state_->owned.erase(told.number);
    if (state_->together) {
        state_->told.push_back(std::move(told));
    } else {
        state_->put(std::move(told));
    }
    return state;
}

Result<void> Study::together(const std::function<Result<void>()>& tells) {
    const std::lock_guard lock(state_->mutex);
    state_->together = true;
    auto result = state_->storage->transaction(tells);
    state_->together = false;
    if (result) {
        for (FrozenTrial& trial : state_->told) state_->put(std::move(trial));
    } else {
        for (const FrozenTrial& trial : state_->told) state_->owned.insert(trial.number);
    }
    state_->told.clear();
    return result;
}

Result<void> Study::enqueue(const std::map<std::string, ParamValue>& params) {
    FrozenTrial trial;
    trial.state = TrialState::waiting;
    trial.system_attributes["fixed_params"] = python_json(params);
    return add(std::move(trial));
}

Result<void> Study::add(FrozenTrial trial) {
    const std::lock_guard lock(state_->mutex);
    if (trial.state == TrialState::running) return fail(ErrorCode::usage, "a running trial cannot be added");
    if (trial.state == TrialState::complete && trial.values.size() != state_->info.directions.size()) {
        return fail(ErrorCode::usage, fmt::format("the added trial has {} for {}", counted(trial.values.size(), "value"),
                                                  counted(state_->info.directions.size(), "objective")));
    }
    for (const Param& p : trial.params) {
        SOFIA_CHECK(state_->intern(p.name, *p.distribution));
    }
    const auto work = [&]() -> Result<void> {
        SOFIA_CHECK(state_->storage->lock(state_->info.id));
        SOFIA_CHECK(state_->refresh_new());
        SOFIA_TRY(trial, state_->storage->add_trial(state_->info.id, std::move(trial)));
        return {};
    };
    SOFIA_CHECK(state_->storage->transaction(work));
    state_->put(std::move(trial));
    return {};
}

std::vector<TrialPtr> Study::trials() const {
    const std::lock_guard lock(state_->mutex);
    std::vector<TrialPtr> out;
    for (const TrialPtr& trial : state_->history.trials()) {
        if (trial) out.push_back(trial);
    }
    return out;
}

TrialPtr Study::trial(std::int64_t number) const {
    const std::lock_guard lock(state_->mutex);
    const auto& all = state_->history.trials();
    return number >= 0 && static_cast<std::size_t>(number) < all.size() ? all[static_cast<std::size_t>(number)] : nullptr;
}

Result<TrialPtr> Study::best_trial() const {
    if (state_->info.directions.size() != 1)
        return fail(ErrorCode::usage, "a study of several objectives has no single best trial", "ask for best_trials");
    const auto best = best_trials();
    if (!best.empty()) return best.front();
    const std::lock_guard lock(state_->mutex);
    const bool complete = state_->history.count(TrialState::complete) > 0;
    return fail(ErrorCode::usage, fmt::format("study \"{}\" has no {} trial", state_->info.name, complete ? "feasible" : "complete"),
                complete ? "every complete trial violates a constraint" : "");
}

std::vector<TrialPtr> Study::best_trials() const {
    std::vector<TrialPtr> complete = trials();
    std::erase_if(complete, [](const TrialPtr& t) { return t->state != TrialState::complete || !t->feasible(); });
    const auto& directions = state_->info.directions;
    std::vector<TrialPtr> front;
    for (const TrialPtr& trial : complete) {
        if (std::any_of(front.begin(), front.end(), [&](const TrialPtr& t) { return dominates(*t, *trial, directions); })) continue;
        std::erase_if(front, [&](const TrialPtr& t) { return dominates(*trial, *t, directions); });
        front.push_back(trial);
    }
    return front;
}

Attributes Study::user_attributes() const {
    const std::lock_guard lock(state_->mutex);
    return state_->info.user_attributes;
}

Result<void> Study::set_user_attribute(const std::string& key, const Json& value) {
    const std::lock_guard lock(state_->mutex);
    const std::string json = attribute_text(value);
    SOFIA_CHECK(state_->storage->set_study_attribute(state_->info.id, Storage::Owner::user, key, json));
    state_->info.user_attributes[key] = json;
    return {};
}

}  // namespace sofia::tune

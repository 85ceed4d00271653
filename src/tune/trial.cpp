#include <algorithm>
#include <cmath>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "tune/constraints.hpp"
#include "tune/json_text.hpp"
#include "tune/names.hpp"
#include "tune/relative.hpp"
#include "tune/study_state.hpp"

namespace sofia::tune {

Result<std::shared_ptr<const Distribution>> StudyState::intern(const std::string& name, const Distribution& distribution) {
    const auto found = first_seen.find(name);
    if (found == first_seen.end()) {
        return first_seen.emplace(name, std::make_shared<const Distribution>(distribution)).first->second;
    }
    if (*found->second == distribution) return found->second;
    SOFIA_CHECK(check_compatible(name, *found->second, distribution));
    return std::make_shared<const Distribution>(distribution);
}

Result<Param> StudyState::resolve(const FrozenTrial& trial, const JointSample& joint, const SearchSpace& joint_space, const std::string& name,
                                  const Distribution& distribution) {
    Param out;
    out.name = name;
    SOFIA_TRY(out.distribution, intern(name, distribution));
    SOFIA_TRY(const auto fixed, fixed_params(trial));
    if (const auto found = fixed.find(name); found != fixed.end()) {
        auto internal = distribution.internal(found->second);
        if (!internal)
            return fail(ErrorCode::config, fmt::format("trial {}: enqueued parameter \"{}\": {}", trial.number, name, internal.error().message));
        out.internal = *internal;
        return out;
    }
    if (distribution.single()) {
        if (const auto* f = distribution.as_float()) out.internal = f->low;
        if (const auto* i = distribution.as_int()) out.internal = static_cast<double>(i->low);
        return out;
    }
    const auto drawn = joint.internal.find(name);
    if (drawn != joint.internal.end()) {
        SOFIA_CHECK(check_compatible(name, joint_space.at(name), distribution));
        if (distribution.contains(drawn->second)) {
            out.internal = drawn->second;
            return out;
        }
    }
    SOFIA_TRY(out.internal,
              sampler->sample_one(shown(trial.number), trial.number, name, distribution, stream(trial.number).split("one").split(name)));
    return out;
}

Trial::Trial(StudyState& study, FrozenTrial frozen, JointSample joint, SearchSpace joint_space)
    : study_(&study), frozen_(std::make_shared<FrozenTrial>(std::move(frozen))), joint_(std::move(joint)), joint_space_(std::move(joint_space)) {}

Result<ParamValue> Trial::suggest(const std::string& name, const Distribution& distribution) {
    if (const Param* known = frozen_->param(name)) {
        SOFIA_CHECK(check_compatible(name, *known->distribution, distribution));
        return known->value();
    }
    StudyState& state = *study_;
    const std::lock_guard lock(state.mutex);
    SOFIA_TRY(Param p, state.resolve(*frozen_, joint_, joint_space_, name, distribution));
    SOFIA_CHECK(state.storage->set_params(frozen_->id, std::span(&p, 1)));
    frozen_->params.push_back(p);
    return p.value();
}

Result<double> Trial::suggest_float(const std::string& name, double low, double high) {
    return suggest_float(name, FloatDistribution{low, high, false, 0.0});
}

Result<double> Trial::suggest_float(const std::string& name, const FloatDistribution& distribution) {
    SOFIA_TRY(const Distribution made, Distribution::make(distribution));
    SOFIA_TRY(const ParamValue value, suggest(name, made));
    return std::get<double>(value);
}

Result<std::int64_t> Trial::suggest_int(const std::string& name, std::int64_t low, std::int64_t high) {
    return suggest_int(name, IntDistribution{low, high, false, 1});
}

Result<std::int64_t> Trial::suggest_int(const std::string& name, const IntDistribution& distribution) {
    SOFIA_TRY(const Distribution made, Distribution::make(distribution));
    SOFIA_TRY(const ParamValue value, suggest(name, made));
    return std::get<std::int64_t>(value);
}

Result<ParamValue> Trial::suggest_categorical(const std::string& name, std::vector<ParamValue> choices) {
    SOFIA_TRY(const Distribution made, Distribution::make(CategoricalDistribution{std::move(choices)}));
    return suggest(name, made);
}

std::map<std::string, ParamValue> Trial::params() const {
    std::map<std::string, ParamValue> out;
    for (const Param& p : frozen_->params) out[p.name] = p.value();
    return out;
}

Result<void> Trial::report(std::int64_t step, double value) {
    if (step < 0) return fail(ErrorCode::usage, fmt::format("trial {}: step {} is negative", number(), step));
    StudyState& state = *study_;
    if (state.info.directions.size() != 1) return fail(ErrorCode::usage, "reports need a study of one objective");
    if (frozen_->reports.contains(step)) return {};
    const std::lock_guard lock(state.mutex);
    SOFIA_CHECK(state.storage->set_report(frozen_->id, step, value));
    frozen_->reports[step] = value;
    return {};
}

Result<bool> Trial::should_prune() const {
    StudyState& state = *study_;
    if (state.info.directions.size() != 1) return fail(ErrorCode::usage, "pruning needs a study of one objective");
    const std::lock_guard lock(state.mutex);
    const PruneVerdict verdict = state.pruner->prune(state.history, *frozen_);
    for (const auto& [key, json] : verdict.attributes) {
        SOFIA_CHECK(state.storage->set_trial_attribute(frozen_->id, Storage::Owner::system, key, json));
        frozen_->system_attributes[key] = json;
    }
    return verdict.prune;
}

Result<void> Trial::set_user_attribute(const std::string& key, const Json& value) {
    StudyState& state = *study_;
    const std::string json = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    const std::lock_guard lock(state.mutex);
    SOFIA_CHECK(state.storage->set_trial_attribute(frozen_->id, Storage::Owner::user, key, json));
    frozen_->user_attributes[key] = json;
    return {};
}

Result<void> Trial::set_constraint(const std::string& name, double value) {
    if (std::isnan(value)) return fail(ErrorCode::usage, fmt::format("trial {}: constraint \"{}\" is NaN", number(), name));
    const std::string key = std::string(constraints_key) + ":" + name;
    SOFIA_CHECK(check_name(fmt::format("trial {}: the name of a constraint", number()), key));
    return set_system_attribute(key, python_json(value));
}

Result<void> Trial::set_constraints(std::span<const double> values) {
    std::string list = "[";
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isnan(values[i])) return fail(ErrorCode::usage, fmt::format("trial {}: constraint {} is NaN", number(), i));
        list += (i > 0 ? ", " : "") + python_json(values[i]);
    }
    return set_system_attribute(std::string(constraints_key), list + "]");
}

Result<void> Trial::set_system_attribute(const std::string& key, const std::string& json) {
    if (frozen_->system_attributes.contains(key)) return {};
    const std::lock_guard lock(study_->mutex);
    SOFIA_CHECK(study_->storage->set_trial_attribute(frozen_->id, Storage::Owner::system, key, json));
    frozen_->system_attributes[key] = json;
    return {};
}

Result<void> Trial::beat() {
    const std::lock_guard lock(study_->mutex);
    return study_->storage->beat(frozen_->id);
}

}  // namespace sofia::tune

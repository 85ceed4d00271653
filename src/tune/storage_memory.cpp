#include <algorithm>
#include <map>
#include <mutex>
#include <unordered_map>

#include <fmt/core.h>

#include "tune/storage.hpp"

namespace sofia::tune {

namespace {

/// A finished trial at a third of its size: names and distributions, which all trials share, are kept once, and what most trials do not have
/// is left out.
struct Packed {
    struct Value {
        const std::pair<const std::string, std::shared_ptr<const Distribution>>* name;
        double internal;
    };
    struct Rest {
        std::map<std::int64_t, double> reports;
        Attributes user_attributes;
        Attributes system_attributes;
    };
    std::int64_t id = 0;
    std::int64_t number = 0;
    TrialState state = TrialState::running;
    std::vector<double> values;
    std::vector<Value> params;
    std::unique_ptr<Rest> rest;
    std::optional<TimeNs> started;
    std::optional<TimeNs> completed;

    [[nodiscard]] FrozenTrial unpacked() const {
        FrozenTrial out;
        out.id = id;
        out.number = number;
        out.state = state;
        out.values = values;
        for (const Value& v : params) out.params.push_back({v.name->first, v.name->second, v.internal});
        if (rest) {
            out.reports = rest->reports;
            out.user_attributes = rest->user_attributes;
            out.system_attributes = rest->system_attributes;
        }
        out.started = started;
        out.completed = completed;
        return out;
    }
};

class MemoryStorage : public Storage {
public:
    Result<void> transaction(const std::function<Result<void>()>& work) override {
        const std::lock_guard lock(mutex_);
        return work();
    }

    Result<StudyInfo> create_study(const std::string& name, const std::vector<Direction>& directions) override {
        const std::lock_guard lock(mutex_);
        if (lookup(name) != nullptr) return fail(ErrorCode::conflict, fmt::format("study \"{}\" exists", name), "resume it, or take another name");
        StudyInfo info;
        info.id = static_cast<std::int64_t>(studies_.size()) + 1;
        info.name = name;
        info.directions = directions;
        studies_.push_back({info, {}});
        return info;
    }

    Result<std::optional<StudyInfo>> find_study(const std::string& name) override {
        const std::lock_guard lock(mutex_);
        const Entry* entry = lookup(name);
        return entry == nullptr ? std::optional<StudyInfo>() : entry->info;
    }

    Result<std::vector<StudyInfo>> studies() override {
        const std::lock_guard lock(mutex_);
        std::vector<StudyInfo> out;
        for (const Entry& entry : studies_) {
            if (entry.info.id != 0) out.push_back(entry.info);
        }
        return out;
    }

    Result<void> rename_study(std::int64_t study, const std::string& name) override {
        const std::lock_guard lock(mutex_);
        SOFIA_CHECK(exists(study));
        const Entry* other = lookup(name);
        if (other != nullptr && other->info.id != study)
            return fail(ErrorCode::conflict, fmt::format("study \"{}\" exists", name), "take another name");
        at(study).info.name = name;
        return {};
    }

    Result<void> delete_study(std::int64_t study) override {
        const std::lock_guard lock(mutex_);
        SOFIA_CHECK(exists(study));
        at(study) = {};  // its id 0 says that it is gone
        return {};
    }

    Result<void> set_study_attribute(std::int64_t study, Owner owner, const std::string& key, const std::string& json) override {
        const std::lock_guard lock(mutex_);
        StudyInfo& info = at(study).info;
        (owner == Owner::user ? info.user_attributes : info.system_attributes)[key] = json;
        return {};
    }

    Result<FrozenTrial> add_trial(std::int64_t study, FrozenTrial trial) override {
        const std::lock_guard lock(mutex_);
        std::vector<std::int64_t>& ids = at(study).trials;
        trial.number = static_cast<std::int64_t>(ids.size());
        trial.id = static_cast<std::int64_t>(finished_.size()) + 1;
        ids.push_back(trial.id);
        finished_.emplace_back();
        if (finished(trial.state)) {
            finished_.back() = packed(trial);
        } else {
            unfinished_[trial.id] = trial;
        }
        return trial;
    }

    Result<std::optional<TimeNs>> claim(std::int64_t id) override {
        const std::lock_guard lock(mutex_);
        const auto found = unfinished_.find(id);
        if (found == unfinished_.end() || found->second.state != TrialState::waiting) return std::optional<TimeNs>();
        found->second.state = TrialState::running;
        found->second.started = floor_time(wall_clock_now(), ns_per_us);
        return found->second.started;
    }

    Result<void> set_params(std::int64_t id, std::span<const Param> params) override {
        return change(id, [&](FrozenTrial& trial) { trial.params.insert(trial.params.end(), params.begin(), params.end()); });
    }

    Result<void> set_report(std::int64_t id, std::int64_t step, double value) override {
        return change(id, [&](FrozenTrial& trial) { trial.reports[step] = value; });
    }

    Result<void> set_trial_attribute(std::int64_t id, Owner owner, const std::string& key, const std::string& json) override {
        return change(id, [&](FrozenTrial& trial) { (owner == Owner::user ? trial.user_attributes : trial.system_attributes)[key] = json; });
    }

    Result<TimeNs> finish(std::int64_t id, TrialState state, std::span<const double> values) override {
        const std::lock_guard lock(mutex_);
        const TimeNs now = floor_time(wall_clock_now(), ns_per_us);
        SOFIA_CHECK(change(id, [&](FrozenTrial& trial) {
            trial.state = state;
            trial.values.assign(values.begin(), values.end());
            trial.completed = now;
        }));
        finished_[index(id)] = packed(unfinished_.at(id));
        unfinished_.erase(id);
        return now;
    }

    Result<void> lock(std::int64_t) override { return {}; }
    Result<void> beat(std::int64_t) override { return {}; }
    Result<std::vector<std::int64_t>> stale(std::span<const std::int64_t>, DurationNs) override { return std::vector<std::int64_t>(); }

    Result<std::vector<FrozenTrial>> read_trials(std::int64_t study, std::int64_t after, std::span<const std::int64_t> again) override {
        const std::lock_guard lock(mutex_);
        const std::vector<std::int64_t>& ids = at(study).trials;
        std::vector<FrozenTrial> out;
        std::vector<std::int64_t> wanted(again.begin(), again.end());
        std::sort(wanted.begin(), wanted.end());
        for (const std::int64_t id : wanted) out.push_back(read(id));
        for (auto it = std::upper_bound(ids.begin(), ids.end(), after); it != ids.end(); ++it) out.push_back(read(*it));
        return out;
    }

private:
    struct Entry {
        StudyInfo info;
        std::vector<std::int64_t> trials;
    };

    static std::size_t index(std::int64_t id) { return static_cast<std::size_t>(id - 1); }
    Entry& at(std::int64_t study) { return studies_[index(study)]; }

    Result<void> exists(std::int64_t study) const {
        if (study >= 1 && index(study) < studies_.size() && studies_[index(study)].info.id == study) return {};
        return fail(ErrorCode::usage, fmt::format("there is no study id {}", study));
    }

    const Entry* lookup(const std::string& name) const {
        const auto found = std::find_if(studies_.begin(), studies_.end(), [&](const Entry& e) { return e.info.id != 0 && e.info.name == name; });
        return found == studies_.end() ? nullptr : &*found;
    }

    template <class Change>
    Result<void> change(std::int64_t id, Change apply) {
        const std::lock_guard lock(mutex_);
        const auto found = unfinished_.find(id);
        if (found == unfinished_.end()) {
            return fail(ErrorCode::conflict, fmt::format("trial {} is finished and cannot change", finished_[index(id)].number));
        }
        apply(found->second);
        return {};
    }

    FrozenTrial read(std::int64_t id) const {
        const auto found = unfinished_.find(id);
        return found != unfinished_.end() ? found->second : finished_[index(id)].unpacked();
    }

    Packed packed(const FrozenTrial& trial) {
        Packed out;
        out.id = trial.id;
        out.number = trial.number;
        out.state = trial.state;
        out.values = trial.values;
        out.params.reserve(trial.params.size());
        for (const Param& p : trial.params) {
            // Distributions of a name differ where a range changed: one entry for each object.
            auto& known = names_[p.distribution.get()];
            auto at = known.find(p.name);
            if (at == known.end()) at = known.emplace(p.name, p.distribution).first;
            out.params.push_back({&*at, p.internal});
        }
        if (!trial.reports.empty() || !trial.user_attributes.empty() || !trial.system_attributes.empty()) {
            out.rest = std::make_unique<Packed::Rest>(Packed::Rest{trial.reports, trial.user_attributes, trial.system_attributes});
        }
        out.started = trial.started;
        out.completed = trial.completed;
        return out;
    }

    std::recursive_mutex mutex_;
    std::vector<Entry> studies_;
    std::map<std::int64_t, FrozenTrial> unfinished_;  // by id
    std::vector<Packed> finished_;                    // by id - 1; empty where the trial is unfinished
    /// By distribution, then by name; held, so that the addresses stay.
    std::unordered_map<const Distribution*, std::map<std::string, std::shared_ptr<const Distribution>>> names_;
};

}  // namespace

std::shared_ptr<Storage> memory_storage() { return std::make_shared<MemoryStorage>(); }

}  // namespace sofia::tune

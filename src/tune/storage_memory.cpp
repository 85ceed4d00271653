#include <algorithm>
#include <map>
#include <mutex>

#include <fmt/core.h>

#include "tune/storage.hpp"

namespace sofia::tune {

namespace {

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
        for (const Entry& entry : studies_) out.push_back(entry.info);
        return out;
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
        trial.id = static_cast<std::int64_t>(trials_.size()) + 1;
        ids.push_back(trial.id);
        trials_.push_back(trial);
        return trial;
    }

    Result<std::optional<TimeNs>> claim(std::int64_t id) override {
        const std::lock_guard lock(mutex_);
        FrozenTrial& trial = trials_[index(id)];
        if (trial.state != TrialState::waiting) return std::optional<TimeNs>();
        trial.state = TrialState::running;
        trial.started = floor_time(wall_clock_now(), ns_per_us);
        return trial.started;
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
        const TimeNs now = floor_time(wall_clock_now(), ns_per_us);
        SOFIA_CHECK(change(id, [&](FrozenTrial& trial) {
            trial.state = state;
            trial.values.assign(values.begin(), values.end());
            trial.completed = now;
        }));
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
        for (const std::int64_t id : wanted) out.push_back(trials_[index(id)]);
        for (auto it = std::upper_bound(ids.begin(), ids.end(), after); it != ids.end(); ++it) out.push_back(trials_[index(*it)]);
        return out;
    }

private:
    struct Entry {
        StudyInfo info;
        std::vector<std::int64_t> trials;
    };

    static std::size_t index(std::int64_t id) { return static_cast<std::size_t>(id - 1); }
    Entry& at(std::int64_t study) { return studies_[index(study)]; }

    const Entry* lookup(const std::string& name) const {
        const auto found = std::find_if(studies_.begin(), studies_.end(), [&](const Entry& e) { return e.info.name == name; });
        return found == studies_.end() ? nullptr : &*found;
    }

    template <class Change>
    Result<void> change(std::int64_t id, Change apply) {
        const std::lock_guard lock(mutex_);
        FrozenTrial& trial = trials_[index(id)];
        if (finished(trial.state)) return fail(ErrorCode::conflict, fmt::format("trial {} is finished and cannot change", trial.number));
        apply(trial);
        return {};
    }

    std::recursive_mutex mutex_;
    std::vector<Entry> studies_;
    std::vector<FrozenTrial> trials_;
};

}  // namespace

std::shared_ptr<Storage> memory_storage() { return std::make_shared<MemoryStorage>(); }

}  // namespace sofia::tune

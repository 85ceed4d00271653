#include "tune/heartbeat.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tune/json_text.hpp"
#include "tune/study_state.hpp"

namespace sofia::tune {

namespace {

double seconds(DurationNs duration) { return static_cast<double>(duration) / static_cast<double>(ns_per_second); }

/// The numbers of the trials that this one repeats, the first of them first.
std::vector<std::int64_t> retry_history(const FrozenTrial& trial) {
    const auto found = trial.system_attributes.find("retry_history");
    if (found == trial.system_attributes.end()) return {};
    const auto list = parse_json(found->second, "retry_history");
    if (!list || !list->is_array()) return {};
    std::vector<std::int64_t> out;
    for (const Json& number : *list) {
        if (number.is_number_integer()) out.push_back(number.get<std::int64_t>());
    }
    return out;
}

/// The same trial again, waiting; nothing when it was repeated often enough.
std::optional<FrozenTrial> retry_of(const FrozenTrial& trial, const std::optional<std::int64_t>& max_retry) {
    std::vector<std::int64_t> history = retry_history(trial);
    history.push_back(trial.number);
    if (max_retry && static_cast<std::int64_t>(history.size()) > *max_retry) return std::nullopt;
    FrozenTrial again;
    again.state = TrialState::waiting;
    again.params = trial.params;
    again.user_attributes = trial.user_attributes;
    again.system_attributes = trial.system_attributes;
    // What was drawn for the old trial is in its parameters; the new one announces its own.
    std::erase_if(again.system_attributes, [](const auto& entry) { return entry.first.starts_with("tpe:relative_params:"); });
    const std::string list = fmt::format("[{}]", fmt::join(history, ", "));
    again.system_attributes["failed_trial"] = std::to_string(history.front());
    again.system_attributes["retry_history"] = list;
    return again;
}

}  // namespace

Result<void> Heartbeat::validate() const {
    if (interval < 0 || grace < 0) return fail(ErrorCode::usage, "a heartbeat's interval or grace period is negative");
    if (interval == 0 && grace > 0) return fail(ErrorCode::usage, "a grace period is given without a heartbeat interval");
    if (interval > 0 && grace_period() <= interval) {
        return fail(ErrorCode::usage,
                    fmt::format("the grace period of {} s is not longer than the heartbeat interval of {} s", seconds(grace), seconds(interval)),
                    "twice the interval is the default");
    }
    if (max_retry && *max_retry < 0) return fail(ErrorCode::usage, fmt::format("{} retries", *max_retry));
    return {};
}

void StudyState::start_beating() {
    if (heartbeat.interval > 0) beating = std::jthread([this](const std::stop_token& stop) { beat_until(stop); });
}

void StudyState::beat_until(const std::stop_token& stop) {
    std::mutex waiting;
    std::condition_variable_any stopped;
    std::unique_lock lock(waiting);
    while (!stopped.wait_for(lock, stop, std::chrono::nanoseconds(heartbeat.interval), [&] { return stop.stop_requested(); })) {
        std::vector<std::int64_t> ids;
        {
            const std::lock_guard guard(mutex);
            for (const std::int64_t number : owned) {
                const auto found = history.running().find(number);
                if (found != history.running().end()) ids.push_back(found->second->id);
            }
        }
        if (ids.empty()) continue;
        // A storage that cannot be written tells it to whoever asks or tells next.
        static_cast<void>(storage->transaction([&]() -> Result<void> {
            for (const std::int64_t id : ids) SOFIA_CHECK(storage->beat(id));
            return {};
        }));
    }
}

Result<void> StudyState::fail_stale() {
    if (heartbeat.interval == 0) return {};
    std::vector<std::int64_t> others;
    std::map<std::int64_t, std::int64_t> numbers;
    for (const auto& [number, trial] : history.running()) {
        if (owned.contains(number)) continue;
        others.push_back(trial->id);
        numbers[trial->id] = number;
    }
    if (others.empty()) return {};
    SOFIA_TRY(const auto stale, storage->stale(others, heartbeat.grace_period()));
    const std::string reason = fmt::format("its worker gave no sign of life for {} s", seconds(heartbeat.grace_period()));
    for (const std::int64_t id : stale) SOFIA_CHECK(fail_one(numbers[id], reason, Repeat::as_heartbeat_says));
    return {};
}

Result<std::optional<std::int64_t>> Study::fail_running(std::int64_t number, const std::string& reason, Repeat repeat) {
    const std::lock_guard lock(state_->mutex);
    return state_->fail_one(number, reason, repeat);
}

Result<std::optional<std::int64_t>> StudyState::fail_one(std::int64_t number, const std::string& reason, Repeat repeat) {
    std::vector<FrozenTrial> written;
    const auto work = [&]() -> Result<void> {
        SOFIA_CHECK(storage->lock(info.id));
        SOFIA_CHECK(refresh());
        const auto& all = history.trials();
        const TrialPtr known = number >= 0 && static_cast<std::size_t>(number) < all.size() ? all[static_cast<std::size_t>(number)] : nullptr;
        if (known == nullptr) return fail(ErrorCode::usage, fmt::format("study \"{}\" has no trial {}", info.name, number));
        FrozenTrial trial = *known;
        if (trial.state != TrialState::running) return {};  // somebody else was faster
        auto again = repeat == Repeat::never ? std::nullopt : retry_of(trial, heartbeat.max_retry);
        const std::string text = python_json(ParamValue(reason));
        SOFIA_CHECK(storage->set_trial_attribute(trial.id, Storage::Owner::user, "error", text));
        SOFIA_TRY(trial.completed, storage->finish(trial.id, TrialState::fail, {}));
        trial.user_attributes["error"] = text;
        trial.state = TrialState::fail;
        written.push_back(std::move(trial));
        if (!again) return {};
        SOFIA_TRY(FrozenTrial added, storage->add_trial(info.id, *std::move(again)));
        written.push_back(std::move(added));
        return {};
    };
    auto result = storage->transaction(work);
    if (!result && result.error().code == ErrorCode::conflict) return std::nullopt;  // its worker told it in this very moment
    SOFIA_CHECK(std::move(result));
    if (written.empty()) return std::nullopt;
    // Only who has failed it comes here, so it is said once however many workers there are.
    std::optional<std::int64_t> repeated;
    if (written.size() > 1) repeated = written.back().number;
    logger.warning(fmt::format("trial {} failed: {}{}", number, written.front().failure_reason(),
                               repeated ? fmt::format("; trial {} repeats it", *repeated) : ""));
    for (FrozenTrial& trial : written) put(std::move(trial));
    return repeated;
}

}  // namespace sofia::tune

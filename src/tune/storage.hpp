#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "tune/frozen.hpp"

namespace sofia::tune {

/// Where studies live. Thread-safe. Finished trials are immutable: every call that would change one fails with conflict.
/// Errors: conflict (a name that exists, a finished trial), data (what is stored cannot be read), io, usage (no such study).
class Storage {
public:
    enum class Owner : std::uint8_t { user, system };

    virtual ~Storage() = default;

    /// Runs `work` as one unit, durable at its end: other processes see all of it or nothing. Calls inside join it. An error undoes
    /// everything where the storage can fail at all.
    [[nodiscard]] virtual Result<void> transaction(const std::function<Result<void>()>& work) = 0;

    /// Inside a transaction: until its end no other process adds a trial to the study. Trials that are read after it are all there are.
    [[nodiscard]] virtual Result<void> lock(std::int64_t study) = 0;

    /// Error conflict: the name exists.
    [[nodiscard]] virtual Result<StudyInfo> create_study(const std::string& name, const std::vector<Direction>& directions) = 0;
    [[nodiscard]] virtual Result<std::optional<StudyInfo>> find_study(const std::string& name) = 0;
    [[nodiscard]] virtual Result<std::vector<StudyInfo>> studies() = 0;
    /// Errors: conflict (the name exists), usage (no such study).
    [[nodiscard]] virtual Result<void> rename_study(std::int64_t study, const std::string& name) = 0;

    /// With its trials. A worker that still runs it fails at its next call. Error usage: no such study.
    [[nodiscard]] virtual Result<void> delete_study(std::int64_t study) = 0;

    [[nodiscard]] virtual Result<void> set_study_attribute(std::int64_t study, Owner owner, const std::string& key, const std::string& json) = 0;

    /// Inserts a trial as it is in `trial` (state, params, attributes, values, reports, times); `id` and `number` are given by the
    /// storage and returned inside the copy. number = count of the study's earlier trials.
    [[nodiscard]] virtual Result<FrozenTrial> add_trial(std::int64_t study, FrozenTrial trial) = 0;

    /// Waiting -> running as a compare-and-set: the start time when this call did it, nothing when somebody else was first.
    [[nodiscard]] virtual Result<std::optional<TimeNs>> claim(std::int64_t trial) = 0;

    [[nodiscard]] virtual Result<void> set_params(std::int64_t trial, std::span<const Param> params) = 0;
    [[nodiscard]] virtual Result<void> set_report(std::int64_t trial, std::int64_t step, double value) = 0;
    [[nodiscard]] virtual Result<void> set_trial_attribute(std::int64_t trial, Owner owner, const std::string& key, const std::string& json) = 0;

    /// Running -> a finished state. Returns the time written as the trial's end.
    [[nodiscard]] virtual Result<TimeNs> finish(std::int64_t trial, TrialState state, std::span<const double> values) = 0;

    /// Notes that the trial's worker is alive.
    [[nodiscard]] virtual Result<void> beat(std::int64_t trial) = 0;

    /// Those of `trials` whose last beat is more than `grace` ago by the storage's own clock, in their order. One that never beat is not
    /// stale. A storage that no other process can see has none.
    [[nodiscard]] virtual Result<std::vector<std::int64_t>> stale(std::span<const std::int64_t> trials, DurationNs grace) = 0;

    /// The trials with an id above `after`, and those whose ids are in `again`, by id.
    [[nodiscard]] virtual Result<std::vector<FrozenTrial>> read_trials(std::int64_t study, std::int64_t after,
                                                                       std::span<const std::int64_t> again) = 0;
};

/// Gone with the process.
[[nodiscard]] std::shared_ptr<Storage> memory_storage();

/// What becomes of a file or of tables that are not there.
enum class Missing : std::uint8_t { create, refuse };

/// A SQLite file or a PostgreSQL database in Optuna's schema (v3.2.0.a, read and written by Optuna 3.2 to 5.0); the file and the tables are
/// made when missing, or refused (io: no such file; data: no study tables), and then nothing is written. Times are naive UTC, as Optuna 5.0
/// reads and writes them (up to 4.9 it means local time). URL as in sql::Connection.
/// Errors: io, unavailable, usage, data (a file that is no database, or another schema: says which and what to do).
[[nodiscard]] Result<std::shared_ptr<Storage>> open_storage(const std::string& url, Missing missing = Missing::create);

}  // namespace sofia::tune

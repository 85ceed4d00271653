#include <algorithm>
#include <map>
#include <mutex>
#include <unordered_map>

#include <fmt/core.h>

#include "sql/connection.hpp"
#include "tune/schema.hpp"
#include "tune/storage.hpp"

namespace sofia::tune {

namespace {

using sql::Row;
using sql::Type;
using sql::Value;

std::int64_t integer(const Value& value) { return std::holds_alternative<std::int64_t>(value) ? std::get<std::int64_t>(value) : 0; }
std::string text(const Value& value) { return std::holds_alternative<std::string>(value) ? std::get<std::string>(value) : std::string(); }

/// The statements, prepared when first used and kept.
class Statements {
public:
    explicit Statements(sql::Connection& database) : database_(&database) {}

    Result<sql::Statement*> get(const std::string& statement, const std::vector<Type>& columns = {}) {
        auto found = prepared_.find(statement);
        if (found == prepared_.end()) {
            SOFIA_TRY(sql::Statement made, database_->prepare(statement, columns));
            found = prepared_.emplace(statement, std::move(made)).first;
        }
        return &found->second;
    }

private:
    sql::Connection* database_;
    std::map<std::string, sql::Statement, std::less<>> prepared_;
};

class SqliteStorage : public Storage {
public:
    explicit SqliteStorage(sql::Connection database) : database_(std::move(database)), statements_(database_) {}

    Result<void> transaction(const std::function<Result<void>()>& work) override {
        const std::lock_guard lock(mutex_);
        auto result = database_.transaction(work);
        if (!result) counts_.clear();  // they may count trials that were rolled back
        return result;
    }

    Result<StudyInfo> create_study(const std::string& name, const std::vector<Direction>& directions) override {
        StudyInfo info;
        info.name = name;
        info.directions = directions;
        const auto work = [&]() -> Result<void> {
            SOFIA_TRY(const auto existing, rows("SELECT study_id FROM studies WHERE study_name = :n", {Type::integer}, {name}));
            if (!existing.empty()) {
                return fail(ErrorCode::conflict, fmt::format("{}: study \"{}\" exists", database_.path(), name), "resume it, or take another name");
            }
            SOFIA_TRY(const auto id, rows("INSERT INTO studies (study_name) VALUES (:n) RETURNING study_id", {Type::integer}, {name}));
            info.id = integer(id[0][0]);
            for (std::size_t i = 0; i < directions.size(); ++i) {
                SOFIA_CHECK(run("INSERT INTO study_directions (direction, study_id, objective) VALUES (:d, :s, :o)",
                                {stored(directions[i]), info.id, static_cast<std::int64_t>(i)}));
            }
            return {};
        };
        SOFIA_CHECK(transaction(work));
        return info;
    }

    Result<std::optional<StudyInfo>> find_study(const std::string& name) override {
        const std::lock_guard lock(mutex_);
        SOFIA_TRY(const auto found, rows("SELECT study_id FROM studies WHERE study_name = :n", {Type::integer}, {name}));
        if (found.empty()) return std::optional<StudyInfo>();
        SOFIA_TRY(StudyInfo info, read_study(integer(found[0][0]), name));
        return std::optional<StudyInfo>(std::move(info));
    }

    Result<std::vector<StudyInfo>> studies() override {
        const std::lock_guard lock(mutex_);
        SOFIA_TRY(const auto found, rows("SELECT study_id, study_name FROM studies ORDER BY study_id", {Type::integer, Type::text}));
        std::vector<StudyInfo> out;
        for (const Row& row : found) {
            SOFIA_TRY(StudyInfo info, read_study(integer(row[0]), text(row[1])));
            out.push_back(std::move(info));
        }
        return out;
    }

    Result<void> set_study_attribute(std::int64_t study, Owner owner, const std::string& key, const std::string& json) override {
        return transaction([&] {
            return run(fmt::format("INSERT INTO study_{0}_attributes (study_id, key, value_json) VALUES (:s, :k, :v) "
                                   "ON CONFLICT (study_id, key) DO UPDATE SET value_json = excluded.value_json",
                                   word(owner)),
                       {study, key, json});
        });
    }

    Result<FrozenTrial> add_trial(std::int64_t study, FrozenTrial trial) override {
        const auto work = [&]() -> Result<void> {
            SOFIA_TRY(trial.number, next_number(study));
            SOFIA_TRY(const auto id,
                      rows("INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete) "
                           "VALUES (:n, :s, :t, :b, :e) RETURNING trial_id",
                           {Type::integer}, {trial.number, study, stored(trial.state), stored(trial.started), stored(trial.completed)}));
            trial.id = integer(id[0][0]);
            counts_[study] = {trial.id, trial.number + 1};
            for (const Param& p : trial.params) SOFIA_CHECK(insert_param(trial.id, p));
            for (const auto& [key, json] : trial.user_attributes) SOFIA_CHECK(insert_attribute(trial.id, Owner::user, key, json));
            for (const auto& [key, json] : trial.system_attributes) SOFIA_CHECK(insert_attribute(trial.id, Owner::system, key, json));
            for (const auto& [step, value] : trial.reports) SOFIA_CHECK(insert_report(trial.id, step, value));
            return insert_values(trial.id, trial.values);
        };
        SOFIA_CHECK(transaction(work));
        return trial;
    }

    Result<std::optional<TimeNs>> claim(std::int64_t trial) override {
        const std::optional<TimeNs> now = floor_time(wall_clock_now(), ns_per_us);
        bool won = false;
        SOFIA_CHECK(transaction([&]() -> Result<void> {
            SOFIA_TRY(const auto changed, rows("UPDATE trials SET state = 'RUNNING', datetime_start = :t WHERE trial_id = :i AND state = 'WAITING' "
                                               "RETURNING trial_id",
                                               {Type::integer}, {stored(now), trial}));
            won = !changed.empty();
            return {};
        }));
        return won ? now : std::optional<TimeNs>();
    }

    Result<void> set_params(std::int64_t trial, std::span<const Param> params) override {
        return change(trial, [&]() -> Result<void> {
            for (const Param& p : params) SOFIA_CHECK(insert_param(trial, p));
            return {};
        });
    }

    Result<void> set_report(std::int64_t trial, std::int64_t step, double value) override {
        return change(trial, [&] { return insert_report(trial, step, value); });
    }

    Result<void> set_trial_attribute(std::int64_t trial, Owner owner, const std::string& key, const std::string& json) override {
        return change(trial, [&] { return insert_attribute(trial, owner, key, json); });
    }

    Result<TimeNs> finish(std::int64_t trial, TrialState state, std::span<const double> values) override {
        const TimeNs now = floor_time(wall_clock_now(), ns_per_us);
        SOFIA_CHECK(transaction([&]() -> Result<void> {
            SOFIA_TRY(const auto changed,
                      rows("UPDATE trials SET state = :s, datetime_complete = :t WHERE trial_id = :i AND state IN ('RUNNING', 'WAITING') "
                           "RETURNING trial_id",
                           {Type::integer}, {stored(state), stored(std::optional<TimeNs>(now)), trial}));
            if (changed.empty()) return immutable(trial);
            return insert_values(trial, values);
        }));
        return now;
    }

    Result<void> beat(std::int64_t trial) override {
        return transaction([&] {
            return run(
                "INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (:t, CURRENT_TIMESTAMP) "
                "ON CONFLICT (trial_id) DO UPDATE SET heartbeat = CURRENT_TIMESTAMP",
                {trial});
        });
    }

    Result<std::vector<FrozenTrial>> read_trials(std::int64_t study, std::int64_t after, std::span<const std::int64_t> again) override {
        const std::lock_guard lock(mutex_);
        std::vector<FrozenTrial> out;
        std::vector<std::int64_t> ids(again.begin(), again.end());
        std::sort(ids.begin(), ids.end());
        for (const std::int64_t id : ids) SOFIA_CHECK(read_range(study, id, id, out));
        SOFIA_CHECK(read_range(study, after + 1, std::numeric_limits<std::int64_t>::max(), out));
        return out;
    }

private:
    struct Counted {
        std::int64_t last_id = 0;
        std::int64_t count = 0;
    };

    static const char* word(Owner owner) { return owner == Owner::user ? "user" : "system"; }

    Result<void> run(const std::string& statement, const Row& arguments) {
        SOFIA_TRY(sql::Statement * prepared, statements_.get(statement));
        return prepared->execute(arguments);
    }

    Result<std::vector<Row>> rows(const std::string& statement, const std::vector<Type>& columns, const Row& arguments = {}) {
        SOFIA_TRY(sql::Statement * prepared, statements_.get(statement, columns));
        return prepared->query(arguments);
    }

    std::unexpected<Error> immutable(std::int64_t trial) const {
        return fail(ErrorCode::conflict, fmt::format("{}: trial id {} is finished and cannot change", database_.path(), trial));
    }

    Result<void> change(std::int64_t trial, const std::function<Result<void>()>& work) {
        return transaction([&]() -> Result<void> {
            SOFIA_TRY(const auto found, rows("SELECT state FROM trials WHERE trial_id = :t", {Type::text}, {trial}));
            if (found.empty()) return fail(ErrorCode::usage, fmt::format("{}: there is no trial id {}", database_.path(), trial));
            SOFIA_TRY(const TrialState state, state_of(text(found[0][0])));
            if (finished(state)) return immutable(trial);
            return work();
        });
    }

    /// The count of the study's trials; only those after the last counted one are looked at.
    Result<std::int64_t> next_number(std::int64_t study) {
        Counted& known = counts_[study];
        SOFIA_TRY(const auto newer,
                  rows("SELECT count(*) FROM trials WHERE study_id = :s AND trial_id > :i", {Type::integer}, {study, known.last_id}));
        return known.count + integer(newer[0][0]);
    }

    Result<void> insert_param(std::int64_t trial, const Param& p) {
        return run("INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (:t, :n, :v, :d)",
                   {trial, p.name, p.internal, p.distribution->json()});
    }

    Result<void> insert_attribute(std::int64_t trial, Owner owner, const std::string& key, const std::string& json) {
        return run(fmt::format("INSERT INTO trial_{0}_attributes (trial_id, key, value_json) VALUES (:t, :k, :v) "
                               "ON CONFLICT (trial_id, key) DO UPDATE SET value_json = excluded.value_json",
                               word(owner)),
                   {trial, key, json});
    }

    Result<void> insert_report(std::int64_t trial, std::int64_t step, double value) {
        const auto [number, type] = stored(value);
        return run(
            "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) VALUES (:t, :s, :v, :y) "
            "ON CONFLICT (trial_id, step) DO UPDATE SET intermediate_value = excluded.intermediate_value, "
            "intermediate_value_type = excluded.intermediate_value_type",
            {trial, step, number, type});
    }

    Result<void> insert_values(std::int64_t trial, std::span<const double> values) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto [number, type] = stored(values[i]);
            SOFIA_CHECK(
                run("INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (:t, :o, :v, :y) "
                    "ON CONFLICT (trial_id, objective) DO UPDATE SET value = excluded.value, value_type = excluded.value_type",
                    {trial, static_cast<std::int64_t>(i), number, type}));
        }
        return {};
    }

    Result<StudyInfo> read_study(std::int64_t id, const std::string& name) {
        StudyInfo info;
        info.id = id;
        info.name = name;
        SOFIA_TRY(const auto directions, rows("SELECT direction FROM study_directions WHERE study_id = :s ORDER BY objective", {Type::text}, {id}));
        for (const Row& row : directions) {
            SOFIA_TRY(const Direction direction, direction_of(text(row[0])));
            info.directions.push_back(direction);
        }
        for (const Owner owner : {Owner::user, Owner::system}) {
            SOFIA_TRY(const auto attributes, rows(fmt::format("SELECT key, value_json FROM study_{}_attributes WHERE study_id = :s", word(owner)),
                                                  {Type::text, Type::text}, {id}));
            for (const Row& row : attributes) (owner == Owner::user ? info.user_attributes : info.system_attributes)[text(row[0])] = text(row[1]);
        }
        return info;
    }

    /// The study's trials with ids in [first, last], by id, added to `out`.
    Result<void> read_range(std::int64_t study, std::int64_t first, std::int64_t last, std::vector<FrozenTrial>& out) {
        const Row range = {study, first, last};
        const std::size_t begin = out.size();
        SOFIA_TRY(sql::Statement * trials, statements_.get("SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials "
                                                           "WHERE study_id = :s AND trial_id BETWEEN :a AND :b ORDER BY trial_id",
                                                           {Type::integer, Type::integer, Type::text, Type::text, Type::text}));
        SOFIA_CHECK(trials->each(range, [&](const Row& row) -> Result<void> {
            if (!std::holds_alternative<std::int64_t>(row[1])) return {};  // another process is still inserting it
            FrozenTrial trial;
            trial.id = integer(row[0]);
            trial.number = integer(row[1]);
            SOFIA_TRY(trial.state, state_of(text(row[2])));
            SOFIA_TRY(trial.started, time_of(row[3]));
            SOFIA_TRY(trial.completed, time_of(row[4]));
            out.push_back(std::move(trial));
            return {};
        }));
        if (out.size() == begin) return {};
        return read_children(range, out, begin);
    }

    Result<void> read_children(const Row& range, std::vector<FrozenTrial>& out, std::size_t begin) {
        SOFIA_CHECK(children("trial_params", "param_name, param_value, distribution_json", "param_id", {Type::text, Type::real, Type::text}, range,
                             out, begin, [&](FrozenTrial& trial, const Row& row) -> Result<void> {
                                 SOFIA_TRY(auto distribution, distribution_of(std::get<std::string>(row[3])));
                                 trial.params.push_back({text(row[1]), std::move(distribution), std::get<double>(row[2])});
                                 return {};
                             }));
        SOFIA_CHECK(children("trial_values", "value, value_type", "objective", {Type::real, Type::text}, range, out, begin,
                             [](FrozenTrial& trial, const Row& row) -> Result<void> {
                                 SOFIA_TRY(const double value, value_of(row[1], row[2]));
                                 trial.values.push_back(value);
                                 return {};
                             }));
        SOFIA_CHECK(children("trial_intermediate_values", "step, intermediate_value, intermediate_value_type", "step",
                             {Type::integer, Type::real, Type::text}, range, out, begin, [](FrozenTrial& trial, const Row& row) -> Result<void> {
                                 SOFIA_TRY(trial.reports[integer(row[1])], value_of(row[2], row[3]));
                                 return {};
                             }));
        for (const Owner owner : {Owner::user, Owner::system}) {
            SOFIA_CHECK(children(fmt::format("trial_{}_attributes", word(owner)), "key, value_json", "key", {Type::text, Type::text}, range, out,
                                 begin, [&](FrozenTrial& trial, const Row& row) -> Result<void> {
                                     (owner == Owner::user ? trial.user_attributes : trial.system_attributes)[text(row[1])] = text(row[2]);
                                     return {};
                                 }));
        }
        return {};
    }

    /// Rows of one child table in the order of its trials; `row[0]` is the trial's id. A row of a trial that appeared after the trials
    /// were read is left for the next time.
    Result<void> children(const std::string& table, const std::string& columns, const std::string& order, std::vector<Type> types, const Row& range,
                          std::vector<FrozenTrial>& out, std::size_t begin, const std::function<Result<void>(FrozenTrial&, const Row&)>& take) {
        types.insert(types.begin(), Type::integer);
        SOFIA_TRY(
            sql::Statement * statement,
            statements_.get(fmt::format("SELECT trial_id, {0} FROM {1} JOIN trials USING (trial_id) WHERE study_id = :s AND trial_id BETWEEN :a "
                                        "AND :b ORDER BY trial_id, {2}",
                                        columns, table, order),
                            types));
        std::size_t at = begin;
        return statement->each(range, [&](const Row& row) -> Result<void> {
            while (at < out.size() && out[at].id < integer(row[0])) ++at;
            if (at == out.size() || out[at].id != integer(row[0])) return {};
            auto taken = take(out[at], row);
            if (!taken) taken.error().message = fmt::format("{}: trial {}: {}", database_.path(), out[at].number, taken.error().message);
            return taken;
        });
    }

    /// One object for equal texts, so that a study's trials share their distributions.
    Result<std::shared_ptr<const Distribution>> distribution_of(const std::string& json) {
        auto found = distributions_.find(json);
        if (found == distributions_.end()) {
            SOFIA_TRY(Distribution made, Distribution::from_json(json));
            found = distributions_.emplace(json, std::make_shared<const Distribution>(std::move(made))).first;
        }
        return found->second;
    }

    std::recursive_mutex mutex_;
    sql::Connection database_;
    Statements statements_;
    std::map<std::int64_t, Counted> counts_;
    std::unordered_map<std::string, std::shared_ptr<const Distribution>> distributions_;  // looked up only, never walked
};

}  // namespace

Result<std::shared_ptr<Storage>> open_storage(const std::string& url) {
    SOFIA_TRY(sql::Connection database, sql::Connection::open(url));
    SOFIA_CHECK(prepare_schema(database));
    return std::make_shared<SqliteStorage>(std::move(database));
}

}  // namespace sofia::tune

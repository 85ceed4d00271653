#include <algorithm>
#include <map>
#include <mutex>

#include <fmt/core.h>

#include "tune/schema.hpp"
#include "tune/sql_statements.hpp"
#include "tune/storage.hpp"
#include "tune/trial_reader.hpp"

namespace sofia::tune {

namespace {

using sql::Row;
using sql::Type;
using sql::Value;

std::int64_t integer(const Value& value) { return std::holds_alternative<std::int64_t>(value) ? std::get<std::int64_t>(value) : 0; }
constexpr const char* replace_attribute = "ON CONFLICT (trial_id, key) DO UPDATE SET value_json = excluded.value_json";
constexpr const char* replace_report =
    "ON CONFLICT (trial_id, step) DO UPDATE SET intermediate_value = excluded.intermediate_value, "
    "intermediate_value_type = excluded.intermediate_value_type";

std::string text(const Value& value) { return std::holds_alternative<std::string>(value) ? std::get<std::string>(value) : std::string(); }

/// The write protocol is Optuna's: lock the study's row, insert, count. SQLite has no row locks; there a transaction locks the whole file.
class SqlStorage : public Storage {
public:
    explicit SqlStorage(sql::Connection database) : database_(std::move(database)), statements_(database_), reader_(statements_) {}

    Result<void> transaction(const std::function<Result<void>()>& work) override {
        const std::lock_guard lock(mutex_);
        auto result = database_.transaction(work);
        if (!result) counts_.clear();  // they may count trials that were rolled back
        return result;
    }

    Result<void> lock(std::int64_t study) override {
        const std::string statement = statements_.postgresql() ? "SELECT study_id FROM studies WHERE study_id = :s FOR UPDATE"
                                                               : "SELECT study_id FROM studies WHERE study_id = :s";
        SOFIA_TRY(const auto found, statements_.rows(statement, {Type::integer}, {study}));
        if (found.empty()) return fail(ErrorCode::usage, fmt::format("{}: the study has been deleted", database_.name()));
        return {};
    }

    Result<StudyInfo> create_study(const std::string& name, const std::vector<Direction>& directions) override {
        StudyInfo info;
        info.name = name;
        info.directions = directions;
        const auto work = [&]() -> Result<void> {
            // Waits for another process that is creating the same name.
            SOFIA_TRY(const auto id,
                      statements_.rows("INSERT INTO studies (study_name) VALUES (:n) ON CONFLICT (study_name) DO NOTHING RETURNING study_id",
                                       {Type::integer}, {name}));
            if (id.empty()) {
                return fail(ErrorCode::conflict, fmt::format("{}: study \"{}\" exists", database_.name(), name), "resume it, or take another name");
            }
            info.id = integer(id[0][0]);
            for (std::size_t i = 0; i < directions.size(); ++i) {
                SOFIA_CHECK(statements_.run("INSERT INTO study_directions (direction, study_id, objective) VALUES (:d, :s, :o)",
                                            {stored(directions[i]), info.id, static_cast<std::int64_t>(i)}));
            }
            return {};
        };
        SOFIA_CHECK(transaction(work));
        return info;
    }

    Result<std::optional<StudyInfo>> find_study(const std::string& name) override {
        const std::lock_guard lock(mutex_);
        SOFIA_TRY(const auto found, statements_.rows("SELECT study_id FROM studies WHERE study_name = :n", {Type::integer}, {name}));
        if (found.empty()) return std::optional<StudyInfo>();
        SOFIA_TRY(StudyInfo info, read_study(integer(found[0][0]), name));
        return std::optional<StudyInfo>(std::move(info));
    }

    Result<std::vector<StudyInfo>> studies() override {
        const std::lock_guard lock(mutex_);
        SOFIA_TRY(const auto found, statements_.rows("SELECT study_id, study_name FROM studies ORDER BY study_id", {Type::integer, Type::text}));
        std::vector<StudyInfo> out;
        for (const Row& row : found) {
            SOFIA_TRY(StudyInfo info, read_study(integer(row[0]), text(row[1])));
            out.push_back(std::move(info));
        }
        return out;
    }

    Result<void> rename_study(std::int64_t study, const std::string& name) override {
        return transaction([&]() -> Result<void> {
            SOFIA_TRY(const auto other,
                      statements_.rows("SELECT study_id FROM studies WHERE study_name = :n AND study_id <> :s", {Type::integer}, {name, study}));
            if (!other.empty()) return fail(ErrorCode::conflict, fmt::format("{}: study \"{}\" exists", database_.name(), name), "take another name");
            SOFIA_TRY(const auto renamed,
                      statements_.rows("UPDATE studies SET study_name = :n WHERE study_id = :s RETURNING study_id", {Type::integer}, {name, study}));
            return renamed.empty() ? no_study(study) : Result<void>();
        });
    }

    Result<void> delete_study(std::int64_t study) override {
        return transaction([&]() -> Result<void> {
            for (const char* table : {"user_attributes", "system_attributes", "params", "values", "intermediate_values", "heartbeats"}) {
                SOFIA_CHECK(statements_.run(
                    fmt::format("DELETE FROM trial_{} WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id = :s)", table), {study}));
            }
            for (const char* table : {"trials", "study_user_attributes", "study_system_attributes", "study_directions"}) {
                SOFIA_CHECK(statements_.run(fmt::format("DELETE FROM {} WHERE study_id = :s", table), {study}));
            }
            SOFIA_TRY(const auto deleted, statements_.rows("DELETE FROM studies WHERE study_id = :s RETURNING study_id", {Type::integer}, {study}));
            counts_.erase(study);
            return deleted.empty() ? no_study(study) : Result<void>();
        });
    }

    Result<void> set_study_attribute(std::int64_t study, Owner owner, const std::string& key, const std::string& json) override {
        return transaction([&] {
            return statements_.run(fmt::format("INSERT INTO study_{0}_attributes (study_id, key, value_json) VALUES (:s, :k, :v) "
                                               "ON CONFLICT (study_id, key) DO UPDATE SET value_json = excluded.value_json",
                                               word(owner)),
                                   {study, key, json});
        });
    }

    Result<FrozenTrial> add_trial(std::int64_t study, FrozenTrial trial) override {
        const auto work = [&]() -> Result<void> {
            SOFIA_CHECK(lock(study));
            SOFIA_TRY(trial.number, next_number(study));
            SOFIA_TRY(const auto id,
                      statements_.rows("INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete) "
                                       "VALUES (:n, :s, :t, :b, :e) RETURNING trial_id",
                                       {Type::integer}, {trial.number, study, stored(trial.state), stored(trial.started), stored(trial.completed)}));
            trial.id = integer(id[0][0]);
            counts_[study] = {trial.id, trial.number + 1};
            SOFIA_CHECK(insert_params(trial.id, trial.params));
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
            SOFIA_TRY(const auto changed, statements_.rows("UPDATE trials SET state = 'RUNNING', datetime_start = :t "
                                                           "WHERE trial_id = :i AND state = 'WAITING' RETURNING trial_id",
                                                           {Type::integer}, {stored(now), trial}));
            won = !changed.empty();
            return {};
        }));
        return won ? now : std::optional<TimeNs>();
    }

    Result<void> set_params(std::int64_t trial, std::span<const Param> params) override {
        if (!statements_.postgresql()) return change(trial, [&] { return insert_params(trial, params); });
        std::vector<Row> rows;
        for (const Param& p : params) rows.push_back({p.name, p.internal, p.distribution->json()});
        return insert_guarded(trial, "trial_params (trial_id, param_name, param_value, distribution_json)", {"VARCHAR", "FLOAT(53)", "TEXT"}, rows,
                              "");
    }

    Result<void> set_report(std::int64_t trial, std::int64_t step, double value) override {
        if (!statements_.postgresql()) return change(trial, [&] { return insert_report(trial, step, value); });
        const auto [number, type] = stored(value);
        return insert_guarded(trial, "trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type)",
                              {"INTEGER", "FLOAT(53)", "trialintermediatevaluetype"}, {{step, number, type}}, replace_report);
    }

    Result<void> set_trial_attribute(std::int64_t trial, Owner owner, const std::string& key, const std::string& json) override {
        if (!statements_.postgresql()) return change(trial, [&] { return insert_attribute(trial, owner, key, json); });
        return insert_guarded(trial, fmt::format("trial_{}_attributes (trial_id, key, value_json)", word(owner)), {"VARCHAR", "TEXT"}, {{key, json}},
                              replace_attribute);
    }

    Result<TimeNs> finish(std::int64_t trial, TrialState state, std::span<const double> values) override {
        const TimeNs now = floor_time(wall_clock_now(), ns_per_us);
        SOFIA_CHECK(transaction([&]() -> Result<void> {
            SOFIA_TRY(const auto changed, statements_.rows("UPDATE trials SET state = :s, datetime_complete = :t "
                                                           "WHERE trial_id = :i AND state IN ('RUNNING', 'WAITING') RETURNING trial_id",
                                                           {Type::integer}, {stored(state), stored(std::optional<TimeNs>(now)), trial}));
            if (changed.empty()) return immutable(trial);
            return insert_values(trial, values);
        }));
        return now;
    }

    Result<void> beat(std::int64_t trial) override {
        return transaction([&] {
            return statements_.run(fmt::format("INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (:t, {0}) "
                                               "ON CONFLICT (trial_id) DO UPDATE SET heartbeat = {0}",
                                               heartbeat_now()),
                                   {trial});
        });
    }

    Result<std::vector<std::int64_t>> stale(std::span<const std::int64_t> trials, DurationNs grace) override {
        const std::lock_guard lock(mutex_);
        std::vector<std::int64_t> out;
        const std::string statement = statements_.postgresql() ? "SELECT trial_id FROM trial_heartbeats WHERE trial_id = :t AND "
                                                                 "extract(epoch FROM CAST(clock_timestamp() AS TIMESTAMP) - heartbeat) > :g"
                                                               : "SELECT trial_id FROM trial_heartbeats WHERE trial_id = :t AND "
                                                                 "(julianday('now') - julianday(heartbeat)) * 86400.0 > :g";
        for (const std::int64_t trial : trials) {
            SOFIA_TRY(const auto found, statements_.rows(statement, {Type::integer}, {trial, static_cast<double>(grace) / ns_per_second}));
            if (!found.empty()) out.push_back(trial);
        }
        return out;
    }

    Result<std::vector<FrozenTrial>> read_trials(std::int64_t study, std::int64_t after, std::span<const std::int64_t> again) override {
        const std::lock_guard lock(mutex_);
        std::vector<FrozenTrial> out;
        SOFIA_CHECK(reader_.some(again, out));
        SOFIA_CHECK(reader_.after(study, after, out));
        return out;
    }

private:
    struct Counted {
        std::int64_t last_id = 0;
        std::int64_t count = 0;
    };

    static const char* word(Owner owner) { return owner == Owner::user ? "user" : "system"; }

    /// As Optuna takes it: in PostgreSQL the session's local time (the server's, unless somebody sets it), in SQLite UTC, in the form in
    /// which Optuna writes a time.
    const char* heartbeat_now() const { return statements_.postgresql() ? "clock_timestamp()" : "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'"; }

    Result<void> no_study(std::int64_t study) const {
        return fail(ErrorCode::usage, fmt::format("{}: there is no study id {}", database_.name(), study));
    }

    std::unexpected<Error> immutable(std::int64_t trial) const {
        return fail(ErrorCode::conflict, fmt::format("{}: trial id {} is finished and cannot change", database_.name(), trial));
    }

    /// Why a trial cannot be written.
    Result<void> writable(std::int64_t trial) {
        const std::string statement =
            statements_.postgresql() ? "SELECT state FROM trials WHERE trial_id = :t FOR UPDATE" : "SELECT state FROM trials WHERE trial_id = :t";
        SOFIA_TRY(const auto found, statements_.rows(statement, {Type::text}, {trial}));
        if (found.empty()) return fail(ErrorCode::usage, fmt::format("{}: there is no trial id {}", database_.name(), trial));
        SOFIA_TRY(const TrialState state, state_of(text(found[0][0])));
        return finished(state) ? immutable(trial) : Result<void>();
    }

    Result<void> change(std::int64_t trial, const std::function<Result<void>()>& work) {
        return transaction([&]() -> Result<void> {
            SOFIA_CHECK(writable(trial));
            return work();
        });
    }

    /// PostgreSQL: looking whether the trial is unfinished, locking it and inserting rows as one statement, since each is a round trip.
    Result<void> insert_guarded(std::int64_t trial, const std::string& into, const std::vector<std::string>& types, const std::vector<Row>& rows,
                                const std::string& conflict) {
        const std::lock_guard lock(mutex_);
        if (rows.empty()) return writable(trial);
        std::string values;
        Row arguments = {trial};
        for (std::size_t r = 0; r < rows.size(); ++r) {
            values += r == 0 ? "(" : ", (";
            for (std::size_t c = 0; c < types.size(); ++c) {
                values += fmt::format("{}CAST(:v{}_{} AS {})", c == 0 ? "" : ", ", r, c, types[c]);
                arguments.push_back(rows[r][c]);
            }
            values += ")";
        }
        const std::string statement = fmt::format(
            "WITH alive AS (SELECT trial_id FROM trials WHERE trial_id = :t AND state IN ('RUNNING', 'WAITING') FOR UPDATE) "
            "INSERT INTO {} SELECT alive.trial_id, v.* FROM alive, (VALUES {}) AS v {} RETURNING trial_id",
            into, values, conflict);
        SOFIA_TRY(const auto inserted, statements_.rows(statement, {Type::integer}, arguments));
        if (!inserted.empty()) return {};
        SOFIA_CHECK(writable(trial));
        return fail(ErrorCode::conflict, fmt::format("{}: trial id {} has changed in this very moment", database_.name(), trial));
    }

    /// The count of the study's trials; only those after the last counted one are looked at.
    Result<std::int64_t> next_number(std::int64_t study) {
        Counted& known = counts_[study];
        SOFIA_TRY(const auto newer,
                  statements_.rows("SELECT count(*) FROM trials WHERE study_id = :s AND trial_id > :i", {Type::integer}, {study, known.last_id}));
        return known.count + integer(newer[0][0]);
    }

    /// Several rows a statement: on a server each statement is a round trip.
    Result<void> insert_params(std::int64_t trial, std::span<const Param> params) {
        constexpr std::size_t most = 32;
        for (; !params.empty(); params = params.subspan(std::min(most, params.size()))) {
            const std::size_t count = std::min(most, params.size());
            std::string statement = "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES ";
            Row arguments;
            for (std::size_t i = 0; i < count; ++i) {
                statement += fmt::format("{0}(:t{1}, :n{1}, :v{1}, :d{1})", i == 0 ? "" : ", ", i);
                arguments.insert(arguments.end(),
                                 {Value(trial), Value(params[i].name), Value(params[i].internal), Value(params[i].distribution->json())});
            }
            SOFIA_CHECK(statements_.run(statement, arguments));
        }
        return {};
    }

    Result<void> insert_attribute(std::int64_t trial, Owner owner, const std::string& key, const std::string& json) {
        return statements_.run(
            fmt::format("INSERT INTO trial_{}_attributes (trial_id, key, value_json) VALUES (:t, :k, :v) {}", word(owner), replace_attribute),
            {trial, key, json});
    }

    Result<void> insert_report(std::int64_t trial, std::int64_t step, double value) {
        const auto [number, type] = stored(value);
        return statements_.run(fmt::format("INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) "
                                           "VALUES (:t, :s, :v, :y) {}",
                                           replace_report),
                               {trial, step, number, type});
    }

    Result<void> insert_values(std::int64_t trial, std::span<const double> values) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto [number, type] = stored(values[i]);
            SOFIA_CHECK(
                statements_.run("INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (:t, :o, :v, :y) "
                                "ON CONFLICT (trial_id, objective) DO UPDATE SET value = excluded.value, value_type = excluded.value_type",
                                {trial, static_cast<std::int64_t>(i), number, type}));
        }
        return {};
    }

    Result<StudyInfo> read_study(std::int64_t id, const std::string& name) {
        StudyInfo info;
        info.id = id;
        info.name = name;
        SOFIA_TRY(const auto directions,
                  statements_.rows("SELECT direction FROM study_directions WHERE study_id = :s ORDER BY objective", {Type::text}, {id}));
        for (const Row& row : directions) {
            SOFIA_TRY(const Direction direction, direction_of(text(row[0])));
            info.directions.push_back(direction);
        }
        if (info.directions.empty()) {
            return fail(ErrorCode::data, fmt::format("{}: study \"{}\" has no direction", database_.name(), name),
                        "the study is being deleted, or the database is damaged: restore it from a copy");
        }
        for (const Owner owner : {Owner::user, Owner::system}) {
            SOFIA_TRY(const auto attributes,
                      statements_.rows(fmt::format("SELECT key, value_json FROM study_{}_attributes WHERE study_id = :s", word(owner)),
                                       {Type::text, Type::text}, {id}));
            for (const Row& row : attributes) (owner == Owner::user ? info.user_attributes : info.system_attributes)[text(row[0])] = text(row[1]);
        }
        return info;
    }

    std::recursive_mutex mutex_;
    sql::Connection database_;
    SqlStatements statements_;
    TrialReader reader_;
    std::map<std::int64_t, Counted> counts_;
};

}  // namespace

Result<std::shared_ptr<Storage>> open_storage(const std::string& url, Missing missing) {
    sql::Options options;
    if (missing == Missing::refuse) options.create = sql::Options::Create::never;
    SOFIA_TRY(sql::Connection database, sql::Connection::open(url, options));
    SOFIA_CHECK(missing == Missing::create ? prepare_schema(database) : check_schema(database));
    return std::make_shared<SqlStorage>(std::move(database));
}

}  // namespace sofia::tune

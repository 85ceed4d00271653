#include "tune/schema.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <thread>

#include <fmt/core.h>

namespace sofia::tune {

namespace {

using sql::Dialect;

// Tables, columns, types and indices as the schema revision v3.2.0.a names them; Optuna 5.0.0 opens what these statements make.
// {0} key of a table, {1} direction, {2} state, {3} type of a value, {4} type of a report, {5} time, {6} float.
constexpr std::array tables = {
    "CREATE TABLE studies (study_id {0} NOT NULL, study_name VARCHAR(512) NOT NULL, PRIMARY KEY (study_id))",
    "CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name)",
    "CREATE TABLE version_info (version_info_id INTEGER NOT NULL, schema_version INTEGER, library_version VARCHAR(256), "
    "PRIMARY KEY (version_info_id), CHECK (version_info_id=1))",
    "CREATE TABLE study_directions (study_direction_id {0} NOT NULL, direction {1} NOT NULL, study_id INTEGER NOT NULL, "
    "objective INTEGER NOT NULL, PRIMARY KEY (study_direction_id), UNIQUE (study_id, objective), "
    "FOREIGN KEY(study_id) REFERENCES studies (study_id))",
    "CREATE TABLE study_user_attributes (study_user_attribute_id {0} NOT NULL, study_id INTEGER, \"key\" VARCHAR(512), value_json TEXT, "
    "PRIMARY KEY (study_user_attribute_id), UNIQUE (study_id, \"key\"), FOREIGN KEY(study_id) REFERENCES studies (study_id))",
    "CREATE TABLE study_system_attributes (study_system_attribute_id {0} NOT NULL, study_id INTEGER, \"key\" VARCHAR(512), "
    "value_json TEXT, PRIMARY KEY (study_system_attribute_id), UNIQUE (study_id, \"key\"), "
    "FOREIGN KEY(study_id) REFERENCES studies (study_id))",
    "CREATE TABLE trials (trial_id {0} NOT NULL, number INTEGER, study_id INTEGER, state {2} NOT NULL, datetime_start {5}, "
    "datetime_complete {5}, PRIMARY KEY (trial_id), FOREIGN KEY(study_id) REFERENCES studies (study_id))",
    "CREATE INDEX ix_trials_study_id ON trials (study_id)",
    "CREATE TABLE trial_user_attributes (trial_user_attribute_id {0} NOT NULL, trial_id INTEGER, \"key\" VARCHAR(512), value_json TEXT, "
    "PRIMARY KEY (trial_user_attribute_id), UNIQUE (trial_id, \"key\"), FOREIGN KEY(trial_id) REFERENCES trials (trial_id))",
    "CREATE TABLE trial_system_attributes (trial_system_attribute_id {0} NOT NULL, trial_id INTEGER, \"key\" VARCHAR(512), "
    "value_json TEXT, PRIMARY KEY (trial_system_attribute_id), UNIQUE (trial_id, \"key\"), "
    "FOREIGN KEY(trial_id) REFERENCES trials (trial_id))",
    "CREATE TABLE trial_params (param_id {0} NOT NULL, trial_id INTEGER, param_name VARCHAR(512), param_value {6}, "
    "distribution_json TEXT, PRIMARY KEY (param_id), UNIQUE (trial_id, param_name), FOREIGN KEY(trial_id) REFERENCES trials (trial_id))",
    "CREATE TABLE trial_values (trial_value_id {0} NOT NULL, trial_id INTEGER NOT NULL, objective INTEGER NOT NULL, value {6}, "
    "value_type {3} NOT NULL, PRIMARY KEY (trial_value_id), UNIQUE (trial_id, objective), "
    "FOREIGN KEY(trial_id) REFERENCES trials (trial_id))",
    "CREATE TABLE trial_intermediate_values (trial_intermediate_value_id {0} NOT NULL, trial_id INTEGER NOT NULL, step INTEGER NOT NULL, "
    "intermediate_value {6}, intermediate_value_type {4} NOT NULL, PRIMARY KEY (trial_intermediate_value_id), "
    "UNIQUE (trial_id, step), FOREIGN KEY(trial_id) REFERENCES trials (trial_id))",
    "CREATE TABLE trial_heartbeats (trial_heartbeat_id {0} NOT NULL, trial_id INTEGER NOT NULL, heartbeat {5} NOT NULL, "
    "PRIMARY KEY (trial_heartbeat_id), UNIQUE (trial_id), FOREIGN KEY(trial_id) REFERENCES trials (trial_id))",
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
};

constexpr std::array postgresql_types = {
    "CREATE TYPE studydirection AS ENUM ('NOT_SET', 'MINIMIZE', 'MAXIMIZE')",
    "CREATE TYPE trialstate AS ENUM ('RUNNING', 'COMPLETE', 'PRUNED', 'FAIL', 'WAITING')",
    "CREATE TYPE trialvaluetype AS ENUM ('FINITE', 'INF_POS', 'INF_NEG')",
    "CREATE TYPE trialintermediatevaluetype AS ENUM ('FINITE', 'INF_POS', 'INF_NEG', 'NAN')",
};

std::string in_dialect(std::string_view statement, Dialect dialect) {
    if (dialect == Dialect::sqlite) {
        return fmt::format(fmt::runtime(statement), "INTEGER", "VARCHAR(8)", "VARCHAR(8)", "VARCHAR(7)", "VARCHAR(7)", "DATETIME", "FLOAT");
    }
    return fmt::format(fmt::runtime(statement), "SERIAL", "studydirection", "trialstate", "trialvaluetype", "trialintermediatevaluetype",
                       "TIMESTAMP WITHOUT TIME ZONE", "FLOAT(53)");
}

/// Numbers such as version_info.schema_version = 12 stay as they have been since Optuna 0.9; the revision is in alembic_version.
Result<void> create(sql::Connection& database) {
    if (database.dialect() == Dialect::postgresql) {
        for (const char* statement : postgresql_types) SOFIA_CHECK(database.execute(statement));
    }
    for (const char* statement : tables) SOFIA_CHECK(database.execute(in_dialect(statement, database.dialect())));
    SOFIA_CHECK(database.execute("INSERT INTO version_info VALUES (1, 12, '5.0.0')"));
    return database.execute("INSERT INTO alembic_version VALUES (:v)", {std::string(schema_revision)});
}

/// What a database holds so far. A PostgreSQL schema may hold tables of others beside a study's; a SQLite file may not.
enum class Contents : std::uint8_t { nothing, study, unfinished, foreign };

Result<Contents> look(sql::Connection& database) {
    const bool file = database.dialect() == Dialect::sqlite;
    const char* statement = file ? "SELECT count(*), coalesce(sum(name = 'studies'), 0), coalesce(sum(name = 'alembic_version'), 0) "
                                   "FROM sqlite_master WHERE type = 'table'"
                                 : "SELECT 0, CAST(to_regclass('studies') IS NOT NULL AS INTEGER), "
                                   "CAST(to_regclass('alembic_version') IS NOT NULL AS INTEGER)";
    SOFIA_TRY(const auto rows, database.query(statement, {sql::Type::integer, sql::Type::integer, sql::Type::integer}));
    const auto number = [&](std::size_t column) { return std::get<std::int64_t>(rows[0][column]); };
    if (number(1) > 0) return number(2) > 0 ? Contents::study : Contents::unfinished;
    return number(0) == 0 && number(2) == 0 ? Contents::nothing : Contents::foreign;
}

std::unexpected<Error> not_ours(const sql::Connection& database) {
    return fail(ErrorCode::data, database.name() + ": the database is not a study file of Optuna 1.0 or later", "name another file or database");
}

/// The revision; empty while Optuna is still writing it.
Result<std::string> revision(sql::Connection& database) {
    SOFIA_TRY(const auto rows, database.query("SELECT version_num FROM alembic_version", {sql::Type::text}));
    if (rows.size() > 1) return not_ours(database);
    return rows.empty() ? std::string() : std::get<std::string>(rows[0][0]);
}

Result<void> check_revision(const sql::Connection& database, const std::string& found) {
    if (found == schema_revision) return {};
    return fail(ErrorCode::data, fmt::format("{}: the study file has schema \"{}\"; this program reads {}", database.name(), found, schema_revision),
                "an older one: `optuna storage upgrade --storage URL`; a newer one needs a newer program");
}

/// Makes the tables unless somebody else has done so; one process at a time.
Result<void> create_once(sql::Connection& database) {
    return database.transaction([&]() -> Result<void> {
        constexpr const char* lock = "SELECT pg_advisory_xact_lock(8396017)";  // any number that all of our processes know
        if (database.dialect() == Dialect::postgresql) SOFIA_CHECK(database.execute(lock));
        SOFIA_TRY(const Contents now, look(database));
        return now == Contents::nothing ? create(database) : Result<void>();
    });
}

/// Whether the tables are there and of our revision; `make` is called when there are none. Its conflicts are waited for.
Result<void> prepare(sql::Connection& database, const std::function<Result<void>()>& make) {
    // Optuna makes its tables one by one and without a lock: what looks unfinished may be in the making.
    const DurationNs deadline = steady_now() + 3 * ns_per_second;
    for (;;) {
        SOFIA_TRY(const Contents contents, look(database));
        const bool late = steady_now() >= deadline;
        if (contents == Contents::foreign || (contents == Contents::unfinished && late)) return not_ours(database);
        if (contents == Contents::study) {
            SOFIA_TRY(const std::string found, revision(database));
            if (!found.empty() || late) return check_revision(database, found);
        }
        if (contents == Contents::nothing) {
            auto created = make();
            const bool others = !created && (created.error().code == ErrorCode::conflict || created.error().code == ErrorCode::unavailable);
            if (!created && (!others || late)) return created;
            if (created) continue;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

}  // namespace

Result<void> prepare_schema(sql::Connection& database) {
    return prepare(database, [&] { return create_once(database); });
}

Result<void> check_schema(sql::Connection& database) {
    return prepare(database, [&]() -> Result<void> {
        return fail(ErrorCode::data, database.name() + ": there is no study in it", "`sofia study run` makes one");
    });
}

std::string stored(TrialState state) {
    switch (state) {
        case TrialState::running: return "RUNNING";
        case TrialState::complete: return "COMPLETE";
        case TrialState::pruned: return "PRUNED";
        case TrialState::fail: return "FAIL";
        case TrialState::waiting: return "WAITING";
    }
    return {};
}

std::string stored(Direction direction) { return direction == Direction::minimize ? "MINIMIZE" : "MAXIMIZE"; }

Result<TrialState> state_of(std::string_view text) {
    for (const auto state : {TrialState::running, TrialState::complete, TrialState::pruned, TrialState::fail, TrialState::waiting}) {
        if (stored(state) == text) return state;
    }
    return fail(ErrorCode::data, fmt::format("unknown trial state \"{}\"", text));
}

Result<Direction> direction_of(std::string_view text) {
    // NOT_SET is Optuna's name for a study whose direction nobody has said; it minimizes.
    if (text == "MINIMIZE" || text == "NOT_SET") return Direction::minimize;
    if (text == "MAXIMIZE") return Direction::maximize;
    return fail(ErrorCode::data, fmt::format("unknown direction \"{}\"", text));
}

std::pair<sql::Value, std::string> stored(double value) {
    if (std::isnan(value)) return {std::monostate{}, "NAN"};
    if (std::isinf(value)) return {std::monostate{}, value > 0 ? "INF_POS" : "INF_NEG"};
    return {value, "FINITE"};
}

Result<double> value_of(const sql::Value& value, const sql::Value& type) {
    const auto* text = std::get_if<std::string>(&type);
    const std::string name = text != nullptr ? *text : "NULL";
    if (name == "NAN") return std::numeric_limits<double>::quiet_NaN();
    if (name == "INF_POS") return std::numeric_limits<double>::infinity();
    if (name == "INF_NEG") return -std::numeric_limits<double>::infinity();
    const auto* number = std::get_if<double>(&value);
    if (name == "FINITE" && number != nullptr) return *number;
    return fail(ErrorCode::data, fmt::format("value of type \"{}\" without a number", name));
}

sql::Value stored(const std::optional<TimeNs>& time) {
    if (!time) return std::monostate{};
    using namespace std::chrono;
    const sys_time<microseconds> moment{microseconds(floor_time(*time, ns_per_us) / ns_per_us)};
    const auto day = floor<days>(moment);
    const year_month_day date{day};
    const hh_mm_ss clock{moment - day};
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                       clock.subseconds().count());
}

Result<std::optional<TimeNs>> time_of(const sql::Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return std::optional<TimeNs>();
    auto time = parse_time(*text);
    if (!time) return fail(ErrorCode::data, fmt::format("\"{}\" is not a time", *text));
    return std::optional<TimeNs>(*time);
}

}  // namespace sofia::tune

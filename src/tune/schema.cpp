#include "tune/schema.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <limits>

#include <fmt/core.h>

namespace sofia::tune {

namespace {

// Tables, columns, types and indices as the schema revision v3.2.0.a names them; Optuna 5.0.0 opens a file made by these statements.
constexpr std::array tables = {
    "CREATE TABLE studies (study_id INTEGER NOT NULL, study_name VARCHAR(512) NOT NULL, PRIMARY KEY (study_id))",
    "CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name)",
    "CREATE TABLE version_info (version_info_id INTEGER NOT NULL, schema_version INTEGER, library_version VARCHAR(256), "
    "PRIMARY KEY (version_info_id), CHECK (version_info_id=1))",
    "CREATE TABLE study_directions (study_direction_id INTEGER NOT NULL, direction VARCHAR(8) NOT NULL, study_id INTEGER NOT NULL, "
    "objective INTEGER NOT NULL, PRIMARY KEY (study_direction_id), UNIQUE (study_id, objective), "
    "FOREIGN KEY(study_id) REFERENCES studies (study_id))",
    "CREATE TABLE study_user_attributes (study_user_attribute_id INTEGER NOT NULL, study_id INTEGER, \"key\" VARCHAR(512), value_json TEXT, "
    "PRIMARY KEY (study_user_attribute_id), UNIQUE (study_id, \"key\"), FOREIGN KEY(study_id) REFERENCES studies (study_id))",
    "CREATE TABLE study_system_attributes (study_system_attribute_id INTEGER NOT NULL, study_id INTEGER, \"key\" VARCHAR(512), "
    "value_json TEXT, PRIMARY KEY (study_system_attribute_id), UNIQUE (study_id, \"key\"), "
    "FOREIGN KEY(study_id) REFERENCES studies (study_id))",
    "CREATE TABLE trials (trial_id INTEGER NOT NULL, number INTEGER, study_id INTEGER, state VARCHAR(8) NOT NULL, datetime_start DATETIME, "
    "datetime_complete DATETIME, PRIMARY KEY (trial_id), FOREIGN KEY(study_id) REFERENCES studies (study_id))",
    "CREATE INDEX ix_trials_study_id ON trials (study_id)",
    "CREATE TABLE trial_user_attributes (trial_user_attribute_id INTEGER NOT NULL, trial_id INTEGER, \"key\" VARCHAR(512), value_json TEXT, "
    "PRIMARY KEY (trial_user_attribute_id), UNIQUE (trial_id, \"key\"), FOREIGN KEY(trial_id) REFERENCES trials (trial_id))",
    "CREATE TABLE trial_system_attributes (trial_system_attribute_id INTEGER NOT NULL, trial_id INTEGER, \"key\" VARCHAR(512), "
    "value_json TEXT, PRIMARY KEY (trial_system_attribute_id), UNIQUE (trial_id, \"key\"), "
    "FOREIGN KEY(trial_id) REFERENCES trials (trial_id))",
    "CREATE TABLE trial_params (param_id INTEGER NOT NULL, trial_id INTEGER, param_name VARCHAR(512), param_value FLOAT, "
    "distribution_json TEXT, PRIMARY KEY (param_id), UNIQUE (trial_id, param_name), FOREIGN KEY(trial_id) REFERENCES trials (trial_id))",
    "CREATE TABLE trial_values (trial_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, objective INTEGER NOT NULL, value FLOAT, "
    "value_type VARCHAR(7) NOT NULL, PRIMARY KEY (trial_value_id), UNIQUE (trial_id, objective), "
    "FOREIGN KEY(trial_id) REFERENCES trials (trial_id))",
    "CREATE TABLE trial_intermediate_values (trial_intermediate_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, step INTEGER NOT NULL, "
    "intermediate_value FLOAT, intermediate_value_type VARCHAR(7) NOT NULL, PRIMARY KEY (trial_intermediate_value_id), "
    "UNIQUE (trial_id, step), FOREIGN KEY(trial_id) REFERENCES trials (trial_id))",
    "CREATE TABLE trial_heartbeats (trial_heartbeat_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, heartbeat DATETIME NOT NULL, "
    "PRIMARY KEY (trial_heartbeat_id), UNIQUE (trial_id), FOREIGN KEY(trial_id) REFERENCES trials (trial_id))",
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
};

/// Numbers such as version_info.schema_version = 12 stay as they have been since Optuna 0.9; the revision is in alembic_version.
Result<void> create(sql::Connection& database) {
    for (const char* statement : tables) SOFIA_CHECK(database.execute(statement));
    SOFIA_CHECK(database.execute("INSERT INTO version_info VALUES (1, 12, '5.0.0')"));
    return database.execute("INSERT INTO alembic_version VALUES (:v)", {std::string(schema_revision)});
}

Result<void> check(sql::Connection& database) {
    const auto revision = database.query("SELECT version_num FROM alembic_version", {sql::Type::text});
    if (!revision || revision->size() != 1) {
        if (!revision && revision.error().code != ErrorCode::internal) return std::unexpected(revision.error());
        return fail(ErrorCode::data, database.path() + ": the database is not a study file of Optuna 1.0 or later", "name another file");
    }
    const auto& found = std::get<std::string>((*revision)[0][0]);
    if (found == schema_revision) return {};
    return fail(ErrorCode::data, fmt::format("{}: the study file has schema \"{}\"; this program reads {}", database.path(), found, schema_revision),
                "an older file: `optuna storage upgrade --storage sqlite:///FILE`; a newer one needs a newer program");
}

}  // namespace

Result<void> prepare_schema(sql::Connection& database) {
    const auto count_tables = [&]() -> Result<std::int64_t> {
        SOFIA_TRY(const auto rows, database.query("SELECT count(*) FROM sqlite_master WHERE type = 'table'", {sql::Type::integer}));
        return std::get<std::int64_t>(rows[0][0]);
    };
    SOFIA_TRY(const std::int64_t before, count_tables());
    if (before > 0) return check(database);
    return database.transaction([&]() -> Result<void> {
        SOFIA_TRY(const std::int64_t now, count_tables());
        return now > 0 ? check(database) : create(database);
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

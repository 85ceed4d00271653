#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sql/connection.hpp"
#include "tune/frozen.hpp"

namespace sofia::tune {

/// The revision of Optuna's schema that is written and read: the one of Optuna 3.2 to 5.0.
inline constexpr std::string_view schema_revision = "v3.2.0.a";

/// Makes Optuna's tables in an empty database (SQLite: an empty file; PostgreSQL: a schema without them, beside whatever else it holds), or
/// checks that they are there in `schema_revision`. Safe when several processes do it at once, Optuna's among them.
/// Errors: data (another revision, or tables of something else), io.
[[nodiscard]] Result<void> prepare_schema(sql::Connection& database);

/// Checks the tables as above and makes none. Error data also: there are none.
[[nodiscard]] Result<void> check_schema(sql::Connection& database);

/// Enums are stored by name.
[[nodiscard]] std::string stored(TrialState state);
[[nodiscard]] std::string stored(Direction direction);
[[nodiscard]] Result<TrialState> state_of(std::string_view stored);
[[nodiscard]] Result<Direction> direction_of(std::string_view stored);

/// A value and its type: FINITE with the value, else NULL with INF_POS, INF_NEG or NAN.
[[nodiscard]] std::pair<sql::Value, std::string> stored(double value);
[[nodiscard]] Result<double> value_of(const sql::Value& value, const sql::Value& type);

/// `YYYY-MM-DD HH:MM:SS.ffffff`, naive UTC.
[[nodiscard]] sql::Value stored(const std::optional<TimeNs>& time);
[[nodiscard]] Result<std::optional<TimeNs>> time_of(const sql::Value& stored);

}  // namespace sofia::tune

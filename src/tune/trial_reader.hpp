#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "tune/frozen.hpp"
#include "tune/sql_statements.hpp"

namespace sofia::tune {

/// Reads trials out of Optuna's tables. Inside this room only; as thread-safe as the connection.
///
/// A trial is read before its parameters, values and so on: since finished trials are immutable, one that was read as finished is whole,
/// even where others write at the same time.
class TrialReader {
public:
    explicit TrialReader(SqlStatements& statements) : statements_(&statements) {}

    /// The study's trials with an id above `after`, by id, added to `out`.
    [[nodiscard]] Result<void> after(std::int64_t study, std::int64_t after, std::vector<FrozenTrial>& out);

    /// The trials of these ids, by id, added to `out`; what does not exist is left out.
    [[nodiscard]] Result<void> some(std::span<const std::int64_t> ids, std::vector<FrozenTrial>& out);

private:
    Result<void> read_trials(const std::string& condition, const sql::Row& arguments, std::vector<FrozenTrial>& out);

    /// The rows of all child tables that a condition on trial_id with these arguments selects, in one statement. In the condition `{}` stands
    /// for the table's index, which makes the names of its parameters unique.
    Result<void> read_children(const std::string& condition, const sql::Row& arguments, std::span<FrozenTrial> trials);

    /// The same for all trials from the first to the last, table by table in the order of their own keys.
    Result<void> scan_children(std::span<FrozenTrial> trials);

    Result<void> scan_params(const std::string& condition, const sql::Row& arguments, std::span<FrozenTrial> trials);

    Result<void> each_child(const std::string& statement, const std::vector<sql::Type>& types, const sql::Row& arguments,
                            std::span<FrozenTrial> trials, std::size_t id_column,
                            const std::function<Result<void>(FrozenTrial&, const sql::Row&)>& take_row);
    Result<void> collect(const std::string& statement, const sql::Row& arguments, std::span<FrozenTrial> trials);
    Result<void> take(FrozenTrial& trial, const sql::Row& row);
    Result<void> take_param(FrozenTrial& trial, const sql::Value& name, const sql::Value& value, const sql::Value& distribution);
    [[nodiscard]] Result<void> check_whole(std::span<const FrozenTrial> trials) const;
    [[nodiscard]] std::unexpected<Error> damaged(std::int64_t number, const std::string& what) const;
    Result<std::shared_ptr<const Distribution>> distribution_of(const std::string& json);

    SqlStatements* statements_;
    std::unordered_map<std::string, std::shared_ptr<const Distribution>> distributions_;  // looked up only, never walked
    std::size_t width_ = 0;  ///< parameters of the last trial read
};

}  // namespace sofia::tune

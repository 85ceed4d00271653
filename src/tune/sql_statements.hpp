#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sql/connection.hpp"

namespace sofia::tune {

/// The statements of a connection, prepared when first used and kept. Inside this room only.
class SqlStatements {
public:
    explicit SqlStatements(sql::Connection& database) : database_(&database) {}

    [[nodiscard]] Result<void> run(const std::string& statement, const sql::Row& arguments) {
        SOFIA_TRY(sql::Statement * prepared, get(statement, {}));
        return prepared->execute(arguments);
    }

    [[nodiscard]] Result<std::vector<sql::Row>> rows(const std::string& statement, const std::vector<sql::Type>& columns,
                                                     const sql::Row& arguments = {}) {
        SOFIA_TRY(sql::Statement * prepared, get(statement, columns));
        return prepared->query(arguments);
    }

    [[nodiscard]] Result<void> each(const std::string& statement, const std::vector<sql::Type>& columns, const sql::Row& arguments,
                                    const std::function<Result<void>(const sql::Row&)>& on_row) {
        SOFIA_TRY(sql::Statement * prepared, get(statement, columns));
        return prepared->each(arguments, on_row);
    }

    [[nodiscard]] const std::string& name() const { return database_->name(); }
    [[nodiscard]] bool postgresql() const { return database_->dialect() == sql::Dialect::postgresql; }

private:
    Result<sql::Statement*> get(const std::string& statement, const std::vector<sql::Type>& columns) {
        auto found = prepared_.find(statement);
        if (found == prepared_.end()) {
            SOFIA_TRY(sql::Statement made, database_->prepare(statement, columns));
            found = prepared_.emplace(statement, std::move(made)).first;
        }
        return &found->second;
    }

    sql::Connection* database_;
    std::map<std::string, sql::Statement, std::less<>> prepared_;
};

}  // namespace sofia::tune

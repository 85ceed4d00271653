#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "sql/connection.hpp"

namespace soci {
class session;
class soci_error;
}  // namespace soci

namespace sofia::sql {

/// What a connection and its statements share; inside this room only. Stays where it is, since SOCI's statements refer to it.
struct Session {
    explicit Session(Dialect of);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    Dialect dialect;
    std::string name;  ///< for messages: the file, or the URL without its password
    DurationNs busy_timeout = 0;
    int depth = 0;  ///< of nested transactions
    std::unique_ptr<soci::session> soci;
};

/// What SOCI threw, as the room's error.
[[nodiscard]] std::unexpected<Error> failure(const Session& session, const soci::soci_error& error);

/// Runs one statement without arguments and without keeping it.
[[nodiscard]] Result<void> run_once(Session& session, std::string_view statement);

namespace sqlite {
[[nodiscard]] Result<void> open(Session& session, const std::string& url, const Options& options);
[[nodiscard]] Result<void> begin(Session& session);
[[nodiscard]] Result<void> commit(Session& session);
[[nodiscard]] Error error_of(const Session& session, const soci::soci_error& error);
}  // namespace sqlite

namespace postgresql {
/// Whether the URL names PostgreSQL, with or without a SQLAlchemy driver (`postgresql+psycopg2://`).
[[nodiscard]] bool takes(const std::string& url);
[[nodiscard]] Result<void> open(Session& session, const std::string& url, const Options& options);
[[nodiscard]] Result<void> begin(Session& session);
[[nodiscard]] Result<void> commit(Session& session);
[[nodiscard]] Error error_of(const Session& session, const soci::soci_error& error);
}  // namespace postgresql

}  // namespace sofia::sql

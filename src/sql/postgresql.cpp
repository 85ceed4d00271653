#include <algorithm>
#include <array>
#include <cctype>
#include <memory>

#include <fmt/core.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include "sql/session.hpp"

namespace sofia::sql::postgresql {

namespace {

constexpr std::array schemes = {std::string_view("postgresql"), std::string_view("postgres")};
constexpr const char* lost_hint = "start the server or the network again and resume; what was committed is kept, an open transaction is undone";

/// The URL's part behind `postgresql://`, `postgres://` or `postgresql+driver://`; nothing for another scheme.
std::string_view behind_scheme(std::string_view url) {
    const auto end = url.find("://");
    if (end == std::string_view::npos) return {};
    const std::string_view scheme = url.substr(0, end);
    const std::string_view plain = scheme.substr(0, scheme.find('+'));
    return std::find(schemes.begin(), schemes.end(), plain) == schemes.end() ? std::string_view() : url.substr(end + 1 + 2);
}

struct Target {
    std::string url;   ///< for libpq, with the password
    std::string name;  ///< for people, without it
};

using Parsed = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

std::string option(const Parsed& parsed, std::string_view keyword) {
    for (const PQconninfoOption* o = parsed.get(); o != nullptr && o->keyword != nullptr; ++o) {
        if (o->keyword == keyword) return o->val == nullptr ? std::string() : o->val;
    }
    return {};
}

/// Never shows the URL: whatever cannot be read in it may be part of a password.
std::unexpected<Error> unreadable() {
    return fail(
        ErrorCode::usage, "the PostgreSQL URL cannot be read",
        "postgresql://USER@HOST:PORT/DATABASE, with %40 for @, %2F for / and %3A for : in names and passwords; the password may also stand in "
        "PGPASSWORD");
}

/// Values that the URL leaves open. A half-open network shows after a minute instead of hours.
constexpr std::array defaults = {
    std::pair("connect_timeout", "10"),
    std::pair("keepalives_idle", "30"),
    std::pair("keepalives_interval", "10"),
    std::pair("keepalives_count", "3"),
    std::pair("tcp_user_timeout", "60000"),
    std::pair("client_encoding", "UTF8"),
    std::pair("fallback_application_name", "sofia"),
};

Result<Target> target_of(const std::string& url) {
    Target target;
    target.url = fmt::format("postgresql://{}", behind_scheme(url));
    const auto odd = [](unsigned char c) { return std::isspace(c) != 0 || c == '"'; };
    if (std::any_of(target.url.begin(), target.url.end(), odd)) return unreadable();
    const Parsed parsed(PQconninfoParse(target.url.c_str(), nullptr), &PQconninfoFree);
    if (!parsed) return unreadable();
    const std::string host = option(parsed, "host");
    const std::string port = option(parsed, "port");
    const std::string database = option(parsed, "dbname");
    const auto is_port = [](unsigned char c) { return std::isdigit(c) != 0 || c == ','; };
    // An unescaped @ or / of a password ends up in these, and libpq would show them.
    if ((host + database).find('@') != std::string::npos || !std::all_of(port.begin(), port.end(), is_port)) return unreadable();
    const std::string user = option(parsed, "user");
    const bool socket = host.starts_with('/');
    target.name = fmt::format("postgresql://{}{}{}/{}{}", user.empty() ? "" : user + "@", socket ? "" : host, port.empty() ? "" : ":" + port,
                              database, socket ? "?host=" + host : "");
    for (const auto& [key, value] : defaults) {
        if (!option(parsed, key).empty()) continue;
        target.url += fmt::format("{}{}={}", target.url.find('?') == std::string::npos ? '?' : '&', key, value);
    }
    return target;
}

PGconn* connection_of(const Session& session) {
    auto* backend = static_cast<soci::postgresql_session_backend*>(session.soci->get_backend());
    return backend == nullptr ? nullptr : backend->conn_;
}

/// The server's own words on one line, without SOCI's.
std::string words(const soci::soci_error& error) {
    std::string text = error.get_error_message();
    for (const std::string_view prefix : {"Fatal error. ", "Connection failed. ", "the database.\n"}) {
        if (const auto at = text.find(prefix); at != std::string::npos) text.erase(0, at + prefix.size());
    }
    std::string line;
    for (const char c : text) {
        const bool blank = std::isspace(static_cast<unsigned char>(c)) != 0;
        if (!blank) {
            line += c;
        } else if (!line.empty() && line.back() != ' ') {
            line += ' ';
        }
    }
    if (line.ends_with(' ')) line.pop_back();
    return line;
}

/// Whether libpq itself says that the connection is gone, which has no state; PQstatus may not know it yet, or be good again after SOCI has
/// connected anew.
bool says_lost(const std::string& text) {
    constexpr std::array phrases = {"server closed the connection",  "could not receive data from server",
                                    "could not send data to server", "no connection to the server",
                                    "connection not open",           "SSL connection has been closed"};
    return std::any_of(phrases.begin(), phrases.end(), [&](const char* phrase) { return text.find(phrase) != std::string::npos; });
}

bool starts(std::string_view state, std::initializer_list<std::string_view> prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) { return state.starts_with(p); });
}

}  // namespace

bool takes(const std::string& url) { return !behind_scheme(url).empty(); }

// States: https://www.postgresql.org/docs/15/errcodes-appendix.html
Error error_of(const Session& session, const soci::soci_error& error) {
    const auto* known = dynamic_cast<const soci::postgresql_soci_error*>(&error);
    const std::string state = known != nullptr ? known->sqlstate() : std::string();
    const std::string text = fmt::format("{}: {}", session.name, words(error));
    const bool stateless = state.find_first_not_of(' ') == std::string::npos;  // SOCI writes blanks for none
    const bool lost = PQstatus(connection_of(session)) != CONNECTION_OK || (stateless && says_lost(text));
    if (lost || starts(state, {"08", "57P01", "57P02", "57P03"})) {
        return {ErrorCode::io, fmt::format("{}: the connection to the server is lost", session.name), lost_hint};
    }
    if (starts(state, {"55P03", "40"})) {
        return {ErrorCode::unavailable, session.name + ": another process holds a lock for too long",
                "end the process that keeps a transaction open, or raise the busy timeout"};
    }
    if (starts(state, {"53100"}))
        return {ErrorCode::io, session.name + ": the server's disk is full", "free space; nothing that was finished is lost"};
    if (starts(state, {"53", "58"})) return {ErrorCode::io, text, {}};
    if (starts(state, {"42501", "25006"})) return {ErrorCode::io, text, "the user needs the right to read and write the tables"};
    if (starts(state, {"23", "42P07", "42710"})) return {ErrorCode::conflict, text, {}};
    if (starts(state, {"22"})) return {ErrorCode::data, text, {}};
    return {ErrorCode::internal, text, {}};
}

Result<void> open(Session& session, const std::string& url, const Options& options) {
    SOFIA_TRY(const Target target, target_of(url));
    session.name = target.name;
    try {
        session.soci->open(soci::postgresql, target.url);
    } catch (const soci::soci_error& error) {
        return fail(ErrorCode::unavailable, fmt::format("{}: {}", session.name, words(error)),
                    "check that the server runs and that host, port, user and database are right; the password may stand in PGPASSWORD");
    }
    // Notices would be printed on stderr.
    PQsetNoticeProcessor(connection_of(session), [](void*, const char*) {}, nullptr);
    SOFIA_CHECK(run_once(session, "SET DateStyle = ISO"));
    return run_once(session, fmt::format("SET lock_timeout = {}", options.busy_timeout / ns_per_ms));
}

Result<void> begin(Session& session) { return run_once(session, "BEGIN"); }

Result<void> commit(Session& session) {
    // After an error that nobody reported the server would answer COMMIT with a silent rollback.
    if (PQtransactionStatus(connection_of(session)) != PQTRANS_INTRANS) {
        return fail(ErrorCode::internal, session.name + ": a statement of the transaction failed, so nothing of it is written");
    }
    return run_once(session, "COMMIT");
}

}  // namespace sofia::sql::postgresql

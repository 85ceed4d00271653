#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include <fmt/core.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "sql/session.hpp"

namespace sofia::sql::sqlite {

namespace {

namespace fs = std::filesystem;

Result<std::string> path_of(const std::string& url) {
    constexpr std::string_view scheme = "sqlite:///";
    std::string path = url;
    if (url.starts_with(scheme)) {
        path = url.substr(scheme.size());
        // SQLAlchemy would take what stands behind it for options, and open another file than we do.
        if (path.find('?') != std::string::npos) {
            return fail(ErrorCode::usage, fmt::format("database URL \"{}\": a file's URL takes no ? and no options", url),
                        "use sqlite:///FILE, or only the file's path when its name holds a ?");
        }
    } else if (const auto end = url.find("://"); end != std::string::npos) {
        // What stands behind the scheme may hold a password.
        return fail(ErrorCode::usage, fmt::format("database URL \"{}://...\" has an unknown scheme", url.substr(0, end)),
                    "use sqlite:///FILE or postgresql://USER@HOST:PORT/DATABASE");
    }
    if (path.empty() || path.find('"') != std::string::npos) {
        return fail(ErrorCode::usage, fmt::format("database URL \"{}\" names no usable file", url), "use sqlite:///FILE");
    }
    return path;
}

/// Calls `step` until it does something else than wait for a lock, or `deadline` (steady_now) has passed.
template <class Step>
Result<void> patiently(DurationNs deadline, Step step) {
    for (auto pause = std::chrono::milliseconds(1);; pause = std::min(pause * 2, std::chrono::milliseconds(50))) {
        auto result = step();
        if (result || result.error().code != ErrorCode::unavailable || steady_now() >= deadline) return result;
        std::this_thread::sleep_for(pause);
    }
}

/// The system's reason why a file could not be read or written; 0 when it is not known. SQLite does not always keep it; errno is the last failure
/// of this thread, but perhaps of a look at a file that need not be there.
int system_error_of(const Session& session, int last) {
    const auto* backend = static_cast<const soci::sqlite3_session_backend*>(session.soci->get_backend());  // SOCI hides its typeinfo
    const int kept = backend != nullptr && backend->conn_ != nullptr ? sqlite_api::sqlite3_system_errno(backend->conn_) : 0;
    if (kept != 0) return kept;
    for (const int of_writing : {ENOSPC, EDQUOT, EFBIG, EIO, EROFS}) {
        if (last == of_writing) return last;
    }
    return 0;
}

/// Why `path` cannot be opened for writing, as far as its permissions tell.
int opening_error_of(const fs::path& path) {
    std::error_code ignored;
    const fs::path asked = fs::exists(path, ignored) ? path : path.has_parent_path() ? path.parent_path() : fs::path(".");
    return ::access(asked.c_str(), R_OK | W_OK) == 0 ? 0 : errno;
}

Error io_error(const std::string& path, int number, const std::string& otherwise) {
    if (number == ENOSPC || number == EDQUOT) return {ErrorCode::io, path + ": the disk is full", "free space; nothing that was finished is lost"};
    return {ErrorCode::io, path + ": " + (number != 0 ? std::strerror(number) : otherwise), "check that the folder exists and may be written"};
}

}  // namespace

Error error_of(const Session& session, const soci::soci_error& error) {
    const int last = errno;
    const std::string& path = session.name;
    const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
    // SOCI puts the name of its function before SQLite's words.
    const std::string whole = error.get_error_message();
    const auto function = whole.rfind("backend::");
    const auto words = function == std::string::npos ? std::string::npos : whole.find(": ", function);
    const std::string text = path + ": " + (words == std::string::npos ? whole : whole.substr(words + 2));
    switch (sqlite != nullptr ? sqlite->result() & 0xff : -1) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return {ErrorCode::unavailable, path + ": another process holds the database's lock for too long",
                    "end the process that keeps a transaction open, or raise the busy timeout"};
        case SQLITE_CONSTRAINT: return {ErrorCode::conflict, text, {}};
        case SQLITE_NOTADB: return {ErrorCode::data, path + ": the file is not a SQLite database", "name another file, or move this one away"};
        case SQLITE_CORRUPT: return {ErrorCode::data, text, "restore the file from a copy, or `sqlite3 FILE .recover`"};
        case SQLITE_FULL: return io_error(path, ENOSPC, text);
        case SQLITE_IOERR: return io_error(path, system_error_of(session, last), "it cannot be read or written");
        case SQLITE_CANTOPEN: return io_error(path, opening_error_of(path), "it cannot be opened");
        case SQLITE_READONLY: return {ErrorCode::io, path + ": the file or its folder is read-only", "change its permissions"};
        case SQLITE_PERM:
        case SQLITE_AUTH: return {ErrorCode::io, text, "check that the folder exists and may be written"};
        default: return {ErrorCode::internal, text, {}};
    }
}

Result<void> open(Session& session, const std::string& url, const Options& options) {
    SOFIA_TRY(const std::string path, path_of(url));
    session.name = path;
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
        return fail(ErrorCode::io, path + ": is a folder, not a database file", "name a file in it");
    }
    if (options.create == Options::Create::never && !fs::exists(path, ignored)) {
        return fail(ErrorCode::io, path + ": there is no such database", "check the path");
    }
    try {
        session.soci->open(soci::sqlite3, fmt::format("db=\"{}\"", path));
    } catch (const soci::soci_error& error) {
        return failure(session, error);
    }
    // Switching to the write-ahead log does not ask the busy handler, so it is retried here.
    SOFIA_CHECK(run_once(session, fmt::format("PRAGMA busy_timeout={}", options.busy_timeout / ns_per_ms)));
    // Nor does a caller who makes nothing want an empty file to become a database.
    if (options.create == Options::Create::if_missing || fs::file_size(path, ignored) > 0) {
        SOFIA_CHECK(patiently(steady_now() + options.busy_timeout, [&] { return run_once(session, "PRAGMA journal_mode=WAL"); }));
    }
    return run_once(session, "PRAGMA synchronous=FULL");
}

Result<void> begin(Session& session) {
    return patiently(steady_now() + session.busy_timeout, [&] { return run_once(session, "BEGIN IMMEDIATE"); });
}

Result<void> commit(Session& session) {
    return patiently(steady_now() + session.busy_timeout, [&] { return run_once(session, "COMMIT"); });
}

}  // namespace sofia::sql::sqlite

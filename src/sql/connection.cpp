#include "sql/connection.hpp"

#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include <fmt/core.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

namespace sofia::sql {

namespace {

namespace fs = std::filesystem;

/// A parameter or result cell at an address that stays, as SOCI binds by reference.
struct Cell {
    Type type = Type::text;
    long long integer = 0;
    double real = 0.0;
    std::string text;
    soci::indicator indicator = soci::i_null;

    void set(const Value& value) {
        indicator = soci::i_ok;
        if (const auto* i = std::get_if<std::int64_t>(&value)) {
            integer = *i;
        } else if (const auto* d = std::get_if<double>(&value)) {
            real = *d;
        } else if (const auto* t = std::get_if<std::string>(&value)) {
            text = *t;
        } else {
            indicator = soci::i_null;
        }
    }

    void get(Value& value) const {
        if (indicator == soci::i_null) {
            value = std::monostate{};
        } else if (type == Type::integer) {
            value = static_cast<std::int64_t>(integer);
        } else if (type == Type::real) {
            value = real;
        } else if (auto* held = std::get_if<std::string>(&value)) {
            *held = text;
        } else {
            value = text;
        }
    }
};

bool fits(const Value& value, Type type) {
    switch (value.index()) {
        case 1: return type == Type::integer;
        case 2: return type == Type::real;
        case 3: return type == Type::text;
        default: return true;
    }
}

Type type_of(const Value& value) {
    switch (value.index()) {
        case 1: return Type::integer;
        case 2: return Type::real;
        default: return Type::text;
    }
}

std::unexpected<Error> failure(const std::string& path, const soci::soci_error& error) {
    const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
    const std::string text = path + ": " + error.get_error_message();
    switch (sqlite != nullptr ? sqlite->result() & 0xff : -1) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return fail(ErrorCode::conflict, path + ": another process holds the database's lock for too long",
                        "end the process that keeps a transaction open, or raise the busy timeout");
        case SQLITE_CONSTRAINT: return fail(ErrorCode::conflict, text);
        case SQLITE_NOTADB: return fail(ErrorCode::data, path + ": the file is not a SQLite database", "name another file, or move this one away");
        case SQLITE_CORRUPT: return fail(ErrorCode::data, text, "restore the file from a copy, or `sqlite3 FILE .recover`");
        case SQLITE_FULL: return fail(ErrorCode::io, path + ": the disk is full", "free space; nothing that was finished is lost");
        case SQLITE_READONLY: return fail(ErrorCode::io, path + ": the file or its folder is read-only", "change its permissions");
        case SQLITE_PERM:
        case SQLITE_CANTOPEN:
        case SQLITE_IOERR:
        case SQLITE_AUTH: return fail(ErrorCode::io, text, "check that the folder exists and may be written");
        default: return fail(ErrorCode::internal, text);
    }
}

Result<std::string> path_of(const std::string& url) {
    constexpr std::string_view scheme = "sqlite:///";
    std::string path = url;
    if (url.starts_with(scheme)) {
        path = url.substr(scheme.size());
    } else if (url.find("://") != std::string::npos) {
        return fail(ErrorCode::usage, fmt::format("database URL \"{}\" has an unknown scheme", url), "use sqlite:///FILE");
    }
    if (path.empty() || path.find('"') != std::string::npos) {
        return fail(ErrorCode::usage, fmt::format("database URL \"{}\" names no usable file", url), "use sqlite:///FILE");
    }
    return path;
}

/// Calls `step` until it does something else than wait for a lock, or `deadline` (steady_now) has passed.
template <class Step>
auto patiently(DurationNs deadline, Step step) {
    for (auto pause = std::chrono::milliseconds(1);; pause = std::min(pause * 2, std::chrono::milliseconds(50))) {
        auto result = step();
        if (result || result.error().code != ErrorCode::conflict || steady_now() >= deadline) return result;
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace

struct Statement::State {
    State(soci::session& session, std::string path, std::string_view text, const std::vector<Type>& columns)
        : path_(std::move(path)), statement_(session) {
        for (const Type type : columns) results_.emplace_back(std::make_unique<Cell>())->type = type;
        row_.resize(results_.size());
        statement_.alloc();
        statement_.prepare(std::string(text));
    }

    void bind(const Row& arguments) {
        bool same = bound_ && arguments.size() == arguments_.size();
        for (std::size_t i = 0; same && i < arguments.size(); ++i) same = fits(arguments[i], arguments_[i]->type);
        if (!same) {
            statement_.bind_clean_up();
            arguments_.clear();
            for (auto& cell : results_) exchange_result(*cell);
            for (const Value& value : arguments) {
                arguments_.push_back(std::make_unique<Cell>());
                arguments_.back()->type = type_of(value);
                exchange_argument(*arguments_.back());
            }
        }
        for (std::size_t i = 0; i < arguments.size(); ++i) arguments_[i]->set(arguments[i]);
        if (!same) statement_.define_and_bind();
        bound_ = true;
    }

    Result<void> run(const Row& arguments, const std::function<Result<void>(const Row&)>* on_row) {
        try {
            bind(arguments);
            Result<void> result;
            // After an error the rows left are read and dropped: a statement that is half read would keep its lock.
            for (bool more = statement_.execute(true); more; more = !results_.empty() && statement_.fetch()) {
                if (on_row == nullptr || !result) continue;
                for (std::size_t i = 0; i < row_.size(); ++i) results_[i]->get(row_[i]);
                result = (*on_row)(row_);
            }
            return result;
        } catch (const soci::soci_error& error) {
            bound_ = false;
            return failure(path_, error);
        }
    }

private:
    void exchange_result(Cell& cell) {
        switch (cell.type) {
            case Type::integer: statement_.exchange(soci::into(cell.integer, cell.indicator)); break;
            case Type::real: statement_.exchange(soci::into(cell.real, cell.indicator)); break;
            case Type::text: statement_.exchange(soci::into(cell.text, cell.indicator)); break;
        }
    }

    void exchange_argument(Cell& cell) {
        switch (cell.type) {
            case Type::integer: statement_.exchange(soci::use(cell.integer, cell.indicator)); break;
            case Type::real: statement_.exchange(soci::use(cell.real, cell.indicator)); break;
            case Type::text: statement_.exchange(soci::use(cell.text, cell.indicator)); break;
        }
    }

    std::string path_;
    std::vector<std::unique_ptr<Cell>> results_;
    std::vector<std::unique_ptr<Cell>> arguments_;
    Row row_;
    bool bound_ = false;
    soci::statement statement_;
};

Statement::Statement(std::unique_ptr<State> state) : state_(std::move(state)) {}
Statement::~Statement() = default;
Statement::Statement(Statement&&) noexcept = default;
Statement& Statement::operator=(Statement&&) noexcept = default;

Result<void> Statement::execute(const Row& arguments) { return state_->run(arguments, nullptr); }

Result<void> Statement::each(const Row& arguments, const std::function<Result<void>(const Row&)>& on_row) { return state_->run(arguments, &on_row); }

Result<std::vector<Row>> Statement::query(const Row& arguments) {
    std::vector<Row> rows;
    SOFIA_CHECK(each(arguments, [&](const Row& row) -> Result<void> {
        rows.push_back(row);
        return {};
    }));
    return rows;
}

struct Connection::State {
    std::string path;
    DurationNs busy_timeout = 0;
    soci::session session;
    int depth = 0;
};

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

const std::string& Connection::path() const { return state_->path; }

Result<Connection> Connection::open(const std::string& url, const Options& options) {
    SOFIA_TRY(const std::string path, path_of(url));
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
        return fail(ErrorCode::io, path + ": is a folder, not a database file", "name a file in it");
    }
    if (options.create == Options::Create::never && !fs::exists(path, ignored)) {
        return fail(ErrorCode::io, path + ": there is no such database", "check the path");
    }
    auto state = std::make_unique<State>();
    state->path = path;
    state->busy_timeout = options.busy_timeout;
    try {
        state->session.open(soci::sqlite3, fmt::format("db=\"{}\"", path));
    } catch (const soci::soci_error& error) {
        return failure(path, error);
    }
    Connection connection(std::move(state));
    // Switching to the write-ahead log does not ask the busy handler, so it is retried here.
    SOFIA_CHECK(connection.execute(fmt::format("PRAGMA busy_timeout={}", options.busy_timeout / ns_per_ms)));
    SOFIA_CHECK(patiently(steady_now() + options.busy_timeout, [&] { return connection.execute("PRAGMA journal_mode=WAL"); }));
    SOFIA_CHECK(connection.execute("PRAGMA synchronous=FULL"));
    return connection;
}

Result<Statement> Connection::prepare(std::string_view statement, const std::vector<Type>& columns) {
    try {
        return Statement(std::make_unique<Statement::State>(state_->session, state_->path, statement, columns));
    } catch (const soci::soci_error& error) {
        return failure(state_->path, error);
    }
}

Result<void> Connection::execute(std::string_view statement, const Row& arguments) {
    SOFIA_TRY(Statement prepared, prepare(statement));
    return prepared.execute(arguments);
}

Result<std::vector<Row>> Connection::query(std::string_view statement, const std::vector<Type>& columns, const Row& arguments) {
    SOFIA_TRY(Statement prepared, prepare(statement, columns));
    return prepared.query(arguments);
}

Result<void> Connection::transaction(const std::function<Result<void>()>& work) {
    if (state_->depth > 0) return work();
    const DurationNs deadline = steady_now() + state_->busy_timeout;
    SOFIA_CHECK(patiently(deadline, [&] { return execute("BEGIN IMMEDIATE"); }));
    ++state_->depth;
    Result<void> result;
    try {
        result = work();
        if (result) result = patiently(steady_now() + state_->busy_timeout, [&] { return execute("COMMIT"); });
    } catch (...) {
        --state_->depth;
        static_cast<void>(execute("ROLLBACK"));
        throw;
    }
    --state_->depth;
    // After some errors (full disk) SQLite has rolled back already; then ROLLBACK fails and changes nothing.
    if (!result) static_cast<void>(execute("ROLLBACK"));
    return result;
}

}  // namespace sofia::sql

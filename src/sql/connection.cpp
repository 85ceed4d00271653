#include "sql/connection.hpp"

#include <utility>

#include <soci/soci.h>

#include "sql/session.hpp"

namespace sofia::sql {

namespace {

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

}  // namespace

struct Statement::State {
    State(const Session& session, std::string_view text, const std::vector<Type>& columns) : session_(&session), statement_(*session.soci) {
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
            return failure(*session_, error);
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

    const Session* session_;
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

Session::Session(Dialect of) : dialect(of), soci(std::make_unique<soci::session>()) {}
Session::~Session() = default;

std::unexpected<Error> failure(const Session& session, const soci::soci_error& error) {
    return std::unexpected(session.dialect == Dialect::sqlite ? sqlite::error_of(session, error) : postgresql::error_of(session, error));
}

Result<void> run_once(Session& session, std::string_view statement) {
    try {
        *session.soci << std::string(statement);
        return {};
    } catch (const soci::soci_error& error) {
        return failure(session, error);
    }
}

Connection::Connection(std::unique_ptr<Session> session) : session_(std::move(session)) {}
Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

const std::string& Connection::name() const { return session_->name; }
Dialect Connection::dialect() const { return session_->dialect; }

Result<Connection> Connection::open(const std::string& url, const Options& options) {
    const bool remote = postgresql::takes(url);
    auto session = std::make_unique<Session>(remote ? Dialect::postgresql : Dialect::sqlite);
    session->busy_timeout = options.busy_timeout;
    SOFIA_CHECK(remote ? postgresql::open(*session, url, options) : sqlite::open(*session, url, options));
    return Connection(std::move(session));
}

Result<Statement> Connection::prepare(std::string_view statement, const std::vector<Type>& columns) {
    try {
        return Statement(std::make_unique<Statement::State>(*session_, statement, columns));
    } catch (const soci::soci_error& error) {
        return failure(*session_, error);
    }
}

Result<void> Connection::execute(std::string_view statement, const Row& arguments) {
    if (arguments.empty()) return run_once(*session_, statement);
    SOFIA_TRY(Statement prepared, prepare(statement));
    return prepared.execute(arguments);
}

Result<std::vector<Row>> Connection::query(std::string_view statement, const std::vector<Type>& columns, const Row& arguments) {
    SOFIA_TRY(Statement prepared, prepare(statement, columns));
    return prepared.query(arguments);
}

Result<void> Connection::transaction(const std::function<Result<void>()>& work) {
    Session& s = *session_;
    if (s.depth > 0) return work();
    const bool remote = s.dialect == Dialect::postgresql;
    SOFIA_CHECK(remote ? postgresql::begin(s) : sqlite::begin(s));
    ++s.depth;
    Result<void> result;
    try {
        result = work();
        if (result) result = remote ? postgresql::commit(s) : sqlite::commit(s);
    } catch (...) {
        --s.depth;
        static_cast<void>(run_once(s, "ROLLBACK"));
        throw;
    }
    --s.depth;
    // After some errors (full disk, lost connection) it is rolled back already; then ROLLBACK fails and changes nothing.
    if (!result) static_cast<void>(run_once(s, "ROLLBACK"));
    return result;
}

}  // namespace sofia::sql

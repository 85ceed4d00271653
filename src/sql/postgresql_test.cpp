// Those that need a server take it from SOFIA_POSTGRES_URL, an empty database of tests/e2e/test_postgresql.py, and are skipped without it.
#include <cstdlib>
#include <limits>
#include <thread>

#include <gtest/gtest.h>

#include "sql/connection.hpp"

namespace sofia::sql {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(PostgresqlUrl, NoErrorShowsAPassword) {
    const std::vector<std::string> urls = {
        "postgresql://user:s3cret@127.0.0.1:1/db",
        "postgresql+psycopg2://user:s3cret@127.0.0.1:1/db",
        "postgres://user:s3cret@127.0.0.1:1/db?application_name=x",
        "postgresql://127.0.0.1:1/db?user=u&password=s3cret",
        "postgresql://user:s3cret@x@127.0.0.1:1/db",
        "postgresql://user:1/s3cret@127.0.0.1:1/db",
        "postgresql://user:s3cret/1@127.0.0.1:1/db",
        "postgresql://user:s3cret 1@127.0.0.1:1/db",
        "postgresql://user:s3cret\"@127.0.0.1:1/db",
        "postgresql://user:s3cret%zz@127.0.0.1:1/db",
        "postgresql://user:s3cret@127.0.0.1:1/db?nonsense=s3cret",
        "mysql://user:s3cret@127.0.0.1:1/db",
    };
    for (const std::string& url : urls) {
        const auto opened = Connection::open(url);
        ASSERT_FALSE(opened) << url;
        EXPECT_FALSE(contains(opened.error().message + opened.error().hint, "s3cret")) << opened.error().message;
        EXPECT_TRUE(opened.error().code == ErrorCode::unavailable || opened.error().code == ErrorCode::usage) << opened.error().message;
    }
}

TEST(PostgresqlUrl, AServerThatIsNotThereIsNamed) {
    const auto opened = Connection::open("postgresql+psycopg2://somebody:x@127.0.0.1:1/mine");
    EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
    EXPECT_TRUE(contains(opened.error().message, "postgresql://somebody@127.0.0.1:1/mine: ")) << opened.error().message;
    EXPECT_TRUE(contains(opened.error().hint, "PGPASSWORD"));
}

class Postgresql : public testing::Test {
protected:
    void SetUp() override {
        const char* given = std::getenv("SOFIA_POSTGRES_URL");
        if (given == nullptr) GTEST_SKIP() << "SOFIA_POSTGRES_URL is not set: run by tests/e2e/test_postgresql.py";
        url_ = given;
        ASSERT_TRUE(open().execute("DROP TABLE IF EXISTS t"));
    }
    Connection open(DurationNs busy_timeout = 60 * ns_per_second) const {
        Options options;
        options.busy_timeout = busy_timeout;
        return Connection::open(url_, options).value();
    }
    /// The URL with another user and password.
    std::string as(const std::string& user) const {
        const auto begin = url_.find("://") + 3;
        return url_.substr(0, begin) + user + url_.substr(url_.find('@', begin));
    }
    std::string url_;
};

TEST_F(Postgresql, EveryKindOfValueComesBackAsItWasWritten) {
    Connection db = open();
    EXPECT_EQ(db.dialect(), Dialect::postgresql);
    ASSERT_TRUE(db.execute("CREATE TABLE t (k INTEGER, a BIGINT, b FLOAT(53), c VARCHAR(200000), d TIMESTAMP WITHOUT TIME ZONE)"));
    Statement insert = db.prepare("INSERT INTO t VALUES (:k, :a, :b, :c, :d)").value();
    const std::vector<Row> rows = {
        {std::int64_t{0}, std::int64_t{1} << 40, 0.1 + 0.2, std::string("é \"quoted\"\n:x ' \\ $1"), std::string("2026-01-02 03:04:05.678901")},
        {std::int64_t{1}, std::monostate{}, std::monostate{}, std::monostate{}, std::monostate{}},
        {std::int64_t{2}, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<double>::denorm_min(), std::string(),
         std::string("1999-12-31 23:59:59")},
        {std::int64_t{3}, std::int64_t{7}, -std::numeric_limits<double>::max(), std::string(100'000, 'y'), std::monostate{}},
    };
    for (const Row& row : rows) ASSERT_TRUE(insert.execute(row));
    const auto read = db.query("SELECT k, a, b, c, d FROM t ORDER BY k", {Type::integer, Type::integer, Type::real, Type::text, Type::text});
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, rows);
}

TEST_F(Postgresql, AnErrorRollsTheWholeTransactionBack) {
    Connection db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (a INTEGER UNIQUE)"));
    const auto result = db.transaction([&]() -> Result<void> {
        SOFIA_CHECK(db.execute("INSERT INTO t VALUES (1)"));
        SOFIA_CHECK(db.transaction([&] { return db.execute("INSERT INTO t VALUES (2)"); }));
        return db.execute("INSERT INTO t VALUES (1)");
    });
    EXPECT_EQ(result.error().code, ErrorCode::conflict);
    EXPECT_EQ(db.query("SELECT count(*) FROM t", {Type::integer}).value()[0][0], Value(std::int64_t{0}));
    EXPECT_TRUE(db.transaction([&] { return db.execute("INSERT INTO t VALUES (1)"); }));
}

// The server would answer COMMIT with a rollback and call it a success.
TEST_F(Postgresql, AnErrorThatNobodyReportedIsNotCommittedInSilence) {
    Connection db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (a INTEGER UNIQUE)"));
    const auto result = db.transaction([&]() -> Result<void> {
        SOFIA_CHECK(db.execute("INSERT INTO t VALUES (1)"));
        static_cast<void>(db.execute("INSERT INTO t VALUES (1)"));
        return {};
    });
    EXPECT_FALSE(result);
    EXPECT_EQ(db.query("SELECT count(*) FROM t", {Type::integer}).value()[0][0], Value(std::int64_t{0}));
}

TEST_F(Postgresql, AValueThatItsColumnCannotHoldIsBadData) {
    Connection db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (a INTEGER, b VARCHAR(3))"));
    EXPECT_EQ(db.execute("INSERT INTO t (a) VALUES (:a)", {std::int64_t{1} << 40}).error().code, ErrorCode::data);
    EXPECT_EQ(db.execute("INSERT INTO t (b) VALUES (:b)", {std::string("four")}).error().code, ErrorCode::data);
    EXPECT_EQ(db.execute("INSERT INTO t (b) VALUES (:b)", {std::string("\xff")}).error().code, ErrorCode::data);
    EXPECT_EQ(db.query("SELECT count(*) FROM t", {Type::integer}).value()[0][0], Value(std::int64_t{0}));
}

TEST_F(Postgresql, ALockThatIsNeverReleasedIsAClearError) {
    Connection holder = open();
    ASSERT_TRUE(holder.execute("CREATE TABLE t (a INTEGER)"));
    ASSERT_TRUE(holder.execute("INSERT INTO t VALUES (1)"));
    Connection waiter = open(30 * ns_per_ms);
    EXPECT_TRUE(holder.transaction([&]() -> Result<void> {
        SOFIA_CHECK(holder.execute("UPDATE t SET a = 2"));
        const auto result = waiter.transaction([&] { return waiter.execute("UPDATE t SET a = 3"); });
        EXPECT_EQ(result.error().code, ErrorCode::unavailable);
        EXPECT_TRUE(contains(result.error().message, "another process holds a lock"));
        return {};
    }));
    EXPECT_TRUE(waiter.execute("UPDATE t SET a = 4"));
}

TEST_F(Postgresql, WritersThatLockTheirRowLoseNothing) {
    ASSERT_TRUE(open().execute("CREATE TABLE t (a INTEGER)"));
    ASSERT_TRUE(open().execute("INSERT INTO t VALUES (0)"));
    constexpr int writers = 4;
    constexpr int increments = 25;
    std::vector<Result<void>> results(writers);
    {
        std::vector<std::jthread> threads;
        for (std::size_t w = 0; w < writers; ++w) {
            threads.emplace_back([&, w] {
                Connection db = open();
                for (int i = 0; i < increments && results[w]; ++i) {
                    results[w] = db.transaction([&]() -> Result<void> {
                        SOFIA_TRY(const auto rows, db.query("SELECT a FROM t FOR UPDATE", {Type::integer}));
                        return db.execute("UPDATE t SET a = :a", {std::get<std::int64_t>(rows[0][0]) + 1});
                    });
                }
            });
        }
    }
    for (const auto& result : results) EXPECT_TRUE(result) << result.error().message;
    EXPECT_EQ(open().query("SELECT a FROM t", {Type::integer}).value()[0][0], Value(std::int64_t{writers * increments}));
}

TEST_F(Postgresql, ALostConnectionIsNamedAndWhatWasCommittedStays) {
    Connection db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (a INTEGER)"));
    ASSERT_TRUE(db.execute("INSERT INTO t VALUES (1)"));
    const auto pid = std::get<std::int64_t>(db.query("SELECT pg_backend_pid()", {Type::integer}).value()[0][0]);
    const auto result = db.transaction([&]() -> Result<void> {
        SOFIA_CHECK(db.execute("INSERT INTO t VALUES (2)"));
        SOFIA_CHECK(open().query("SELECT CAST(pg_terminate_backend(CAST(:p AS INTEGER)) AS INTEGER)", {Type::integer}, {pid}));
        return db.execute("INSERT INTO t VALUES (3)");
    });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::io);
    EXPECT_TRUE(contains(result.error().message, "the connection to the server is lost")) << result.error().message;
    EXPECT_TRUE(contains(result.error().hint, "resume"));
    EXPECT_EQ(db.execute("INSERT INTO t VALUES (4)").error().code, ErrorCode::io);
    EXPECT_EQ(open().query("SELECT sum(a) FROM t", {Type::integer}).value()[0][0], Value(std::int64_t{1}));
}

TEST_F(Postgresql, PasswordsComeFromTheUrlOrTheEnvironment) {
    EXPECT_TRUE(Connection::open(as("careful:s3cret%40%2F%3Ax")));
    const auto wrong = Connection::open(as("careful:wr0ng"));
    EXPECT_EQ(wrong.error().code, ErrorCode::unavailable);
    EXPECT_TRUE(contains(wrong.error().message, "password authentication failed")) << wrong.error().message;
    EXPECT_FALSE(contains(wrong.error().message, "wr0ng"));
    EXPECT_FALSE(Connection::open(as("careful")));
    ASSERT_EQ(::setenv("PGPASSWORD", "s3cret@/:x", 1), 0);
    EXPECT_TRUE(Connection::open(as("careful")));
    ASSERT_EQ(::unsetenv("PGPASSWORD"), 0);
}

}  // namespace
}  // namespace sofia::sql

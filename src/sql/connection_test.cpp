#include "sql/connection.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace sofia::sql {
namespace {

namespace fs = std::filesystem;

class Database : public testing::Test {
protected:
    void SetUp() override {
        const auto* info = testing::UnitTest::GetInstance()->current_test_info();
        folder_ = fs::temp_directory_path() / (std::string("sofia_sql_") + info->name() + "_" + std::to_string(::getpid()));
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::string url(const std::string& name = "a.db") const { return "sqlite:///" + (folder_ / name).string(); }
    Connection open() const { return Connection::open(url()).value(); }

    fs::path folder_;
};

TEST_F(Database, EveryKindOfValueComesBackAsItWasWritten) {
    Connection db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (a INTEGER, b FLOAT, c VARCHAR(8), d DATETIME)"));
    Statement insert = db.prepare("INSERT INTO t VALUES (:a, :b, :c, :d)").value();
    const std::vector<Row> rows = {
        {std::int64_t{1} << 40, 0.1 + 0.2, std::string("é \"quoted\"\n:x"), std::string("2026-01-02 03:04:05.678901")},
        {std::monostate{}, std::monostate{}, std::monostate{}, std::monostate{}},
        {std::int64_t{-1}, std::numeric_limits<double>::denorm_min(), std::string(), std::string("x")},
        {std::int64_t{7}, -1e300, std::string(100'000, 'y'), std::monostate{}},
    };
    for (const Row& row : rows) ASSERT_TRUE(insert.execute(row));
    const auto read = db.query("SELECT a, b, c, d FROM t ORDER BY rowid", {Type::integer, Type::real, Type::text, Type::text});
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, rows);
}

TEST_F(Database, AnArgumentMayChangeItsTypeBetweenCalls) {
    Connection db = open();
    Statement echo = db.prepare("SELECT typeof(:a)", {Type::text}).value();
    EXPECT_EQ(echo.query({std::int64_t{1}}).value()[0][0], Value(std::string("integer")));
    EXPECT_EQ(echo.query({std::string("1")}).value()[0][0], Value(std::string("text")));
    EXPECT_EQ(echo.query({1.5}).value()[0][0], Value(std::string("real")));
    EXPECT_EQ(echo.query({std::monostate{}}).value()[0][0], Value(std::string("null")));
}

TEST_F(Database, AnErrorRollsTheWholeTransactionBack) {
    Connection db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (a INTEGER UNIQUE)"));
    const auto result = db.transaction([&]() -> Result<void> {
        SOFIA_CHECK(db.execute("INSERT INTO t VALUES (1)"));
        // A nested one joins: its success does not commit.
        SOFIA_CHECK(db.transaction([&] { return db.execute("INSERT INTO t VALUES (2)"); }));
        return db.execute("INSERT INTO t VALUES (1)");
    });
    EXPECT_EQ(result.error().code, ErrorCode::conflict);
    EXPECT_EQ(db.query("SELECT count(*) FROM t", {Type::integer}).value()[0][0], Value(std::int64_t{0}));
    EXPECT_TRUE(db.transaction([&] { return db.execute("INSERT INTO t VALUES (1)"); }));
}

TEST_F(Database, IsWriteAheadAndDurable) {
    Connection db = open();
    EXPECT_EQ(db.query("PRAGMA journal_mode", {Type::text}).value()[0][0], Value(std::string("wal")));
    EXPECT_EQ(db.query("PRAGMA synchronous", {Type::integer}).value()[0][0], Value(std::int64_t{2}));
}

TEST_F(Database, AnErrorOfTheRowFunctionEndsTheQueryAndLeavesNoLock) {
    Connection db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (a INTEGER)"));
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(db.execute("INSERT INTO t VALUES (:a)", {std::int64_t{i}}));
    int seen = 0;
    Statement all = db.prepare("SELECT a FROM t", {Type::integer}).value();
    const auto result = all.each({}, [&](const Row&) -> Result<void> {
        if (++seen == 2) return fail(ErrorCode::data, "enough");
        return {};
    });
    EXPECT_EQ(result.error().message, "enough");
    EXPECT_EQ(seen, 2);
    EXPECT_TRUE(db.execute("DROP TABLE t"));
}

// Every increment reads and writes under the lock: lost updates or a lock error would show in the sum.
TEST_F(Database, WritersWaitForEachOtherAndLoseNothing) {
    ASSERT_TRUE(open().execute("CREATE TABLE t (a INTEGER)"));
    ASSERT_TRUE(open().execute("INSERT INTO t VALUES (0)"));
    constexpr int writers = 4;
    constexpr int increments = 50;
    std::vector<Result<void>> results(writers);
    {
        std::vector<std::jthread> threads;
        for (std::size_t w = 0; w < writers; ++w) {
            threads.emplace_back([&, w] {
                Connection db = open();
                for (int i = 0; i < increments && results[w]; ++i) {
                    results[w] = db.transaction([&]() -> Result<void> {
                        SOFIA_TRY(const auto rows, db.query("SELECT a FROM t", {Type::integer}));
                        return db.execute("UPDATE t SET a = :a", {std::get<std::int64_t>(rows[0][0]) + 1});
                    });
                }
            });
        }
    }
    for (const auto& result : results) EXPECT_TRUE(result) << result.error().message;
    EXPECT_EQ(open().query("SELECT a FROM t", {Type::integer}).value()[0][0], Value(std::int64_t{writers * increments}));
}

TEST_F(Database, ALockThatIsNeverReleasedIsAClearError) {
    Connection holder = open();
    Options options;
    options.busy_timeout = 30 * ns_per_ms;
    Connection waiter = Connection::open(url(), options).value();
    const auto held = holder.transaction([&]() -> Result<void> {
        const auto result = waiter.transaction([] { return Result<void>(); });
        // Not a conflict: nobody has changed what is to be written.
        EXPECT_EQ(result.error().code, ErrorCode::unavailable);
        EXPECT_EQ(result.error().message.find("locked"), std::string::npos);
        return {};
    });
    EXPECT_TRUE(held);
}

// A limit on the size of a file stands for a disk that fails.
TEST_F(Database, AFailedWriteSaysTheSystemsReason) {
    Connection db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (a VARCHAR(99999))"));
    struct rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const struct rlimit tight{1'000, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    const auto written = db.execute("INSERT INTO t VALUES (:a)", {std::string(50'000, 'x')});
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::io);
    EXPECT_EQ(written.error().message, (folder_ / "a.db").string() + ": File too large");
    EXPECT_EQ(db.query("SELECT count(*) FROM t", {Type::integer}).value()[0][0], Value(std::int64_t{0}));
}

TEST_F(Database, BadTargetsAreNamed) {
    EXPECT_EQ(Connection::open("sqlite:///" + folder_.string()).error().code, ErrorCode::io);
    EXPECT_EQ(Connection::open("mysql://x").error().code, ErrorCode::usage);
    EXPECT_EQ(Connection::open("").error().code, ErrorCode::usage);
    // SQLAlchemy opens `a.db` here, so a file of this name would be another study than Optuna's.
    EXPECT_EQ(Connection::open(url("a.db?mode=ro")).error().code, ErrorCode::usage);
    EXPECT_FALSE(fs::exists(folder_ / "a.db?mode=ro"));
    EXPECT_TRUE(Connection::open((folder_ / "what?.db").string()));
    Options existing;
    existing.create = Options::Create::never;
    EXPECT_EQ(Connection::open(url("none.db"), existing).error().code, ErrorCode::io);
    EXPECT_FALSE(fs::exists(folder_ / "none.db"));
    const auto nowhere = Connection::open("sqlite:///" + (folder_ / "no" / "such.db").string());
    EXPECT_EQ(nowhere.error().code, ErrorCode::io);
    EXPECT_EQ(nowhere.error().message, (folder_ / "no" / "such.db").string() + ": No such file or directory");
    std::ofstream(folder_ / "text.db") << std::string(5'000, 'z');
    const auto text = Connection::open(url("text.db"));
    EXPECT_EQ(text.error().code, ErrorCode::data);
    EXPECT_NE(text.error().message.find("text.db"), std::string::npos);
}

}  // namespace
}  // namespace sofia::sql

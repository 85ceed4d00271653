#include "store/parquet.hpp"

#include <bit>
#include <cmath>
#include <csignal>
#include <limits>

#include <sys/resource.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "store/parquet_file.hpp"
#include "store/test_files.hpp"
#include "store/trades_csv.hpp"

namespace sofia::store {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

bool same(double a, double b) { return (std::isnan(a) && std::isnan(b)) || std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

RC_GTEST_PROP(ParquetTable, ReadsBackToTheLastBit, (const std::vector<double>& values)) {
    const auto width = *rc::gen::inRange<std::size_t>(1, 5);
    market::Table table([&] {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < width; ++i) names.push_back("c" + std::to_string(i));
        return names;
    }());
    std::vector<double> row(width);
    for (std::size_t i = 0; i + width <= values.size(); i += width) {
        for (std::size_t c = 0; c < width; ++c) row[c] = i % 7 == 3 ? std::numeric_limits<double>::quiet_NaN() : values[i + c];
        table.append(static_cast<TimeNs>(i) * 1'234'567'891, row);
    }
    const TemporaryFolder files;
    const auto path = files.data() / "t.parquet";
    RC_ASSERT(write_table(path, table, {{"seed", "7"}}).has_value());
    const auto back = read_table(path);
    RC_ASSERT(back.has_value());
    RC_ASSERT(back->columns() == table.columns());
    RC_ASSERT(back->known_at() == table.known_at());
    for (std::size_t i = 0; i < table.values().size(); ++i) RC_ASSERT(same(back->values()[i], table.values()[i]));
    RC_ASSERT(read_metadata(path)->at("seed") == "7");
}

TEST(ParquetWriter, WritesEveryTypeAndManyRowGroups) {
    const TemporaryFolder files;
    const auto path = files.data() / "t.parquet";
    auto writer = ParquetWriter::create(path, {{"at", ColumnType::timestamp},
                                               {"x", ColumnType::float64},
                                               {"n", ColumnType::int64},
                                               {"flag", ColumnType::boolean},
                                               {"word", ColumnType::text}})
                      .value();
    constexpr std::int64_t rows = 300'000;
    for (std::int64_t i = 0; i < rows; ++i) {
        const std::string word = "w" + std::to_string(i % 3);
        const Cell row[] = {i, 0.5 * static_cast<double>(i), -i, i % 2 == 0, std::string_view(word)};
        ASSERT_TRUE(writer.append(row).has_value());
    }
    EXPECT_FALSE(std::filesystem::exists(path));  // not before close
    ASSERT_TRUE(writer.close().has_value());
    auto reader = ParquetReader::open(path).value();
    EXPECT_EQ(reader.rows(), static_cast<std::uint64_t>(rows));
    std::vector<ParquetValues> values;
    std::int64_t seen = 0;
    while (reader.next(values).value()) {
        for (std::size_t i = 0; i < values[0].rows; ++i, ++seen) {
            ASSERT_EQ(values[0].integers[i], seen);
            ASSERT_EQ(values[1].numbers[i], 0.5 * static_cast<double>(seen));
            ASSERT_EQ(values[2].integers[i], -seen);
            ASSERT_EQ(values[3].numbers[i], seen % 2 == 0 ? 1.0 : 0.0);
            ASSERT_EQ(values[4].texts[i], "w" + std::to_string(seen % 3));
        }
    }
    EXPECT_EQ(seen, rows);
}

TEST(ParquetWriter, EqualRowsGiveEqualBytesForAnyThreadsRowByRowOrAtOnce) {
    const TemporaryFolder files;
    const std::vector<Column> columns = {{"t", ColumnType::timestamp}, {"x", ColumnType::float64}, {"y", ColumnType::float64}};
    std::vector<TimeNs> times;
    std::vector<double> values;
    for (int i = 0; i < 140'000; ++i) {  // more than a row group
        times.push_back(i);
        values.push_back(i % 5 == 0 ? std::nan("") : std::sqrt(i));
        values.push_back(-i);
    }
    const auto bytes = [&](const char* name, ParquetWriter writer) {
        EXPECT_TRUE(writer.close().has_value());
        return read_file(files.data() / name).value();
    };
    const auto make = [&](const char* name, std::size_t threads) {
        return ParquetWriter::create(files.data() / name, columns, {}, {.numbers = Encoding::Numbers::distinct, .threads = threads}).value();
    };
    auto single = make("a.parquet", 0);
    for (std::size_t i = 0; i < times.size(); ++i) ASSERT_TRUE(single.append(times[i], std::span(values).subspan(2 * i, 2)).has_value());
    const std::string expected = bytes("a.parquet", std::move(single));
    for (const std::size_t threads : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
        auto writer = make("b.parquet", threads);
        ASSERT_TRUE(writer.append(times, values).has_value());
        EXPECT_EQ(writer.rows(), times.size());
        EXPECT_TRUE(bytes("b.parquet", std::move(writer)) == expected) << threads;
    }
}

TEST(ParquetWriter, LeavesNothingBehindWithoutClose) {
    const TemporaryFolder files;
    {
        auto writer = ParquetWriter::create(files.data() / "t.parquet", {{"t", ColumnType::timestamp}}).value();
        const Cell row[] = {std::int64_t{1}};
        ASSERT_TRUE(writer.append(row).has_value());
    }
    EXPECT_TRUE(files.all_files().empty());
}

// Files of this process may not grow above a limit, which is how a full disk looks to a writer.
class SmallDisk {
public:
    explicit SmallDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~SmallDisk() {
        setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

private:
    rlimit before_{};
    void (*handler_)(int);
};

std::vector<market::Trade> many_trades() {
    std::vector<market::Trade> trades;
    for (int i = 0; i < 200'000; ++i)
        trades.push_back({i * ns_per_ms, 100.0 + 0.37 * (i * 7919 % 1000), 1.0 + i % 91, market::Side::buy, market::TickDirection::plus});
    return trades;
}

TEST(FullDisk, IsOneErrorAndLeavesNothingBehind) {
    const std::vector<market::Trade> trades = many_trades();
    for (const std::string name : {"t.csv", "t.csv.gz", "t.csv.zst", "t.parquet"}) {
        const TemporaryFolder files;
        const auto path = files.data() / name;
        const SmallDisk disk(100'000);
        const auto write = [&]() -> Result<void> {
            if (path.extension() == ".parquet") {
                SOFIA_TRY(auto writer, ParquetWriter::create(path, trade_columns()));
                for (const market::Trade& trade : trades) SOFIA_CHECK(append_trade(writer, trade));
                return writer.close();
            }
            SOFIA_TRY(auto writer, TradesCsvWriter::create(path));
            SOFIA_CHECK(writer.append(trades));
            return writer.close();
        };
        const auto done = write();
        ASSERT_FALSE(done) << name;
        EXPECT_EQ(done.error().code, ErrorCode::io);
        EXPECT_THAT(done.error().message, HasSubstr("cannot write " + path.string() + ": File too large"));
        EXPECT_TRUE(files.all_files().empty()) << name;
    }
}

TEST(ReadTable, RefusesWhatIsNoTable) {
    const TemporaryFolder files;
    files.put("a.parquet", "not parquet at all");
    EXPECT_THAT(read_table(files.data() / "a.parquet").error().message, HasSubstr("a.parquet: not a readable Parquet file"));
    EXPECT_THAT(read_table(files.data() / "none.parquet").error().message, HasSubstr("No such file or directory"));
    auto writer = ParquetWriter::create(files.data() / "b.parquet", {{"x", ColumnType::float64}}).value();
    ASSERT_TRUE(writer.close().has_value());
    EXPECT_THAT(read_table(files.data() / "b.parquet").error().message, HasSubstr("no column known_at of times"));
    auto back = ParquetWriter::create(files.data() / "c.parquet", {{"known_at", ColumnType::timestamp}}).value();
    for (const std::int64_t time : {5, 4}) {
        const Cell row[] = {time};
        ASSERT_TRUE(back.append(row).has_value());
    }
    ASSERT_TRUE(back.close().has_value());
    EXPECT_THAT(read_table(files.data() / "c.parquet").error().message, HasSubstr("c.parquet row 2: the time is before the last one"));
}

}  // namespace
}  // namespace sofia::store

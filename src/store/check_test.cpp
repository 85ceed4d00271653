#include "store/check.hpp"

#include <sys/resource.h>

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/import.hpp"
#include "store/test_files.hpp"

namespace sofia::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::read_all;
using testing::TemporaryFolder;

const std::string header = "timestamp,price,size,side,tickDirection\n";

std::string row(std::int64_t second, const std::string& price) { return std::to_string(second) + "," + price + ",2,Buy,PlusTick\n"; }

DataFolder open(const TemporaryFolder& files) { return DataFolder::open(files.data()).value(); }

TEST(Check, TellsGapsSpikesAndEqualRowsOfTrades) {
    const TemporaryFolder files;
    files.put("a.csv", header + row(0, "100") + row(1, "100") + row(1, "100") + row(2, "130") + row(3, "101") + row(7203, "102") + row(7204, "80"));
    const auto got = check(open(files));
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->kind, DataKind::trades);
    EXPECT_EQ(got->symbol, "X");
    EXPECT_EQ(got->report.rows, 7U);
    EXPECT_EQ(got->price_min, 80.0);
    EXPECT_EQ(got->price_max, 130.0);
    EXPECT_EQ(got->volume, 14.0);
    EXPECT_EQ(got->identical, 1U);
    EXPECT_EQ(got->gap_count, 1U);
    EXPECT_EQ(got->gap_total, 7200 * ns_per_second);
    EXPECT_THAT(got->gaps, ElementsAre(Gap{3 * ns_per_second, 7203 * ns_per_second}));
    EXPECT_EQ(got->outlier_count, 1U);  // 130 stands alone; 80 has nothing after it
    EXPECT_EQ(got->outliers[0].price, 130.0);
    EXPECT_EQ(got->outliers[0].before, 100.0);
    EXPECT_EQ(got->outliers[0].after, 101.0);
}

TEST(Check, ListsTheLongestGapsOnly) {
    const TemporaryFolder files;
    std::string text = header;
    std::int64_t second = 0;
    for (int i = 1; i <= 300; ++i) text += row(second += 3600 + i * 11 % 301, "100");
    files.put("a.csv", text);
    CheckOptions options;
    options.listed_max = 3;
    const auto got = check(open(files), options);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->gap_count, 299U);
    ASSERT_EQ(got->gaps.size(), 3U);
    EXPECT_EQ(got->gaps[0].length(), 3900 * ns_per_second);
    EXPECT_EQ(got->gaps[1].length(), 3899 * ns_per_second);
    EXPECT_EQ(got->gaps[2].length(), 3898 * ns_per_second);
}

TEST(Check, ANightOutsideTheSessionIsNoGap) {
    const TemporaryFolder files;
    files.put("instrument.yaml", "session: 13:30-20:00\n");
    const std::int64_t monday = 1'704'067'200;  // 2024-01-01
    files.put("a.csv", header + row(monday + 19 * 3600, "100") + row(monday + 86400 + 14 * 3600, "100") + row(monday + 86400 + 16 * 3600, "100"));
    const auto got = check(open(files));
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->gap_count, 2U);                                      // an hour on Monday and half an hour on Tuesday; two hours
    EXPECT_EQ(got->gap_total, (3600 + 1800 + 7200) * ns_per_second);
}

TEST(Check, CountsBarsThatHaveNoPrint) {
    const TemporaryFolder files;
    files.put("a.csv", "timestamp,open,high,low,close,volume\n0,10,10,10,10,1\n60,10,10,10,10,0\n180,10,10,10,10,1\n240,10,10,10,10,1\n");
    const auto got = check(open(files));
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->kind, DataKind::bars);
    EXPECT_EQ(got->timeframe, "1m");
    EXPECT_EQ(got->filled, 1U);
    EXPECT_EQ(got->gap_count, 1U);
    EXPECT_TRUE(got->report.carried_opens);
}

TEST(Import, WritesOneFileADayThatReadBackTheSame) {
    const TemporaryFolder files;
    files.put("instrument.yaml", "tick: 0.5\n");
    std::string text = header;
    for (int i = 0; i < 1000; ++i) text += row(1'704'067'200 + i * 300, std::to_string(100 + i % 17) + ".1");
    files.put("a.csv.gz", testing::gzip(text));
    files.put("b.csv", header + row(1'704'067'200 + 150, "7"));
    const auto before = read_all(files.data());
    const auto done = import_trades(open(files), files.path() / "out", {});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->days, 4U);
    EXPECT_EQ(done->read.rows, 1001U);
    EXPECT_TRUE(std::filesystem::exists(files.path() / "out/X/date=2024-01-01/trades.parquet"));
    EXPECT_TRUE(std::filesystem::exists(files.path() / "out/X/date=2024-01-04/trades.parquet"));
    const auto after = read_all(files.path() / "out" / "X");
    ASSERT_TRUE(after.report) << after.report.error().message;
    EXPECT_TRUE(after.trades == before.trades);
    EXPECT_EQ(DataFolder::open(files.path() / "out" / "X")->instrument().tick, 0.5);

    const auto again = import_trades(open(files), files.path() / "out", {});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::conflict);
}

TEST(Import, LeavesNothingBehindAfterAnError) {
    const TemporaryFolder files;
    files.put("a.csv", header + row(1'704'067'200, "100") + row(1'704'167'200, "abc"));
    const auto done = import_trades(open(files), files.path() / "out", {});
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("a.csv line 3: price \"abc\" is not a number"));
    EXPECT_THAT(files.all_files(), ElementsAre("X/a.csv"));
    EXPECT_FALSE(std::filesystem::exists(files.path() / "out"));
}

TEST(Import, TellsOfAFullDiskAndLeavesNothingBehind) {
    const TemporaryFolder files;
    std::string text = header;
    for (int i = 0; i < 60'000; ++i) text += row(1'704'067'200 + i, std::to_string(100 + i * 7919 % 1000) + "." + std::to_string(i % 97));
    files.put("a.csv", text);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    auto* handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{20'000, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto done = import_trades(open(files), files.path() / "out", {});
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::io);
    EXPECT_THAT(done.error().message, HasSubstr("File too large"));
    EXPECT_THAT(files.all_files(), ElementsAre("X/a.csv"));
}

}  // namespace
}  // namespace sofia::store

#include "store/bars.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "store/parquet.hpp"
#include "store/test_files.hpp"

namespace sofia::store {
namespace {

using market::Bar;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

const std::string header = "timestamp,open,high,low,close,volume\n";
constexpr std::int64_t start = 1'704'067'200;

std::string row(int minute, const std::string& rest) { return std::to_string(start + 60 * minute) + "," + rest + "\n"; }

Result<BarData> read(const TemporaryFolder& files, ReadOptions options = {}) {
    SOFIA_TRY(const DataFolder folder, DataFolder::open(files.data()));
    return read_bars(folder, options);
}

std::string error_of(const std::string& text) {
    const TemporaryFolder files;
    files.put("b.csv", text);
    const auto got = read(files);
    if (got) return "no error";
    EXPECT_EQ(exit_code(got.error().code), 3);
    const std::string& message = got.error().message;
    return message.substr(message.find("/X") + 1);
}

TEST(ReadBars, ReadsOptionalColumnsAndLeavesTheOthersMissing) {
    const TemporaryFolder files;
    files.put("b.csv",
              "timestamp,open,high,low,close,volume,trades,vwap,buy volume\n" + row(0, "10,12,9,11,5,3,10.5,2") + row(1, "11,11,11,11,0,0,,0"));
    const auto got = read(files);
    ASSERT_TRUE(got) << got.error().message;
    ASSERT_EQ(got->bars.size(), 2U);
    const Bar& first = got->bars[0];
    EXPECT_EQ(first.open_time, start * ns_per_second);
    EXPECT_EQ(first.close_time, (start + 60) * ns_per_second);
    EXPECT_EQ(first.open, 10.0);
    EXPECT_EQ(first.high, 12.0);
    EXPECT_EQ(first.low, 9.0);
    EXPECT_EQ(first.close, 11.0);
    EXPECT_EQ(first.volume, 5.0);
    EXPECT_EQ(first.trades, 3.0);
    EXPECT_EQ(first.vwap, 10.5);
    EXPECT_EQ(first.buy_volume, 2.0);
    EXPECT_EQ(first.sell_volume, 3.0);
    EXPECT_TRUE(std::isnan(first.plus_ticks));
    EXPECT_FALSE(first.filled);
    EXPECT_TRUE(got->bars[1].filled);
    EXPECT_TRUE(std::isnan(got->bars[1].vwap));
    EXPECT_THAT(got->report.missing_columns, ElementsAre("plus_ticks", "minus_ticks"));
    EXPECT_EQ(got->timeframe.name(), "1m");
}

TEST(ReadBars, WidensABarWhoseOpenLiesOutsideAndCountsIt) {
    const TemporaryFolder files;
    files.put("b.csv", header + row(0, "10,12,11,11,1") + row(1, "13,12,9,12,1") + row(2, "12,12,12,12,1"));
    const auto got = read(files);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->report.opens_widened, 2U);
    EXPECT_EQ(got->bars[0].low, 10.0);
    EXPECT_EQ(got->bars[1].high, 13.0);
    EXPECT_THAT(got->report.notes, ElementsAre(HasSubstr("2 bars widened")));
}

TEST(ReadBars, TellsOpensThatAreCarriedFromPrints) {
    const TemporaryFolder files;
    files.put("b.csv", header + row(0, "10,12,9,11,1") + row(1, "11,12,9,10,1") + row(2, "10,12,9,12,1") + row(3, "11,12,9,12,1"));
    const auto got = read(files);
    ASSERT_TRUE(got);
    EXPECT_DOUBLE_EQ(got->report.carried_open_share, 2.0 / 3.0);
    EXPECT_TRUE(got->report.carried_opens);
}

TEST(ReadBars, BarsWithoutAPrintSayNothingOfCarriedOpens) {
    const TemporaryFolder files;
    files.put("b.csv",
              header + row(0, "10,12,9,11,1") + row(1, "11,11,11,11,0") + row(2, "11,11,11,11,0") + row(3, "11,11,11,11,0") + row(4, "10,12,9,12,1"));
    const auto got = read(files);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->report.carried_open_share, 0.0);
    EXPECT_FALSE(got->report.carried_opens);
}

TEST(ReadBars, SortsDropsDoublesAndListsGaps) {
    const TemporaryFolder files;
    files.put("b.csv", header + row(5, "1,1,1,1,1") + row(0, "2,2,2,2,1") + row(1, "3,3,3,3,1"));
    files.put("c.csv", header + row(1, "4,4,4,4,1") + row(2, "5,5,5,5,1"));
    const auto got = read(files);
    ASSERT_TRUE(got);
    std::vector<double> closes;
    for (const Bar& bar : got->bars) closes.push_back(bar.close);
    EXPECT_THAT(closes, ElementsAre(2, 3, 5, 1));
    EXPECT_EQ(got->report.duplicates, 1U);
    EXPECT_EQ(got->report.files[1].duplicates, 1U);
    EXPECT_EQ(got->report.out_of_order, 2U);
    EXPECT_THAT(got->report.gaps, ElementsAre(Gap{(start + 180) * ns_per_second, (start + 300) * ns_per_second}));
}

TEST(ReadBars, ANightIsNoGapWhereThereIsASession) {
    const TemporaryFolder files;
    files.put("instrument.yaml", "session: 00:00-00:03\n");  // 2024-01-01 was a Monday
    files.put("b.csv", header + row(0, "1,1,1,1,1") + row(1, "1,1,1,1,1") + row(2, "1,1,1,1,1") + row(1440, "1,1,1,1,1") + row(1442, "1,1,1,1,1"));
    const auto got = read(files);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_THAT(got->report.gaps, ElementsAre(Gap{(start + 1441 * 60) * ns_per_second, (start + 1442 * 60) * ns_per_second}));
}

TEST(ReadBars, RefusesWhatNoBarCanBe) {
    EXPECT_EQ(error_of(header + row(0, "1,1,1,1,1") + row(1, "10,9,11,10,1")), "X/b.csv line 3: high 9 is below low 11");
    EXPECT_EQ(error_of(header + row(0, "10,12,9,13,1")), "X/b.csv line 2: close 13 lies outside low 9 to high 12");
    EXPECT_EQ(error_of(header + row(0, "10,12,9,abc,1")), "X/b.csv line 2: close \"abc\" is not a number");
    EXPECT_EQ(error_of(header + row(0, "0,12,9,10,1")), "X/b.csv line 2: open 0 is not above zero");
    EXPECT_EQ(error_of(header + row(0, "10,12,-9,10,1")), "X/b.csv line 2: low -9 is not above zero");
    EXPECT_EQ(error_of(header + row(0, "10,12,9,10,-1")), "X/b.csv line 2: volume -1 is negative");
    EXPECT_EQ(error_of(header + row(0, "10,12,9,10,nan")), "X/b.csv line 2: volume \"nan\" is not finite");
    EXPECT_EQ(error_of(header + row(0, "10,12,9,10")), "X/b.csv line 2: the row has 5 fields, the header has 6");
    EXPECT_EQ(error_of(header), "X/b.csv line 1: no row follows the header");
    EXPECT_THAT(error_of(header + row(0, "1,1,1,1,1") + row(1, "1,1,1,1,1") + std::to_string(start + 150) + ",1,1,1,1,1\n" + row(3, "1,1,1,1,1") +
                         row(4, "1,1,1,1,1")),
                HasSubstr("the bar of 2024-01-01T00:02:30Z does not start on the grid of 1m bars"));
    EXPECT_THAT(error_of(header + row(0, "1,1,1,1,1") + row(7, "1,1,1,1,1") + row(14, "1,1,1,1,1")), HasSubstr("does not divide a day"));
}

TEST(ReadBars, SkipsBadRowsWhenAskedTo) {
    const TemporaryFolder files;
    files.put("b.csv", header + row(0, "10,12,9,13,1") + row(1, "10,12,9,11,1"));
    ReadOptions options;
    options.bad_rows = BadRows::skip;
    const auto got = read(files, options);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->bars.size(), 1U);
    ASSERT_EQ(got->report.bad.size(), 1U);
    EXPECT_EQ(got->report.bad[0].line, 2U);
    EXPECT_EQ(got->report.bad_rows, 1U);
}

TEST(ReadBars, ReadsItsOwnParquetBackToTheLastBit) {
    const TemporaryFolder files;
    std::vector<Bar> bars;
    for (int i = 0; i < 500; ++i) {
        Bar bar;
        bar.open_time = (start + 900 * i) * ns_per_second;
        bar.close_time = bar.open_time + 900 * ns_per_second;
        bar.open = 100.0 + 0.1 * i;
        bar.high = bar.open + 0.3;
        bar.low = bar.open - 0.7;
        bar.close = bar.open + 0.1;
        bar.volume = i % 5 == 0 ? 0.0 : 1.1 * i;
        bar.filled = i % 5 == 0;
        bar.trades = i % 5 == 0 ? 0.0 : i;
        if (i % 5 != 0) bar.vwap = bar.open;
        bar.buy_volume = bar.volume * 0.25;
        bar.sell_volume = bar.volume * 0.75;
        bar.plus_ticks = i % 3;
        bar.minus_ticks = i % 2;
        bars.push_back(bar);
    }
    ASSERT_TRUE(write_bars(files.data() / "bars_15m.parquet", bars).has_value());
    const auto got = read(files);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->timeframe.name(), "15m");
    ASSERT_EQ(got->bars.size(), bars.size());
    for (std::size_t i = 0; i < bars.size(); ++i) EXPECT_TRUE(same_bits(got->bars[i], bars[i])) << i;
    EXPECT_TRUE(got->report.missing_columns.empty());
    EXPECT_EQ(got->report.opens_widened, 0U);
}

RC_GTEST_PROP(ReadBars, DoesNotDependOnThreadsOrOnTheOrderOfRows, ()) {
    const TemporaryFolder files;
    const auto order = *rc::gen::container<std::vector<int>>(300, rc::gen::inRange(0, 1000));
    std::string text = header;
    for (const int minute : order) text += row(minute, "10,12,9," + std::to_string(9 + minute % 4) + "," + std::to_string(minute));
    files.put("b.csv", text);
    ReadOptions options;
    options.threads = 1;
    const auto one = read(files, options);
    options.threads = 4;
    const auto four = read(files, options);
    RC_ASSERT(one.has_value() == four.has_value());
    RC_PRE(one.has_value());
    RC_ASSERT(one->bars.size() == four->bars.size());
    for (std::size_t i = 0; i < one->bars.size(); ++i) {
        RC_ASSERT(same_bits(one->bars[i], four->bars[i]));
        RC_ASSERT((i == 0 || one->bars[i].open_time > one->bars[i - 1].open_time));
    }
}

}  // namespace
}  // namespace sofia::store

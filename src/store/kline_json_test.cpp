#include "store/kline_json.hpp"

#include <gtest/gtest.h>

#include "store/bars.hpp"
#include "store/test_files.hpp"

namespace sofia::store {
namespace {

using testing::TemporaryFolder;

constexpr TimeNs start = TimeNs{1'704'067'200} * ns_per_second;  // 2024-01-01

constexpr const char* objects = R"([{"ts": 1704067200, "o": 100, "h": 102.5, "l": 99.5, "c": 101, "v": 7},
  {"ts": 1704067260, "o": 101, "h": 101, "l": 100.25, "c": 100.5, "v": 0.125}])";

Result<BarData> read(const TemporaryFolder& folder, BadRows bad_rows = BadRows::refuse) {
    SOFIA_TRY(const DataFolder data, DataFolder::open(folder.data()));
    return read_bars(data, {.bad_rows = bad_rows});
}

void expect_the_two(const BarData& data) {
    ASSERT_EQ(data.bars.size(), 2U);
    EXPECT_EQ(data.bars[0].open_time, start);
    EXPECT_EQ(data.bars[0].close_time, start + ns_per_minute);
    EXPECT_EQ(data.bars[0].open, 100.0);
    EXPECT_EQ(data.bars[0].high, 102.5);
    EXPECT_EQ(data.bars[0].low, 99.5);
    EXPECT_EQ(data.bars[0].close, 101.0);
    EXPECT_EQ(data.bars[0].volume, 7.0);
    EXPECT_EQ(data.bars[1].open_time, start + ns_per_minute);
    EXPECT_EQ(data.bars[1].volume, 0.125);
}

TEST(KlineJson, IsAFileOfBarsInADataFolder) {
    const TemporaryFolder folder;
    folder.put("BTCUSDT_1m.json", objects);
    expect_the_two(read(folder).value());
}

TEST(KlineJson, HasItsTimesInAnyUnitAndItsNumbersInQuotes) {
    for (const std::string zeros : {"", "000", "000000", "000000000"}) {
        const TemporaryFolder folder;
        folder.put("k.json", "[[1704067200" + zeros + ", \"100\", \"102.5\", \"99.5\", \"101\", \"7\", \"more\"], [\"1704067260" + zeros +
                                 "\", 101, 101, 100.25, 100.5, 0.125]]");
        expect_the_two(read(folder).value());
    }
}

TEST(KlineJson, MayBeTheAnswerOfAnExchangeNewestFirst) {
    const TemporaryFolder folder;
    folder.put("k.json",
               R"({"retCode": 0, "result": {"category": "linear", "list": [["1704067260000", "101", "101", "100.25", "100.5", "0.125", "12"],
        ["1704067200000", "100", "102.5", "99.5", "101", "7", "707"]]}})");
    const auto data = read(folder);
    expect_the_two(data.value());
    EXPECT_TRUE(data->report.files.front().newest_first);
}

TEST(KlineJson, LongNamesSayTheSame) {
    const TemporaryFolder folder;
    folder.put("k.json", R"([{"timestamp": 1704067200, "open": 100, "high": 102.5, "low": 99.5, "close": 101, "volume": 7},
        {"openTime": 1704067260, "open": 101, "high": 101, "low": 100.25, "close": 100.5, "volume": 0.125, "trades": 3}])");
    expect_the_two(read(folder).value());
}

TEST(KlineJson, StandsBesideOtherFilesOfBars) {
    const TemporaryFolder folder;
    folder.put("a.json", objects);
    folder.put("b.csv", "timestamp,open,high,low,close,volume\n1704067320,100.5,101,100,100.5,1\n");
    folder.put("notes.json", R"({"what": "of nobody's interest"})");
    EXPECT_EQ(read(folder).value().bars.size(), 3U);
}

TEST(KlineJson, SaysWhichCandleIsWrongAndWhy) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {R"([{"ts": 1704067200, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}, {"ts": 1704067260, "o": 1, "h": 1, "l": 1, "v": 1}])",
         "k.json candle 2: close is missing"},
        {R"([{"ts": 1704067200, "o": "x", "h": 1, "l": 1, "c": 1, "v": 1}])", "k.json candle 1: open \"x\" is not a number"},
        {R"([{"ts": 1704067200, "o": null, "h": 1, "l": 1, "c": 1, "v": 1}])", "candle 1: open \"null\" is not a number"},
        {R"([[1704067200, 1, 1, 2, 1, 1]])", "candle 1: high 1 is below low 2"},
        {R"([[1704067200, 1, 1, 1, 1, -1]])", "candle 1: volume -1"},
        {R"([[1704067200, 1, 1, 1, 1, 1], 5])", "candle 2: it is neither an object nor a list"},
        {R"([[1704067200, 1, 1, 1, 1, 1],])", "k.json line 1"},
    };
    for (const auto& [text, expected] : cases) {
        const TemporaryFolder folder;
        folder.put("k.json", text);
        const auto data = read(folder);
        ASSERT_FALSE(data.has_value()) << text;
        EXPECT_EQ(data.error().code, ErrorCode::data);
        EXPECT_NE(data.error().message.find(expected), std::string::npos) << data.error().message;
    }
}

TEST(KlineJson, BadCandlesCanBeLeftOut) {
    const TemporaryFolder folder;
    folder.put("k.json", R"([[1704067200, 1, 1, 1, 1, 1], [1704067260, 1, 1, 1, 1], [1704067320, 1, 1, 1, 1, 1]])");
    const BarData data = read(folder, BadRows::skip).value();
    EXPECT_EQ(data.bars.size(), 2U);
    EXPECT_EQ(data.report.bad_rows, 1U);
    EXPECT_NE(data.report.bad.front().text().find("candle 2: volume is missing"), std::string::npos);
}

}  // namespace
}  // namespace sofia::store

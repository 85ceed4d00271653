#include "market/timeframe.hpp"

#include <gtest/gtest.h>

namespace sofia::market {
namespace {

TEST(Timeframe, ReadsCountsOfSecondsMinutesHoursAndADay) {
    EXPECT_EQ(Timeframe::parse("30s")->length(), 30 * ns_per_second);
    EXPECT_EQ(Timeframe::parse("15m")->length(), 15 * ns_per_minute);
    EXPECT_EQ(Timeframe::parse("4h")->length(), 4 * ns_per_hour);
    EXPECT_EQ(Timeframe::parse("1d")->length(), ns_per_day);
    EXPECT_EQ(one_minute(), *Timeframe::parse("60s"));
}

TEST(Timeframe, RefusesWhatDoesNotDivideADay) {
    for (const char* text : {"", "m", "7m", "5h", "2d", "0m", "-1m", "1.5m", "90", "15 m", "15M", "500ms", "99999999999999999999s"}) {
        const auto parsed = Timeframe::parse(text);
        ASSERT_FALSE(parsed.has_value()) << text;
        EXPECT_EQ(parsed.error().code, ErrorCode::config);
        EXPECT_NE(parsed.error().message.find(text), std::string::npos);
    }
}

TEST(Timeframe, NamesItselfByItsLargestUnit) {
    EXPECT_EQ(Timeframe::parse("15m")->name(), "15m");
    EXPECT_EQ(Timeframe::parse("15m")->prefix(), "m15");
    EXPECT_EQ(Timeframe::parse("240m")->name(), "4h");
    EXPECT_EQ(Timeframe::parse("24h")->prefix(), "d1");
    EXPECT_EQ(Timeframe::parse("90s")->name(), "90s");
}

TEST(Timeframe, EveryNameReadsBack) {
    for (DurationNs seconds = 1; seconds <= 86'400; ++seconds) {
        const auto parsed = Timeframe::parse(std::to_string(seconds) + "s");
        ASSERT_EQ(parsed.has_value(), 86'400 % seconds == 0) << seconds;
        if (parsed) {
            ASSERT_EQ(*Timeframe::parse(parsed->name()), *parsed);
        }
    }
}

TEST(Timeframe, OpensOnTheUtcEpochGridBefore1970Too) {
    const Timeframe hour = *Timeframe::parse("1h");
    EXPECT_EQ(hour.open_of(ns_per_hour), ns_per_hour);
    EXPECT_EQ(hour.open_of(2 * ns_per_hour - 1), ns_per_hour);
    EXPECT_EQ(hour.open_of(-1), -ns_per_hour);
}

TEST(Timeframes, AreSortedAndNamedOnce) {
    const auto parsed = parse_timeframes({"1h", "1m", "15m"});
    ASSERT_TRUE(parsed.has_value());
    ASSERT_EQ(parsed->size(), 3U);
    EXPECT_EQ((*parsed)[0].name(), "1m");
    EXPECT_EQ((*parsed)[1].name(), "15m");
    EXPECT_EQ((*parsed)[2].name(), "1h");
    EXPECT_EQ(parse_timeframes({"1h", "60m"}).error().code, ErrorCode::config);
    EXPECT_EQ(parse_timeframes({"1h", "7m"}).error().code, ErrorCode::config);
}

}  // namespace
}  // namespace sofia::market

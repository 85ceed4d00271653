#include "base/time.hpp"

#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace sofia {
namespace {

TEST(FormatTime, ShowsAsManyDecimalsAsAreNeeded) {
    EXPECT_EQ(format_time(0), "1970-01-01T00:00:00Z");
    EXPECT_EQ(format_time(1'577'836'800 * ns_per_second), "2020-01-01T00:00:00Z");
    EXPECT_EQ(format_time(5 * ns_per_ms), "1970-01-01T00:00:00.005Z");
    EXPECT_EQ(format_time(5 * ns_per_us), "1970-01-01T00:00:00.000005Z");
    EXPECT_EQ(format_time(5), "1970-01-01T00:00:00.000000005Z");
    EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59.999999999Z");
}

TEST(FormatDate, IsTheUtcDayThatHoldsTheMoment) {
    EXPECT_EQ(format_date(951'782'400 * ns_per_second), "2000-02-29");
    EXPECT_EQ(format_date(ns_per_day - 1), "1970-01-01");
    EXPECT_EQ(format_date(-1), "1969-12-31");
}

// Reference moments from `date -u -d ... +%s`.
TEST(ParseTime, ReadsEveryForm) {
    constexpr TimeNs half_past = 1'583'020'800 * ns_per_second + 30 * ns_per_minute;
    EXPECT_EQ(parse_time("2020-03-01").value(), 1'583'020'800 * ns_per_second);
    EXPECT_EQ(parse_time("2020-03-01T00:30").value(), half_past);
    EXPECT_EQ(parse_time("2020-03-01 00:30:00Z").value(), half_past);
    EXPECT_EQ(parse_time("2020-03-01T00:30:00.5").value(), half_past + ns_per_second / 2);
    EXPECT_EQ(parse_time("2020-03-01T00:30:00.000000001Z").value(), half_past + 1);
    EXPECT_EQ(parse_time("1969-12-31T23:59:59").value(), -ns_per_second);
}

TEST(ParseTime, RefusesWhatIsNoMomentAndShowsIt) {
    for (const auto* bad : {"",
                            "2020",
                            "2020-1-1",
                            "2020-02-30",
                            "2021-02-29",
                            "2020-13-01",
                            "2020-00-01",
                            "2020-01-01T",
                            "2020-01-01T24:00",
                            "2020-01-01T12",
                            "2020-01-01T12:60",
                            "2020-01-01T12:00:60",
                            "2020-01-01T12:00:00.",
                            "2020-01-01T12:00:00.1234567890",
                            "2020-01-01T12:00+01:00",
                            "2020-01-01Z",
                            " 2020-01-01",
                            "2020-01-01 ",
                            "9999-01-01",
                            "0001-01-01",
                            "today"}) {
        EXPECT_FALSE(parse_time(bad)) << bad;
    }
    const Error error = parse_time("tomorrow").error();
    EXPECT_EQ(error.code, ErrorCode::usage);
    EXPECT_EQ(error.message, "\"tomorrow\" is not a time");
    EXPECT_FALSE(error.hint.empty());
}

RC_GTEST_PROP(ParseTime, IsTheInverseOfFormatTime, ()) {
    // Whole days within int64.
    const TimeNs time = *rc::gen::inRange<TimeNs>(-106'750 * ns_per_day, 106'750 * ns_per_day);
    RC_ASSERT(parse_time(format_time(time)).value() == time);
    RC_ASSERT(parse_time(format_date(time)).value() == floor_time(time, ns_per_day));
}

TEST(FormatTime, HoldsAtTheEndsOfItsRange) {
    EXPECT_EQ(format_date(std::numeric_limits<TimeNs>::max()), "2262-04-11");
    EXPECT_EQ(format_date(std::numeric_limits<TimeNs>::min()), "1677-09-21");
}

TEST(ParseDuration, ReadsEveryUnit) {
    EXPECT_EQ(parse_duration("90").value(), 90 * ns_per_second);
    EXPECT_EQ(parse_duration("90s").value(), 90 * ns_per_second);
    EXPECT_EQ(parse_duration("30m").value(), 30 * ns_per_minute);
    EXPECT_EQ(parse_duration("2h").value(), 2 * ns_per_hour);
    EXPECT_EQ(parse_duration("1d").value(), ns_per_day);
    EXPECT_EQ(parse_duration("250ms").value(), 250 * ns_per_ms);
    EXPECT_EQ(parse_duration("7us").value(), 7'000);
    EXPECT_EQ(parse_duration("7ns").value(), 7);
    EXPECT_EQ(parse_duration("1.5h").value(), 90 * ns_per_minute);
    EXPECT_EQ(parse_duration("0").value(), 0);
}

TEST(ParseDuration, RefusesWhatIsNoSpan) {
    for (const auto* bad : {"", "s", "-1", "1 s", "1w", "1e3", "inf", "nan", "1..5", ".", "1h30m", "106752d", "99999999999999999999"}) {
        EXPECT_FALSE(parse_duration(bad)) << bad;
    }
    EXPECT_EQ(parse_duration("-1").error().code, ErrorCode::usage);
}

RC_GTEST_PROP(FloorTime, IsTheLastMultipleNotAfter, ()) {
    const TimeNs time = *rc::gen::inRange<TimeNs>(-ns_per_day * 20'000, ns_per_day * 20'000);
    const DurationNs step = *rc::gen::element(DurationNs{1}, ns_per_second, ns_per_minute, 5 * ns_per_minute, ns_per_day);
    const TimeNs floor = floor_time(time, step);
    RC_ASSERT(floor % step == 0);
    RC_ASSERT(floor <= time);
    RC_ASSERT(time < floor + step);
}

TEST(Clocks, SteadyNeverGoesBackAndTheWallIsInThisCentury) {
    const DurationNs before = steady_now();
    EXPECT_LE(before, steady_now());
    EXPECT_GT(wall_clock_now(), parse_time("2024-01-01").value());
}

}  // namespace
}  // namespace sofia

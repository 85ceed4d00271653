#include "market/instrument.hpp"

#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace sofia::market {
namespace {

// 2024-01-01 was a Monday.
constexpr TimeNs monday = 1'704'067'200 * ns_per_second;

TimeNs at(int day, int hour, int minute) { return monday + day * ns_per_day + hour * ns_per_hour + minute * ns_per_minute; }

Session session(const char* text) { return Session::parse(text).value(); }

TEST(Session, TwentyFourBySevenIsAlwaysOpen) {
    EXPECT_TRUE(session("24x7").always());
    EXPECT_TRUE(session("00:00-24:00 mon-sun").always());
    EXPECT_TRUE(Session().contains(-1));
    EXPECT_EQ(Session().next_open(17), 17);
}

TEST(Session, HoldsItsOpenAndNotItsClose) {
    const Session us = session("13:30-20:00");
    EXPECT_FALSE(us.always());
    EXPECT_FALSE(us.contains(at(0, 13, 30) - 1));
    EXPECT_TRUE(us.contains(at(0, 13, 30)));
    EXPECT_TRUE(us.contains(at(0, 20, 0) - 1));
    EXPECT_FALSE(us.contains(at(0, 20, 0)));
    EXPECT_TRUE(us.contains(at(4, 14, 0)));
    EXPECT_FALSE(us.contains(at(5, 14, 0)));
    EXPECT_EQ(us.next_open(at(4, 20, 0)), at(7, 13, 30));
    EXPECT_EQ(us.next_open(at(4, 15, 0)), at(4, 15, 0));
}

TEST(Session, OverMidnightBelongsToTheDayItOpens) {
    const Session night = session("22:00-21:00 sun-thu");
    EXPECT_TRUE(night.contains(at(6, 22, 0)));    // Sunday evening
    EXPECT_TRUE(night.contains(at(7, 20, 59)));   // Monday
    EXPECT_FALSE(night.contains(at(7, 21, 30)));  // the pause
    EXPECT_TRUE(night.contains(at(11, 20, 0)));   // Friday, opened on Thursday
    EXPECT_FALSE(night.contains(at(11, 22, 0)));  // none opens on Friday
    EXPECT_EQ(night.next_open(at(11, 21, 0)), at(13, 22, 0));
}

TEST(Session, TextReadsBackToTheSame) {
    for (const char* text : {"24x7", "13:30-20:00", "22:00-21:00 sun-thu", "00:00-24:00 sat", "09:00-10:00 mon,wed,fri", "09:00-10:00 mon-sun",
                             "23:00-00:00 fri-mon", "00:00-24:00"}) {
        const Session parsed = session(text);
        EXPECT_EQ(session(parsed.text().c_str()), parsed) << text << " became " << parsed.text();
    }
    EXPECT_EQ(session("13:30-20:00 MON-FRI").text(), "13:30-20:00");
    EXPECT_EQ(session("09:00-10:00 sun-thu").text(), "09:00-10:00 sun-thu");
}

TEST(Session, RefusesWhatItDoesNotUnderstandAndQuotesIt) {
    for (const char* text : {"", "always", "9:00-10:00", "09:00-25:00", "09:00-24:01", "09:60-10:00", "09:00-09:00", "09:00-10:00 funday",
                             "09:00-10:00 mon-", "24:00-10:00", "-1:00-10:00", "09:00-10:00 mon,,tue"}) {
        const auto parsed = Session::parse(text);
        ASSERT_FALSE(parsed.has_value()) << text;
        EXPECT_EQ(parsed.error().code, ErrorCode::config);
        EXPECT_NE(parsed.error().message.find('"' + std::string(text) + '"'), std::string::npos);
    }
}

// The first open moment at or after a time: open itself, and nothing open lies between (checked minute by minute).
RC_GTEST_PROP(Session, NextOpenIsTheFirstOpenMinute, ()) {
    const auto text = *rc::gen::element<std::string>("13:30-20:00", "22:00-21:00 sun-thu", "23:30-00:10 sat", "00:00-24:00 wed");
    const Session hours = session(text.c_str());
    const TimeNs time = at(*rc::gen::inRange(-20'000, 20'000), *rc::gen::inRange(0, 24), *rc::gen::inRange(0, 60));
    const TimeNs open = hours.next_open(time);
    RC_ASSERT(open >= time);
    RC_ASSERT(hours.contains(open));
    for (TimeNs minute = time; minute < open; minute += ns_per_minute) RC_ASSERT(!hours.contains(minute));
    const TimeNs close = hours.close_after(open);
    RC_ASSERT(!hours.contains(close));
    for (TimeNs minute = open; minute < close; minute += ns_per_minute) RC_ASSERT(hours.contains(minute));
}

TEST(Instrument, DefaultsAreValid) {
    EXPECT_TRUE(Instrument{}.validate().has_value());
    EXPECT_EQ(Instrument{}.kind(), ContractKind::linear);
}

TEST(Instrument, NamesTheWrongValue) {
    const auto message = [](const Instrument& instrument) { return instrument.validate().error().message; };
    EXPECT_EQ(message({.symbol = "X", .tick = 0.0}), "instrument X: tick 0 is not above zero");
    EXPECT_EQ(message({.symbol = "X", .lot = -1.0}), "instrument X: lot -1 is not above zero");
    EXPECT_EQ(message({.multiplier = std::nan("")}), "instrument: multiplier nan is not above zero");
    EXPECT_EQ(message({.kind_name = "quanto"}), "instrument: kind \"quanto\" is neither linear nor inverse");
    EXPECT_FALSE(Instrument{.session_text = "noon"}.validate().has_value());
}

TEST(Instrument, ReadsItsFile) {
    Instrument instrument;
    config::Keys keys;
    instrument.describe(keys);
    const auto loaded = config::load_text(
        "symbol: XBTUSD\ntick: 0.5\nlot: 100\nmultiplier: 1\nkind: inverse\ntaker_fee_percent: 0.05\nmaker_fee_percent: -0.01\n"
        "session: 24x7\nsimulated: true\n",
        "instrument.yaml", keys);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    EXPECT_EQ(instrument.symbol, "XBTUSD");
    EXPECT_EQ(instrument.kind(), ContractKind::inverse);
    EXPECT_EQ(instrument.tick, 0.5);
    EXPECT_EQ(instrument.maker_fee_percent, -0.01);
    EXPECT_TRUE(instrument.simulated);
}

TEST(Instrument, ProfitOfALinearContractIsInQuote) {
    const Instrument linear{.multiplier = 10.0};
    EXPECT_DOUBLE_EQ(linear.profit(3.0, 100.0, 101.0), 30.0);
    EXPECT_DOUBLE_EQ(linear.profit(-3.0, 100.0, 101.0), -30.0);
    EXPECT_DOUBLE_EQ(linear.notional(-3.0, 100.0), 3000.0);
}

// 100 USD contracts bought at 10,000 and sold at 12,500: 0.01 coin becomes 0.008, so 0.002 coin is gained.
TEST(Instrument, ProfitOfAnInverseContractIsInCoin) {
    const Instrument inverse{.kind_name = "inverse"};
    EXPECT_NEAR(inverse.profit(100.0, 10'000.0, 12'500.0), 0.002, 1e-15);
    EXPECT_NEAR(inverse.profit(-100.0, 10'000.0, 12'500.0), -0.002, 1e-15);
    EXPECT_NEAR(inverse.notional(-100.0, 10'000.0), 0.01, 1e-15);
}

TEST(Instrument, RoundsToTicksAsDecimals) {
    const Instrument tenth{.tick = 0.1};
    EXPECT_EQ(tenth.round_to_tick(0.31), 0.3);
    EXPECT_EQ(tenth.round_to_tick(0.25), 0.3);
    EXPECT_EQ(tenth.round_to_tick(-0.25), -0.3);
    EXPECT_EQ(Instrument{.tick = 0.5}.round_to_tick(10'000.25), 10'000.5);
    EXPECT_EQ(Instrument{.tick = 5.0}.round_to_tick(12.0), 10.0);
    EXPECT_EQ(Instrument{.tick = 0.3}.round_to_tick(0.7), 0.6);
}

TEST(Instrument, FloorsToLotsTowardZeroAndKeepsWholeLots) {
    const Instrument tenth{.lot = 0.1};
    EXPECT_EQ(tenth.floor_to_lot(0.3), 0.3);
    EXPECT_EQ(tenth.floor_to_lot(0.1 + 0.2), 0.3);
    EXPECT_EQ(tenth.floor_to_lot(0.39), 0.3);
    EXPECT_EQ(tenth.floor_to_lot(-0.39), -0.3);
    EXPECT_EQ(tenth.floor_to_lot(0.09), 0.0);
    EXPECT_EQ(Instrument{.lot = 100.0}.floor_to_lot(299.0), 200.0);
}

RC_GTEST_PROP(Instrument, EveryWholeCountOfLotsIsKept, ()) {
    const Instrument thousandth{.lot = 0.001};
    const auto lots = *rc::gen::inRange<std::int64_t>(-100'000'000, 100'000'000);
    const double quantity = static_cast<double>(lots) / 1000.0;
    RC_ASSERT(thousandth.floor_to_lot(quantity) == quantity);
    RC_ASSERT(thousandth.floor_to_lot(static_cast<double>(lots) * 0.001) == quantity);
}

}  // namespace
}  // namespace sofia::market

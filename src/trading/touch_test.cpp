#include "trading/touch.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <nlohmann/json.hpp>

#include "base/state_json.hpp"
#include "trading/test_support.hpp"

namespace sofia::trading {
namespace {

using testing::bar;
using testing::random_bars;

TouchConfig loose() {
    TouchConfig config;
    config.ema_length = 10;
    config.touch_tolerance_atr = 0.3;
    config.min_bars_away = 2;
    config.min_slope_atr = 0.01;
    config.timeframes = {"1m"};
    return config;
}

std::vector<Touch> detect(const TouchConfig& config, const std::vector<Bar>& bars) {
    TouchDetector detector = TouchDetector::make(config, 0).value();
    std::vector<Touch> touches;
    for (const Bar& one : bars) {
        if (const auto touch = detector.step(one)) touches.push_back(*touch);
    }
    return touches;
}

/// The definition read off the page, over whole columns: nothing incremental.
struct Columns {
    std::vector<double> ema;
    std::vector<double> atr;
};

Columns columns_of(const std::vector<Bar>& bars, std::size_t length) {
    const std::size_t n = bars.size();
    Columns c{std::vector<double>(n, NAN), std::vector<double>(n, NAN)};
    double sum = 0.0;
    for (std::size_t t = 0; t < n; ++t) {
        if (t < length) sum += bars[t].close;
        if (t == length - 1) c.ema[t] = sum / static_cast<double>(length);
        if (t >= length) c.ema[t] = c.ema[t - 1] + 2.0 / (static_cast<double>(length) + 1.0) * (bars[t].close - c.ema[t - 1]);
    }
    double ranges = 0.0;
    for (std::size_t t = 1; t < n; ++t) {
        const double range =
            std::max({bars[t].high - bars[t].low, std::fabs(bars[t].high - bars[t - 1].close), std::fabs(bars[t].low - bars[t - 1].close)});
        if (t <= 14) ranges += range;
        if (t == 14) c.atr[t] = ranges / 14.0;
        if (t > 14) c.atr[t] = (13.0 * c.atr[t - 1] + range) / 14.0;
    }
    return c;
}

bool long_touch(const std::vector<Bar>& bars, const Columns& c, std::size_t t, const TouchConfig& config) {
    const auto away = static_cast<std::size_t>(config.min_bars_away);
    const auto back = static_cast<std::size_t>(config.slope_bars);
    if (t < away || t < back) return false;
    const double tolerance = config.touch_tolerance_atr;
    bool touched = bars[t].low <= c.ema[t] + tolerance * c.atr[t] && bars[t].close > c.ema[t];
    for (std::size_t j = 1; j <= away; ++j) touched = touched && bars[t - j].low > c.ema[t - j] + tolerance * c.atr[t - j];
    return touched && (c.ema[t] - c.ema[t - back]) / (static_cast<double>(back) * c.atr[t]) > config.min_slope_atr;
}

bool short_touch(const std::vector<Bar>& bars, const Columns& c, std::size_t t, const TouchConfig& config) {
    const auto away = static_cast<std::size_t>(config.min_bars_away);
    const auto back = static_cast<std::size_t>(config.slope_bars);
    if (t < away || t < back) return false;
    const double tolerance = config.touch_tolerance_atr;
    bool touched = bars[t].high >= c.ema[t] - tolerance * c.atr[t] && bars[t].close < c.ema[t];
    for (std::size_t j = 1; j <= away; ++j) touched = touched && bars[t - j].high < c.ema[t - j] - tolerance * c.atr[t - j];
    return touched && (c.ema[t] - c.ema[t - back]) / (static_cast<double>(back) * c.atr[t]) < -config.min_slope_atr;
}

TEST(Touch, IsWhatTheDefinitionSaysOverWholeColumns) {
    const std::vector<Bar> bars = random_bars(RandomStream(11), 20'000, 6.0);
    const TouchConfig config = loose();
    const Columns c = columns_of(bars, 10);
    std::vector<std::pair<TimeNs, Direction>> expected;
    for (std::size_t t = 0; t < bars.size(); ++t) {
        if (long_touch(bars, c, t, config)) expected.emplace_back(bars[t].close_time, Direction::long_side);
        if (short_touch(bars, c, t, config)) expected.emplace_back(bars[t].close_time, Direction::short_side);
    }
    std::vector<std::pair<TimeNs, Direction>> found;
    for (const Touch& touch : detect(config, bars)) found.emplace_back(touch.known_at, touch.direction);
    EXPECT_GT(expected.size(), 200U);
    EXPECT_EQ(found, expected);
}

// Doubling all prices is exact in binary floating point, so everything must scale to the last bit.
TEST(Touch, ScalesWithThePrice) {
    const std::vector<Bar> bars = random_bars(RandomStream(5), 5'000, 6.0);
    std::vector<Bar> doubled = bars;
    for (Bar& one : doubled) {
        for (double* price : {&one.open, &one.high, &one.low, &one.close}) *price *= 2.0;
    }
    const std::vector<Touch> once = detect(loose(), bars);
    const std::vector<Touch> twice = detect(loose(), doubled);
    ASSERT_EQ(once.size(), twice.size());
    for (std::size_t i = 0; i < once.size(); ++i) {
        Touch scaled = once[i];
        scaled.close *= 2.0;
        scaled.ema *= 2.0;
        scaled.atr *= 2.0;
        EXPECT_EQ(scaled, twice[i]);
    }
}

TEST(Touch, AMirroredMarketHasMirroredTouches) {
    const std::vector<Bar> bars = random_bars(RandomStream(6), 5'000, 6.0);
    std::vector<Bar> mirrored = bars;
    for (Bar& one : mirrored) {
        one.open = 4000.0 - one.open;
        one.close = 4000.0 - one.close;
        const double high = one.high;
        one.high = 4000.0 - one.low;
        one.low = 4000.0 - high;
    }
    const std::vector<Touch> up = detect(loose(), bars);
    const std::vector<Touch> down = detect(loose(), mirrored);
    ASSERT_EQ(up.size(), down.size());
    ASSERT_FALSE(up.empty());
    for (std::size_t i = 0; i < up.size(); ++i) {
        EXPECT_EQ(up[i].known_at, down[i].known_at);
        EXPECT_EQ(up[i].direction, opposite(down[i].direction));
    }
}

TEST(Touch, ABarThatPiercesCountsOnlyWhenItClosesOnTheTrendsSide) {
    std::vector<Bar> bars;
    for (int i = 0; i < 40; ++i) bars.push_back(bar(i, 100.0 + i, 101.5 + i, 99.5 + i, 101.0 + i));
    const double last = bars.back().close;
    std::vector<Bar> above = bars;
    above.push_back(bar(40, last, last, last - 30.0, last - 1.0));
    std::vector<Bar> below = bars;
    below.push_back(bar(40, last, last, last - 30.0, last - 29.0));
    const std::vector<Touch> found = detect(loose(), above);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].direction, Direction::long_side);
    EXPECT_EQ(found[0].known_at, above.back().close_time);
    EXPECT_TRUE(detect(loose(), below).empty());
}

RC_GTEST_PROP(Touch, CuttingTheFutureOffChangesNoEarlierTouch, (std::uint64_t seed)) {
    const std::vector<Bar> bars = random_bars(RandomStream(seed), 600, 6.0);
    const auto cut = *rc::gen::inRange<std::size_t>(0, bars.size());
    const std::vector<Touch> whole = detect(loose(), bars);
    const std::vector<Touch> part = detect(loose(), std::vector<Bar>(bars.begin(), bars.begin() + static_cast<std::ptrdiff_t>(cut)));
    RC_ASSERT(part.size() <= whole.size());
    RC_ASSERT(std::equal(part.begin(), part.end(), whole.begin()));
    if (part.size() < whole.size()) RC_ASSERT((cut == 0 || whole[part.size()].known_at > bars[cut - 1].close_time));
}

TEST(TouchScanner, HandsOutTheHighestTimeframeFirst) {
    TouchConfig config = loose();
    config.timeframes = {"5m", "1m"};
    TouchScanner scanner = TouchScanner::make(config).value();
    ASSERT_EQ(scanner.timeframes()[0].name(), "1m");
    // The same rise, then the same dip, on both timeframes.
    for (int i = 0; i <= 40; ++i) {
        const bool dip = i == 40;
        Bar one = bar(i, 100.0 + i, 101.5 + i, dip ? 100.0 : 99.5 + i, 101.0 + i);
        one.close_time = testing::minute(5 * (i + 1));
        scanner.step(0, one);
        scanner.step(1, one);
    }
    const auto touches = scanner.take();
    ASSERT_EQ(touches.size(), 2U);
    EXPECT_EQ(touches[0].known_at, touches[1].known_at);
    EXPECT_EQ(touches[0].timeframe, 1U);
    EXPECT_EQ(touches[1].timeframe, 0U);
    EXPECT_TRUE(scanner.take().empty());
}

TEST(TouchScanner, RefusesColumnsThatDoNotMatchItsTimeframes) {
    const std::vector<std::vector<Bar>> columns(2);
    EXPECT_EQ(find_touches(loose(), columns).error().code, ErrorCode::data);
}

TEST(TouchConfig, NamesWhatIsWrong) {
    TouchConfig config;
    config.timeframes = {};
    EXPECT_EQ(config.validate().error().message, "touch.timeframes is empty");
    config = {};
    config.slope_bars = 0;
    EXPECT_FALSE(TouchDetector::make(config, 0).has_value());
    config = {};
    config.touch_tolerance_atr = -0.1;
    EXPECT_EQ(config.validate().error().message, "touch.touch_tolerance_atr -0.1 is below 0");
}

// A scanner that was written down and read back finds the same touches as one that has seen everything.
TEST(TouchScanner, GoesOnFromItsState) {
    TouchConfig config = loose();
    config.timeframes = {"1m", "5m"};
    const std::vector<Bar> bars = random_bars(RandomStream(11), 2000, 3.0);
    const auto step = [&](TouchScanner& scanner, std::size_t i) {
        scanner.step(0, bars[i]);
        if (i % 5 == 4) scanner.step(1, bars[i]);  // any bar does
        const auto touches = scanner.take();
        return std::vector<Touch>(touches.begin(), touches.end());
    };
    TouchScanner whole = TouchScanner::make(config).value();
    std::size_t found = 0;
    for (std::size_t cut = 0; cut < 200; ++cut) {
        const Json state = parse_json(canonical_json(state_of(whole)), "state").value();
        TouchScanner restored = TouchScanner::make(config).value();
        ASSERT_TRUE(read_state(state, restored).has_value());
        TouchScanner other = whole;
        for (std::size_t i = cut; i < bars.size(); ++i) {
            const std::vector<Touch> expected = step(other, i);
            ASSERT_EQ(step(restored, i), expected) << "bar " << i << ", cut at " << cut;
            found += expected.size();
        }
        step(whole, cut);
    }
    EXPECT_GT(found, 1000U);
}

}  // namespace
}  // namespace sofia::trading

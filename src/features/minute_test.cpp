#include "features/minute.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "base/state_json.hpp"
#include "features/leak_audit.hpp"
#include "features/test_bars.hpp"
#include "math/statistics.hpp"

namespace sofia::features {
namespace {

using Bars = std::vector<market::Bar>;

constexpr double nan = math::missing;

bool same(double a, double b) { return (std::isnan(a) && std::isnan(b)) || std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

/// Flat minutes with these closes.
Bars minutes(const std::vector<double>& closes) {
    Bars bars(closes.size());
    for (std::size_t i = 0; i < closes.size(); ++i) {
        market::Bar& bar = bars[i];
        bar.open_time = test_start + static_cast<TimeNs>(i) * ns_per_minute;
        bar.close_time = bar.open_time + ns_per_minute;
        bar.open = bar.high = bar.low = bar.close = closes[i];
        bar.volume = 1.0;
    }
    return bars;
}

AsOfSeries random_series(std::string name, const Bars& bars, std::uint64_t seed) {
    RandomStream random(seed);
    AsOfSeries series{.name = std::move(name), .known_at = {}, .values = {}};
    for (TimeNs at = bars.front().open_time; at < bars.back().close_time; at += static_cast<TimeNs>(random.below(90)) * ns_per_minute / 4) {
        series.known_at.push_back(at);
        series.values.push_back(random.normal());
    }
    return series;
}

TEST(MinuteFeatures, HaveTheirExactNames) {
    const MinuteTable table = minute_features(random_bars(60), 5).value();
    EXPECT_EQ(table.features.columns(), (std::vector<std::string>{"close", "ret1", "sma20_gap", "sma50_gap", "vol_z"}));
}

// Against sums over the window itself, row by row.
TEST(MinuteFeatures, FollowTheirDefinitions) {
    const Bars bars = random_bars(400, 3);
    const MinuteTable table = minute_features(bars, 5, MinuteColumns::OrderFlow::on, {}).value();
    const auto window = [&](std::size_t last, std::size_t length, double market::Bar::* field) {
        std::vector<double> values;
        for (std::size_t i = last + 1 - length; i <= last; ++i) values.push_back(bars[i].*field);
        return values;
    };
    for (std::size_t i = 0; i < bars.size(); ++i) {
        const std::span<const double> row = table.features.row(i);
        EXPECT_EQ(row[0], bars[i].close);
        if (i == 0) {
            EXPECT_TRUE(std::isnan(row[1]));
        } else {
            EXPECT_NEAR(row[1], (bars[i].close - bars[i - 1].close) / bars[i - 1].close, 1e-15);
        }
        if (i < 19) {
            EXPECT_TRUE(std::isnan(row[2]) && std::isnan(row[6]));
        } else {
            EXPECT_NEAR(row[2], bars[i].close - math::mean(window(i, 20, &market::Bar::close)), 1e-10);
            const double buy = math::sum(window(i, 20, &market::Bar::buy_volume));
            const double sell = math::sum(window(i, 20, &market::Bar::sell_volume));
            EXPECT_NEAR(row[6], (buy - sell) / (buy + sell), 1e-12);
        }
        if (i < 49) {
            EXPECT_TRUE(std::isnan(row[3]) && std::isnan(row[4]));
            continue;
        }
        EXPECT_NEAR(row[3], bars[i].close - math::mean(window(i, 50, &market::Bar::close)), 1e-10);
        const std::vector<double> volumes = window(i, 50, &market::Bar::volume);
        EXPECT_NEAR(row[4], (bars[i].volume - math::mean(volumes)) / math::stdev(volumes), 1e-10);
    }
}

TEST(MinuteFeatures, AConstantVolumeHasNoDeviation) {
    const MinuteTable table = minute_features(minutes(std::vector<double>(60, 7.0)), 1).value();
    EXPECT_EQ(table.features.row(59)[4], 0.0);
    EXPECT_EQ(table.features.row(59)[3], 0.0);
}

TEST(MinuteFeatures, BatchIsTheStreamToTheLastBitThroughEveryState) {
    const Bars bars = random_bars(600, 5);
    const std::vector<AsOfSeries> series = {random_series("a", bars, 1), random_series("b", bars, 2)};
    const MinuteTable batch = minute_features(bars, 5, MinuteColumns::OrderFlow::on, series).value();
    const MinuteColumns columns{.order_flow = MinuteColumns::OrderFlow::on, .joined = {{"a", 0}, {"b", 0}}};
    MinuteSteps stream(columns);
    std::vector<std::size_t> next(series.size(), 0);
    for (std::size_t i = 0; i < bars.size(); ++i) {
        if (i % 37 == 0) {
            const Json kept = state_of(stream);
            stream = MinuteSteps(columns);
            ASSERT_TRUE(read_state(kept, stream).has_value());
        }
        for (std::size_t s = 0; s < series.size(); ++s) {
            for (; next[s] < series[s].known_at.size() && series[s].known_at[next[s]] <= bars[i].close_time; ++next[s]) {
                stream.learn(s, series[s].known_at[next[s]], series[s].values[next[s]]);
            }
        }
        const std::span<const double> row = stream.step(bars[i]);
        for (std::size_t c = 0; c < row.size(); ++c)
            ASSERT_TRUE(same(row[c], batch.features.row(i)[c])) << batch.features.columns()[c] << " row " << i;
    }
}

TEST(MinuteFeatures, PassTheLeakAudit) {
    const Bars bars = random_bars(700, 7);
    const std::vector<AsOfSeries> series = {random_series("a", bars, 9)};
    const auto report = audit_leaks(
        bars, [&](std::span<const market::Bar> some) { return minute_features(some, 5, MinuteColumns::OrderFlow::on, series).value().features; });
    EXPECT_TRUE(report.value().passed()) << format(*report);
}

// The labels are the only thing that looks ahead: the audit finds the horizon when they pose as a feature.
TEST(MinuteFeatures, TheLeakAuditFindsTheLabelAsAFeature) {
    const Bars bars = random_bars(300, 7);
    const auto report = audit_leaks(bars, [](std::span<const market::Bar> some) {
        const MinuteTable table = minute_features(some, 5).value();
        market::Table posing({"y"});
        for (std::size_t i = 0; i < table.rows(); ++i) posing.append(table.features.known_at()[i], std::span(&table.y[i], 1));
        return posing;
    });
    EXPECT_FALSE(report.value().passed());
}

TEST(MinuteLabels, SayWhetherTheCloseIsHigherAfterTheHorizon) {
    const MinuteTable table = minute_features(minutes({5, 6, 5, 5, 7}), 2).value();
    const std::vector<double> y = {0.0, 0.0, 1.0, nan, nan};  // 5 -> 5, 6 -> 5, 5 -> 7
    for (std::size_t i = 0; i < y.size(); ++i) EXPECT_TRUE(same(table.y[i], y[i])) << i;
    EXPECT_EQ(table.end_time(0), test_start + 3 * ns_per_minute);
}

TEST(MinuteLabels, GoByTimeNotByRows) {
    Bars bars = minutes({5, 6, 7, 8, 9, 10});
    bars.erase(bars.begin() + 3);  // nothing closed at the end of the fourth minute
    const MinuteTable table = minute_features(bars, 2).value();
    const std::vector<double> y = {1.0, nan, 1.0, nan, nan};
    for (std::size_t i = 0; i < y.size(); ++i) EXPECT_TRUE(same(table.y[i], y[i])) << i;
}

TEST(MinuteLabels, AFilledMinuteCarriesTheLastClose) {
    Bars bars = minutes({5, 6, 6, 7});
    bars[2].filled = true;
    bars[2].volume = 0.0;
    const MinuteTable table = minute_features(bars, 1).value();
    EXPECT_EQ(table.y[1], 0.0);  // 6 -> 6
    EXPECT_EQ(table.y[2], 1.0);
}

TEST(AsOfJoin, NeverShowsAValueBeforeItWasKnown) {
    const Bars bars = random_bars(300, 11);
    AsOfSeries series = random_series("chain", bars, 4);
    const MinuteTable clean = minute_features(bars, 5, MinuteColumns::OrderFlow::off, std::span(&series, 1)).value();
    for (std::size_t moment = 0; moment < bars.size(); moment += 17) {
        AsOfSeries poisoned = series;
        for (std::size_t i = 0; i < poisoned.values.size(); ++i) {
            if (poisoned.known_at[i] > bars[moment].close_time) poisoned.values[i] = 1e9;
        }
        const MinuteTable table = minute_features(bars, 5, MinuteColumns::OrderFlow::off, std::span(&poisoned, 1)).value();
        for (std::size_t i = 0; i <= moment; ++i) ASSERT_TRUE(same(table.features.row(i)[5], clean.features.row(i)[5])) << "row " << i;
    }
}

TEST(AsOfJoin, TakesWhatIsKnownAtTheCloseAndForgetsWhatIsOld) {
    const Bars bars = minutes({1, 1, 1, 1, 1, 1});
    const AsOfSeries series{.name = "s",
                            .known_at = {bars[0].close_time, bars[1].close_time + 1, bars[1].close_time + 1},
                            .values = {1.0, 2.0, 3.0},
                            .age_max = 2 * ns_per_minute};
    const MinuteTable table = minute_features(bars, 1, MinuteColumns::OrderFlow::off, std::span(&series, 1)).value();
    const std::vector<double> expected = {1.0, 1.0, 3.0, 3.0, nan, nan};  // of two values of one moment the last one
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(same(table.features.row(i)[5], expected[i])) << i;
}

TEST(MinuteFeatures, RefuseWhatAreNoMinutesInOrder) {
    Bars bars = random_bars(10);
    EXPECT_EQ(minute_features(bars, 0).error().code, ErrorCode::usage);
    std::swap(bars[3], bars[4]);
    EXPECT_EQ(minute_features(bars, 5).error().code, ErrorCode::data);
    bars = random_bars(10);
    bars[5].close_time += ns_per_minute;
    const auto wrong = minute_features(bars, 5);
    EXPECT_NE(wrong.error().message.find("2020-01-01T00:05:00Z"), std::string::npos) << wrong.error().message;
    AsOfSeries descending{.name = "s", .known_at = {2, 1}, .values = {0.0, 0.0}};
    EXPECT_EQ(minute_features(random_bars(10), 5, MinuteColumns::OrderFlow::off, std::span(&descending, 1)).error().code, ErrorCode::usage);
}

TEST(TimeBasedSplit, PurgesWhatLooksIntoValidation) {
    const MinuteTable table = minute_features(random_bars(3 * 1440), 5).value();
    const MinuteSplit split = time_based_split(table, 1.0).value();
    EXPECT_EQ(split.validation.rows(), 1440U);
    EXPECT_EQ(split.train.rows(), 2U * 1440U - 5U);
    EXPECT_TRUE(guard_no_future_leak(split.train.ts, split.validation.ts, 5).has_value());
    EXPECT_LT(split.train.end_time(split.train.rows() - 1), split.validation.features.known_at().front());
    // One row more would have been one too many.
    std::vector<TimeNs> more = split.train.ts;
    more.push_back(more.back() + ns_per_minute);
    EXPECT_FALSE(guard_no_future_leak(more, split.validation.ts, 5).has_value());
}

TEST(CutMinutes, IsTheSplitsRuleInAnyOrderOfTimes) {
    const MinuteTable table = minute_features(random_bars(3 * 1440), 5).value();
    const MinuteSplit split = time_based_split(table, 1.0).value();
    std::vector<TimeNs> shuffled = table.ts;
    std::ranges::shuffle(shuffled, std::mt19937_64(7));
    const MinuteCut cut = cut_minutes(shuffled, table.features.known_at().back(), 1.0, 5).value();
    EXPECT_EQ(std::ranges::count_if(shuffled, [&](TimeNs ts) { return ts < cut.train_end; }), static_cast<std::ptrdiff_t>(split.train.rows()));
    EXPECT_EQ(cut.validation_begin, split.validation.ts.front());
    EXPECT_EQ(cut_minutes(shuffled, shuffled.front(), 1.0, 0).error().code, ErrorCode::usage);
}

TEST(TimeBasedSplit, RefusesEmptySides) {
    const MinuteTable table = minute_features(random_bars(1440), 5).value();
    EXPECT_EQ(time_based_split(table, 1.0).error().code, ErrorCode::data);
    EXPECT_EQ(time_based_split(table, 0.0).error().code, ErrorCode::usage);
    EXPECT_EQ(time_based_split(minute_features(Bars{}, 5).value(), 1.0).error().code, ErrorCode::data);
}

TEST(GuardNoFutureLeak, SaysBothTimes) {
    const std::vector<TimeNs> train = {test_start + 10 * ns_per_minute, test_start};
    const std::vector<TimeNs> validation = {test_start + 20 * ns_per_minute, test_start + 15 * ns_per_minute};
    const auto refused = guard_no_future_leak(train, validation, 5);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::blocked);
    EXPECT_NE(refused.error().message.find("2020-01-01T00:10:00Z"), std::string::npos);
    EXPECT_NE(refused.error().message.find("2020-01-01T00:15:00Z"), std::string::npos);
    EXPECT_TRUE(guard_no_future_leak(train, validation, 4).has_value());
    EXPECT_EQ(guard_no_future_leak({}, validation, 5).error().code, ErrorCode::data);
}

}  // namespace
}  // namespace sofia::features

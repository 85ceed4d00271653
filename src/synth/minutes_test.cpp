// The minutes with a planted direction reach the ceiling and no more.
#include <array>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "synth/ceiling.hpp"
#include "synth/simulate.hpp"

namespace sofia::synth {
namespace {

using market::Bar;

constexpr std::size_t horizon = 5;

std::vector<Bar> minutes(double edge, std::int64_t days, std::uint64_t seed) {
    SimulationConfig config;
    config.edge = edge;
    config.days = days;
    config.start = "2023-01-01";
    config.volatility_annual = 0.2;
    config.tick = 0.01;
    return simulate_direction_minutes(config, RandomStream(seed)).value();
}

struct Fit {
    double r_squared;
    double accuracy;
};

using Row = std::array<double, 4>;  // last change, gap to SMA20, gap to SMA50; the move over the horizon

std::vector<Row> rows_of(const std::vector<Bar>& bars) {
    std::vector<Row> rows;
    for (std::size_t t = 50; t + horizon < bars.size(); ++t) {
        double mean20 = 0.0;
        double mean50 = 0.0;
        for (std::size_t j = 0; j < 50; ++j) {
            mean50 += bars[t - j].close / 50.0;
            if (j < 20) mean20 += bars[t - j].close / 20.0;
        }
        const double c = bars[t].close;
        rows.push_back({c - bars[t - 1].close, c - mean20, c - mean50, bars[t + horizon].close - c});
    }
    return rows;
}

// Least squares without intercept by Gauss-Jordan on the first half; R^2 and accuracy on the second.
Fit fit(const std::vector<Row>& rows) {
    std::array<std::array<double, 4>, 3> m{};
    const std::size_t half = rows.size() / 2;
    for (std::size_t r = 0; r < half; ++r) {
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t j = 0; j < 4; ++j) m[i][j] += rows[r][i] * rows[r][j];
        }
    }
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t k = 0; k < 3; ++k) {
            if (k == i) continue;
            const double factor = m[k][i] / m[i][i];
            for (std::size_t j = 0; j < 4; ++j) m[k][j] -= factor * m[i][j];
        }
    }
    double residual = 0.0;
    double total = 0.0;
    double right = 0.0;
    double n = 0.0;
    for (std::size_t r = half; r < rows.size(); ++r) {
        double predicted = 0.0;
        for (std::size_t i = 0; i < 3; ++i) predicted += m[i][3] / m[i][i] * rows[r][i];
        residual += (rows[r][3] - predicted) * (rows[r][3] - predicted);
        total += rows[r][3] * rows[r][3];
        right += (predicted > 0.0) == (rows[r][3] > 0.0) ? 1.0 : 0.0;
        n += 1.0;
    }
    return {1.0 - residual / total, right / n};
}

// Overlapping horizons leave a fifth of the rows independent: with 144,000 rows the standard error of the accuracy is 0.003; four of them.
TEST(DirectionMinutes, ReachTheCeilingOfTheLyapunovEquation) {
    for (const double edge : {0.5, 1.0}) {
        const Fit found = fit(rows_of(minutes(edge, 200, 17)));
        const Ceiling ceiling = direction_ceiling(edge, horizon);
        EXPECT_NEAR(found.accuracy, ceiling.accuracy, 0.012) << edge;
        EXPECT_NEAR(found.r_squared, ceiling.r_squared, 0.012) << edge;
    }
}

TEST(DirectionMinutes, AreANoiseWalkAtEdgeZero) {
    const Fit found = fit(rows_of(minutes(0.0, 200, 18)));
    EXPECT_NEAR(found.accuracy, 0.5, 0.012);
    EXPECT_LT(found.r_squared, 0.002);
}

TEST(DirectionMinutes, AreWellFormedAndContiguous) {
    const std::vector<Bar> bars = minutes(0.7, 3, 19);
    ASSERT_EQ(bars.size(), 3U * 1440U);
    for (std::size_t i = 0; i < bars.size(); ++i) {
        const Bar& bar = bars[i];
        ASSERT_EQ(bar.close_time - bar.open_time, ns_per_minute);
        ASSERT_LE(bar.low, std::min(bar.open, bar.close));
        ASSERT_GE(bar.high, std::max(bar.open, bar.close));
        ASSERT_GT(bar.volume, 0.0);
        ASSERT_TRUE(std::isnan(bar.vwap) && std::isnan(bar.buy_volume) && std::isnan(bar.trades));
        if (i > 0) {
            ASSERT_EQ(bar.open_time, bars[i - 1].close_time);
            ASSERT_EQ(bar.open, bars[i - 1].close);
        }
    }
    EXPECT_TRUE(same_bits(bars[2'000], minutes(0.7, 3, 19)[2'000]));
    EXPECT_FALSE(same_bits(bars[2'000], minutes(0.7, 3, 20)[2'000]));
}

// Volume knows neither the size nor the sign of the move to come: |z| < 4, 6e-5 each.
TEST(DirectionMinutes, HaveVolumeThatTellsNothing) {
    const std::vector<Bar> bars = minutes(1.0, 30, 21);
    double mean = 0.0;
    for (const Bar& bar : bars) mean += bar.volume / static_cast<double>(bars.size());
    double size = 0.0;
    double mean_move = 0.0;
    for (const Bar& bar : bars) mean_move += std::fabs(bar.close - bar.open) / static_cast<double>(bars.size());
    double size_squares = 0.0;
    double sign = 0.0;
    double sign_squares = 0.0;
    for (std::size_t i = 0; i + 1 < bars.size(); ++i) {
        const double move = bars[i + 1].close - bars[i + 1].open;
        const double a = (bars[i].volume - mean) * (std::fabs(move) - mean_move);
        const double b = (bars[i].volume - mean) * move;
        size += a;
        size_squares += a * a;
        sign += b;
        sign_squares += b * b;
    }
    EXPECT_LT(std::fabs(size / std::sqrt(size_squares)), 4.0);
    EXPECT_LT(std::fabs(sign / std::sqrt(sign_squares)), 4.0);
}

TEST(DirectionMinutes, SayWhenTheWalkFallsToZero) {
    SimulationConfig config;
    config.days = 5'000;
    config.volatility_annual = 2.0;
    const auto made = simulate_direction_minutes(config, RandomStream(1));
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code, ErrorCode::data);
    EXPECT_NE(made.error().message.find("of 5000 days"), std::string::npos);
}

}  // namespace
}  // namespace sofia::synth

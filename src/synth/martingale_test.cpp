// At edge 0 nobody can earn. Seeds are fixed; each bound names the false-alarm rate it would have over seeds.
#include <array>
#include <cmath>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "synth/simulate.hpp"
#include "synth/touch_watch.hpp"

namespace sofia::synth {
namespace {

using market::Side;

// A tick as large as a move between prints, so that the bounce is plain.
const std::vector<Tick>& ticks() {
    static const std::vector<Tick> all = [] {
        SimulationConfig config;
        config.days = 20;
        config.trades = 400'000;
        config.tick = 10.0;
        auto simulator = TradeSimulator::make(config, RandomStream(2024)).value();
        std::vector<Tick> made;
        for (Tick tick; simulator.next(tick);) made.push_back(tick);
        return made;
    }();
    return all;
}

double side_sign(const Tick& tick) { return tick.trade.side == Side::buy ? 1.0 : -1.0; }

TEST(MartingaleAtEdgeZero, NothingIsPlantedWithEffect) {
    for (const Tick& tick : ticks()) ASSERT_EQ(tick.theta, 0.0);
}

// z = Σ x d / sqrt(Σ x² d²) for ten predictors known before the move: |z| < 4.5 has a false-alarm rate of 7e-6 each.
TEST(MartingaleAtEdgeZero, MovesOfTheMidAreUncorrelatedWithThePast) {
    struct Predictor {
        std::string name;
        std::function<double(std::size_t)> value;  // of the print before the move
    };
    const auto& t = ticks();
    const auto hour = [&](std::size_t i) { return static_cast<double>(t[i].trade.ts % ns_per_day) / static_cast<double>(ns_per_hour); };
    const std::vector<Predictor> predictors{
        {"constant", [](std::size_t) { return 1.0; }},
        {"aggressor", [&](std::size_t i) { return side_sign(t[i]); }},
        {"two aggressors", [&](std::size_t i) { return side_sign(t[i]) + side_sign(t[i - 1]); }},
        {"print against mid", [&](std::size_t i) { return t[i].trade.price - t[i].mid; }},
        {"last change of the print", [&](std::size_t i) { return t[i].trade.price - t[i - 1].trade.price; }},
        {"last move of the mid", [&](std::size_t i) { return t[i].mid - t[i - 1].mid; }},
        {"hundred prints", [&](std::size_t i) { return t[i].mid > t[i - 100].mid ? 1.0 : -1.0; }},
        {"two thousand prints", [&](std::size_t i) { return t[i].mid > t[i - 2'000].mid ? 1.0 : -1.0; }},
        {"signed size", [&](std::size_t i) { return side_sign(t[i]) * std::min(t[i].trade.size, 0.1); }},
        {"time of day", [&](std::size_t i) { return hour(i) < 12.0 ? 1.0 : -1.0; }},
    };
    for (const Predictor& predictor : predictors) {
        double sum = 0.0;
        double squares = 0.0;
        for (std::size_t i = 2'000; i + 1 < t.size(); ++i) {
            const double term = predictor.value(i) * (t[i + 1].mid - t[i].mid);
            sum += term;
            squares += term * term;
        }
        EXPECT_LT(std::fabs(sum / std::sqrt(squares)), 4.5) << predictor.name;
    }
}

// Moves over their own deviation are standard normal, apart from the aggressor that prints with them: five bounds of 6e-5 each.
TEST(MartingaleAtEdgeZero, StandardisedMovesAreGaussianAndApartFromTheAggressor) {
    const auto& t = ticks();
    std::array<double, 5> moments{};
    double n = 0.0;
    for (std::size_t i = 1; i < t.size(); ++i) {
        if (t[i].variance <= 0.0) continue;
        const double e = (std::log(t[i].mid / t[i - 1].mid) + t[i].variance / 2.0) / std::sqrt(t[i].variance);
        moments[0] += e;
        moments[1] += e * e - 1.0;
        moments[2] += e * e * e;
        moments[3] += e * e * e * e - 3.0;
        moments[4] += e * side_sign(t[i]);
        n += 1.0;
    }
    EXPECT_GT(n, 0.99 * static_cast<double>(t.size()));
    const std::array<double, 5> variances{1.0, 2.0, 15.0, 96.0, 1.0};  // of each term, for a standard normal
    for (std::size_t k = 0; k < moments.size(); ++k) EXPECT_LT(std::fabs(moments[k]), 4.0 * std::sqrt(variances[k] * n)) << k;
}

// Roll (1984): the bounce makes changes of prints anticorrelated. For h = 1/2 tick the print misses the mid by e with E e² = 1 + 1/12 tick² when
// the mid's place between ticks is uniform; when that place is remembered from print to print the 1/12 drops out, so the autocovariance
// lies between -(1 + 1/12) and -1. Within four standard errors of that.
TEST(MartingaleAtEdgeZero, PrintsBounceAsRollSays) {
    SimulationConfig config;
    config.trades = 200'000;
    config.tick = 10.0;
    auto simulator = TradeSimulator::make(config, RandomStream(1984)).value();
    std::vector<double> prints;
    for (Tick tick; simulator.next(tick);) prints.push_back(tick.trade.price / config.tick);
    double sum = 0.0;
    double squares = 0.0;
    for (std::size_t i = 2; i < prints.size(); ++i) {
        const double term = (prints[i] - prints[i - 1]) * (prints[i - 1] - prints[i - 2]);
        sum += term;
        squares += term * term;
    }
    const double n = static_cast<double>(prints.size() - 2);
    const double error = std::sqrt(squares) / n;
    EXPECT_GT(sum / n, -(1.0 + 1.0 / 12.0) - 4.0 * error);
    EXPECT_LT(sum / n, -1.0 + 4.0 * error);
    EXPECT_LT(error, 0.1);
}

/// Wants a position of -1, 0 or 1 after each print.
using Strategy = std::function<int(const Tick&)>;

// The PnL marked at the mid over its own deviation. Buys fill at the next Buy print, sells at the next Sell print.
double score(const Strategy& strategy) {
    int position = 0;
    int wanted = 0;
    double profit = 0.0;
    double squares = 0.0;
    double mid = ticks().front().mid;
    for (const Tick& tick : ticks()) {
        const double move = tick.mid - mid;
        mid = tick.mid;
        profit += position * move;
        squares += position * position * move * move;
        const int change = wanted - position;
        if (change != 0 && (change > 0) == (tick.trade.side == Side::buy)) {
            profit -= change * (tick.trade.price - tick.mid);
            position = wanted;
        }
        wanted = strategy(tick);
    }
    return profit / std::sqrt(squares);
}

Strategy momentum(std::size_t length) {
    return [length, prints = std::deque<double>()](const Tick& tick) mutable {
        prints.push_back(tick.trade.price);
        if (prints.size() > length) prints.pop_front();
        return prints.back() > prints.front() ? 1 : prints.back() < prints.front() ? -1 : 0;
    };
}

Strategy against(Strategy strategy) {
    return [strategy = std::move(strategy)](const Tick& tick) mutable { return -strategy(tick); };
}

Strategy follow_touch(int sign) {
    return [sign, watch = TouchWatch(), position = 0, until = TimeNs{0}](const Tick& tick) mutable {
        if (tick.trade.ts >= until) position = 0;
        if (const auto touch = watch.on_trade(tick.trade)) {
            position = sign * touch->direction * -touch->volume_sign;
            until = tick.trade.ts + 2 * ns_per_hour;
        }
        return position;
    };
}

// One-sided: 3e-5 each at most, for the spread pushes all of them down.
TEST(MartingaleAtEdgeZero, NoStrategyEarns) {
    const Strategy reversal = [](const Tick& tick) { return tick.trade.side == Side::sell ? 1 : -1; };
    EXPECT_LT(score([](const Tick&) { return 1; }), 4.0);
    EXPECT_LT(score([](const Tick&) { return -1; }), 4.0);
    EXPECT_LT(score(momentum(20)), 4.0);
    EXPECT_LT(score(momentum(500)), 4.0);
    EXPECT_LT(score(against(momentum(20))), 4.0);
    EXPECT_LT(score(against(momentum(500))), 4.0);
    EXPECT_LT(score(follow_touch(1)), 4.0);
    EXPECT_LT(score(follow_touch(-1)), 4.0);
    EXPECT_LT(score(reversal), 4.0);
}

// The test has teeth: whoever may buy at Sell prints pockets the bounce, and whoever knows the next move earns too.
TEST(MartingaleAtEdgeZero, DishonestFillsEarnAndAreCaught) {
    const auto& t = ticks();
    double profit = 0.0;
    double squares = 0.0;
    int position = 0;
    for (std::size_t i = 1; i < t.size(); ++i) {
        const double move = t[i].mid - t[i - 1].mid;
        profit += position * move;
        squares += position * position * move * move;
        const int wanted = t[i].trade.side == Side::sell ? 1 : -1;  // at this very print, on its wrong side
        profit -= (wanted - position) * (t[i].trade.price - t[i].mid);
        position = wanted;
    }
    EXPECT_GT(profit / std::sqrt(squares), 20.0);

    std::size_t next = 0;
    const Strategy foresight = [&](const Tick&) {
        next = std::min(next + 1, t.size() - 1);
        return t[std::min(next + 50, t.size() - 1)].mid > t[next].mid ? 1 : -1;
    };
    EXPECT_GT(score(foresight), 6.0);  // it trades often and pays the spread each time
}

}  // namespace
}  // namespace sofia::synth

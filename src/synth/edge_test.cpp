// The planted edge has the size it claims. Seeds are fixed; each bound names the false-alarm rate it would have over seeds.
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "synth/ceiling.hpp"
#include "synth/simulate.hpp"

namespace sofia::synth {
namespace {

/// A barrier pair as multiples of the event's half width, along and against the trend, and where the walk went first.
struct Pair {
    double along;
    double against;
};
constexpr std::array<Pair, 4> pairs{{{1.0, 1.0}, {0.5, 0.5}, {1.0, 0.5}, {0.5, 1.0}}};

struct Outcome {
    PlantedEvent event;
    std::array<int, pairs.size()> first{};  // +1 along first, -1 against first
    double moved = 0.0;                     // signed along the trend, at the end
    TimeNs begins = 0;
    TimeNs ends = 0;
};

struct Simulated {
    std::vector<Outcome> outcomes;  // of events that ended
    double overshoot = 0.0;         // mean of |moved| / half_width - 1
};

Simulated run(double edge, std::uint64_t seed) {
    SimulationConfig config;
    config.days = 700;
    config.trades = 2'100'000;
    config.edge = edge;
    auto simulator = TradeSimulator::make(config, RandomStream(seed)).value();
    Simulated result;
    std::optional<Outcome> active;
    for (Tick tick; simulator.next(tick);) {
        if (active) {
            const PlantedEvent& event = active->event;
            const double moved = event.direction * (std::log(tick.mid) - event.log_mid) / event.half_width;
            for (std::size_t k = 0; k < pairs.size(); ++k) {
                if (active->first[k] != 0) continue;
                active->first[k] = moved >= pairs[k].along ? 1 : moved <= -pairs[k].against ? -1 : 0;
            }
            if (std::fabs(moved) >= 1.0) {
                active->moved = moved * event.half_width;
                active->ends = tick.trade.ts;
                result.overshoot += std::fabs(moved) - 1.0;
                result.outcomes.push_back(*active);
                active.reset();
            }
        }
        if (tick.begins) {
            EXPECT_FALSE(active.has_value()) << "one event at a time";
            active = Outcome{.event = *tick.begins, .begins = tick.trade.ts};
        }
    }
    result.overshoot /= static_cast<double>(result.outcomes.size());
    return result;
}

const Simulated& run_at(double edge) {
    static const Simulated none = run(0.0, 70);
    static const Simulated some = run(0.6, 71);
    static const Simulated full = run(1.0, 72);
    return edge == 0.0 ? none : edge == 0.6 ? some : full;
}

double theta_of(const PlantedEvent& event) {  // along the trend
    return std::log(event.probability / (1.0 - event.probability)) / (2.0 * event.half_width);
}

class Edge : public testing::TestWithParam<double> {};
INSTANTIATE_TEST_SUITE_P(Sizes, Edge, testing::Values(0.0, 0.6, 1.0));

TEST_P(Edge, ComesAFewTimesADayInBothDirectionsAndSigns) {
    const auto& outcomes = run_at(GetParam()).outcomes;
    const double n = static_cast<double>(outcomes.size());
    EXPECT_GT(n / 700.0, 1.5);
    EXPECT_LT(n / 700.0, 6.0);
    double ups = 0.0;
    double quiet = 0.0;
    for (const Outcome& outcome : outcomes) {
        ups += outcome.event.direction == 1 ? 1.0 : 0.0;
        quiet += outcome.event.sign == 1 ? 1.0 : 0.0;
        EXPECT_DOUBLE_EQ(outcome.event.probability, 0.5 + 0.25 * GetParam() * outcome.event.sign);
        EXPECT_GE(outcome.begins, outcome.event.known_at);
        EXPECT_GT(outcome.ends, outcome.begins);
    }
    EXPECT_NEAR(ups / n, 0.5, 4.0 * 0.5 / std::sqrt(n));
    EXPECT_GT(quiet / n, 0.3);
    EXPECT_LT(quiet / n, 0.7);
}

// With x the move of log mid over the event, up positive, and theta its signed drift, E e^{(1 - 2 theta) x} = 1 exactly (optional stopping of an
// exponential martingale; no approximation by discrete steps). |z| < 4: 6e-5.
TEST_P(Edge, DriftIsExactlyWhatThetaSays) {
    double sum = 0.0;
    double squares = 0.0;
    for (const Outcome& outcome : run_at(GetParam()).outcomes) {
        const double theta = outcome.event.direction * theta_of(outcome.event);
        const double term = std::expm1((1.0 - 2.0 * theta) * outcome.event.direction * outcome.moved);
        sum += term;
        squares += term * term;
    }
    EXPECT_LT(std::fabs(sum / std::sqrt(squares)), 4.0);
}

// The best rule bets on sgn z. Moves between prints overshoot the barriers by a share of the half width, so the walk's own barrier is that much
// wider: accuracy = logistic(2 theta a (1 + overshoot)), from 1/2 + edge/4 up. |z| < 4: 6e-5.
TEST_P(Edge, BestAccuracyIsAHalfPlusAQuarterOfTheEdge) {
    const Simulated& result = run_at(GetParam());
    double right = 0.0;
    double n = 0.0;
    for (const Outcome& outcome : result.outcomes) {
        if (outcome.event.sign == 0) continue;
        right += outcome.first[0] == outcome.event.sign ? 1.0 : 0.0;
        n += 1.0;
    }
    const double best = touch_ceiling(GetParam());
    const double expected = 1.0 / (1.0 + std::pow((1.0 - best) / best, 1.0 + result.overshoot));
    EXPECT_LT(result.overshoot, 0.1);
    EXPECT_NEAR(expected, best, 0.02);
    EXPECT_NEAR(right / n, expected, 4.0 * std::sqrt(expected * (1.0 - expected) / n));
}

// Other barriers inside the event: P(along before against) by the formula, each widened by the overshoot. Four standard errors (6e-5) and a hundredth
// for the overshoot of a barrier on its own.
TEST_P(Edge, OtherBarriersFollowTheFormula) {
    const Simulated& result = run_at(GetParam());
    for (std::size_t k = 0; k < pairs.size(); ++k) {
        for (const int sign : {-1, 1}) {
            double along = 0.0;
            double expected = 0.0;
            double n = 0.0;
            for (const Outcome& outcome : result.outcomes) {
                if (outcome.event.sign != sign) continue;
                const double a = outcome.event.half_width;
                const double wider = result.overshoot * a;
                expected += hit_probability(theta_of(outcome.event), pairs[k].along * a + wider, pairs[k].against * a + wider);
                along += outcome.first[k] == 1 ? 1.0 : 0.0;
                n += 1.0;
            }
            expected /= n;
            EXPECT_NEAR(along / n, expected, 4.0 * std::sqrt(expected * (1.0 - expected) / n) + 0.01) << "pair " << k << " sign " << sign;
        }
    }
}

// Betting on sgn z at each event, gross: nothing at edge 0, plain at edge 0.6. In units of the standard deviation over events.
TEST_P(Edge, IsEarnedByTheOracleOnlyWhenThere) {
    double sum = 0.0;
    double squares = 0.0;
    for (const Outcome& outcome : run_at(GetParam()).outcomes) {
        const double bet = outcome.event.sign * outcome.moved / outcome.event.half_width;
        sum += bet;
        squares += bet * bet;
    }
    const double z = sum / std::sqrt(squares);
    if (GetParam() == 0.0) {
        EXPECT_LT(std::fabs(z), 4.0);  // 6e-5
    } else {
        EXPECT_GT(z, 8.0);
    }
}

}  // namespace
}  // namespace sofia::synth

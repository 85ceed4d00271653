#include "synth/arrivals.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace sofia::synth {
namespace {

std::vector<double> times(std::size_t count) {
    Arrivals arrivals(RandomStream(11));
    std::vector<double> all(count);
    for (double& time : all) time = arrivals.next();
    return all;
}

// Time change (Papangelou 1972): the compensator between arrivals is Exp(1), independent. Kolmogorov-Smirnov at a false-alarm rate of 1e-4.
TEST(Arrivals, AreAHawkesProcessByTheTimeChange) {
    const std::vector<double> arrivals = times(100'000);
    std::vector<double> steps;
    double excitation = Arrivals::branching;
    double last = 0.0;
    double product = 0.0;
    for (const double time : arrivals) {
        const double wait = time - last;
        const double faded = excitation * std::exp(-Arrivals::decay * wait);
        const double step = (1.0 - Arrivals::branching) * wait + (excitation - faded) / Arrivals::decay;
        if (!steps.empty()) product += (step - 1.0) * (steps.back() - 1.0);
        steps.push_back(step);
        excitation = faded + Arrivals::branching * Arrivals::decay;
        last = time;
    }
    const double n = static_cast<double>(steps.size());
    EXPECT_LT(std::fabs(product) / std::sqrt(n), 4.0);  // uncorrelated: 6e-5
    std::ranges::sort(steps);
    double distance = 0.0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const double expected = -std::expm1(-steps[i]);
        distance = std::max({distance, expected - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - expected});
    }
    EXPECT_LT(distance * std::sqrt(n), 2.23);
}

// Var N(T) / E N(T) for an exponential kernel (Da Fonseca, Zaatour 2014): k^2 + (1 - k^2)(1 - e^{-gT}) / (gT), k = 1/(1-n), g = beta (1-n).
// 3,000 windows: the estimate's standard error is about 3 %; five of them.
TEST(Arrivals, ClusterAsMuchAsTheBranchingSays) {
    const double window = 200.0;
    const std::size_t windows = 3'000;
    const std::vector<double> arrivals = times(static_cast<std::size_t>(window * windows * 1.1));
    std::vector<double> counts(windows, 0.0);
    for (const double time : arrivals) {
        const auto index = static_cast<std::size_t>(time / window);
        if (index < windows) counts[index] += 1.0;
    }
    double mean = 0.0;
    for (const double count : counts) mean += count / static_cast<double>(windows);
    double variance = 0.0;
    for (const double count : counts) variance += (count - mean) * (count - mean) / static_cast<double>(windows - 1);
    const double k = 1.0 / (1.0 - Arrivals::branching);
    const double g = Arrivals::decay * (1.0 - Arrivals::branching);
    const double expected = k * k + (1.0 - k * k) * -std::expm1(-g * window) / (g * window);
    EXPECT_NEAR(variance / mean / expected, 1.0, 0.15);
    // The mean rate is 1: the standard deviation of the count is k sqrt(T).
    const double total = window * static_cast<double>(windows);
    EXPECT_LT(std::fabs(mean * static_cast<double>(windows) - total), 4.0 * k * std::sqrt(total));
}

}  // namespace
}  // namespace sofia::synth

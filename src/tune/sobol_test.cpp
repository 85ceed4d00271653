#include "tune/sobol.hpp"

#include <cmath>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tune/optimize.hpp"
#include "tune/unit.hpp"

namespace sofia::tune {
namespace {

/// Whether 2^m points from `first` on have one in each of the 2^m intervals of each dimension, and in each elementary box of the first two.
void expect_net(const Sobol& sobol, std::uint64_t first, unsigned m, std::size_t dimensions) {
    const std::size_t n = std::size_t{1} << m;
    std::vector<std::vector<double>> points;
    for (std::size_t i = 0; i < n; ++i) points.push_back(sobol.point(first + i));
    for (std::size_t d = 0; d < dimensions; ++d) {
        std::set<double> cells;
        for (const auto& p : points) cells.insert(std::floor(p[d] * static_cast<double>(n)));
        RC_ASSERT(cells.size() == n);
    }
    for (unsigned k = 0; k <= m; ++k) {
        std::set<std::pair<double, double>> boxes;
        for (const auto& p : points)
            boxes.insert({std::floor(std::ldexp(p[0], static_cast<int>(k))), std::floor(std::ldexp(p[1], static_cast<int>(m - k)))});
        RC_ASSERT(boxes.size() == n);
    }
}

RC_GTEST_PROP(Sobol, PointsAreANetScrambledOrNot, (std::uint64_t seed, unsigned m, unsigned block)) {
    const unsigned size = m % 8;
    const std::uint64_t first = static_cast<std::uint64_t>(block % 16) << size;
    expect_net(Sobol(128), first, size, 128);
    const Sobol scrambled(128, RandomStream(seed));
    expect_net(scrambled, first, size, 128);
    for (const double x : scrambled.point(first)) RC_ASSERT(x >= 0.0 && x < 1.0);
}

TEST(Sobol, ScramblingsDifferByDimensionAndSeed) {
    const Sobol a(2, RandomStream(1));
    EXPECT_NE(a.point(0)[0], a.point(0)[1]);
    EXPECT_NE(a.point(0), Sobol(2, RandomStream(2)).point(0));
    EXPECT_EQ(a.point(5), Sobol(2, RandomStream(1)).point(5));
}

/// The mean of a smooth function over scrambled points is far nearer to its integral than over random ones.
TEST(Qmc, IntegratesBetterThanChance) {
    const SearchSpace space = parse_space("x: {type: float, low: 0, high: 1}\ny: {type: float, low: 0, high: 1}\n", "space").value();
    const auto error = [&](const std::string& name, std::uint64_t seed) {
        Study s = Study::open({.seed = seed, .sampler = make_sampler(name).value()}).value();
        OptimizeOptions run;
        run.trials = 256;
        run.batch = 16;
        run.space = &space;
        EXPECT_TRUE(optimize(
            s, [](Trial& t) -> Result<Outcome> { return std::exp(t.frozen().param("x")->internal) * t.frozen().param("y")->internal; }, run));
        double sum = 0.0;
        for (const TrialPtr& t : s.trials()) sum += t->values[0];
        return std::abs(sum / 256.0 - (std::exp(1.0) - 1.0) / 2.0);
    };
    double qmc = 0.0;
    double random = 0.0;
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        qmc += error("qmc", seed);
        random += error("random", seed);
    }
    EXPECT_LT(qmc, random / 5.0);
}

TEST(Qmc, EveryValueOfAGridAndEveryChoiceHasItsShare) {
    const SearchSpace space = parse_space("n: {type: int, low: 1, high: 8}\nc: {type: categorical, choices: [a, b, c, d]}\n", "space").value();
    Study s = Study::open({.seed = 3, .sampler = qmc_sampler()}).value();
    const auto trials = s.ask_batch(64, &space).value();
    std::map<double, int> n;
    std::map<double, int> c;
    for (const Trial& t : trials) {
        ++n[t.frozen().param("n")->internal];
        ++c[t.frozen().param("c")->internal];
    }
    for (const auto& [value, count] : n) EXPECT_EQ(count, 8) << value;
    for (const auto& [value, count] : c) EXPECT_EQ(count, 16) << value;
}

TEST(Qmc, WorkersShareTheScramblingOfTheFirstTrial) {
    const auto storage = memory_storage();
    const SearchSpace space = parse_space("x: {type: float, low: 0, high: 1}\n", "space").value();
    const auto open = [&](std::uint64_t seed) {
        return Study::open({.name = "s", .open = StudyOptions::Open::resume, .seed = seed, .storage = storage, .sampler = qmc_sampler()}).value();
    };
    Study one = open(1);
    Study two = open(2);
    std::set<double> cells;
    for (int i = 0; i < 16; ++i) {
        const Trial t = (i % 2 == 0 ? one : two).ask(space).value();
        cells.insert(std::floor(t.frozen().param("x")->internal * 16.0));
        EXPECT_EQ(t.frozen().system_attributes.contains("qmc:scramble"), i == 0);
    }
    EXPECT_EQ(cells.size(), 16U);
}

RC_GTEST_PROP(Unit, ValuesComeBackFromTheirCoordinate, (std::uint64_t seed)) {
    RandomStream random(seed);
    for (const auto& kind : std::vector<Distribution::Kind>{FloatDistribution{-3.0, 9.0, false, 0.0}, FloatDistribution{1e-6, 2.0, true, 0.0},
                                                            FloatDistribution{-1.0, 1.0, false, 0.25}, IntDistribution{-4, 40, false, 4},
                                                            IntDistribution{1, 1000, true, 1}}) {
        const Distribution d = Distribution::make(kind).value();
        const double x = from_unit(d, random.uniform());
        RC_ASSERT(d.contains(x));
        const double u = to_unit(d, x);
        RC_ASSERT(u >= -1e-12 && u <= 1.0 + 1e-12);
        RC_ASSERT(std::abs(from_unit(d, u) - x) <= 1e-12 * std::max(1.0, std::abs(x)));
        RC_ASSERT(d.contains(from_unit(d, 0.0)));
        RC_ASSERT(d.contains(from_unit(d, 1.0)));
    }
}

}  // namespace
}  // namespace sofia::tune

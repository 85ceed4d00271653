#include "tune/cma.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "tune/optimize.hpp"
#include "tune/test_functions.hpp"

namespace sofia::tune {
namespace {

double quadratic(const std::vector<double>& x) {
    double sum = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += std::pow(10.0, static_cast<double>(i)) * std::pow(x[i] - 0.3, 2);
    return sum;
}

/// Asks and tells generations; returns the last best value.
double search(Cma& cma, std::size_t generations, RandomStream random, double (*function)(const std::vector<double>&)) {
    double best = 0.0;
    for (std::size_t g = 0; g < generations; ++g) {
        std::vector<std::vector<double>> points;
        for (std::size_t i = 0; i < cma.population(); ++i) points.push_back(cma.sample(random));
        std::sort(points.begin(), points.end(), [&](const auto& a, const auto& b) { return function(a) < function(b); });
        best = function(points.front());
        cma.tell(points);
    }
    return best;
}

TEST(Cma, StartsInTheMiddleAndConvergesOnAnIllConditionedQuadratic) {
    Cma cma(4, 1.0 / 6.0);
    EXPECT_EQ(cma.population(), 8U);  // 4 + floor(3 ln 4)
    EXPECT_EQ(cma.mean(), std::vector<double>(4, 0.5));
    EXPECT_LT(search(cma, 200, RandomStream(1), quadratic), 1e-12);
    for (const double m : cma.mean()) EXPECT_NEAR(m, 0.3, 1e-5);
}

/// On a quadratic the covariance becomes the inverse Hessian up to a factor, so long axes are where the function is flat.
TEST(Cma, LearnsTheShapeOfTheFunction) {
    Cma cma(3, 1.0 / 6.0);
    static_cast<void>(search(cma, 120, RandomStream(2), quadratic));
    const auto c = cma.covariance();
    EXPECT_NEAR(c[0] / c[4], 10.0, 6.0);
    EXPECT_NEAR(c[4] / c[8], 10.0, 6.0);
}

TEST(Cma, PointsStayInTheCube) {
    Cma cma(2, 5.0);  // far wider than the cube
    RandomStream random(3);
    for (int i = 0; i < 200; ++i) {
        for (const double x : cma.sample(random)) {
            EXPECT_GE(x, 0.0);
            EXPECT_LE(x, 1.0);
        }
    }
}

/// Where all points are equally good, or doubles cannot tell them apart any more, the state stays finite for any time.
TEST(Cma, StaysFiniteWhenThereIsNothingToLearn) {
    for (const auto function : {+[](const std::vector<double>&) { return 1.0; }, +[](const std::vector<double>& x) { return quadratic(x); }}) {
        Cma cma(2, 1.0 / 6.0);
        static_cast<void>(search(cma, 3000, RandomStream(4), function));
        for (const double m : cma.mean()) EXPECT_TRUE(std::isfinite(m));
        for (const double c : cma.covariance()) EXPECT_TRUE(std::isfinite(c));
        EXPECT_GT(cma.sigma(), 0.0);
        RandomStream random(5);
        for (const double x : cma.sample(random)) EXPECT_TRUE(x >= 0.0 && x <= 1.0);
    }
}

double best_of(const std::string& function, std::size_t dims, const std::string& sampler, std::int64_t trials, std::uint64_t seed) {
    const TestFunction f = test_function(function, dims).value();
    Study s = Study::open({.seed = seed, .sampler = make_sampler(sampler).value()}).value();
    OptimizeOptions run;
    run.trials = trials;
    run.batch = 4;
    run.space = &f.space;
    EXPECT_TRUE(optimize(s, [&](Trial& t) -> Result<Outcome> { return f.value(t.frozen()); }, run));
    return s.best_trial().value()->values.front();
}

TEST(Cmaes, ReachesTheMinimumOfTheSphere) {
    for (std::uint64_t seed = 0; seed < 3; ++seed) EXPECT_LT(best_of("sphere", 5, "cmaes", 1500, seed), 1e-6);
}

TEST(Cmaes, BeatsChanceOnTheBananaValley) {
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
        EXPECT_LT(best_of("rosenbrock", 4, "cmaes", 600, seed), 0.2 * best_of("rosenbrock", 4, "random", 600, seed));
    }
}

TEST(Cmaes, MixedSpacesLeaveCategoriesToChance) { EXPECT_LT(best_of("mixed", 1, "cmaes", 300, 1), 0.05); }

/// A trial that is told late changes nothing that was built on others already: the next one names whom it stands on.
TEST(Cmaes, ALateTrialDoesNotChangeTheGenerationsThatWereMade) {
    const auto storage = memory_storage();
    const SearchSpace space = parse_space("x: {type: float, low: 0, high: 1}\ny: {type: float, low: 0, high: 1}\n", "space").value();
    const auto open = [&] {
        return Study::open({.name = "s", .open = StudyOptions::Open::resume, .seed = 1, .storage = storage, .sampler = cmaes_sampler()}).value();
    };
    const auto value = [](const Trial& t) { return t.frozen().param("x")->internal + t.frozen().param("y")->internal; };
    Study s = open();
    const Trial first = s.ask(space).value();
    ASSERT_TRUE(s.tell(first, value(first)));
    const Trial late = s.ask(space).value();
    EXPECT_EQ(late.frozen().system_attributes.at("cma:generation"), "0");
    for (int i = 0; i < 6; ++i) {
        const Trial t = s.ask(space).value();
        ASSERT_TRUE(s.tell(t, value(t)));
    }
    const Trial next = s.ask(space).value();
    EXPECT_EQ(next.frozen().system_attributes.at("cma:generation"), "1");
    EXPECT_EQ(next.frozen().system_attributes.at("cma:told:0"), "[2, 3, 4, 5, 6, 7]");
    ASSERT_TRUE(s.tell(late, -100.0));  // would lead the generation
    const Trial here = s.ask(space).value();
    EXPECT_FALSE(here.frozen().system_attributes.contains("cma:told:0"));
    Study again = open();
    // Drawn from the same state with the stream of another number: told apart from a state that knows the late trial below.
    const auto sampler = cmaes_sampler();
    History with({Direction::minimize});
    History without({Direction::minimize});
    for (const TrialPtr& t : again.trials()) {
        with.put(t);
        if (t->number != late.number()) without.put(t);
    }
    EXPECT_EQ(sampler->sample_joint(with, 50, space, RandomStream(7))->internal,
              sampler->sample_joint(without, 50, space, RandomStream(7))->internal);
}

}  // namespace
}  // namespace sofia::tune

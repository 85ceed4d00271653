#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tune/optimize.hpp"

namespace sofia::tune {
namespace {

FrozenTrial with(Attributes attributes) {
    FrozenTrial out;
    out.system_attributes = std::move(attributes);
    return out;
}

TEST(Constraints, BothFormsAreReadAndANameWinsOverAPlace) {
    const FrozenTrial old = with({{"constraints", "[0.5, -1, Infinity]"}});
    EXPECT_EQ(old.constraints(), (std::map<std::string, double>{{"0", 0.5}, {"1", -1.0}, {"2", std::numeric_limits<double>::infinity()}}));
    const FrozenTrial both = with({{"constraints", "[0.5, 2]"}, {"constraints:1", "-3.0"}, {"constraints:depth", "1"}, {"constraintsx", "9"}});
    EXPECT_EQ(both.constraints(), (std::map<std::string, double>{{"0", 0.5}, {"1", -3.0}, {"depth", 1.0}}));
    EXPECT_EQ(both.violation(), 1.5);
    EXPECT_FALSE(both.feasible());
    EXPECT_TRUE(with({{"constraints", "null"}}).feasible());
    EXPECT_TRUE(with({{"constraints", "[0, -1]"}}).feasible());
}

TEST(Constraints, AreStoredAsOptunaStoresThemAndTheFirstCounts) {
    Study s = Study::open({.seed = 1}).value();
    Trial t = s.ask().value();
    EXPECT_EQ(t.set_constraint("size", std::nan("")).error().code, ErrorCode::usage);
    EXPECT_EQ(t.set_constraints(std::vector{1.0, std::nan("")}).error().code, ErrorCode::usage);
    ASSERT_TRUE(t.set_constraint("size", 2.5));
    ASSERT_TRUE(t.set_constraint("size", -1.0));
    ASSERT_TRUE(t.set_constraints(std::vector{-1.0, 1e-5}));
    ASSERT_TRUE(t.set_constraints(std::vector{7.0}));
    ASSERT_TRUE(s.tell(t, 1.0));
    EXPECT_EQ(s.trial(0)->system_attributes.at("constraints:size"), "2.5");
    EXPECT_EQ(s.trial(0)->system_attributes.at("constraints"), "[-1.0, 1e-05]");
    EXPECT_DOUBLE_EQ(s.trial(0)->violation(), 2.50001);
}

TEST(Constraints, TheBestTrialIsTheBestFeasibleOne) {
    Study s = Study::open({.seed = 1}).value();
    const auto tell = [&](double value, double constraint) {
        Trial t = s.ask().value();
        ASSERT_TRUE(t.set_constraint("c", constraint));
        ASSERT_TRUE(s.tell(t, value));
    };
    tell(1.0, 0.1);
    EXPECT_NE(s.best_trial().error().message.find("no feasible trial"), std::string::npos) << s.best_trial().error().message;
    EXPECT_TRUE(s.best_trials().empty());
    tell(3.0, 0.0);
    tell(2.0, -1.0);
    tell(0.0, 5.0);
    EXPECT_EQ(s.best_trial().value()->number, 2);
    EXPECT_EQ(s.best_trials().size(), 1U);
}

/// The minimum of x lies where it is forbidden: the search settles at the border.
TEST(Constraints, TpeAndNsga2SettleAtTheBorder) {
    SearchSpace space;  // nsga2 mutates one parameter of n
    for (const char* name : {"w", "x", "y", "z"}) space.emplace(name, Distribution::make(FloatDistribution{}).value());
    for (const std::string name : {"tpe", "tpe-univariate", "nsga2"}) {
        int near = 0;
        for (std::uint64_t seed = 0; seed < 5; ++seed) {
            Study s = Study::open({.seed = seed, .sampler = make_sampler(name, {.nsga2 = {.population = 20}}).value()}).value();
            OptimizeOptions options;
            options.trials = 120;
            options.space = &space;
            ASSERT_TRUE(optimize(
                s,
                [](Trial& t) -> Result<Outcome> {
                    const double x = t.frozen().param("x")->internal;
                    SOFIA_CHECK(t.set_constraint("from", 0.6 - x));
                    return x;
                },
                options));
            EXPECT_GE(s.best_trial().value()->values[0], 0.6);
            for (const TrialPtr& t : s.trials()) near += t->number >= 60 && std::abs(t->values[0] - 0.6) < 0.15 ? 1 : 0;
        }
        EXPECT_GT(near, 5 * 60 * 0.45) << name;  // 0.3 by chance
    }
}

}  // namespace
}  // namespace sofia::tune

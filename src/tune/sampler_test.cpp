#include "tune/sampler.hpp"

#include <cmath>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tune/optimize.hpp"
#include "tune/test_functions.hpp"

namespace sofia::tune {
namespace {

Distribution made(Distribution::Kind kind) { return Distribution::make(std::move(kind)).value(); }

TEST(SampleUniform, EveryValueOfAGridIsEquallyLikely) {
    for (const auto& d : {made(IntDistribution{-2, 6, false, 2}), made(FloatDistribution{-1.0, 1.0, false, 0.5}),
                          made(CategoricalDistribution{{true, false, std::monostate{}, std::int64_t{3}, 4.5}})}) {
        RandomStream random(1);
        std::map<double, int> count;
        for (int i = 0; i < 10'000; ++i) {
            const double x = sample_uniform(d, random);
            ASSERT_TRUE(d.contains(x));
            ++count[x];
        }
        EXPECT_EQ(count.size(), 5U);
        for (const auto& [value, n] : count) EXPECT_NEAR(n, 2'000, 200) << value;  // 5 standard deviations
    }
}

TEST(SampleUniform, ALogParameterIsUniformInItsLogarithm) {
    const auto d = made(FloatDistribution{1e-4, 1.0, true, 0.0});
    RandomStream random(2);
    int below = 0;
    for (int i = 0; i < 10'000; ++i) below += sample_uniform(d, random) < 1e-2 ? 1 : 0;
    EXPECT_NEAR(below, 5'000, 250);
}

double best_of(const std::string& function, const std::string& sampler, std::int64_t trials, std::uint64_t seed) {
    const TestFunction f = test_function(function).value();
    StudyOptions options;
    options.seed = seed;
    options.sampler = make_sampler(sampler).value();
    Study s = Study::open(options).value();
    OptimizeOptions run;
    run.trials = trials;
    run.space = &f.space;
    EXPECT_TRUE(optimize(s, [&](Trial& t) -> Result<Outcome> { return f.value(t.frozen()); }, run));
    return s.best_trial().value()->values.front();
}

TEST(Tpe, FindsBetterPointsThanChance) {
    for (const std::string function : {"sphere", "branin", "hartmann6", "mixed"}) {
        double tpe = 0.0;
        double random = 0.0;
        for (std::uint64_t seed = 0; seed < 6; ++seed) {
            tpe += best_of(function, "tpe", 100, seed);
            random += best_of(function, "random", 100, seed);
        }
        EXPECT_LT(tpe, random) << function;
    }
}

TEST(TestFunctions, HaveTheirKnownMinima) {
    const auto value = [](const std::string& name, const std::vector<double>& x) {
        const TestFunction f = test_function(name).value();
        FrozenTrial t;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const std::string parameter = "x" + std::to_string(i);
            EXPECT_TRUE(f.space.at(parameter).contains(x[i]));
            t.params.push_back({parameter, nullptr, x[i]});
        }
        EXPECT_EQ(f.space.size(), x.size());
        return f.value(t) - f.minimum;
    };
    EXPECT_NEAR(value("sphere", {0, 0}), 0.0, 1e-15);
    EXPECT_NEAR(value("ackley", {0, 0}), 0.0, 1e-14);
    EXPECT_NEAR(value("rosenbrock", {1, 1}), 0.0, 1e-15);
    EXPECT_NEAR(value("branin", {-M_PI, 12.275}), 0.0, 1e-9);
    EXPECT_NEAR(value("branin", {M_PI, 2.275}), 0.0, 1e-9);
    EXPECT_NEAR(value("hartmann6", {0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573}), 0.0, 1e-6);
    EXPECT_EQ(test_function("spher").error().message, "unknown function \"spher\", did you mean sphere?");
}

/// A history of `n` complete trials over x and n, made without a sampler.
History past(std::size_t n, RandomStream random) {
    History out({Direction::minimize});
    const auto x = std::make_shared<const Distribution>(made(FloatDistribution{0.0, 1.0, false, 0.0}));
    const auto k = std::make_shared<const Distribution>(made(IntDistribution{1, 20, false, 1}));
    for (std::size_t i = 0; i < n; ++i) {
        auto t = std::make_shared<FrozenTrial>();
        t->number = static_cast<std::int64_t>(i);
        t->state = TrialState::complete;
        t->params = {{"x", x, random.uniform()}, {"k", k, static_cast<double>(random.below(20) + 1)}};
        t->values = {t->params[0].internal};
        out.put(t);
    }
    return out;
}

// A sampler that has learnt trial by trial answers as one that sees the whole past at once, in any order of learning.
TEST(Tpe, AnswersDependOnTheHistoryOnly) {
    const History whole = past(60, RandomStream(4));
    History shuffled({Direction::minimize});
    const auto stepwise = tpe_sampler();
    for (std::size_t i = 0; i < 60; ++i) {
        shuffled.put(whole.trials()[(i * 7) % 60]);
        if (i < 10) continue;
        const auto space = stepwise->joint_space(shuffled, nullptr).value();
        static_cast<void>(stepwise->sample_joint(shuffled, 100, space, RandomStream(i)));
    }
    const auto fresh = tpe_sampler();
    const auto space = fresh->joint_space(whole, nullptr).value();
    EXPECT_EQ(space.size(), 2U);
    EXPECT_EQ(fresh->sample_joint(whole, 100, space, RandomStream(9))->internal,
              stepwise->sample_joint(shuffled, 100, space, RandomStream(9))->internal);
}

// The liar: a running trial counts as a bad one, which turns later draws away from its place.
TEST(Tpe, RunningTrialsPushOthersAway) {
    History history = past(30, RandomStream(5));
    const auto sampler = tpe_sampler();
    const auto space = sampler->joint_space(history, nullptr).value();
    const auto near = [&](double centre) {
        int count = 0;
        for (std::uint64_t i = 0; i < 200; ++i) {
            count += std::abs(sampler->sample_joint(history, 99, space, RandomStream(i))->internal.at("x") - centre) < 0.05 ? 1 : 0;
        }
        return count;
    };
    const double centre = sampler->sample_joint(history, 99, space, RandomStream(1))->internal.at("x");
    const int before = near(centre);
    for (std::int64_t n = 30; n < 36; ++n) {
        auto t = std::make_shared<FrozenTrial>(*history.trials()[0]);
        t->number = n;
        t->state = TrialState::running;
        t->values.clear();
        t->params[0].internal = centre;
        history.put(t);
    }
    EXPECT_LT(near(centre), before);
}

TEST(Tpe, TheJointSpaceIsWhatAllTrialsShare) {
    History history = past(12, RandomStream(6));
    const auto sampler = tpe_sampler();
    EXPECT_EQ(sampler->joint_space(history, nullptr).value().size(), 2U);
    auto t = std::make_shared<FrozenTrial>(*history.trials()[0]);
    t->number = 12;
    t->params[0].distribution = std::make_shared<const Distribution>(made(FloatDistribution{0.0, 2.0, false, 0.0}));  // another range
    history.put(t);
    const auto space = sampler->joint_space(history, nullptr).value();
    EXPECT_EQ(space.size(), 1U);
    EXPECT_TRUE(space.contains("k"));
    EXPECT_TRUE(tpe_sampler({.joint = TpeConfig::Joint::univariate})->joint_space(history, nullptr).value().empty());
    EXPECT_TRUE(tpe_sampler()->joint_space(past(9, RandomStream(1)), nullptr).value().empty());  // still starting up
}

RC_GTEST_PROP(Tpe, DrawsStayInTheirRange, (std::uint64_t seed)) {
    const History history = past(20, RandomStream(7));
    const auto sampler = tpe_sampler();
    // The range may have moved away from all that was seen.
    for (const auto& d : {made(FloatDistribution{5.0, 6.0, false, 0.0}), made(FloatDistribution{-3.0, -2.5, false, 0.25}),
                          made(FloatDistribution{0.2, 0.3, false, 0.0})}) {
        RC_ASSERT(d.contains(sampler->sample_one(history, 99, "x", d, RandomStream(seed)).value()));
    }
    const auto k = made(IntDistribution{15, 40, false, 5});
    RC_ASSERT(k.contains(sampler->sample_one(history, 99, "k", k, RandomStream(seed)).value()));
    const auto unseen = made(IntDistribution{1, 8, true, 1});
    RC_ASSERT(unseen.contains(sampler->sample_one(history, 99, "new", unseen, RandomStream(seed)).value()));
}

}  // namespace
}  // namespace sofia::tune

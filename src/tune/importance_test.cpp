#include "tune/importance.hpp"

#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "tune/importance_forest.hpp"

namespace sofia::tune {
namespace {

const std::vector<Direction> one = {Direction::minimize};

std::shared_ptr<const Distribution> made(Distribution::Kind kind) {
    return std::make_shared<const Distribution>(Distribution::make(std::move(kind)).value());
}

using Space = std::vector<std::pair<std::string, std::shared_ptr<const Distribution>>>;

/// Trials with uniform parameters and the value of `f` of their internal values.
std::vector<TrialPtr> random_trials(std::size_t count, const Space& space, const std::function<double(const std::vector<double>&)>& f) {
    RandomStream random(11);
    std::vector<TrialPtr> out;
    for (std::size_t n = 0; n < count; ++n) {
        auto trial = std::make_shared<FrozenTrial>();
        trial->number = static_cast<std::int64_t>(n);
        trial->state = TrialState::complete;
        std::vector<double> x;
        for (const auto& [name, distribution] : space) {
            if (const auto* real = distribution->as_float()) {
                x.push_back(random.uniform(real->low, real->high));
            } else if (const auto* whole = distribution->as_int()) {
                x.push_back(static_cast<double>(whole->low +
                                                static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(whole->high - whole->low) + 1))));
            } else {
                x.push_back(static_cast<double>(random.below(distribution->as_categorical()->choices.size())));
            }
            trial->params.push_back({name, distribution, x.back()});
        }
        trial->values = {f(x)};
        out.push_back(trial);
    }
    return out;
}

Space unit_space(std::size_t dimensions) {
    Space space;
    for (std::size_t i = 0; i < dimensions; ++i) space.emplace_back("x" + std::to_string(i), made(FloatDistribution{}));
    return space;
}

double of(const std::vector<Importance>& importances, const std::string& name) {
    for (const Importance& importance : importances) {
        if (importance.name == name) return importance.value;
    }
    ADD_FAILURE() << name << " is not there";
    return std::numeric_limits<double>::quiet_NaN();
}

// ---- fANOVA: functions whose variance is known

TEST(Fanova, AnAdditiveFunctionSplitsItsVarianceAsTheSquaresOfItsSlopes) {
    const auto trials = random_trials(1500, unit_space(3), [](const auto& x) { return 3.0 * x[0] - 2.0 * x[1] + 1.0 * x[2]; });
    const auto found = fanova(trials, one).value();
    // Variance of a uniform number is 1/12 for each, so 9 : 4 : 1.
    EXPECT_NEAR(of(found, "x0"), 9.0 / 14.0, 0.03);
    EXPECT_NEAR(of(found, "x1"), 4.0 / 14.0, 0.03);
    EXPECT_NEAR(of(found, "x2"), 1.0 / 14.0, 0.03);
    EXPECT_EQ(found[0].name, "x0");
    EXPECT_EQ(found[2].name, "x2");
}

TEST(Fanova, AStepInOneParameterIsAllItsOwn) {
    const auto trials = random_trials(200, unit_space(3), [](const auto& x) { return x[1] <= 0.3 ? 5.0 : -1.0; });
    const auto found = fanova(trials, one).value();
    EXPECT_NEAR(of(found, "x1"), 1.0, 1e-12);
    EXPECT_EQ(of(found, "x0"), 0.0);
    EXPECT_EQ(of(found, "x2"), 0.0);
}

TEST(Fanova, CategoriesIntegersAndRangesCountByTheirOwnMeasure) {
    Space space = {{"c", made(CategoricalDistribution{{std::string("a"), std::string("b"), std::string("c")}})},
                   {"n", made(IntDistribution{0, 100})},
                   {"r", made(FloatDistribution{-50.0, 50.0})}};
    const auto trials = random_trials(1500, space, [](const auto& x) { return (x[0] == 1.0 ? 6.0 : 0.0) + 0.06 * x[1] + 0.03 * x[2]; });
    const auto found = fanova(trials, one).value();
    const double c = 36.0 * 2.0 / 9.0;  // an indicator of probability 1/3
    const double n = 36.0 / 12.0;
    const double r = 9.0 / 12.0;
    EXPECT_NEAR(of(found, "c"), c / (c + n + r), 0.03);
    EXPECT_NEAR(of(found, "n"), n / (c + n + r), 0.03);
    EXPECT_NEAR(of(found, "r"), r / (c + n + r), 0.03);
}

TEST(Fanova, WhatParametersOnlyDoTogetherIsNobodysShare) {
    const Space space = {{"x0", made(FloatDistribution{-1.0, 1.0})}, {"x1", made(FloatDistribution{-1.0, 1.0})}};
    const auto found = fanova(random_trials(1500, space, [](const auto& x) { return x[0] * x[1]; }), one).value();
    EXPECT_LT(of(found, "x0") + of(found, "x1"), 0.1);
}

TEST(Fanova, SeedDecidesAndThreadsDoNot) {
    const auto trials = random_trials(120, unit_space(4), [](const auto& x) { return std::sin(7.0 * x[0]) + x[1] * x[2] + 0.1 * x[3]; });
    const auto with = [&](std::uint64_t seed, std::size_t threads) { return fanova(trials, one, {}, {.seed = seed, .threads = threads}).value(); };
    const auto first = with(1, 1);
    const auto again = with(1, 3);
    const auto other = with(2, 1);
    ASSERT_EQ(first.size(), 4U);
    bool differs = false;
    for (std::size_t i = 0; i < first.size(); ++i) {
        EXPECT_EQ(first[i].name, again[i].name);
        EXPECT_EQ(first[i].value, again[i].value);
        differs = differs || first[i].value != of(other, first[i].name);
    }
    EXPECT_TRUE(differs);
}

TEST(Fanova, ALargeOffsetAndTheDirectionChangeNothing) {
    const auto f = [](const auto& x) { return x[0] + 0.5 * x[1]; };
    const auto plain = fanova(random_trials(300, unit_space(2), f), one).value();
    const auto moved = fanova(random_trials(300, unit_space(2), [&](const auto& x) { return 1e6 + f(x); }), one).value();
    const auto turned = fanova(random_trials(300, unit_space(2), f), {Direction::maximize}).value();
    for (const Importance& importance : plain) {
        EXPECT_NEAR(of(moved, importance.name), importance.value, 1e-3);  // a tie of splits may fall the other way
        EXPECT_NEAR(of(turned, importance.name), importance.value, 1e-9);
    }
}

TEST(Fanova, OnlyParametersOfEveryTrialAndSingleValuesAreZero) {
    Space space = unit_space(1);
    space.emplace_back("fixed", made(IntDistribution{3, 3}));
    auto trials = random_trials(50, space, [](const auto& x) { return x[0]; });
    auto extra = std::make_shared<FrozenTrial>(*trials[7]);
    extra->params.push_back({"sometimes", made(FloatDistribution{}), 0.5});
    trials[7] = extra;
    const auto found = fanova(trials, one).value();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(of(found, "fixed"), 0.0);
    const auto asked = fanova(trials, one, {.params = {"sometimes"}});
    EXPECT_EQ(asked.error().code, ErrorCode::usage);
    const auto flat = fanova(random_trials(50, space, [](const auto&) { return 2.0; }), one);
    EXPECT_EQ(flat.error().code, ErrorCode::usage);
}

TEST(Fanova, ATreeSplitsAStepOnceBetweenItsNeighbours) {
    ForestData data;
    data.inputs = {{0.0, 1.0, 0}, {0.0, 1.0, 4}};
    data.columns.resize(2);
    RandomStream random(3);
    for (int i = 0; i < 300; ++i) {
        data.columns[0].push_back(random.uniform());
        data.columns[1].push_back(static_cast<double>(random.below(4)));
        data.values.push_back(data.columns[0].back() <= 0.4 ? 1.0 : 3.0);
    }
    const ForestTree tree = grow_tree(data, sorted_rows(data), 64, RandomStream(5));
    ASSERT_EQ(tree.size(), 3U);
    EXPECT_EQ(tree[0].input, 0);
    EXPECT_NEAR(tree[0].split, 0.4, 0.05);
    EXPECT_NEAR(tree[1].value, 1.0, 1e-12);
    EXPECT_NEAR(tree[2].value, 3.0, 1e-12);
    // By category: each choice has its own value, and no deeper split than needed.
    for (std::size_t i = 0; i < 300; ++i) data.values[i] = data.columns[1][i];
    EXPECT_EQ(grow_tree(data, sorted_rows(data), 64, RandomStream(5)).size(), 7U);
    EXPECT_EQ(grow_tree(data, sorted_rows(data), 1, RandomStream(5)).size(), 3U);
}

TEST(Fanova, NamesDoNotMatter) {
    // Nothing explains the value, so near the leaves many inputs split equally well; whoever is tried first must not win them all.
    const auto noise = [](const std::vector<double>& x) {
        const double wild = std::sin(12.9898 * x[0] + 78.233 * x[1]) * 43758.5453;
        return wild - std::floor(wild);
    };
    const auto real = made(FloatDistribution{});
    const auto share_of_first = [&](const std::string& first, const std::string& second) {
        const auto trials = random_trials(200, {{first, real}, {second, real}}, noise);
        double sum = 0.0;
        for (std::uint64_t seed = 0; seed < 8; ++seed) sum += of(normalized(fanova(trials, one, {}, {.seed = seed}).value()), first) / 8.0;
        return sum;
    };
    EXPECT_NEAR(share_of_first("a", "z"), share_of_first("z", "a"), 0.02);
}

// ---- PED-ANOVA: numbers are compared with Optuna's in tests/peers; here what holds by its nature

TEST(PedAnova, DependsOnRanksOnlyAndKnowsTheDirection) {
    const auto f = [](const auto& x) { return x[0] + 0.2 * x[1]; };
    const auto plain = ped_anova(random_trials(100, unit_space(3), f), one).value();
    const auto bent = ped_anova(random_trials(100, unit_space(3), [&](const auto& x) { return std::exp(9.0 * f(x)); }), one).value();
    const auto turned = ped_anova(random_trials(100, unit_space(3), [&](const auto& x) { return -f(x); }), {Direction::maximize}).value();
    ASSERT_EQ(plain.size(), 3U);
    EXPECT_EQ(plain[0].name, "x0");
    EXPECT_GT(plain[0].value, 3.0 * of(plain, "x2"));
    for (const Importance& importance : plain) {
        EXPECT_EQ(of(bent, importance.name), importance.value);
        EXPECT_EQ(of(turned, importance.name), importance.value);
    }
}

TEST(PedAnova, EqualValuesMakeAllEqual) {
    const auto found = ped_anova(random_trials(40, unit_space(4), [](const auto&) { return 1.0; }), one).value();
    for (const Importance& importance : found) EXPECT_NEAR(importance.value, 0.0, 1e-15);
    for (const Importance& share : normalized(ped_anova(random_trials(1, unit_space(4), [](const auto&) { return 1.0; }), one).value())) {
        EXPECT_EQ(share.value, 0.25);
    }
}

TEST(PedAnova, CountsCompleteFiniteTrialsOnlyAndAssessesConditionalParameters) {
    auto trials = random_trials(60, unit_space(2), [](const auto& x) { return x[0]; });
    const auto before = ped_anova(trials, one).value();
    for (const TrialState state : {TrialState::pruned, TrialState::fail, TrialState::running}) {
        auto noise = std::make_shared<FrozenTrial>(*trials[0]);
        noise->state = state;
        trials.push_back(noise);
    }
    auto infinite = std::make_shared<FrozenTrial>(*trials[0]);
    infinite->values = {std::numeric_limits<double>::infinity()};
    trials.push_back(infinite);
    trials.push_back(nullptr);  // a number that was not read yet
    const auto after = ped_anova(trials, one).value();
    for (const Importance& importance : before) EXPECT_EQ(of(after, importance.name), importance.value);
    // A parameter that only good trials have tells much; one that half of all have at random tells little.
    for (std::size_t i = 0; i < 60; ++i) {
        auto changed = std::make_shared<FrozenTrial>(*trials[i]);
        if (changed->values[0] < 0.2) changed->params.push_back({"good", made(FloatDistribution{}), 0.1});
        if (i % 2 == 0) changed->params.push_back({"half", made(FloatDistribution{}), 0.5});
        trials[i] = changed;
    }
    const auto conditional = ped_anova(trials, one).value();
    EXPECT_GT(of(conditional, "good") + of(conditional, "x0"), 0.0);
    EXPECT_EQ(conditional.size(), 4U);
}

TEST(Importance, WhatCannotBeAssessedIsRefused) {
    const auto trials = random_trials(20, unit_space(2), [](const auto& x) { return x[0]; });
    const auto unknown = ped_anova(trials, one, {.params = {"x11"}});
    EXPECT_EQ(unknown.error().code, ErrorCode::usage);
    EXPECT_NE(unknown.error().message.find("did you mean x1"), std::string::npos) << unknown.error().message;
    EXPECT_EQ(fanova(trials, one, {.objective = 1}).error().code, ErrorCode::usage);
    EXPECT_EQ(ped_anova(trials, one, {}, {.target_quantile = 0.5, .region_quantile = 0.5}).error().code, ErrorCode::usage);
    EXPECT_EQ(fanova(trials, one, {}, {.trees = 0}).error().code, ErrorCode::usage);
    EXPECT_TRUE(ped_anova({}, one).value().empty());
    EXPECT_TRUE(fanova({}, one).value().empty());
}

}  // namespace
}  // namespace sofia::tune

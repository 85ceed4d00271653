#include "tune/pareto.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tune/optimize.hpp"

namespace sofia::tune {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const std::vector<Direction> both = {Direction::minimize, Direction::maximize};

TrialPtr trial(std::int64_t number, std::vector<double> values, double constraint = -1.0) {
    auto out = std::make_shared<FrozenTrial>();
    out->number = number;
    out->id = number + 1;
    out->state = TrialState::complete;
    out->values = std::move(values);
    out->system_attributes["constraints:c"] = std::to_string(constraint);
    return out;
}

TEST(Pareto, DominationRespectsDirectionsAndConstraints) {
    const auto a = trial(0, {1.0, 5.0});
    const auto b = trial(1, {2.0, 5.0});
    const auto c = trial(2, {0.0, 1.0});
    EXPECT_TRUE(dominates(*a, *b, both));
    EXPECT_FALSE(dominates(*b, *a, both));
    EXPECT_FALSE(dominates(*a, *c, both));
    EXPECT_FALSE(dominates(*a, *a, both));
    const auto bad = trial(3, {-9.0, 9.0}, 0.5);
    const auto worse = trial(4, {-99.0, 99.0}, 2.0);
    EXPECT_TRUE(constrained_dominates(*b, *bad, both));
    EXPECT_FALSE(constrained_dominates(*bad, *b, both));
    EXPECT_TRUE(constrained_dominates(*bad, *worse, both));
}

RC_GTEST_PROP(Pareto, NobodyInAFrontIsDominatedByItsOwnOrALaterOne, (std::vector<std::pair<int, int>> points)) {
    std::vector<TrialPtr> trials;
    for (const auto& [x, y] : points) {
        trials.push_back(trial(static_cast<std::int64_t>(trials.size()), {static_cast<double>(x % 7), static_cast<double>(y % 7)}));
    }
    const auto fronts = nondominated_fronts(trials, both);
    std::size_t count = 0;
    for (std::size_t f = 0; f < fronts.size(); ++f) {
        count += fronts[f].size();
        RC_ASSERT(!fronts[f].empty());
        for (const TrialPtr& t : fronts[f]) {
            for (std::size_t later = f; later < fronts.size(); ++later) {
                for (const TrialPtr& other : fronts[later]) RC_ASSERT(!dominates(*other, *t, both));
            }
            if (f == 0) continue;
            RC_ASSERT(std::any_of(fronts[f - 1].begin(), fronts[f - 1].end(), [&](const TrialPtr& o) { return dominates(*o, *t, both); }));
        }
    }
    RC_ASSERT(count == trials.size());
}

TEST(Pareto, CrowdingIsTheGapOfTheNeighboursOverTheRange) {
    const std::vector<TrialPtr> line = {trial(0, {0.0, 4.0}), trial(1, {1.0, 3.0}), trial(2, {4.0, 0.0})};
    EXPECT_EQ(crowding_distances(line), (std::vector<double>{infinity, 2.0, infinity}));
    const std::vector<TrialPtr> same = {trial(0, {1.0, 1.0}), trial(1, {1.0, 1.0})};
    EXPECT_EQ(crowding_distances(same), (std::vector<double>{0.0, 0.0}));
    const std::vector<TrialPtr> open = {trial(0, {-infinity}), trial(1, {0.0}), trial(2, {2.0}), trial(3, {infinity}), trial(4, {infinity})};
    EXPECT_EQ(crowding_distances(open), (std::vector<double>{infinity, infinity, infinity, infinity, 0.0}));
}

TEST(Pareto, TheEliteIsWholeFrontsThenTheLeastCrowded) {
    const std::vector<Direction> down = {Direction::minimize, Direction::minimize};
    std::vector<TrialPtr> trials = {trial(0, {0.0, 10.0}), trial(1, {10.0, 0.0}), trial(2, {5.0, 5.0}),
                                    trial(3, {5.1, 4.9}),  trial(4, {9.0, 9.0}),  trial(5, {0.0, 0.0}, 1.0)};
    const auto numbers = [&](std::size_t count) {
        std::set<std::int64_t> out;
        for (const TrialPtr& t : elite(trials, down, count)) out.insert(t->number);
        return out;
    };
    EXPECT_EQ(numbers(3).size(), 3U);
    EXPECT_TRUE(numbers(3).contains(0));
    EXPECT_TRUE(numbers(3).contains(1));
    EXPECT_EQ(numbers(5), (std::set<std::int64_t>{0, 1, 2, 3, 4}));  // the infeasible one is the last
    EXPECT_EQ(numbers(9).size(), 6U);
}

/// ZDT1 (Zitzler, Deb, Thiele 2000) in 5 dimensions: the front is g = 1.
double mean_g(const std::string& sampler, std::uint64_t seed) {
    SearchSpace space;
    for (int i = 0; i < 5; ++i) space.emplace("x" + std::to_string(i), Distribution::make(FloatDistribution{}).value());
    Study s = Study::open({.directions = {Direction::minimize, Direction::minimize},
                           .seed = seed,
                           .sampler = make_sampler(sampler, {.nsga2 = {.population = 20}}).value()})
                  .value();
    const auto g_of = [](const FrozenTrial& t) {
        double sum = 0.0;
        for (int i = 1; i < 5; ++i) sum += t.param("x" + std::to_string(i))->internal;
        return 1.0 + 9.0 * sum / 4.0;
    };
    OptimizeOptions run;
    run.trials = 400;
    run.batch = 4;
    run.space = &space;
    EXPECT_TRUE(optimize(
        s,
        [&](Trial& t) -> Result<Outcome> {
            const double x = t.frozen().param("x0")->internal;
            const double g = g_of(t.frozen());
            return std::vector<double>{x, g * (1.0 - std::sqrt(x / g))};
        },
        run));
    const auto front = s.best_trials();
    double sum = 0.0;
    for (const TrialPtr& t : front) sum += g_of(*t);
    return sum / static_cast<double>(front.size());
}

TEST(Nsga2, ComesNearerToTheFrontThanChance) {
    for (std::uint64_t seed = 0; seed < 3; ++seed) EXPECT_LT(mean_g("nsga2", seed) - 1.0, 0.6 * (mean_g("random", seed) - 1.0));
}

TEST(Nsga2, GenerationsAndParentsAreKeptInTheStudy) {
    const auto storage = memory_storage();
    const SearchSpace space = parse_space("x: {type: float, low: 0, high: 1}\n", "space").value();
    Study s = Study::open({.name = "s", .seed = 1, .storage = storage, .sampler = nsga2_sampler({.population = 4})}).value();
    OptimizeOptions run;
    run.trials = 10;
    run.space = &space;
    ASSERT_TRUE(optimize(s, [](Trial& t) -> Result<Outcome> { return t.frozen().param("x")->internal; }, run));
    for (const TrialPtr& t : s.trials()) EXPECT_EQ(t->system_attributes.at("NSGAIISampler:generation"), std::to_string(t->number / 4));
    const auto info = storage->find_study("s").value().value();
    EXPECT_EQ(info.system_attributes.size(), 2U);
    // The first generation is its own elite; ids are those of the storage.
    std::string ids = "[";
    for (int i = 0; i < 4; ++i) ids += (i > 0 ? ", " : "") + std::to_string(s.trial(i)->id);
    EXPECT_EQ(info.system_attributes.at("NSGAIISampler:parent:1"), ids + "]");
}

}  // namespace
}  // namespace sofia::tune

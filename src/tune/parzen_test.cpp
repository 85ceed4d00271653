#include "tune/parzen.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace sofia::tune {
namespace {

Distribution made(Distribution::Kind kind) { return Distribution::make(std::move(kind)).value(); }

ParzenEstimator one(const Distribution& d, std::vector<double> values) {
    ParzenColumn column;
    column.distribution = &d;
    column.values = std::move(values);
    return ParzenEstimator({column});
}

TEST(Parzen, WithoutObservationsItIsThePrior) {
    const auto d = made(FloatDistribution{-2.0, 6.0, false, 0.0});
    const auto prior = one(d, {});
    EXPECT_EQ(prior.means(0), std::vector<double>{2.0});
    EXPECT_EQ(prior.sigmas(0), std::vector<double>{8.0});
    EXPECT_EQ(prior.weights(), std::vector<double>{1.0});
    const auto c = made(CategoricalDistribution{{true, false, std::monostate{}}});
    EXPECT_NEAR(one(c, {}).log_pdf(std::vector<double>{1.0})[0], -std::log(3.0), 1e-15);
}

// By hand: range 10, n = 2; the clip is [10 / 4, 10]; the ends take their one neighbour.
TEST(Parzen, SigmasAreNeighbourGapsWithinTheClip) {
    const auto d = made(FloatDistribution{0.0, 10.0, false, 0.0});
    EXPECT_EQ(one(d, {9.0, 2.0}).sigmas(0), (std::vector<double>{7.0, 7.0, 10.0}));
    EXPECT_EQ(one(d, {4.0, 5.0}).sigmas(0), (std::vector<double>{2.5, 2.5, 10.0}));
    EXPECT_EQ(one(d, {3.0}).sigmas(0), (std::vector<double>{7.0, 10.0}));
    EXPECT_EQ(one(d, {1.0, 9.0, 4.0}).sigmas(0), (std::vector<double>{3.0, 5.0, 5.0, 10.0}));
}

TEST(Parzen, OldObservationsWeighLess) {
    const auto d = made(FloatDistribution{0.0, 1.0, false, 0.0});
    const auto weights = one(d, std::vector<double>(27, 0.5)).weights();
    const double sum = 1.0 / 27.0 + 1.0 + 25.0 + 1.0;
    EXPECT_NEAR(weights[0], 1.0 / 27.0 / sum, 1e-15);
    EXPECT_NEAR(weights[1], 1.0 / sum, 1e-15);
    EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1.0, 1e-14);
}

// A density integrates to one over its space, whatever was observed: the strongest check of masses, clips and kernels together.
RC_GTEST_PROP(Parzen, TheDensityOfAGridSumsToOne, ()) {
    const bool log = *rc::gen::arbitrary<bool>();
    const auto d = log ? made(IntDistribution{1, 40, true, 1}) : made(IntDistribution{-9, 30, false, 3});
    const std::int64_t low = log ? 1 : -9;
    const std::int64_t step = log ? 1 : 3;
    std::vector<double> values;
    for (int i = *rc::gen::inRange(0, 40); i > 0; --i) values.push_back(static_cast<double>(low + step * *rc::gen::inRange(0, 14)));
    const auto density = one(d, values);
    double sum = 0.0;
    for (std::int64_t x = low; x <= (log ? 40 : 30); x += step) sum += std::exp(density.log_pdf(std::vector<double>{static_cast<double>(x)})[0]);
    RC_ASSERT(std::abs(sum - 1.0) < 1e-9);
}

RC_GTEST_PROP(Parzen, TheDensityOfARangeIntegratesToOne, ()) {
    const auto d = made(FloatDistribution{-1.0, 3.0, false, 0.0});
    std::vector<double> values;
    for (int i = *rc::gen::inRange(0, 30); i > 0; --i) values.push_back(*rc::gen::inRange(-1000, 3001) / 1000.0);
    const auto density = one(d, values);
    std::vector<double> points;
    const int cells = 20'000;
    for (int i = 0; i < cells; ++i) points.push_back(-1.0 + 4.0 * (i + 0.5) / cells);
    double sum = 0.0;
    for (const double l : density.log_pdf(points)) sum += std::exp(l) * 4.0 / cells;
    RC_ASSERT(std::abs(sum - 1.0) < 1e-5);
}

// Samples have the density's own frequencies: a chi-square of 40 cells, far above its 1e-6 quantile only when the two disagree.
TEST(Parzen, SamplesFollowTheDensity) {
    const auto grid = made(IntDistribution{1, 40, false, 1});
    const auto cat = made(CategoricalDistribution{{true, false, std::monostate{}, std::int64_t{5}}});
    const std::vector<std::pair<const Distribution*, std::vector<double>>> cases = {{&grid, {3, 3, 17, 30, 40}}, {&cat, {0, 0, 3, 0, 1}}};
    for (const auto& [d, values] : cases) {
        const auto density = one(*d, values);
        const std::size_t cells = d->as_int() != nullptr ? 40 : 4;
        const double first = d->as_int() != nullptr ? 1.0 : 0.0;
        const std::size_t draws = 40'000;
        RandomStream random(5);
        std::vector<double> count(cells, 0.0);
        for (const double x : density.sample(random, draws)) count[static_cast<std::size_t>(x - first)] += 1.0;
        double chi = 0.0;
        for (std::size_t i = 0; i < cells; ++i) {
            const double expected = static_cast<double>(draws) * std::exp(density.log_pdf(std::vector<double>{first + static_cast<double>(i)})[0]);
            chi += (count[i] - expected) * (count[i] - expected) / expected;
        }
        EXPECT_LT(chi, 110.0);
    }
}

// Whatever comes and goes, in few steps or many at once: the same bits as a new estimator of the same list.
RC_GTEST_PROP(Parzen, EditsLeadToTheSameBitsAsANewEstimator, ()) {
    SearchSpace space;
    space.emplace("category", made(CategoricalDistribution{{true, false, std::monostate{}}}));
    space.emplace("grid", made(IntDistribution{-6, 9, false, 3}));
    space.emplace("log", made(FloatDistribution{0.001, 10.0, true, 0.0}));
    space.emplace("real", made(FloatDistribution{-1.0, 1.0, false, 0.0}));
    const auto row = [] {
        const bool tie = *rc::gen::inRange(0, 4) == 0;  // some observations are equal in numbers that are no grid
        const double real = tie ? 0.25 : *rc::gen::inRange(-1000, 1001) / 1000.0;
        return std::vector<double>{static_cast<double>(*rc::gen::inRange(0, 3)), -6.0 + 3.0 * *rc::gen::inRange(0, 6),
                                   std::pow(10.0, 2.0 * real - 1.0), real};
    };
    std::vector<std::vector<double>> list;
    ParzenEstimator edited(space);
    const std::vector<double> points = {0.0, -3.0, 0.02, 0.25, 2.0, 9.0, 10.0, -1.0};
    for (int round = *rc::gen::inRange(1, 8); round > 0; --round) {
        ParzenEdit edit;
        std::vector<std::vector<double>> next;
        const int rarely = *rc::gen::element(2, 50);
        for (std::size_t i = 0; i < list.size(); ++i) {
            if (*rc::gen::inRange(0, rarely) == 0) {
                edit.erased.push_back(i);
            } else {
                next.push_back(list[i]);
            }
        }
        const int come = *rc::gen::element(0, 1, 2, 60);
        for (int i = 0; i < come; ++i) edit.inserted.push_back(static_cast<std::size_t>(*rc::gen::inRange(0, static_cast<int>(next.size()) + 1)));
        std::ranges::sort(edit.inserted);
        for (std::size_t i = 0; i < edit.inserted.size(); ++i) {
            edit.inserted[i] += i;  // positions afterwards
            const auto values = row();
            next.insert(next.begin() + static_cast<std::ptrdiff_t>(edit.inserted[i]), values);
            edit.values.insert(edit.values.end(), values.begin(), values.end());
        }
        edited.edit(edit);
        list = std::move(next);
        std::vector<ParzenColumn> columns;
        for (const auto& [name, distribution] : space) columns.push_back({&distribution, {}});
        for (const auto& values : list) {
            for (std::size_t j = 0; j < columns.size(); ++j) columns[j].values.push_back(values[j]);
        }
        const ParzenEstimator fresh(columns);
        RC_ASSERT(edited.observations() == list.size());
        RC_ASSERT(edited.weights() == fresh.weights());
        for (std::size_t j = 0; j < columns.size(); ++j) {
            RC_ASSERT(edited.means(j) == fresh.means(j));
            RC_ASSERT(edited.sigmas(j) == fresh.sigmas(j));
        }
        RC_ASSERT(edited.log_pdf(points) == fresh.log_pdf(points));
    }
}

TEST(Parzen, EqualObservationsAreWideInOtherParametersForOtherTrials) {
    const auto d = made(IntDistribution{-10, 10, false, 1});
    ParzenColumn column;
    column.distribution = &d;
    column.values.assign(20, 3.0);
    column.values.front() = -6.0;
    column.values.back() = 9.0;
    const ParzenEstimator density({column, column, column, column});
    std::set<std::vector<std::size_t>> wide;
    for (std::size_t j = 0; j < 4; ++j) {
        std::vector<std::size_t> trials;
        for (std::size_t i = 1; i < 19; ++i) {
            if (density.sigmas(j)[i] > 1.0) trials.push_back(i);
        }
        EXPECT_EQ(trials.size(), 2U);  // the gap below, the gap above
        wide.insert(trials);
    }
    EXPECT_GT(wide.size(), 1U);
}

TEST(Parzen, OutsideTheRangeTheDensityIsZero) {
    const auto d = made(FloatDistribution{0.0, 1.0, false, 0.0});
    EXPECT_TRUE(std::isinf(one(d, {0.5}).log_pdf(std::vector<double>{1.5})[0]));
}

}  // namespace
}  // namespace sofia::tune

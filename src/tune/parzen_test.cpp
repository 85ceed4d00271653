#include "tune/parzen.hpp"

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

TEST(Parzen, GivenOrderAndMemosChangeNothing) {
    const auto d = made(FloatDistribution{0.001, 10.0, true, 0.0});
    std::vector<ScaleMemo> memos(3);
    ParzenColumn column;
    column.distribution = &d;
    column.values = {5.0, 0.01, 0.7};
    const std::vector<double> points = {0.001, 0.4, 10.0};
    const auto plain = ParzenEstimator({column}).log_pdf(points);
    column.order = {1, 2, 0};
    column.logs = {std::log(5.0), std::log(0.01), std::log(0.7)};
    column.memos = memos;
    const std::vector<std::uint32_t> rows = {0, 1, 2};
    column.memo_of = rows;
    EXPECT_EQ(ParzenEstimator({column}).log_pdf(points), plain);
    EXPECT_EQ(ParzenEstimator({column}).log_pdf(points), plain);  // from the memos now
    EXPECT_GT(memos[2].sigma, 0.0);
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

#include "report/study_series.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sofia::report {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

StudyTrial complete(std::int64_t number, double value, Feasibility feasibility = Feasibility::feasible) {
    return {number, TrialEnd::complete, feasibility, {value}, {}, {}};
}

StudyTrial ended(std::int64_t number, TrialEnd end, std::vector<double> values = {}) {
    return {number, end, Feasibility::feasible, std::move(values), {}, {}};
}

std::vector<StudyTrial> trials_of(const std::vector<double>& values) {
    std::vector<StudyTrial> out;
    for (const double value : values) out.push_back(complete(static_cast<std::int64_t>(out.size()), value));
    return out;
}

std::vector<std::pair<std::int64_t, double>> pairs(const std::vector<BestStep>& steps) {
    std::vector<std::pair<std::int64_t, double>> out;
    for (const BestStep& step : steps) out.emplace_back(step.number, step.value);
    return out;
}

using Pair = std::pair<std::int64_t, double>;

TEST(BestLine, StepsWhereTheBestChanges) {
    const auto trials = trials_of({3.0, 5.0, 3.0, 1.0, 2.0, -inf, inf});
    EXPECT_THAT(pairs(best_line(trials, 0, Goal::minimize)), ElementsAre(Pair{0, 3.0}, Pair{3, 1.0}, Pair{5, -inf}));
    EXPECT_THAT(pairs(best_line(trials, 0, Goal::maximize)), ElementsAre(Pair{0, 3.0}, Pair{1, 5.0}, Pair{6, inf}));
}

TEST(BestLine, OnlyCompleteAndFeasibleTrialsCount) {
    const std::vector<StudyTrial> trials = {ended(0, TrialEnd::fail),
                                            complete(1, -9.0, Feasibility::infeasible),
                                            ended(2, TrialEnd::pruned, {-8.0}),
                                            complete(3, nan),
                                            complete(4, 7.0),
                                            ended(5, TrialEnd::running)};
    EXPECT_THAT(pairs(best_line(trials, 0, Goal::minimize)), ElementsAre(Pair{4, 7.0}));
    EXPECT_THAT(best_line(std::span(trials).first(4), 0, Goal::minimize), IsEmpty());
}

TEST(BestLine, AnInfiniteFirstValueIsAStep) {
    EXPECT_THAT(pairs(best_line(trials_of({inf, 2.0}), 0, Goal::minimize)), ElementsAre(Pair{0, inf}, Pair{1, 2.0}));
}

TEST(ValueRange, SpansAllWhenNothingIsFarAway) {
    const ValueRange range = value_range(trials_of({1.0, 4.0, 2.0, 3.0}), 0, Goal::minimize);
    EXPECT_EQ(range.best, 1.0);
    EXPECT_EQ(range.worst, 4.0);
    EXPECT_EQ(range.end, ValueRange::End::whole);
}

TEST(ValueRange, EndsAtTheQuantileWhenTheWorstIsFarAway) {
    std::vector<double> values(11);
    std::iota(values.begin(), values.end(), 0.0);
    values.back() = 1e6;
    const ValueRange low = value_range(trials_of(values), 0, Goal::minimize);
    EXPECT_EQ(low.worst, 9.0);
    EXPECT_EQ(low.end, ValueRange::End::cut);
    for (double& value : values) value = -value;
    const ValueRange high = value_range(trials_of(values), 0, Goal::maximize);
    EXPECT_EQ(high.best, 0.0);
    EXPECT_EQ(high.worst, -9.0);
    EXPECT_EQ(high.end, ValueRange::End::cut);
}

TEST(ValueRange, LeavesOutWhatIsNotFiniteOrNotComplete) {
    std::vector<StudyTrial> trials = trials_of({inf, 2.0, -inf, 5.0, nan});
    trials.push_back(ended(5, TrialEnd::pruned, {-100.0}));
    const ValueRange range = value_range(trials, 0, Goal::minimize);
    EXPECT_EQ(range.best, 2.0);
    EXPECT_EQ(range.worst, 5.0);
    EXPECT_TRUE(std::isnan(value_range(trials_of({inf, nan}), 0, Goal::minimize).best));
}

TEST(ValueRange, HoldsTheWholeRangeOfDoubles) {
    const ValueRange range = value_range(trials_of({-1.7e308, 1.7e308}), 0, Goal::minimize);
    EXPECT_EQ(range.best, -1.7e308);
    EXPECT_TRUE(std::isfinite(range.worst));
}

RC_GTEST_PROP(ThinTrials, KeepsTheCountTheOrderAndWhatMatters, ()) {
    const auto trials = *rc::gen::inRange<std::size_t>(0, 400);
    const auto most = *rc::gen::inRange<std::size_t>(1, 300);
    const auto keep = *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 400));
    const std::vector<std::size_t> out = thin_trials(trials, keep, most);
    RC_ASSERT(out.size() == std::min(trials, most));
    RC_ASSERT(std::set<std::size_t>(out.begin(), out.end()).size() == out.size());
    RC_ASSERT(std::ranges::is_sorted(out));
    if (!out.empty()) RC_ASSERT(out.back() < trials);
    // As many of `keep` as fit are there, the first ones first.
    std::set<std::size_t> wanted;
    for (const std::size_t index : keep) {
        if (index < trials && wanted.size() < most) wanted.insert(index);
    }
    RC_ASSERT(std::ranges::includes(out, wanted));
}

TEST(ThinTrials, TheRestIsEven) {
    EXPECT_THAT(thin_trials(10, std::vector<std::size_t>{}, 5), ElementsAre(1, 3, 5, 7, 9));
    EXPECT_THAT(thin_trials(10, std::vector<std::size_t>{0, 0, 3}, 4), ElementsAre(0, 3, 5, 9));
    EXPECT_THAT(thin_trials(3, std::vector<std::size_t>{}, 3), ElementsAre(0, 1, 2));
}

TEST(ThinReports, KeepsTheEnds) {
    std::vector<StudyReport> reports;
    for (std::int64_t step = 0; step < 1000; ++step) reports.push_back({step, 0.5 * static_cast<double>(step)});
    const auto thin = thin_reports(reports, 7);
    ASSERT_EQ(thin.size(), 7U);
    EXPECT_EQ(thin.front().step, 0);
    EXPECT_EQ(thin.back().step, 999);
    for (std::size_t i = 1; i < thin.size(); ++i) EXPECT_NEAR(static_cast<double>(thin[i].step - thin[i - 1].step), 166.5, 1.0);
    EXPECT_EQ(thin_reports(std::span(reports).first(5), 7).size(), 5U);
}

const StudyParameter plain{"x", Scale::linear, -5.0, 5.0, {}};
const StudyParameter logarithmic{"lr", Scale::log, 1e-4, 1.0, {}};
const StudyParameter category{"boost", Scale::category, 0.0, 0.0, {"gbdt", "dart", "goss"}};

TEST(AxisPosition, FollowsTheScale) {
    EXPECT_EQ(axis_position(plain, -5.0), 0.0);
    EXPECT_EQ(axis_position(plain, 0.0), 0.5);
    EXPECT_DOUBLE_EQ(axis_position(logarithmic, 1e-2), 0.5);
    EXPECT_TRUE(std::isnan(axis_position(logarithmic, -1.0)));
    EXPECT_TRUE(std::isnan(axis_position(plain, nan)));
    EXPECT_EQ(axis_position(category, 2.0), 2.0);
    EXPECT_EQ(axis_position({"one", Scale::linear, 3.0, 3.0, {}}, 3.0), 0.5);
    EXPECT_EQ(axis_position({"wide", Scale::linear, -1.7e308, 1.7e308, {}}, 0.0), 0.5);
}

TEST(ContourSurface, OfAConstantIsThatConstant) {
    const std::vector<double> x = {0.0, 11.0, 23.0};
    const std::vector<double> y = {5.5, 1.0, 20.0};
    const std::vector<double> z = {0.4, 0.4, 0.4};
    const Surface surface = contour_surface(plain, x, plain, y, z);
    ASSERT_EQ(surface.values.size(), contour_nodes * contour_nodes);
    for (const double value : surface.values) EXPECT_NEAR(value, 0.4, 1e-12);
    for (const double support : surface.support) EXPECT_TRUE(support >= 0.0 && support <= 1.0);
}

TEST(ContourSurface, OfOnePointOnANodeIsThatPointWithItsKernelAsSupport) {
    const Surface surface = contour_surface(plain, std::vector{4.0}, plain, std::vector{9.0}, std::vector{0.7});
    EXPECT_NEAR(surface.values[9 * contour_nodes + 4], 0.7, 1e-12);
    EXPECT_NEAR(surface.support[9 * contour_nodes + 4], 1.0 - std::exp(-1.0), 1e-12);
    // One node away with a kernel one node wide.
    EXPECT_NEAR(surface.support[9 * contour_nodes + 5], 1.0 - std::exp(-std::exp(-0.5)), 1e-12);
}

TEST(ContourSurface, StaysBetweenTheValuesAndFollowsThem) {
    std::vector<double> x;
    std::vector<double> y;
    std::vector<double> z;
    for (std::size_t i = 0; i < contour_nodes; ++i) {
        for (std::size_t j = 0; j < contour_nodes; ++j) {
            x.push_back(static_cast<double>(i));
            y.push_back(static_cast<double>(j));
            z.push_back(static_cast<double>(i) / 23.0);
        }
    }
    const Surface surface = contour_surface(plain, x, logarithmic, y, z);
    for (std::size_t row = 0; row < surface.rows; ++row) {
        for (std::size_t column = 1; column < surface.columns; ++column) {
            const double left = surface.values[row * surface.columns + column - 1];
            const double here = surface.values[row * surface.columns + column];
            EXPECT_GT(here, left);
            EXPECT_TRUE(here >= 0.0 && here <= 1.0);
        }
        // Far from the borders the mean of a plane is the plane.
        EXPECT_NEAR(surface.values[row * surface.columns + 11], 11.0 / 23.0, 0.03);
    }
}

TEST(ContourSurface, DoesNotMixCategories) {
    const std::vector<double> x = {0.0, 10.0, 23.0};
    const std::vector<double> y = {0.0, 0.0, 2.0};
    const std::vector<double> z = {0.1, 0.1, 0.9};
    const Surface surface = contour_surface(plain, x, category, y, z);
    ASSERT_EQ(surface.rows, 3U);
    for (std::size_t c = 0; c < surface.columns; ++c) {
        EXPECT_NEAR(surface.values[c], 0.1, 1e-12);
        EXPECT_TRUE(std::isnan(surface.values[surface.columns + c]));
        EXPECT_EQ(surface.support[surface.columns + c], 0.0);
        EXPECT_NEAR(surface.values[2 * surface.columns + c], 0.9, 1e-12);
    }
}

TEST(ContourSurface, LeavesOutTrialsWithoutBoth) {
    const Surface surface = contour_surface(plain, std::vector{nan, 3.0, inf}, plain, std::vector{1.0, nan, 2.0}, std::vector{0.5, 0.5, 0.5});
    for (const double value : surface.values) EXPECT_TRUE(std::isnan(value));
}

}  // namespace
}  // namespace sofia::report

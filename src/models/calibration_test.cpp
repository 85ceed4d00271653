#include "models/calibration.hpp"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/random.hpp"
#include "models/metrics.hpp"

namespace sofia::models {
namespace {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// Overconfident probabilities: the true log-odds are half of what is claimed, plus 0.3.
struct Sample {
    std::vector<double> claimed;
    std::vector<double> labels;
};

Sample overconfident(std::uint64_t seed, std::size_t rows) {
    RandomStream random(seed);
    Sample out;
    for (std::size_t i = 0; i < rows; ++i) {
        const double claimed = 2.0 * random.normal();
        out.claimed.push_back(sigmoid(claimed));
        out.labels.push_back(random.uniform() < sigmoid(0.5 * claimed + 0.3) ? 1.0 : 0.0);
    }
    return out;
}

TEST(Calibrator, TheDefaultChangesNothing) {
    const Calibrator none;
    EXPECT_EQ(none.apply(0.37), 0.37);
    EXPECT_EQ(none.name(), "none");
    EXPECT_TRUE(std::isnan(none.apply(std::nan(""))));
}

TEST(Calibrator, PlattFindsTheTrueLine) {
    const Sample sample = overconfident(1, 200'000);
    const Calibrator platt = Calibrator::fit_platt(sample.claimed, sample.labels).value();
    for (const double x : {-2.0, -0.5, 0.0, 1.0, 3.0}) EXPECT_NEAR(platt.apply(sigmoid(x)), sigmoid(0.5 * x + 0.3), 0.006);
}

// At the minimum of Platt's loss both derivatives vanish: mean calibrated probability equals mean smoothed target.
TEST(Calibrator, PlattMatchesTheMeanOfItsTargets) {
    const Sample sample = overconfident(2, 500);
    const Calibrator platt = Calibrator::fit_platt(sample.claimed, sample.labels).value();
    const auto positives = static_cast<double>(std::ranges::count(sample.labels, 1.0));
    const double negatives = 500.0 - positives;
    double targets = positives * (positives + 1.0) / (positives + 2.0) + negatives / (negatives + 2.0);
    for (const double p : sample.claimed) targets -= platt.apply(p);
    EXPECT_NEAR(targets, 0.0, 1e-6);
}

TEST(Calibrator, IsotonicPoolsViolatorsAndInterpolates) {
    const std::vector<double> p = {0.1, 0.2, 0.3, 0.4, 0.6};
    const std::vector<double> y = {0.0, 1.0, 0.0, 1.0, 1.0};
    const Calibrator isotonic = Calibrator::fit_isotonic(p, y).value();
    EXPECT_DOUBLE_EQ(isotonic.apply(0.1), 0.0);
    EXPECT_DOUBLE_EQ(isotonic.apply(0.2), 0.5);
    EXPECT_DOUBLE_EQ(isotonic.apply(0.25), 0.5);
    EXPECT_DOUBLE_EQ(isotonic.apply(0.3), 0.5);
    EXPECT_NEAR(isotonic.apply(0.35), 0.75, 1e-12);
    EXPECT_DOUBLE_EQ(isotonic.apply(0.15), 0.25);
    EXPECT_DOUBLE_EQ(isotonic.apply(0.0), 0.0);
    EXPECT_DOUBLE_EQ(isotonic.apply(1.0), 1.0);
}

TEST(Calibrator, BothAreMonotoneAndCalibrateNewRows) {
    const Sample fit = overconfident(3, 5000);
    const Sample fresh = overconfident(4, 5000);
    const double before = log_loss(fresh.claimed, fresh.labels);
    for (const char* name : {"platt", "isotonic"}) {
        const Calibrator calibrator = Calibrator::fit(name, fit.claimed, fit.labels).value();
        std::vector<double> after;
        for (const double p : fresh.claimed) after.push_back(calibrator.apply(p));
        EXPECT_LT(calibration_error(after, fresh.labels), 0.03) << name;
        EXPECT_LT(brier_score(after, fresh.labels), brier_score(fresh.claimed, fresh.labels)) << name;
        double last = -1.0;
        for (int i = 0; i <= 1000; ++i) {
            const double now = calibrator.apply(i / 1000.0);
            EXPECT_GE(now, last) << name;
            last = now;
        }
    }
    EXPECT_GT(before, 0.0);
}

TEST(Calibrator, JsonRoundTripsToTheLastBit) {
    const Sample sample = overconfident(5, 800);
    for (const char* name : {"none", "platt", "isotonic"}) {
        const Calibrator calibrator = Calibrator::fit(name, sample.claimed, sample.labels).value();
        const Json json = parse_json(format_json(calibrator.to_json()), "calibrator.json").value();
        const Calibrator back = Calibrator::from_json(json, "calibrator.json").value();
        for (int i = 0; i <= 100; ++i) EXPECT_EQ(back.apply(i / 100.0), calibrator.apply(i / 100.0)) << name;
    }
}

TEST(Calibrator, BadInputIsNamed) {
    const std::vector<double> p = {0.1, 1.2};
    const std::vector<double> y = {0.0, 1.0};
    const std::vector<double> ones = {1.0, 1.0};
    EXPECT_THAT(Calibrator::fit_platt(p, y).error().message, ::testing::HasSubstr("row 1: 1.2 is no probability"));
    EXPECT_THAT(Calibrator::fit_isotonic(y, ones).error().message, ::testing::HasSubstr("both classes"));
    EXPECT_EQ(Calibrator::fit("beta", y, y).error().code, ErrorCode::config);
    for (const char* text : {"{}", "[]", R"({"kind":"x"})", R"({"kind":"platt"})", R"({"kind":"isotonic","inputs":[2,1],"outputs":[0,1]})",
                             R"({"kind":"isotonic","inputs":[],"outputs":[]})"}) {
        EXPECT_EQ(Calibrator::from_json(parse_json(text, "t").value(), "t").error().code, ErrorCode::data) << text;
    }
}

TEST(CalibrationLine, FindsTheTrueOne) {
    RandomStream random(5);
    std::vector<double> said;
    std::vector<double> happened;
    for (int i = 0; i < 40'000; ++i) {
        const double x = 1.5 * random.normal();
        said.push_back(sigmoid(x));
        happened.push_back(random.uniform() < sigmoid(0.6 * x - 0.2) ? 1.0 : 0.0);
    }
    const CalibrationLine line = calibration_line(said, happened);
    EXPECT_NEAR(line.slope, 0.6, 0.03);
    EXPECT_NEAR(line.intercept, -0.2, 0.03);
}

// Two probabilities and the frequencies with which they came true fix the line: through both logits.
TEST(CalibrationLine, OfTwoProbabilitiesGoesThroughTheirFrequencies) {
    const std::vector<double> said = {0.2, 0.2, 0.2, 0.2, 0.6, 0.6, 0.6, 0.6};
    const std::vector<double> happened = {1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0};
    const CalibrationLine line = calibration_line(said, happened);
    const double low = std::log(0.2 / 0.8);
    const double high = std::log(0.6 / 0.4);
    EXPECT_NEAR(line.slope, (std::log(3.0) - std::log(1.0 / 3.0)) / (high - low), 1e-6);
    EXPECT_NEAR(line.intercept, std::log(3.0) - line.slope * high, 1e-6);
}

TEST(CalibrationLine, NeedsOverlappingClasses) {
    const std::vector<double> said = {0.1, 0.3, 0.6, 0.8};
    EXPECT_TRUE(std::isnan(calibration_line(said, std::vector<double>{0.0, 0.0, 1.0, 1.0}).slope));
    EXPECT_TRUE(std::isnan(calibration_line(said, std::vector<double>{1.0, 1.0, 0.0, 0.0}).slope));
    EXPECT_TRUE(std::isnan(calibration_line(said, std::vector<double>(4, 1.0)).slope));
    EXPECT_TRUE(std::isnan(calibration_line(std::vector<double>(4, 0.5), std::vector<double>{0.0, 1.0, 0.0, 1.0}).slope));
    EXPECT_FALSE(std::isnan(calibration_line(said, std::vector<double>{0.0, 1.0, 0.0, 1.0}).slope));
}

}  // namespace
}  // namespace sofia::models

#include "tune/test_functions.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace sofia::tune {
namespace {

/// The value at these internal values, in the order of the space's names; categories by index.
double value_at(const TestFunction& function, const std::vector<std::pair<std::string, double>>& point) {
    FrozenTrial trial;
    for (const auto& [name, internal] : point) trial.params.push_back({name, nullptr, internal});
    return function.value(trial);
}

std::vector<std::pair<std::string, double>> point(const std::vector<double>& x) {
    std::vector<std::pair<std::string, double>> out;
    for (std::size_t i = 0; i < x.size(); ++i) out.emplace_back("x" + std::to_string(i), x[i]);
    return out;
}

TEST(TestFunctions, ReachTheirMinimaWhereTheyAreKnownToLie) {
    for (const std::size_t dims : {1U, 2U, 7U}) {
        const TestFunction sphere = test_function("sphere", dims).value();
        EXPECT_EQ(sphere.space.size(), dims);
        EXPECT_EQ(value_at(sphere, point(std::vector<double>(dims, 0.0))), sphere.minimum);
        EXPECT_NEAR(value_at(test_function("ackley", dims).value(), point(std::vector<double>(dims, 0.0))), 0.0, 1e-14);
        EXPECT_EQ(value_at(test_function("rosenbrock", dims).value(), point(std::vector<double>(dims, 1.0))), 0.0);
    }
    // Branin has three of them (Dixon, Szego 1978).
    const TestFunction branin = test_function("branin").value();
    for (const auto& [x, y] : {std::pair{-M_PI, 12.275}, std::pair{M_PI, 2.275}, std::pair{3.0 * M_PI, 2.475}}) {
        EXPECT_NEAR(value_at(branin, point({x, y})), branin.minimum, 1e-9);
    }
    const TestFunction hartmann = test_function("hartmann6").value();
    EXPECT_NEAR(value_at(hartmann, point({0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573})), hartmann.minimum, 1e-6);
    EXPECT_EQ(value_at(test_function("mixed").value(), {{"x", 1.0}, {"rate", 0.01}, {"leaves", 64.0}, {"boost", 1.0}}), 0.0);
    EXPECT_EQ(value_at(test_function("conditional").value(), {{"model", 1.0}, {"depth", 6.0}, {"rate", 0.1}}), 0.0);
    EXPECT_EQ(value_at(test_function("conditional").value(), {{"model", 0.0}, {"slope", 1.0}}), 0.5);
}

TEST(TestFunctions, AreNowhereBelowTheirMinima) {
    RandomStream random(5);
    for (const char* name : {"sphere", "ackley", "rosenbrock", "branin", "hartmann6", "mixed"}) {
        const TestFunction function = test_function(name, 3).value();
        for (int i = 0; i < 2000; ++i) {
            std::vector<std::pair<std::string, double>> at;
            for (const auto& [parameter, distribution] : function.space) at.emplace_back(parameter, sample_uniform(distribution, random));
            EXPECT_GE(value_at(function, at), function.minimum) << name;
        }
    }
}

}  // namespace
}  // namespace sofia::tune

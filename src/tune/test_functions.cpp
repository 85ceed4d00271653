#include "tune/test_functions.hpp"

#include <array>
#include <cmath>
#include <numbers>
#include <span>
#include <vector>

#include "base/text.hpp"

namespace sofia::tune {

namespace {

using std::numbers::pi;
using Limits = std::vector<std::pair<double, double>>;

double sphere(std::span<const double> x) {
    double sum = 0.0;
    for (const double v : x) sum += v * v;
    return sum;
}

double ackley(std::span<const double> x) {
    const auto n = static_cast<double>(x.size());
    double waves = 0.0;
    for (const double v : x) waves += std::cos(2.0 * pi * v);
    return -20.0 * std::exp(-0.2 * std::sqrt(sphere(x) / n)) - std::exp(waves / n) + 20.0 + std::numbers::e;
}

double rosenbrock(std::span<const double> x) {
    double sum = 0.0;
    for (std::size_t i = 0; i + 1 < x.size(); ++i) sum += 100.0 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1.0 - x[i], 2);
    return sum;
}

double branin(std::span<const double> x) {
    const double valley = x[1] - 5.1 / (4.0 * pi * pi) * x[0] * x[0] + 5.0 / pi * x[0] - 6.0;
    return valley * valley + 10.0 * (1.0 - 1.0 / (8.0 * pi)) * std::cos(x[0]) + 10.0;
}

double hartmann6(std::span<const double> x) {
    constexpr std::array<double, 4> height = {1.0, 1.2, 3.0, 3.2};
    constexpr std::array<std::array<double, 6>, 4> sharp = {
        {{10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14}}};
    constexpr std::array<std::array<double, 6>, 4> place = {{{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                                                             {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                                                             {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                                                             {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}}};
    double sum = 0.0;
    for (std::size_t i = 0; i < 4; ++i) {
        double distance = 0.0;
        for (std::size_t j = 0; j < 6; ++j) distance += sharp[i][j] * (x[j] - place[i][j]) * (x[j] - place[i][j]);
        sum -= height[i] * std::exp(-distance);
    }
    return sum;
}

Distribution between(double low, double high) { return Distribution::make(FloatDistribution{low, high, false, 0.0}).value(); }

double at(const FrozenTrial& trial, const char* name) {
    const Param* p = trial.param(name);
    return p == nullptr ? 0.0 : p->internal;
}

TestFunction of_floats(double (*function)(std::span<const double>), const Limits& limits, double minimum) {
    TestFunction out;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < limits.size(); ++i) {
        names.push_back("x" + std::to_string(i));
        out.space.emplace(names.back(), between(limits[i].first, limits[i].second));
    }
    out.minimum = minimum;
    out.value = [function, names](const FrozenTrial& trial) {
        std::vector<double> x;
        for (const std::string& name : names) x.push_back(at(trial, name.c_str()));
        return function(x);
    };
    return out;
}

TestFunction mixed() {
    TestFunction out;
    out.space.emplace("x", between(-5.0, 5.0));
    out.space.emplace("rate", Distribution::make(FloatDistribution{1e-5, 1.0, true, 0.0}).value());
    out.space.emplace("leaves", Distribution::make(IntDistribution{4, 256, false, 4}).value());
    out.space.emplace("boost", Distribution::make(CategoricalDistribution{{std::string("gbdt"), std::string("dart"), std::string("goss")}}).value());
    out.value = [](const FrozenTrial& t) {
        return std::pow(at(t, "x") - 1.0, 2) + std::pow(std::log10(at(t, "rate")) + 2.0, 2) + std::pow((at(t, "leaves") - 64.0) / 64.0, 2) +
               (at(t, "boost") == 1.0 ? 0.0 : 1.0);
    };
    return out;
}

TestFunction conditional() {
    TestFunction out;
    out.suggest = [](Trial& trial) -> Result<void> {
        SOFIA_TRY(const ParamValue model, trial.suggest_categorical("model", {std::string("line"), std::string("tree")}));
        if (model == ParamValue(std::string("line"))) {
            SOFIA_CHECK(trial.suggest_float("slope", -2.0, 2.0));
            return {};
        }
        SOFIA_CHECK(trial.suggest_int("depth", 1, 12));
        SOFIA_CHECK(trial.suggest_float("rate", FloatDistribution{1e-3, 1.0, true, 0.0}));
        return {};
    };
    out.value = [](const FrozenTrial& t) {
        if (at(t, "model") == 0.0) return 0.5 + std::pow(at(t, "slope") - 1.0, 2);
        return std::pow((at(t, "depth") - 6.0) / 4.0, 2) + std::pow(std::log10(at(t, "rate")) + 1.0, 2);
    };
    return out;
}

}  // namespace

Result<TestFunction> test_function(const std::string& name, std::size_t dims) {
    if (dims < 1) return fail(ErrorCode::usage, "a function has at least one dimension");
    if (name == "sphere") return of_floats(sphere, Limits(dims, {-5.0, 5.0}), 0.0);
    if (name == "ackley") return of_floats(ackley, Limits(dims, {-5.0, 5.0}), 0.0);
    if (name == "rosenbrock") return of_floats(rosenbrock, Limits(dims, {-2.0, 2.0}), 0.0);
    if (name == "branin") return of_floats(branin, Limits{{-5.0, 10.0}, {0.0, 15.0}}, 0.397887357729739);
    if (name == "hartmann6") return of_floats(hartmann6, Limits(6, {0.0, 1.0}), -3.322368011415515);
    if (name == "mixed") return mixed();
    if (name == "conditional") return conditional();
    const std::vector<std::string> known = {"sphere", "ackley", "rosenbrock", "branin", "hartmann6", "mixed", "conditional"};
    return fail(ErrorCode::usage, with_suggestion("unknown function \"" + name + "\"", name, known), "functions: " + join(known, ", "));
}

}  // namespace sofia::tune

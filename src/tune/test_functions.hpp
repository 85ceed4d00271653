#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "tune/study.hpp"

namespace sofia::tune {

/// A function with a known minimum and the space it is searched in.
struct TestFunction {
    SearchSpace space;  ///< empty where the parameters depend on each other: then `suggest` asks for them
    std::function<Result<void>(Trial&)> suggest;
    std::function<double(const FrozenTrial&)> value;  ///< of a trial that has its parameters
    double minimum = 0.0;
};

/// `sphere` and `ackley` on [-5, 5], `rosenbrock` on [-2, 2], each of `dims` parameters x0, x1, ...; `branin` and `hartmann6` on their own
/// domains (Dixon, Szego 1978); `mixed` (float, log float, int with step, category), minimum 0; `conditional` (a category `model` that decides
/// whether there is `slope`, or `depth` and `rate`), minimum 0. Error usage with the nearest known name.
[[nodiscard]] Result<TestFunction> test_function(const std::string& name, std::size_t dims = 2);

}  // namespace sofia::tune

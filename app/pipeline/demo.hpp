#pragma once

#include <cstdint>
#include <filesystem>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// One call of `sofia demo`.
struct DemoRequest {
    std::filesystem::path out = "demo";
    std::filesystem::path config_file;  ///< empty: the built-in settings with a small search space
    std::int64_t days = 365;
    std::int64_t prints = 4'000'000;
    std::int64_t trials = 24;
    double edge = 1.0;
};

/// simulate -> tune -> train -> backtest into `out`, which must be empty or missing or an earlier demo. Errors: those of the stages.
[[nodiscard]] Result<Output> demo(const DemoRequest& request, const Context& context);

}  // namespace sofia::pipeline

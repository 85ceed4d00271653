#pragma once

#include <cstdint>
#include <string>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/study_open.hpp"

namespace sofia::pipeline {

struct DashboardRequest {
    StudyChoice choice;
    std::string host = "127.0.0.1";
    std::int64_t port = 8080;
};

/// Serves the storage with optuna-dashboard, found in PATH, until the stop flag is set or it ends. The password of a server stays in PGPASSWORD: the
/// dashboard is started with the URL without it. Errors: those of load_study; unavailable (not installed, with how to install it; it ended by
/// itself).
[[nodiscard]] Result<Output> serve_dashboard(const DashboardRequest& request, const Context& context);

}  // namespace sofia::pipeline

#pragma once

#include <filesystem>
#include <string>

#include "app/pipeline/stress.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "report/report.hpp"

namespace sofia::pipeline {

/// The content of stress.json (docs/artifacts.md).
[[nodiscard]] Json stress_json(const StressResult& result);

/// The page of stress.html.
[[nodiscard]] report::ReportData stress_page(const StressResult& result);

/// The tables of the terminal.
[[nodiscard]] std::string stress_text(const StressResult& result);

}  // namespace sofia::pipeline

#pragma once

// Internal to the room: bars, lines, markers and trades as compact JSON for page.js.

#include <string>

#include "report/report.hpp"

namespace sofia::report {

/// Whether there is anything to draw over time.
[[nodiscard]] bool has_chart(const ReportData& data);

/// Decimals that show every price of the bars, at most 8; `data.price_decimals` when set.
[[nodiscard]] int price_decimals(const ReportData& data);

/// The content of the page's data element; safe inside a script element.
[[nodiscard]] std::string chart_json(const ReportData& data);

}  // namespace sofia::report

#pragma once

// Internal to the room: the files that lie in the binary as they stand.

#include <string_view>

namespace sofia::report {

[[nodiscard]] std::string_view chart_library();  ///< TradingView Lightweight Charts
[[nodiscard]] std::string_view style();          ///< of every page
[[nodiscard]] std::string_view tables_script();  ///< of every page with tables
[[nodiscard]] std::string_view page_script();    ///< of the report
[[nodiscard]] std::string_view study_style();
[[nodiscard]] std::string_view study_script();

}  // namespace sofia::report

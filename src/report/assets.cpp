#include "report/assets.hpp"

#include <cstddef>

extern "C" {
extern const char sofia_chart_library_begin[];
extern const char sofia_chart_library_end[];
extern const char sofia_report_style_begin[];
extern const char sofia_report_style_end[];
extern const char sofia_report_tables_begin[];
extern const char sofia_report_tables_end[];
extern const char sofia_report_script_begin[];
extern const char sofia_report_script_end[];
extern const char sofia_report_study_style_begin[];
extern const char sofia_report_study_style_end[];
extern const char sofia_report_study_script_begin[];
extern const char sofia_report_study_script_end[];
}

namespace sofia::report {

namespace {

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

}  // namespace

std::string_view chart_library() { return between(sofia_chart_library_begin, sofia_chart_library_end); }
std::string_view style() { return between(sofia_report_style_begin, sofia_report_style_end); }
std::string_view tables_script() { return between(sofia_report_tables_begin, sofia_report_tables_end); }
std::string_view page_script() { return between(sofia_report_script_begin, sofia_report_script_end); }
std::string_view study_style() { return between(sofia_report_study_style_begin, sofia_report_study_style_end); }
std::string_view study_script() { return between(sofia_report_study_script_begin, sofia_report_study_script_end); }

}  // namespace sofia::report

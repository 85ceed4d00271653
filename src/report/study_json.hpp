#pragma once

// Internal to the room: a study as compact JSON for study.js.

#include <string>

#include "report/study.hpp"

namespace sofia::report {

/// The content of the page's data element; safe inside a script element. Infinities are the strings "Infinity" and "-Infinity".
[[nodiscard]] std::string study_json(const StudyData& data, const StudyLimits& limits);

}  // namespace sofia::report

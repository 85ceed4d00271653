#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "app/pipeline/study_ledger.hpp"
#include "base/json.hpp"
#include "report/report.hpp"

namespace sofia::pipeline {

/// A parameter in classes of about equally many trials.
struct ParameterClasses {
    std::string name;
    double correlation = std::numeric_limits<double>::quiet_NaN();  ///< of ranks, with the robust score (Spearman 1904)
    std::vector<double> edges;                                      ///< one more than classes; the last class is closed
    std::size_t own = 0;                                            ///< the trial's class

    [[nodiscard]] std::size_t size() const { return edges.size() - 1; }
    [[nodiscard]] std::size_t class_of(double value) const;
};

/// Robust scores over the two parameters that go most with them: a trial on a plateau is worth more than one on a peak.
struct ParameterMap {
    ParameterClasses x;
    ParameterClasses y;
    std::vector<std::vector<double>> median;        ///< robust score by class of y, then of x; NaN: no trial
    std::vector<std::vector<std::size_t>> trials;
};

/// Over the complete trials. Nothing below ten of them, or with fewer than two numeric parameters that vary, or where `trial` is not among them.
[[nodiscard]] std::optional<ParameterMap> parameter_map(const StudyLedger& study, std::int64_t trial);

[[nodiscard]] Json to_json(const ParameterMap& map);
[[nodiscard]] report::HeatMap heat_map_of(const ParameterMap& map);

}  // namespace sofia::pipeline

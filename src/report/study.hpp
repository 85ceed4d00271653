#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "report/report.hpp"

namespace sofia::report {

/// The page of a study: what was searched, how the search went, which parameters mattered. Plain values that the pipeline fills.

enum class Goal : std::uint8_t { minimize, maximize };
enum class TrialEnd : std::uint8_t { complete, pruned, fail, running, waiting };
enum class Scale : std::uint8_t { linear, log, category };

struct StudyObjective {
    std::string name;
    Goal goal = Goal::minimize;
};

/// An axis. Values of a category are indices into `choices`.
struct StudyParameter {
    std::string name;
    Scale scale = Scale::linear;
    double low = 0.0;  ///< of numbers: everything that any trial could have drawn
    double high = 1.0;
    std::vector<std::string> choices;
};

struct StudyReport {
    std::int64_t step = 0;
    double value = 0.0;  ///< NaN and infinities allowed
};

enum class Feasibility : std::uint8_t { feasible, infeasible };

struct StudyTrial {
    std::int64_t number = 0;
    TrialEnd end = TrialEnd::complete;
    Feasibility feasibility = Feasibility::feasible;
    std::vector<double> values;  ///< one an objective when complete (checked); infinities allowed. Of other trials they are not looked at
    std::vector<double> params;  ///< one a parameter of the study (checked); NaN: the trial does not have it
    std::vector<StudyReport> reports;  ///< by step
};

/// The share of a parameter, 0..1.
struct ParameterShare {
    std::size_t parameter = 0;
    double share = 0.0;
};

struct StudyData {
    std::string title;
    std::string subtitle;
    std::vector<Figure> headline;                     ///< large, above everything
    std::vector<StudyObjective> objectives;
    std::vector<std::size_t> targets;                 ///< the objectives that readers choose among, the first shown first; not empty (checked)
    std::vector<StudyParameter> parameters;           ///< those to be shown
    std::vector<StudyTrial> trials;                   ///< by number, ascending (checked)
    std::vector<std::size_t> best;                    ///< indices of the best trials: no other dominates them
    std::string importance_method;                    ///< `PED-ANOVA`
    std::vector<std::vector<ParameterShare>> importance;  ///< one list a target (checked), largest first; empty: not known
    std::vector<std::string> notes;
    std::vector<Figure> provenance;
};

/// What the page carries at most; what is more is thinned, and the page says so.
struct StudyLimits {
    std::size_t trials = 10'000;
    std::size_t cells = 400'000;          ///< trials times parameters and objectives
    std::size_t report_trials = 200;      ///< curves of intermediate values
    std::size_t report_points = 120;      ///< of one curve
    std::size_t contour_bytes = 1'500'000;
};

/// One self-contained page, written atomically: no network, a content security policy that allows nothing but its own script and style,
/// dark or light with the reader's system, made to be printed too. The same bytes for the same data. All text is escaped.
/// Errors: usage (data that break the rules above); io.
[[nodiscard]] Result<void> write_study_html(const std::filesystem::path& path, const StudyData& data, const StudyLimits& limits = {});

/// The same page as text.
[[nodiscard]] Result<std::string> study_html(const StudyData& data, const StudyLimits& limits = {});

}  // namespace sofia::report

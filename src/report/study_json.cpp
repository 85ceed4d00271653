#include "report/study_json.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "base/text.hpp"
#include "report/page_text.hpp"
#include "report/study_series.hpp"

namespace sofia::report {

namespace {

constexpr int digits = 6;                     // of a coordinate; the best trials' parameters are written exactly
constexpr std::size_t exact_trials = 100;     // as many as the page lists
constexpr std::size_t label_bytes = 160;      // of a category; what is longer says nothing more on an axis
constexpr std::size_t contour_choices = 40;   // more rows than these cannot be told apart
constexpr std::size_t best_steps = 2000;      // of the line of best values
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class Values, class Text>
std::string list(const Values& values, Text text) {
    std::string out = "[";
    for (const auto& value : values) {
        if (out.size() > 1) out += ',';
        out += text(value);
    }
    return out + "]";
}

std::string number_json(double value, int places = digits) {
    if (std::isinf(value)) return value > 0.0 ? "\"Infinity\"" : "\"-Infinity\"";
    return script_number(value, places);
}

std::string exact_json(double value) { return std::isfinite(value) ? format_double(value) : number_json(value); }

std::string index_json(std::size_t index) { return std::to_string(index); }

std::string label_json(const std::string& text) {
    if (text.size() <= label_bytes) return script_string(text);
    // Never in the middle of a UTF-8 sequence.
    std::size_t end = label_bytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return script_string(text.substr(0, end) + "…");
}

std::string_view scale_name(Scale scale) {
    switch (scale) {
        case Scale::linear: return "linear";
        case Scale::log: return "log";
        case Scale::category: return "category";
    }
    return "";
}

char state_letter(TrialEnd end) {
    switch (end) {
        case TrialEnd::complete: return 'c';
        case TrialEnd::pruned: return 'p';
        case TrialEnd::fail: return 'f';
        case TrialEnd::running: return 'r';
        case TrialEnd::waiting: return 'w';
    }
    return '?';
}

std::string objectives_json(const StudyData& data) {
    std::size_t index = 0;
    return list(data.objectives, [&](const StudyObjective& objective) {
        const ValueRange range = value_range(data.trials, index++, objective.goal);
        return fmt::format("{{\"name\":{},\"goal\":\"{}\",\"best\":{},\"worst\":{},\"cut\":{}}}", label_json(objective.name),
                           objective.goal == Goal::minimize ? "minimize" : "maximize", number_json(range.best, 17), number_json(range.worst, 17),
                           range.end == ValueRange::End::cut);
    });
}

std::string parameters_json(const StudyData& data) {
    return list(data.parameters, [](const StudyParameter& parameter) {
        std::string out = fmt::format("{{\"name\":{},\"scale\":\"{}\"", label_json(parameter.name), scale_name(parameter.scale));
        if (parameter.scale == Scale::category) return out + ",\"choices\":" + list(parameter.choices, label_json) + "}";
        return out + fmt::format(",\"low\":{},\"high\":{}}}", exact_json(parameter.low), exact_json(parameter.high));
    });
}

// ---- trials

bool reported(const StudyTrial& trial) { return !trial.reports.empty(); }

/// Whose intermediate values are drawn: the best trials, then an even choice of the others.
std::vector<std::size_t> curve_trials(const StudyData& data, const StudyLimits& limits) {
    std::vector<std::size_t> with;
    std::vector<std::size_t> keep;
    const std::set<std::size_t> best(data.best.begin(), data.best.end());
    for (std::size_t i = 0; i < data.trials.size(); ++i) {
        if (!reported(data.trials[i])) continue;
        if (best.contains(i)) keep.push_back(with.size());
        with.push_back(i);
    }
    std::vector<std::size_t> shown = thin_trials(with.size(), keep, limits.report_trials);
    for (std::size_t& place : shown) place = with[place];
    return shown;
}

/// Which trials the page carries: the best, those that improved, those with curves, and an even choice of the others.
std::vector<std::size_t> shown_trials(const StudyData& data, const StudyLimits& limits) {
    std::vector<std::size_t> keep = data.best;
    for (const std::size_t target : data.targets) {
        std::size_t at = 0;
        for (const BestStep& step : best_line(data.trials, target, data.objectives[target].goal)) {
            while (data.trials[at].number != step.number) ++at;
            keep.push_back(at);
        }
    }
    const std::vector<std::size_t> curves = curve_trials(data, limits);
    keep.insert(keep.end(), curves.begin(), curves.end());
    const std::size_t width = std::max<std::size_t>(1, data.parameters.size() + data.objectives.size());
    const std::size_t most = std::max<std::size_t>(1, std::min(limits.trials, limits.cells / width));
    return thin_trials(data.trials.size(), keep, most);
}

std::string trials_json(const StudyData& data, const std::vector<std::size_t>& shown) {
    const std::set<std::size_t> exact(data.best.begin(), data.best.begin() + static_cast<std::ptrdiff_t>(std::min(exact_trials, data.best.size())));
    std::string states;
    std::string feasible;
    for (const std::size_t i : shown) {
        states += state_letter(data.trials[i].end);
        feasible += data.trials[i].feasibility == Feasibility::feasible ? '1' : '0';
    }
    std::vector<std::size_t> objectives(data.objectives.size());
    std::iota(objectives.begin(), objectives.end(), std::size_t{0});
    std::vector<std::size_t> parameters(data.parameters.size());
    std::iota(parameters.begin(), parameters.end(), std::size_t{0});
    const auto text = [&](std::size_t trial, double value) { return exact.contains(trial) ? exact_json(value) : number_json(value); };
    std::string out = "{\"number\":" + list(shown, [&](std::size_t i) { return std::to_string(data.trials[i].number); });
    out += fmt::format(",\"state\":\"{}\",\"feasible\":\"{}\",\"values\":", states, feasible);
    out += list(objectives, [&](std::size_t j) {
        return list(shown, [&](std::size_t i) {
            const StudyTrial& trial = data.trials[i];
            return trial.end == TrialEnd::complete ? text(i, trial.values[j]) : std::string("null");
        });
    });
    out += ",\"params\":" +
           list(parameters, [&](std::size_t j) { return list(shown, [&](std::size_t i) { return text(i, data.trials[i].params[j]); }); });
    return out + "}";
}

/// Positions in `shown` of the trials that the page lists first.
std::string best_json(const StudyData& data, const std::vector<std::size_t>& shown) {
    std::vector<std::size_t> places;
    for (const std::size_t index : data.best) {
        const auto found = std::ranges::lower_bound(shown, index);
        if (found != shown.end() && *found == index) places.push_back(static_cast<std::size_t>(found - shown.begin()));
    }
    return list(places, index_json);
}

std::string counts_json(const StudyData& data) {
    std::string out;
    for (const TrialEnd end : {TrialEnd::complete, TrialEnd::pruned, TrialEnd::fail, TrialEnd::running, TrialEnd::waiting}) {
        const auto count = std::ranges::count(data.trials, end, &StudyTrial::end);
        out += fmt::format("{}\"{}\":{}", out.empty() ? "" : ",", state_letter(end), count);
    }
    return "{" + out + "}";
}

// ---- what belongs to one objective

std::vector<BestStep> bounded(std::vector<BestStep> steps) {
    if (steps.size() <= best_steps) return steps;
    std::vector<BestStep> out;
    for (std::size_t i = 0; i < best_steps; ++i) out.push_back(steps[i * (steps.size() - 1) / (best_steps - 1)]);
    return out;
}

std::string target_json(const StudyData& data, std::size_t place) {
    const std::size_t target = data.targets[place];
    const Goal goal = data.objectives[target].goal;
    const auto not_finite = std::ranges::count_if(
        data.trials, [&](const StudyTrial& trial) { return trial.end == TrialEnd::complete && !std::isfinite(trial.values[target]); });
    std::string out = fmt::format("{{\"objective\":{},\"not_finite\":{}", target, not_finite);
    out += ",\"line\":" + list(bounded(best_line(data.trials, target, goal)),
                               [](const BestStep& step) { return fmt::format("[{},{}]", step.number, exact_json(step.value)); });
    const auto& shares = data.importance.empty() ? std::vector<ParameterShare>() : data.importance[place];
    return out + ",\"importance\":" +
           list(shares, [](const ParameterShare& share) { return fmt::format("[{},{}]", share.parameter, number_json(share.share, 5)); }) + "}";
}

// ---- contours

/// 12 bits in two letters, 6 bits in one.
constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr unsigned level_none = 4095;

std::string surface_text(const Surface& surface) {
    std::string out;
    out.reserve(3 * surface.values.size());
    for (std::size_t i = 0; i < surface.values.size(); ++i) {
        const double value = surface.values[i];
        const unsigned level = std::isnan(value) ? level_none : static_cast<unsigned>(std::lround(std::clamp(value, 0.0, 1.0) * (level_none - 1)));
        out += letters[level >> 6U];
        out += letters[level & 63U];
        out += letters[static_cast<std::size_t>(std::lround(63.0 * surface.support[i]))];
    }
    return out;
}

/// 0 at the best end of the range, 1 at the worst, NaN where there is no finite value.
std::vector<double> levels(const StudyData& data, std::size_t target) {
    const ValueRange range = value_range(data.trials, target, data.objectives[target].goal);
    const double width = range.worst / 2.0 - range.best / 2.0;
    std::vector<double> out;
    for (const StudyTrial& trial : data.trials) {
        const bool counts = trial.end == TrialEnd::complete && std::isfinite(trial.values[target]);
        out.push_back(!counts ? nan : width == 0.0 ? 0.0 : std::clamp((trial.values[target] / 2.0 - range.best / 2.0) / width, 0.0, 1.0));
    }
    return out;
}

struct ContourAxes {
    std::vector<std::size_t> parameters;          ///< the most important first
    std::vector<std::vector<double>> positions;   ///< of every trial, one list a parameter
    std::size_t possible = 0;                     ///< how many there would be without a limit
};

bool varies(const std::vector<double>& positions, const std::vector<double>& level) {
    double first = nan;
    for (std::size_t i = 0; i < positions.size(); ++i) {
        if (std::isnan(level[i]) || !std::isfinite(positions[i])) continue;
        if (std::isnan(first)) first = positions[i];
        if (positions[i] != first) return true;
    }
    return false;
}

/// Parameters with at least two values, the most important first, as many as fit.
ContourAxes contour_axes(const StudyData& data, const StudyLimits& limits) {
    std::vector<std::size_t> order;
    if (!data.importance.empty()) {
        for (const ParameterShare& share : data.importance.front()) order.push_back(share.parameter);
    }
    for (std::size_t i = 0; i < data.parameters.size(); ++i) {
        if (std::ranges::find(order, i) == order.end()) order.push_back(i);
    }
    const std::vector<double> level = levels(data, data.targets.front());
    ContourAxes axes;
    std::size_t bytes = 0;
    for (const std::size_t index : order) {
        const StudyParameter& parameter = data.parameters[index];
        if (parameter.scale == Scale::category && parameter.choices.size() > contour_choices) continue;
        std::vector<double> positions = node_positions(parameter, data.trials, index);
        if (!varies(positions, level)) continue;
        ++axes.possible;
        std::size_t more = 0;
        for (const std::size_t other : axes.parameters) more += 3 * nodes_of(parameter) * nodes_of(data.parameters[other]) * data.targets.size();
        if (bytes + more > limits.contour_bytes) continue;
        bytes += more;
        axes.parameters.push_back(index);
        axes.positions.push_back(std::move(positions));
    }
    return axes;
}

/// Surfaces of all pairs (x before y in `parameters`), one list a target; null where the two are never together.
std::string contours_json(const StudyData& data, const StudyLimits& limits) {
    const ContourAxes axes = contour_axes(data, limits);
    std::string out =
        fmt::format("{{\"nodes\":{},\"possible\":{},\"params\":{},\"surfaces\":", contour_nodes, axes.possible, list(axes.parameters, index_json));
    out += list(data.targets, [&](std::size_t target) {
        const std::vector<double> level = levels(data, target);
        std::string pairs = "[";
        for (std::size_t x = 0; x < axes.parameters.size(); ++x) {
            for (std::size_t y = x + 1; y < axes.parameters.size(); ++y) {
                const Surface surface = contour_surface(data.parameters[axes.parameters[x]], axes.positions[x], data.parameters[axes.parameters[y]],
                                                        axes.positions[y], level);
                const bool together = std::ranges::any_of(surface.values, [](double value) { return !std::isnan(value); });
                pairs += (pairs.size() > 1 ? "," : "") + (together ? "\"" + surface_text(surface) + "\"" : "null");
            }
        }
        return pairs + "]";
    });
    return out + "}";
}

// ---- intermediate values

std::string reports_json(const StudyData& data, const StudyLimits& limits) {
    bool cut = false;
    const std::string curves = list(curve_trials(data, limits), [&](std::size_t index) {
        const StudyTrial& trial = data.trials[index];
        const std::vector<StudyReport> points = thin_reports(trial.reports, limits.report_points);
        cut = cut || points.size() < trial.reports.size();
        return fmt::format("{{\"number\":{},\"state\":\"{}\",\"feasible\":{},\"steps\":{},\"values\":{}}}", trial.number, state_letter(trial.end),
                           trial.feasibility == Feasibility::feasible, list(points, [](const StudyReport& p) { return std::to_string(p.step); }),
                           list(points, [](const StudyReport& p) { return number_json(p.value); }));
    });
    return fmt::format("{{\"trials\":{},\"cut\":{},\"points\":{},\"curves\":{}}}", std::ranges::count_if(data.trials, reported), cut,
                       limits.report_points, curves);
}

}  // namespace

std::string study_json(const StudyData& data, const StudyLimits& limits) {
    const std::vector<std::size_t> shown = shown_trials(data, limits);
    std::vector<std::size_t> places(data.targets.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    std::string out = "{\"objectives\":" + objectives_json(data) + ",\"parameters\":" + parameters_json(data);
    out += fmt::format(",\"total\":{},\"counts\":{}", data.trials.size(), counts_json(data));
    out += ",\"trials\":" + trials_json(data, shown) + ",\"best\":" + best_json(data, shown);
    out += ",\"importance_method\":" + script_string(data.importance_method);
    out += ",\"targets\":" + list(places, [&](std::size_t place) { return target_json(data, place); });
    out += ",\"contours\":" + contours_json(data, limits);
    return out + ",\"reports\":" + reports_json(data, limits) + "}";
}

}  // namespace sofia::report

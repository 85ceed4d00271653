#include "report/study_series.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "math/statistics.hpp"

namespace sofia::report {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

bool better(double a, double b, Goal goal) { return goal == Goal::minimize ? a < b : a > b; }

/// The values of complete trials for which `wanted` holds.
template <class Wanted>
std::vector<double> values_where(std::span<const StudyTrial> trials, std::size_t objective, Wanted wanted) {
    std::vector<double> out;
    for (const StudyTrial& trial : trials) {
        if (trial.end == TrialEnd::complete && wanted(trial.values[objective])) out.push_back(trial.values[objective]);
    }
    return out;
}

/// Weights of a kernel between nodes, row by row; the identity for categories.
std::vector<double> kernel_of(const StudyParameter& parameter, std::span<const double> positions) {
    const std::size_t nodes = nodes_of(parameter);
    std::vector<double> kernel(nodes * nodes, 0.0);
    double width = 0.0;
    if (parameter.scale != Scale::category && positions.size() > 1) {
        width = math::stdev(positions) * std::pow(static_cast<double>(positions.size()), -1.0 / 6.0);
    }
    width = std::max(width, 1.0);
    for (std::size_t i = 0; i < nodes; ++i) {
        for (std::size_t j = 0; j < nodes; ++j) {
            const double distance = (static_cast<double>(i) - static_cast<double>(j)) / width;
            kernel[i * nodes + j] = parameter.scale == Scale::category ? (i == j ? 1.0 : 0.0) : std::exp(-0.5 * distance * distance);
        }
    }
    return kernel;
}

/// kernel_y * mass * kernel_x, for a mass of rows x columns.
std::vector<double> smooth(const std::vector<double>& mass, const std::vector<double>& kernel_x, std::size_t columns,
                           const std::vector<double>& kernel_y, std::size_t rows) {
    std::vector<double> along(rows * columns, 0.0);
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t from = 0; from < columns; ++from) {
            if (mass[r * columns + from] == 0.0) continue;
            for (std::size_t to = 0; to < columns; ++to) along[r * columns + to] += mass[r * columns + from] * kernel_x[from * columns + to];
        }
    }
    std::vector<double> out(rows * columns, 0.0);
    for (std::size_t to = 0; to < rows; ++to) {
        for (std::size_t from = 0; from < rows; ++from) {
            const double weight = kernel_y[from * rows + to];
            if (weight == 0.0) continue;
            for (std::size_t c = 0; c < columns; ++c) out[to * columns + c] += weight * along[from * columns + c];
        }
    }
    return out;
}

/// A point between nodes belongs to both, by nearness.
struct Share {
    std::size_t node;
    double weight;
};
std::array<Share, 2> shares_of(double position, std::size_t nodes) {
    const double inside = std::clamp(position, 0.0, static_cast<double>(nodes - 1));
    const auto below = static_cast<std::size_t>(inside);
    const double part = inside - static_cast<double>(below);
    return {Share{below, 1.0 - part}, Share{std::min(below + 1, nodes - 1), part}};
}

}  // namespace

std::vector<BestStep> best_line(std::span<const StudyTrial> trials, std::size_t objective, Goal goal) {
    std::vector<BestStep> out;
    for (const StudyTrial& trial : trials) {
        if (trial.end != TrialEnd::complete || trial.feasibility == Feasibility::infeasible) continue;
        const double value = trial.values[objective];
        if (std::isnan(value)) continue;
        if (out.empty() || better(value, out.back().value, goal)) out.push_back({trial.number, value});
    }
    return out;
}

ValueRange value_range(std::span<const StudyTrial> trials, std::size_t objective, Goal goal) {
    std::vector<double> values = values_where(trials, objective, [](double value) { return std::isfinite(value); });
    if (values.empty()) return {nan, nan, ValueRange::End::whole};
    std::ranges::sort(values);
    if (goal == Goal::maximize) std::ranges::reverse(values);
    ValueRange range{values.front(), values.back(), ValueRange::End::whole};
    const double rank = 0.9 * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(rank);
    const double part = rank - static_cast<double>(below);
    const double most = std::lerp(values[below], values[std::min(below + 1, values.size() - 1)], part);
    // Halves, because the distance between two finite numbers may be infinite.
    if (most != range.best && std::abs(range.worst / 2.0 - range.best / 2.0) > 3.0 * std::abs(most / 2.0 - range.best / 2.0)) {
        range.worst = most;
        range.end = ValueRange::End::cut;
    }
    return range;
}

std::vector<std::size_t> thin_trials(std::size_t trials, std::span<const std::size_t> keep, std::size_t most) {
    std::vector<char> chosen(trials, trials <= most ? 1 : 0);
    if (trials > most) {
        std::size_t room = most;
        for (const std::size_t index : keep) {
            if (room == 0) break;
            if (index < trials && chosen[index] == 0) {
                chosen[index] = 1;
                --room;
            }
        }
        const std::size_t others = trials - (most - room);
        std::size_t seen = 0;
        for (std::size_t i = 0; i < trials; ++i) {
            if (chosen[i] != 0) continue;
            // The seen-th of the others is taken where the running share of `room` passes a whole number.
            if ((seen + 1) * room / others > seen * room / others) chosen[i] = 1;
            ++seen;
        }
    }
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < trials; ++i) {
        if (chosen[i] != 0) out.push_back(i);
    }
    return out;
}

std::vector<StudyReport> thin_reports(std::span<const StudyReport> reports, std::size_t most) {
    if (reports.size() <= most) return {reports.begin(), reports.end()};
    std::vector<StudyReport> out;
    for (std::size_t i = 0; i < most; ++i) out.push_back(reports[i * (reports.size() - 1) / (most - 1)]);
    return out;
}

double axis_position(const StudyParameter& parameter, double value) {
    if (parameter.scale == Scale::category) return value;
    const bool log = parameter.scale == Scale::log;
    if (std::isnan(value) || (log && !(value > 0.0))) return nan;
    const double at = log ? std::log(value) : value;
    const double low = log ? std::log(parameter.low) : parameter.low;
    const double high = log ? std::log(parameter.high) : parameter.high;
    return high > low ? (at / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) : 0.5;
}

std::size_t nodes_of(const StudyParameter& parameter) {
    return parameter.scale == Scale::category ? std::max<std::size_t>(parameter.choices.size(), 1) : contour_nodes;
}

std::vector<double> node_positions(const StudyParameter& parameter, std::span<const StudyTrial> trials, std::size_t index) {
    const double scale = parameter.scale == Scale::category ? 1.0 : static_cast<double>(contour_nodes - 1);
    std::vector<double> out;
    out.reserve(trials.size());
    for (const StudyTrial& trial : trials) out.push_back(scale * axis_position(parameter, trial.params[index]));
    return out;
}

Surface contour_surface(const StudyParameter& x_axis, std::span<const double> x, const StudyParameter& y_axis, std::span<const double> y,
                        std::span<const double> z) {
    Surface surface{nodes_of(x_axis), nodes_of(y_axis), {}, {}};
    const std::size_t cells = surface.columns * surface.rows;
    std::vector<double> mass(cells, 0.0);
    std::vector<double> moment(cells, 0.0);
    std::vector<double> seen_x;
    std::vector<double> seen_y;
    for (std::size_t i = 0; i < z.size(); ++i) {
        if (!std::isfinite(x[i]) || !std::isfinite(y[i]) || !std::isfinite(z[i])) continue;
        seen_x.push_back(x[i]);
        seen_y.push_back(y[i]);
        for (const Share& row : shares_of(y[i], surface.rows)) {
            for (const Share& column : shares_of(x[i], surface.columns)) {
                const std::size_t cell = row.node * surface.columns + column.node;
                mass[cell] += row.weight * column.weight;
                moment[cell] += row.weight * column.weight * z[i];
            }
        }
    }
    const std::vector<double> kernel_x = kernel_of(x_axis, seen_x);
    const std::vector<double> kernel_y = kernel_of(y_axis, seen_y);
    const std::vector<double> total = smooth(mass, kernel_x, surface.columns, kernel_y, surface.rows);
    const std::vector<double> sum = smooth(moment, kernel_x, surface.columns, kernel_y, surface.rows);
    for (std::size_t i = 0; i < cells; ++i) {
        // Far from every trial weights are too small to divide by.
        surface.values.push_back(total[i] > 1e-200 ? sum[i] / total[i] : nan);
        surface.support.push_back(-std::expm1(-total[i]));
    }
    return surface;
}

}  // namespace sofia::report

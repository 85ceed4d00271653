#include "app/pipeline/parameter_map.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "math/statistics.hpp"

namespace sofia::pipeline {
namespace {

constexpr std::size_t fewest_trials = 10;
constexpr std::size_t most_classes = 5;

/// Equal values share their mean rank.
std::vector<double> ranks_of(const std::vector<double>& values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return values[i]; });
    std::vector<double> ranks(values.size());
    for (std::size_t i = 0; i < order.size();) {
        std::size_t end = i;
        while (end < order.size() && values[order[end]] == values[order[i]]) ++end;
        for (std::size_t k = i; k < end; ++k) ranks[order[k]] = static_cast<double>(i + end - 1) / 2.0;
        i = end;
    }
    return ranks;
}

/// The values of a parameter, one a trial; nothing where one has none or it is no number.
std::optional<std::vector<double>> values_of(const std::vector<const TrialLedger*>& trials, const std::string& name) {
    std::vector<double> values;
    for (const TrialLedger* trial : trials) {
        const auto at = trial->params.find(name);
        const auto value = at == trial->params.end() ? std::nullopt : parse_double(at->second);
        if (!value || !std::isfinite(*value)) return std::nullopt;
        values.push_back(*value);
    }
    return values;
}

ParameterClasses classes_of(const std::string& name, const std::vector<double>& values, const std::vector<double>& scores, std::size_t count) {
    ParameterClasses out{.name = name, .correlation = math::correlation(ranks_of(values), ranks_of(scores)), .edges = {}};
    std::set<double> edges;
    for (std::size_t i = 0; i <= count; ++i) edges.insert(math::quantile(values, static_cast<double>(i) / static_cast<double>(count)));
    out.edges.assign(edges.begin(), edges.end());
    return out;
}

std::string class_text(const ParameterClasses& classes, std::size_t i) {
    return fmt::format("{:.3g} to {:.3g}", classes.edges[i], classes.edges[i + 1]);
}

}  // namespace

std::size_t ParameterClasses::class_of(double value) const {
    const auto above = std::ranges::upper_bound(edges, value) - edges.begin();
    return std::min(static_cast<std::size_t>(std::max<std::ptrdiff_t>(above, 1)) - 1, size() - 1);
}

std::optional<ParameterMap> parameter_map(const StudyLedger& study, std::int64_t trial) {
    std::vector<const TrialLedger*> trials;
    std::vector<double> scores;
    const TrialLedger* own = nullptr;
    for (const TrialLedger& one : study.summarised) {
        if (one.state != "complete" || std::isnan(one.robust_score)) continue;
        if (one.record.trial == trial) own = &one;
        trials.push_back(&one);
        scores.push_back(one.robust_score);
    }
    if (trials.size() < fewest_trials || own == nullptr) return std::nullopt;
    const auto count = std::clamp<std::size_t>(static_cast<std::size_t>(std::sqrt(static_cast<double>(trials.size()) / 4.0)), 2, most_classes);
    std::vector<ParameterClasses> found;
    for (const auto& [name, text] : own->params) {
        const auto values = values_of(trials, name);
        if (!values) continue;
        ParameterClasses classes = classes_of(name, *values, scores, count);
        if (classes.edges.size() < 3 || std::isnan(classes.correlation)) continue;
        classes.own = classes.class_of(*parse_double(text));
        found.push_back(std::move(classes));
    }
    if (found.size() < 2) return std::nullopt;
    std::ranges::stable_sort(found, std::ranges::greater{}, [](const ParameterClasses& c) { return std::abs(c.correlation); });
    ParameterMap map{.x = found[0], .y = found[1], .median = {}, .trials = {}};
    std::vector<std::vector<std::vector<double>>> cells(map.y.size(), std::vector<std::vector<double>>(map.x.size()));
    const std::vector<double> x = *values_of(trials, map.x.name);
    const std::vector<double> y = *values_of(trials, map.y.name);
    for (std::size_t i = 0; i < trials.size(); ++i) cells[map.y.class_of(y[i])][map.x.class_of(x[i])].push_back(scores[i]);
    for (const auto& row : cells) {
        map.median.emplace_back();
        map.trials.emplace_back();
        for (const std::vector<double>& cell : row) {
            map.median.back().push_back(math::median(cell));
            map.trials.back().push_back(cell.size());
        }
    }
    return map;
}

Json to_json(const ParameterMap& map) {
    Json json = Json::object();
    for (const auto& [axis, classes] : {std::pair{"x", &map.x}, std::pair{"y", &map.y}}) {
        json[axis] = {{"parameter", classes->name}, {"rank_correlation", json_number(classes->correlation)}, {"edges", classes->edges}};
    }
    json["median_score"] = Json::array();
    for (const std::vector<double>& row : map.median) {
        Json cells = Json::array();
        for (const double value : row) cells.push_back(json_number(value));
        json["median_score"].push_back(std::move(cells));
    }
    json["trials"] = map.trials;
    return json;
}

report::HeatMap heat_map_of(const ParameterMap& map) {
    report::HeatMap out{.title = "Robust score by its two most telling parameters",
                        .note = "median of the trials in each cell; framed: this trial's. A plateau is worth more than a peak",
                        .unit = "R a trade",
                        .x_name = fmt::format("{} (rank correlation {:.2f})", map.x.name, map.x.correlation),
                        .y_name = fmt::format("{} ({:.2f})", map.y.name, map.y.correlation),
                        .x_classes = {},
                        .y_classes = {},
                        .values = map.median,
                        .counts = map.trials,
                        .marked_x = map.x.own,
                        .marked_y = map.y.own};
    for (std::size_t i = 0; i < map.x.size(); ++i) out.x_classes.push_back(class_text(map.x, i));
    for (std::size_t i = 0; i < map.y.size(); ++i) out.y_classes.push_back(class_text(map.y, i));
    return out;
}

}  // namespace sofia::pipeline

#include "models/calibration.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace sofia::models {

namespace {

/// Log-odds, with probabilities kept as far from 0 and 1 as a double's precision makes sense.
double logit(double p) {
    constexpr double edge = 1e-12;
    const double inside = std::clamp(p, edge, 1.0 - edge);
    return std::log(inside) - std::log1p(-inside);
}

auto bad(const std::string& message) { return fail(ErrorCode::data, "calibration: " + message); }

Result<void> check(std::span<const double> probabilities, std::span<const double> labels) {
    if (probabilities.size() != labels.size()) {
        return bad(std::to_string(probabilities.size()) + " probabilities for " + std::to_string(labels.size()) + " labels");
    }
    bool positive = false;
    bool negative = false;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (!(probabilities[i] >= 0.0 && probabilities[i] <= 1.0)) {
            return bad("row " + std::to_string(i) + ": " + format_double(probabilities[i]) + " is no probability");
        }
        if (labels[i] != 0.0 && labels[i] != 1.0) return bad("row " + std::to_string(i) + ": label " + format_double(labels[i]) + " is not 0 or 1");
        (labels[i] == 1.0 ? positive : negative) = true;
    }
    if (!positive || !negative) return bad("labels of both classes are needed");
    return {};
}

/// Platt's objective: cross entropy of 1 / (1 + exp(a f + b)) against smoothed targets; derivatives for Newton's step.
struct PlattProblem {
    std::vector<double> scores;
    std::vector<double> targets;

    [[nodiscard]] double loss(double a, double b) const {
        double sum = 0.0;
        for (std::size_t i = 0; i < scores.size(); ++i) {
            const double z = scores[i] * a + b;
            // Written so that neither exp overflows (Lin, Lin, Weng 2007, section 3).
            sum += z >= 0.0 ? targets[i] * z + std::log1p(std::exp(-z)) : (targets[i] - 1.0) * z + std::log1p(std::exp(z));
        }
        return sum;
    }

    struct Derivatives {
        double haa = 1e-12, hab = 0.0, hbb = 1e-12, ga = 0.0, gb = 0.0;
    };

    [[nodiscard]] Derivatives derivatives(double a, double b) const {
        Derivatives d;
        for (std::size_t i = 0; i < scores.size(); ++i) {
            const double z = scores[i] * a + b;
            const double small = std::exp(-std::abs(z));
            const double p = z >= 0.0 ? small / (1.0 + small) : 1.0 / (1.0 + small);
            const double curvature = p * (1.0 - p);
            const double slope = targets[i] - p;
            d.haa += scores[i] * scores[i] * curvature;
            d.hab += scores[i] * curvature;
            d.hbb += curvature;
            d.ga += scores[i] * slope;
            d.gb += slope;
        }
        return d;
    }
};

PlattProblem platt_problem(std::span<const double> probabilities, std::span<const double> labels) {
    const double positives = std::accumulate(labels.begin(), labels.end(), 0.0);
    const double negatives = static_cast<double>(labels.size()) - positives;
    PlattProblem problem;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        problem.scores.push_back(logit(probabilities[i]));
        problem.targets.push_back(labels[i] == 1.0 ? (positives + 1.0) / (positives + 2.0) : 1.0 / (negatives + 2.0));
    }
    return problem;
}

/// A run of rows with one fitted value.
struct Block {
    double sum;
    double weight;
    double first;  // smallest and largest input
    double last;
    [[nodiscard]] double mean() const { return sum / weight; }
};

std::vector<Block> pool_adjacent_violators(std::span<const double> probabilities, std::span<const double> labels) {
    std::vector<std::size_t> order(labels.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return probabilities[a] < probabilities[b]; });
    std::vector<Block> ties;
    for (const std::size_t i : order) {
        if (!ties.empty() && ties.back().last == probabilities[i]) {
            ties.back().sum += labels[i];
            ties.back().weight += 1.0;
        } else {
            ties.push_back({labels[i], 1.0, probabilities[i], probabilities[i]});
        }
    }
    std::vector<Block> blocks;
    for (const Block& tie : ties) {
        blocks.push_back(tie);
        while (blocks.size() > 1 && blocks[blocks.size() - 2].mean() >= blocks.back().mean()) {
            const Block top = blocks.back();
            blocks.pop_back();
            blocks.back().sum += top.sum;
            blocks.back().weight += top.weight;
            blocks.back().last = top.last;
        }
    }
    return blocks;
}

Result<std::vector<double>> number_list(const Json& json, const char* key, const std::string& where) {
    if (!json.contains(key) || !json[key].is_array()) return fail(ErrorCode::data, where + ": calibrator without list \"" + key + "\"");
    std::vector<double> out;
    for (const Json& value : json[key]) {
        if (!value.is_number()) return fail(ErrorCode::data, where + ": calibrator: \"" + key + "\" holds something that is no number");
        out.push_back(value.get<double>());
    }
    return out;
}

/// Newton's method from a = 0 and this b, with halved steps where the loss would not fall (Lin, Lin, Weng 2007).
std::pair<double, double> least_loss(const PlattProblem& problem, double b) {
    double a = 0.0;
    double loss = problem.loss(a, b);
    for (int iteration = 0; iteration < 100; ++iteration) {
        const auto d = problem.derivatives(a, b);
        if (std::abs(d.ga) < 1e-9 && std::abs(d.gb) < 1e-9) break;
        const double determinant = d.haa * d.hbb - d.hab * d.hab;
        const double step_a = -(d.hbb * d.ga - d.hab * d.gb) / determinant;
        const double step_b = -(d.haa * d.gb - d.hab * d.ga) / determinant;
        const double slope = d.ga * step_a + d.gb * step_b;
        double step = 1.0;
        while (step > 1e-10 && !(problem.loss(a + step * step_a, b + step * step_b) < loss + 1e-4 * step * slope)) step /= 2.0;
        if (step <= 1e-10) break;
        a += step * step_a;
        b += step * step_b;
        loss = problem.loss(a, b);
    }
    return {a, b};
}

}  // namespace

Result<Calibrator> Calibrator::fit_platt(std::span<const double> probabilities, std::span<const double> labels) {
    SOFIA_CHECK(check(probabilities, labels));
    const PlattProblem problem = platt_problem(probabilities, labels);
    const double positives = std::accumulate(labels.begin(), labels.end(), 0.0);
    const auto [a, b] = least_loss(problem, std::log((static_cast<double>(labels.size()) - positives + 1.0) / (positives + 1.0)));
    Calibrator out;
    out.name_ = "platt";
    out.slope_ = a;
    out.intercept_ = b;
    return out;
}
Result<Calibrator> Calibrator::fit_isotonic(std::span<const double> probabilities, std::span<const double> labels) {
    SOFIA_CHECK(check(probabilities, labels));
    Calibrator out;
    out.name_ = "isotonic";
    for (const Block& block : pool_adjacent_violators(probabilities, labels)) {
        out.inputs_.push_back(block.first);
        out.outputs_.push_back(block.mean());
        if (block.last > block.first) {
            out.inputs_.push_back(block.last);
            out.outputs_.push_back(block.mean());
        }
    }
    return out;
}

Result<Calibrator> Calibrator::fit(const std::string& name, std::span<const double> probabilities, std::span<const double> labels) {
    if (name == "none") return Calibrator();
    if (name == "platt") return fit_platt(probabilities, labels);
    if (name == "isotonic") return fit_isotonic(probabilities, labels);
    return fail(ErrorCode::config, "calibration: \"" + name + "\" is not one of none, platt, isotonic");
}

double Calibrator::apply(double probability) const {
    if (name_ == "none" || std::isnan(probability)) return probability;
    if (name_ == "platt") return 1.0 / (1.0 + std::exp(slope_ * logit(probability) + intercept_));
    const auto above = static_cast<std::size_t>(std::ranges::upper_bound(inputs_, probability) - inputs_.begin());
    if (above == 0) return outputs_.front();
    if (above == inputs_.size()) return outputs_.back();
    const double share = (probability - inputs_[above - 1]) / (inputs_[above] - inputs_[above - 1]);
    return outputs_[above - 1] + share * (outputs_[above] - outputs_[above - 1]);
}

Json Calibrator::to_json() const {
    Json json;
    json["kind"] = name_;
    if (name_ == "platt") {
        json["slope"] = slope_;
        json["intercept"] = intercept_;
    } else if (name_ == "isotonic") {
        json["inputs"] = inputs_;
        json["outputs"] = outputs_;
    }
    return json;
}

Result<Calibrator> Calibrator::from_json(const Json& json, const std::string& where) {
    const bool kind = json.is_object() && json.contains("kind") && json["kind"].is_string();
    if (!kind) return fail(ErrorCode::data, where + ": calibrator without \"kind\"");
    Calibrator out;
    out.name_ = json["kind"].get<std::string>();
    if (out.name_ == "none") return out;
    if (out.name_ == "platt") {
        const auto number = [&](const char* key) { return json.contains(key) && json[key].is_number(); };
        if (!number("slope") || !number("intercept")) return fail(ErrorCode::data, where + ": calibrator platt without slope and intercept");
        out.slope_ = json["slope"].get<double>();
        out.intercept_ = json["intercept"].get<double>();
        return out;
    }
    if (out.name_ != "isotonic") return fail(ErrorCode::data, where + ": calibrator \"" + out.name_ + "\" is not known");
    SOFIA_TRY(out.inputs_, number_list(json, "inputs", where));
    SOFIA_TRY(out.outputs_, number_list(json, "outputs", where));
    const bool ascending = std::ranges::is_sorted(out.inputs_) && std::ranges::adjacent_find(out.inputs_) == out.inputs_.end();
    if (out.inputs_.empty() || out.inputs_.size() != out.outputs_.size() || !ascending || !std::ranges::is_sorted(out.outputs_)) {
        return fail(ErrorCode::data, where + ": calibrator isotonic: inputs and outputs are not two ascending lists of one length");
    }
    return out;
}

CalibrationLine calibration_line(std::span<const double> probabilities, std::span<const double> labels) {
    assert(probabilities.size() == labels.size());
    PlattProblem problem;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (std::isnan(probabilities[i]) || std::isnan(labels[i])) return {};
        problem.scores.push_back(logit(std::clamp(probabilities[i], 1e-6, 1.0 - 1e-6)));
        problem.targets.push_back(labels[i]);
    }
    double least_positive = std::numeric_limits<double>::infinity();
    double least_negative = least_positive;
    double most_positive = -least_positive;
    double most_negative = -least_positive;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        double& least = labels[i] > 0.5 ? least_positive : least_negative;
        double& most = labels[i] > 0.5 ? most_positive : most_negative;
        least = std::min(least, problem.scores[i]);
        most = std::max(most, problem.scores[i]);
    }
    // Without an overlap of the classes the likelihood grows for ever.
    if (!(least_positive < most_negative && least_negative < most_positive)) return {};
    const double positives = std::accumulate(labels.begin(), labels.end(), 0.0);
    const auto [a, b] = least_loss(problem, std::log((static_cast<double>(labels.size()) - positives) / positives));
    return {-a, -b};
}

}  // namespace sofia::models

#include "models/ensemble.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include <Eigen/Dense>

#include "base/text.hpp"

namespace sofia::models {

namespace {

/// A probability of 0 or 1 has no finite log odds: beyond this it counts as this.
constexpr double least = 1e-6;

double log_odds(double p) {
    const double q = std::clamp(p, least, 1.0 - least);
    return std::log(q / (1.0 - q));
}

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

double weighted_mean(std::span<const EnsembleMember> members, std::span<const double> probabilities) {
    double sum = 0.0;
    double weights = 0.0;
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (std::isnan(probabilities[i])) continue;
        sum += members[i].weight * probabilities[i];
        weights += members[i].weight;
    }
    return sum / weights;
}

double stacked(const EnsembleConfig& config, std::span<const double> probabilities) {
    double score = config.intercept;
    for (std::size_t i = 0; i < probabilities.size(); ++i) score += config.coefficients[i] * log_odds(probabilities[i]);
    return sigmoid(score);
}

std::unexpected<Error> too_few(const Answer& answer, std::size_t needed) {
    std::vector<std::string> reasons;
    for (const auto& [name, error] : answer.failed) reasons.push_back(name + ": " + error.message);
    return fail(ErrorCode::unavailable,
                counted(answer.answered.size(), "model") + " answered where " + std::to_string(needed) + " are needed (" + join(reasons, "; ") + ")");
}

}  // namespace

Result<void> EnsembleConfig::validate(std::span<const EnsembleMember> members) const {
    if (members.empty()) return fail(ErrorCode::usage, "an ensemble needs at least one member");
    std::set<std::string> names;
    for (const EnsembleMember& member : members) {
        if (!names.insert(member.name).second) return fail(ErrorCode::usage, "member \"" + member.name + "\" is in the ensemble twice");
        if (member.predictor == nullptr) return fail(ErrorCode::usage, "member \"" + member.name + "\" has no predictor");
        if (!(member.weight > 0.0) || !std::isfinite(member.weight)) {
            return fail(ErrorCode::usage, "member \"" + member.name + "\": weight " + format_double(member.weight) + " is not above 0");
        }
    }
    if (!(spread_max >= 0.0)) return fail(ErrorCode::usage, "spread_max " + format_double(spread_max) + " is not from 0");
    if (answers_min < 1 || answers_min > static_cast<std::int64_t>(members.size())) {
        return fail(ErrorCode::usage, "answers_min " + std::to_string(answers_min) + " is not in 1.." + std::to_string(members.size()));
    }
    const bool finite = std::isfinite(intercept) && std::ranges::all_of(coefficients, [](double c) { return std::isfinite(c); });
    if (combination == Combination::stacking && (coefficients.size() != members.size() || !finite)) {
        return fail(ErrorCode::usage, counted(coefficients.size(), "coefficient") + " for " + counted(members.size(), "member"), "see fit_stacking");
    }
    return {};
}

Result<EnsemblePredictor> EnsemblePredictor::make(std::vector<EnsembleMember> members, EnsembleConfig config) {
    SOFIA_CHECK(config.validate(members));
    return EnsemblePredictor(std::move(members), std::move(config));
}

EnsemblePredictor::EnsemblePredictor(std::vector<EnsembleMember> members, EnsembleConfig config)
    : members_(std::move(members)), config_(std::move(config)) {}

Result<Answer> EnsemblePredictor::predict_proba(NamedValues row) const {
    Answer out;
    std::vector<double> probabilities(members_.size(), std::numeric_limits<double>::quiet_NaN());
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        auto answer = members_[i].predictor->predict_proba(row);
        if (!answer && answer.error().code == ErrorCode::usage) return std::unexpected(std::move(answer).error());
        if (!answer) {
            out.failed.emplace_back(members_[i].name, std::move(answer).error());
            continue;
        }
        if (answer->abstained) {
            out.failed.emplace_back(members_[i].name, Error{ErrorCode::unavailable, "abstained", {}});
            continue;
        }
        out.answered.push_back(members_[i].name);
        probabilities[i] = answer->probability;
        low = std::min(low, answer->probability);
        high = std::max(high, answer->probability);
    }
    const std::size_t needed = config_.combination == Combination::stacking ? members_.size() : static_cast<std::size_t>(config_.answers_min);
    if (out.answered.size() < needed) return too_few(out, needed);
    out.spread = high - low;
    out.abstained = out.spread > config_.spread_max;
    out.probability = out.abstained                                  ? std::numeric_limits<double>::quiet_NaN()
                      : config_.combination == Combination::stacking ? stacked(config_, probabilities)
                                                                     : weighted_mean(members_, probabilities);
    return out;
}

namespace {

/// Log odds by row with a leading 1. Error: data.
Result<Eigen::MatrixXd> design(std::span<const std::vector<double>> probabilities, std::span<const double> outcomes) {
    const auto rows = static_cast<Eigen::Index>(outcomes.size());
    Eigen::MatrixXd x(rows, static_cast<Eigen::Index>(probabilities.size()) + 1);
    x.col(0).setOnes();
    for (std::size_t member = 0; member < probabilities.size(); ++member) {
        if (probabilities[member].size() != outcomes.size()) {
            return fail(ErrorCode::data, "stacking: member " + std::to_string(member) + " has " +
                                             counted(probabilities[member].size(), "probability") + " for " + counted(outcomes.size(), "outcome"));
        }
        for (Eigen::Index row = 0; row < rows; ++row) {
            x(row, static_cast<Eigen::Index>(member) + 1) = log_odds(probabilities[member][static_cast<std::size_t>(row)]);
        }
    }
    return x;
}

}  // namespace

Result<std::vector<double>> fit_stacking(std::span<const std::vector<double>> probabilities, std::span<const double> outcomes, double penalty) {
    if (probabilities.empty()) return fail(ErrorCode::data, "stacking: no member");
    const auto ones = std::ranges::count(outcomes, 1.0);
    if (ones + std::ranges::count(outcomes, 0.0) != static_cast<std::ptrdiff_t>(outcomes.size())) {
        return fail(ErrorCode::data, "stacking: outcomes are 0 or 1");
    }
    if (ones == 0 || ones == static_cast<std::ptrdiff_t>(outcomes.size())) return fail(ErrorCode::data, "stacking: all outcomes are the same");
    SOFIA_TRY(const Eigen::MatrixXd x, design(probabilities, outcomes));
    const Eigen::Map<const Eigen::VectorXd> y(outcomes.data(), x.rows());
    Eigen::VectorXd prior = Eigen::VectorXd::Constant(x.cols(), 1.0 / static_cast<double>(probabilities.size()));
    prior(0) = 0.0;
    // The intercept is as good as free: a little of the penalty keeps it finite.
    Eigen::VectorXd penalties = Eigen::VectorXd::Constant(x.cols(), penalty);
    penalties(0) = 1e-6;
    const auto loss_of = [&](const Eigen::VectorXd& beta) {
        const Eigen::VectorXd score = x * beta;
        double loss = 0.5 * (penalties.array() * (beta - prior).array().square()).sum();
        // log(1 + e^s) - y s, without overflow
        for (Eigen::Index i = 0; i < score.size(); ++i) loss += std::max(score(i), 0.0) + std::log1p(std::exp(-std::abs(score(i)))) - y(i) * score(i);
        return loss;
    };
    Eigen::VectorXd beta = prior;
    double loss = loss_of(beta);
    constexpr int steps_max = 100;
    for (int step = 0; step < steps_max; ++step) {
        const Eigen::VectorXd p = (x * beta).unaryExpr([](double s) { return sigmoid(s); });
        const Eigen::VectorXd gradient = x.transpose() * (p - y) + penalties.cwiseProduct(beta - prior);
        Eigen::MatrixXd hessian = x.transpose() * p.cwiseProduct(Eigen::VectorXd::Ones(p.size()) - p).asDiagonal() * x;
        hessian.diagonal() += penalties;
        const Eigen::VectorXd move = hessian.ldlt().solve(gradient);
        double share = 1.0;
        Eigen::VectorXd next = beta - move;
        // The loss is convex: a full step that overshoots is halved.
        while (loss_of(next) > loss && share > 1e-8) {
            share *= 0.5;
            next = beta - share * move;
        }
        beta = next;
        loss = loss_of(beta);
        if (move.norm() * share < 1e-10) break;
    }
    return std::vector<double>(beta.begin(), beta.end());
}

}  // namespace sofia::models

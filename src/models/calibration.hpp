#pragma once

#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace sofia::models {

/// A monotone map from a model's probability to one that matches observed frequencies. A value type; const members are thread-safe.
class Calibrator {
public:
    /// Leaves every probability as it is.
    Calibrator() = default;

    /// p -> 1 / (1 + exp(a * logit(p) + b)). Platt (1999) with his smoothed targets, fitted by Newton's method as in Lin, Lin and Weng (2007).
    /// `probabilities` in [0, 1], `labels` 0 or 1, equal sizes, both classes present. Error: data.
    [[nodiscard]] static Result<Calibrator> fit_platt(std::span<const double> probabilities, std::span<const double> labels);

    /// The non-decreasing step fit by pooling adjacent violators (Ayer et al. 1955), interpolated between the ends of its steps and constant
    /// outside: scikit-learn's IsotonicRegression(out_of_bounds="clip"). Error: data, as above.
    [[nodiscard]] static Result<Calibrator> fit_isotonic(std::span<const double> probabilities, std::span<const double> labels);

    /// `name` is `none`, `platt` or `isotonic`. Errors: config (another name), data.
    [[nodiscard]] static Result<Calibrator> fit(const std::string& name, std::span<const double> probabilities, std::span<const double> labels);

    /// NaN stays NaN.
    [[nodiscard]] double apply(double probability) const;

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] Json to_json() const;

    /// `where` stands for the file in messages. Error: data.
    [[nodiscard]] static Result<Calibrator> from_json(const Json& json, const std::string& where);

private:
    std::string name_ = "none";
    double slope_ = -1.0;             // platt
    double intercept_ = 0.0;
    std::vector<double> inputs_;      // isotonic: ascending
    std::vector<double> outputs_;
};

/// Logistic regression of what happened on the logit of what was said (Cox 1958): slope 1 and intercept 0 when calibrated, a slope below 1 when
/// probabilities are too far from their middle. By maximum likelihood, probabilities kept 1e-6 away from 0 and 1.
struct CalibrationLine {
    double slope = std::numeric_limits<double>::quiet_NaN();
    double intercept = std::numeric_limits<double>::quiet_NaN();
};

/// `probabilities` in [0, 1], `labels` 0 or 1, equal sizes (asserted). NaN with one class only, one probability only, a NaN, or where a threshold
/// tells the classes apart, so that there is no largest likelihood.
[[nodiscard]] CalibrationLine calibration_line(std::span<const double> probabilities, std::span<const double> labels);

}  // namespace sofia::models

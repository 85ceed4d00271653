#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "models/matrix.hpp"

// Models that are written elsewhere, in Python for instance, and take LightGBM's place in a strategy.
namespace sofia::models {

/// What a registered model is.
struct LearnerSpec {
    std::string name;
    std::string description;
    int version = 1;   ///< goes up when the same parameters make another model
    std::string file;  ///< what a fitted model is kept as: `model.pkl`
};

/// What a model is to learn. Views of what the caller holds.
struct LearningTask {
    MatrixView train;
    std::span<const double> y;             ///< of training: 0 or 1
    MatrixView validation;                 ///< to know when to stop, for models that can
    std::span<const double> validation_y;
    const std::vector<std::string>& columns;
    std::map<std::string, std::string> parameters;  ///< values as YAML
    std::uint64_t seed = 0;
};

/// A fitted model. Const members are safe to call from several threads.
class LearntModel {
public:
    virtual ~LearntModel() = default;

    /// The probability of 1, a row. Errors: the implementation's own.
    [[nodiscard]] virtual Result<std::vector<double>> predict(MatrixView rows) const = 0;

    /// What its Learner can load. Errors: the implementation's own.
    [[nodiscard]] virtual Result<std::string> bytes() const = 0;
};

/// A way to fit models that somebody registers. Implementations are safe to call from several threads and give the same model for the same task.
class Learner {
public:
    virtual ~Learner() = default;

    [[nodiscard]] virtual const LearnerSpec& spec() const = 0;

    /// SHA-256 of the code that makes the model; empty where it cannot be known.
    [[nodiscard]] virtual std::string source_sha256() const = 0;

    /// Whether it takes these parameters. Error: config, with the one that it does not.
    [[nodiscard]] virtual Result<void> check(const std::map<std::string, std::string>& parameters) const = 0;

    /// Errors: the implementation's own.
    [[nodiscard]] virtual Result<std::unique_ptr<LearntModel>> fit(const LearningTask& task) const = 0;

    /// A model from its `bytes`; `name` stands for them in messages. Error: data.
    [[nodiscard]] virtual Result<std::unique_ptr<LearntModel>> load(const std::string& bytes, const std::string& name) const = 0;
};

/// `model.predict(rows)`, checked: a probability in [0, 1] a row. Errors: usage, naming `who`; those of `predict`.
[[nodiscard]] Result<std::vector<double>> learnt_probabilities(const LearntModel& model, MatrixView rows, const std::string& who);

}  // namespace sofia::models

#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "models/dataset.hpp"
#include "models/gbdt_config.hpp"
#include "models/matrix.hpp"

namespace sofia::models {

/// What happened during a fit.
struct FitReport {
    std::size_t best_iteration = 0;    ///< trees (per class) kept in the model
    std::size_t rounds = 0;            ///< rounds trained before stopping
    std::string metric;                ///< the metric of early stopping; empty without validation data
    std::vector<double> history;       ///< its value on the validation data after each round; empty without
    double best_value = 0.0;           ///< its value at `best_iteration`; NaN without validation data
    double seconds = 0.0;              ///< wall time of the whole fit; this and the next are outside every promise of reproducibility
    double training_seconds = 0.0;     ///< of it inside LightGBM's training calls: booster, validation data, rounds, their metrics
};

/// A gradient-boosted model: LightGBM's text and everything asked of it. Move-only. Const members are safe to call from several threads.
class Booster {
public:
    /// Fits `config` to `train`. With `validation` (aligned to `train`) and `early_stopping_rounds` > 0 the model is cut at the round whose first
    /// metric was best (the first of equals; `dart`, whose earlier trees change later, is never cut). Deterministic in data, config and
    /// `seed`, whatever `threads`: equal text. `stop` is asked each round.
    /// LightGBM's thread count is one for the process: a call that wants another one than a call under way waits for it to end.
    /// Errors: config, also when `train` was binned for another config; interrupted; internal.
    [[nodiscard]] static Result<Booster> fit(const GbdtConfig& config, const Dataset& train, const Dataset* validation, std::uint64_t seed,
                                             std::size_t threads, const StopFlag& stop, const Logger& logger = Logger());

    /// What the model that `fit` would make says of `rows` (as `predict`), without keeping that model: making its text and reading it takes a small
    /// model longer than being asked. Errors: as `fit` and `predict`.
    struct Forecast {
        std::vector<double> values;
        FitReport report;
    };
    [[nodiscard]] static Result<Forecast> fit_predict(const GbdtConfig& config, const Dataset& train, const Dataset* validation, std::uint64_t seed,
                                                      std::size_t threads, const StopFlag& stop, MatrixView rows, const Logger& logger = Logger());

    /// Reads LightGBM text, our own or another program's. Errors: io; data, with the file (or `name`).
    [[nodiscard]] static Result<Booster> load(const std::filesystem::path& path);
    [[nodiscard]] static Result<Booster> from_text(const std::string& text, const std::string& name);

    ~Booster();
    Booster(Booster&&) noexcept;
    Booster& operator=(Booster&&) noexcept;

    /// Empty (all zero) for a loaded model.
    [[nodiscard]] const FitReport& report() const;

    [[nodiscard]] const std::vector<std::string>& feature_names() const;
    [[nodiscard]] std::size_t outputs() const;  ///< numbers a row: 1, or the number of classes
    [[nodiscard]] std::size_t trees() const;

    /// One value a row (rows x outputs): a probability for `binary`, the value for `regression`. Error: usage when the columns do not fit.
    /// Here and below results do not depend on `threads`; concurrent calls take turns (FlatTrees does not).
    [[nodiscard]] Result<std::vector<double>> predict(MatrixView features, std::size_t threads = 1) const;

    /// The same before the objective's transformation: log-odds for `binary`.
    [[nodiscard]] Result<std::vector<double>> predict_raw(MatrixView features, std::size_t threads = 1) const;

    /// SHAP values (Lundberg 2018, tree path dependent) of the raw prediction: rows x outputs x (columns + 1), the last of each being the
    /// expected value; a row's values sum to its raw prediction.
    [[nodiscard]] Result<std::vector<double>> contributions(MatrixView features, std::size_t threads = 1) const;

    [[nodiscard]] std::vector<double> gain_importance() const;  ///< total gain by column
    [[nodiscard]] std::vector<double> split_importance() const;  ///< number of splits by column

    /// The model as LightGBM's text, which Python's `lightgbm.Booster(model_file=…)` opens.
    [[nodiscard]] const std::string& text() const;
    [[nodiscard]] Result<void> save(const std::filesystem::path& path) const;

private:
    struct State;
    struct Trained;
    [[nodiscard]] static Result<std::map<std::string, std::string>> checked_parameters(const GbdtConfig& config, const Dataset& train,
                                                                                       const Dataset* validation, std::uint64_t seed);
    explicit Booster(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sofia::models

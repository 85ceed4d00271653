#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "models/gbdt_config.hpp"
#include "models/matrix.hpp"

namespace sofia::models {

/// Rows to learn from. Only looked at during the call it is given to.
struct TrainingData {
    MatrixView features;
    std::span<const double> labels;              ///< one a row, finite (kept as float by LightGBM); 0 or 1 for `binary`
    std::span<const double> weights;             ///< one a row, finite, >= 0; or empty: all 1
    std::vector<std::string> feature_names;      ///< one a column; letters, digits and `_.-`, no doubles
    std::vector<std::string> categorical;        ///< names among them whose values are small non-negative integers
};

/// Binned rows for LightGBM. Build one for each training fold (a fold cut from the full data would carry bins that have seen the future) and
/// share it between trials whose `GbdtConfig::dataset_key` is equal, labelled anew. Move-only; not to be used by two fits at the same time.
class Dataset {
public:
    /// Bins from this data alone. The result does not depend on `threads` (LightGBM's thread count is one for the process: see Booster::fit).
    /// Errors: config; data (shape, label, weight or name, with row and value; no row at all).
    [[nodiscard]] static Result<Dataset> make(const TrainingData& data, const GbdtConfig& config, std::size_t threads,
                                              const Logger& logger = Logger());

    /// Binned with the bins of `reference`, whose columns it must have: validation data for early stopping.
    [[nodiscard]] static Result<Dataset> make_aligned(const TrainingData& data, const Dataset& reference, std::size_t threads,
                                                      const Logger& logger = Logger());

    /// Other labels and weights (empty: all 1) for the same binned rows, as if made with them. Errors: as make; what was there then stays.
    [[nodiscard]] Result<void> relabel(std::span<const double> labels, std::span<const double> weights, const Logger& logger = Logger());

    ~Dataset();
    Dataset(Dataset&&) noexcept;
    Dataset& operator=(Dataset&&) noexcept;

    [[nodiscard]] std::size_t rows() const;
    [[nodiscard]] const std::vector<std::string>& feature_names() const;

    /// Whether a fit with `config` would use these bins as they would be built for it. Error: config, naming what differs.
    [[nodiscard]] Result<void> check(const GbdtConfig& config) const;

private:
    friend class Booster;
    [[nodiscard]] Result<void> check(const std::map<std::string, std::string>& parameters) const;  // of a config, resolved
    struct State;
    explicit Dataset(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sofia::models

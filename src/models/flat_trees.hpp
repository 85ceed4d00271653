#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sofia::models {

/// The trees of a LightGBM model in one contiguous array, for one row at a time. Same branches and same order of sums as LightGBM (v4 text), so
/// that predictions agree to the last bit: NaN and zero as missing, default directions, categories, `dart`, `rf`, every transformation.
/// A value type. Const members are safe to call from several threads and allocate nothing (up to 500 columns).
class FlatTrees {
public:
    /// `name` stands for the model in messages. Errors: data (malformed text); unavailable (linear trees, or an objective unknown here).
    [[nodiscard]] static Result<FlatTrees> from_text(std::string_view text, const std::string& name = "model text");

    ~FlatTrees();
    FlatTrees(const FlatTrees&);
    FlatTrees(FlatTrees&&) noexcept;
    FlatTrees& operator=(const FlatTrees&);
    FlatTrees& operator=(FlatTrees&&) noexcept;

    [[nodiscard]] std::size_t columns() const;
    [[nodiscard]] std::size_t outputs() const;
    [[nodiscard]] const std::vector<std::string>& feature_names() const;

    /// For models with one output (asserted). `row` has `columns()` values (asserted), NaN missing. As Booster::predict and predict_raw.
    [[nodiscard]] double predict(std::span<const double> row) const;
    [[nodiscard]] double predict_raw(std::span<const double> row) const;

    /// For any model: `out` has `outputs()` values (asserted).
    void predict(std::span<const double> row, std::span<double> out) const;
    void predict_raw(std::span<const double> row, std::span<double> out) const;

private:
    struct State;
    explicit FlatTrees(std::shared_ptr<const State> state);
    std::shared_ptr<const State> state_;  // never changes, so copies share it
};

}  // namespace sofia::models

#pragma once

// Internal to the room: the cells of a grid and their order.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tune/frozen.hpp"

namespace sofia::tune {

using GridValues = std::map<std::string, std::vector<ParamValue>>;

/// Every value of every parameter. Error config: a float without a step, too many.
[[nodiscard]] Result<GridValues> values_of(const SearchSpace& space);

/// The cells of the product of the values, the last name's value changing fastest, and their order: that of a Python list shuffled by
/// numpy.random.RandomState(seed), which is Optuna's. A trial's `grid_id` is a place in that order.
class GridPlan {
public:
    /// Error config: no values, more cells than grid_cells_max.
    [[nodiscard]] static Result<GridPlan> make(GridValues values, std::uint32_t seed);

    [[nodiscard]] std::size_t cells() const { return order_.size(); }
    [[nodiscard]] const GridValues& values() const { return values_; }
    [[nodiscard]] std::size_t cell_at(std::size_t grid_id) const { return order_[grid_id]; }

    /// Null: the grid has no such parameter.
    [[nodiscard]] const ParamValue* value(std::size_t cell, const std::string& name) const;

    /// The cell whose values a trial with a `grid_id` has, or was to get; nothing when it belongs to no such grid.
    [[nodiscard]] std::optional<std::size_t> cell_of(const FrozenTrial& trial) const;

    /// `search_space` and `grid_id` as Optuna writes them.
    [[nodiscard]] Attributes attributes(std::size_t grid_id) const;

private:
    GridPlan() = default;
    [[nodiscard]] bool same_values(const std::string& json) const;

    GridValues values_;
    std::vector<std::uint32_t> order_;  ///< grid id -> cell
    std::string text_;                  ///< of values_
};

/// The `grid_id` of a trial.
[[nodiscard]] std::optional<std::int64_t> grid_id_of(const FrozenTrial& trial);

}  // namespace sofia::tune

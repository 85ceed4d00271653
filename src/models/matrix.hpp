#pragma once

#include <cstddef>
#include <span>

namespace sofia::models {

/// A dense matrix that somebody else owns: row i, column j at `values[i * columns + j]`, NaN missing.
/// `values.size() == rows * columns`, which whoever takes a view checks.
struct MatrixView {
    std::span<const double> values;
    std::size_t rows = 0;
    std::size_t columns = 0;

    [[nodiscard]] std::span<const double> row(std::size_t index) const { return values.subspan(index * columns, columns); }
};

}  // namespace sofia::models

#pragma once

// Internal to the room: the loop that most of TPE's time is spent in.

#include <cstddef>

namespace sofia::tune {

/// row[k] -= ((at - means[k]) * inverse_sigmas[k])² / 2 for k below `count`; the arrays do not overlap. The same bits on every CPU: each element is
/// worked on alone, and no multiplication is contracted with a subtraction.
void subtract_half_squares(double at, const double* means, const double* inverse_sigmas, double* row, std::size_t count);

/// Copies the terms above `bound` to `out`, in order, and returns how many: `out` has room for `count`.
[[nodiscard]] std::size_t keep_above(double bound, const double* terms, std::size_t count, double* out);

}  // namespace sofia::tune

#pragma once

namespace sofia::tune {

/// log of the standard normal distribution function, accurate relative to itself down to the far left tail.
[[nodiscard]] double log_ndtr(double x);

/// log(Phi(b) - Phi(a)) for a < b, without cancellation in either tail.
[[nodiscard]] double log_gauss_mass(double a, double b);

/// The x in [a, b] with Phi(x) = Phi(a) + q (Phi(b) - Phi(a)): the truncated standard normal's quantile; q in [0, 1], a < b.
[[nodiscard]] double truncated_quantile(double q, double a, double b);

}  // namespace sofia::tune

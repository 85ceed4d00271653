#pragma once

#include <span>

namespace sofia::math {

/// Wilcoxon's signed-rank test (1945): the one-sided p-value against "the paired differences tend above 0". Equal sizes share their mean rank,
/// and zeros give half their rank to each side. Exact up to 50 differences, or up to 13 where some are equal or 0; normal approximation with
/// the correction for ties beyond. The same as scipy.stats.wilcoxon(d, alternative="greater", zero_method="zsplit"). For the other side negate
/// the differences. NaN for an empty sample or one with NaN.
[[nodiscard]] double signed_rank_p(std::span<const double> differences);

}  // namespace sofia::math

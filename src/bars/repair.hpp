#pragma once

#include "market/bar.hpp"

namespace sofia::bars {

/// Repairs a carried open: many exchanges' bars open at the previous close, which may lie outside [low, high] of the bar's own prints.
/// Widens low or high to hold the open and returns true; otherwise leaves the bar as it is and returns false. The caller counts, and keeps the
/// raw value where it needs it. A NaN price changes nothing.
bool widen_open(market::Bar& bar);

}  // namespace sofia::bars

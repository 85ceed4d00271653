#pragma once

namespace sofia::synth {

/// Pull towards the mean of the last `pull_length` closes, a minute, at edge 1: c' = c - pull * edge * (c - SMA(c)) + eps.
inline constexpr double pull_at_full_edge = 0.6;
inline constexpr int pull_length = 20;

}  // namespace sofia::synth

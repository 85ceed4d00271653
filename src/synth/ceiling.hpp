#pragma once

#include <cstddef>

namespace sofia::synth {

/// What the best predictor can reach on simulated data: the yardstick for models.
struct Ceiling {
    double r_squared = 0.0;  ///< of the move on the features
    double accuracy = 0.5;   ///< share of right signs
};

/// Best accuracy for "half_width along the trend before half_width against it" at a planted touch: 1/2 + edge/4. Moves between prints overshoot
/// the barriers, which makes it better: measured 0.769 (+- 0.006) for 0.75 at 1,000 prints a day, 0.657 (+- 0.013) for 0.65 at 20,000.
[[nodiscard]] double touch_ceiling(double edge);

/// P(a Brownian log price with drift `theta` a unit of its variance moves up by `up` before it moves down by `down`), both above zero:
/// (1 - e^{2 theta down}) / (e^{-2 theta up} - e^{2 theta down}); down / (up + down) at theta = 0. Business time takes the volatility out.
[[nodiscard]] double hit_probability(double theta, double up, double down);

/// For `simulate_direction_minutes`: predicting the sign of c_{t+horizon} - c_t from the last change and the gaps to SMA(20) and SMA(50). The
/// stationary covariance of the changes solves the Lyapunov equation of their companion matrix; accuracy = 1/2 + arcsin(rho)/pi (Sheppard 1899).
/// `edge` in [0, 1], `horizon` at least 1 (asserted). Tick rounding is left out.
[[nodiscard]] Ceiling direction_ceiling(double edge, std::size_t horizon);

}  // namespace sofia::synth

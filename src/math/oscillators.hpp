#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "math/length.hpp"
#include "math/trend.hpp"
#include "math/volatility.hpp"
#include "math/window.hpp"

// Oscillators and volume figures. Value types, as in window.hpp. "TA-Lib" means its C library, 0.6, with unstable periods 0.
namespace sofia::math {

/// Wilder's relative strength index, 0 to 100; TA-Lib's RSI. 0 when nothing moved (mean gain and loss below 1e-14). Known after length + 1
/// observations. A NaN observation changes nothing.
class Rsi {
public:
    explicit Rsi(Length length) : gain_(length), loss_(length) {}

    double step(double x) {
        if (std::isnan(x)) [[unlikely]]
            return value_;
        const double change = x - last_;
        last_ = x;
        const double gain = gain_.step(change > 0.0 ? change : 0.0 * change);
        const double loss = loss_.step(change < 0.0 ? -change : 0.0 * change);
        const double both = gain + loss;
        return value_ = vanishes(both) ? 0.0 : 100.0 * (gain / both);
    }

    [[nodiscard]] double value() const { return value_; }
    [[nodiscard]] std::size_t warm_up() const { return gain_.warm_up() + 1; }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("gain", gain_);
        archive("loss", loss_);
        archive("last", last_);
        archive("value", value_);
    }

private:
    WilderMean gain_;
    WilderMean loss_;
    double last_ = missing;
    double value_ = missing;
};

/// Where `close` lies between the lowest low and the highest high of `frame`, 0 to 100; 0 in a frame without height (TA-Lib's fast %K).
[[nodiscard]] inline double fast_k(const HighLow& frame, double close) {
    const double height = (frame.high() - frame.low()) / 100.0;
    return ratio(close - frame.low(), height, 0.0);
}

/// Williams' %R, -100 to 0; 0 in a frame without height; TA-Lib's WILLR.
[[nodiscard]] inline double williams_r(const HighLow& frame, double close) {
    const double height = (frame.high() - frame.low()) / -100.0;
    return ratio(frame.high() - close, height, 0.0);
}

/// Slow stochastic (Lane): %K = SMA(fast %K), %D = SMA(%K); TA-Lib's STOCH with simple averages. The frame is the caller's, so that it can be
/// shared. %K is known after frame + k - 1 bars, %D after frame + k + d - 2.
class Stochastic {
public:
    struct Lengths {
        Length k;
        Length d;
    };

    explicit Stochastic(Lengths lengths) : k_(lengths.k), d_(lengths.d) {}

    void step(const HighLow& frame, double close) { d_.step(k_.step(fast_k(frame, close))); }

    [[nodiscard]] double k() const { return k_.value(); }
    [[nodiscard]] double d() const { return d_.value(); }
    [[nodiscard]] std::size_t warm_up_k(const HighLow& frame) const { return frame.warm_up() + k_.warm_up() - 1; }
    [[nodiscard]] std::size_t warm_up_d(const HighLow& frame) const { return warm_up_k(frame) + d_.warm_up() - 1; }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("k", k_);
        archive("d", d_);
    }

private:
    Sma k_;
    Sma d_;
};

/// Commodity channel index (Lambert 1980) of the typical price (high + low + close) / 3: deviation from the mean over 0.015 mean absolute
/// deviations; TA-Lib's CCI. 0 when either vanishes. Takes O(length) a step: the mean deviation has no shorter form. NaN as in a window.
class Cci {
public:
    explicit Cci(Length length) : moments_(length), ring_(length.value()), length_(length.number()) {}

    double step(double high, double low, double close);

    [[nodiscard]] double value() const { return value_; }
    [[nodiscard]] std::size_t warm_up() const { return ring_.size(); }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("moments", moments_);
        archive("ring", ring_);
        archive.index("at", at_, ring_.size());
        archive("value", value_);
    }

private:
    RollingMoments moments_;  // whose mean of equal prices is that price
    std::vector<double> ring_;
    std::size_t at_ = 0;
    double length_;
    double value_ = missing;
};

/// Money flow index (Quong, Soudack 1989), 0 to 100, from `length` changes of the typical price; TA-Lib's MFI, its rule included that a
/// total flow below 1 gives 0. Known after length + 1 bars. NaN as in a window.
class Mfi {
public:
    explicit Mfi(Length length) : up_(length), down_(length) {}

    double step(double high, double low, double close, double volume);

    [[nodiscard]] double value() const { return value_; }
    [[nodiscard]] std::size_t warm_up() const { return up_.warm_up() + 1; }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("up", up_);
        archive("down", down_);
        archive("typical", typical_);
        archive("value", value_);
    }

private:
    RollingSum up_;
    RollingSum down_;
    double typical_ = missing;
    double value_ = missing;
};

/// On-balance volume (Granville 1963): starts at the first volume, adds the volume of rising closes, subtracts that of falling ones; TA-Lib's
/// OBV. A bar with a NaN changes nothing.
class Obv {
public:
    double step(double close, double volume) {
        if (std::isnan(close + volume)) [[unlikely]]
            return value_;
        if (std::isnan(value_)) {
            value_ = volume;
        } else {
            value_ += close > close_ ? volume : close < close_ ? -volume : 0.0;
        }
        close_ = close;
        return value_;
    }

    [[nodiscard]] double value() const { return value_; }
    [[nodiscard]] std::size_t warm_up() const { return 1; }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("close", close_);
        archive("value", value_);
    }

private:
    double close_ = missing;
    double value_ = missing;
};

}  // namespace sofia::math

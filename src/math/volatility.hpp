#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>

#include "math/length.hpp"
#include "math/trend.hpp"
#include "math/window.hpp"

// How far prices move. Value types, as in window.hpp.
namespace sofia::math {

/// TA-Lib's test for a vanishing denominator (|x| < 1e-14), kept where its definition is followed.
[[nodiscard]] inline bool vanishes(double x) { return std::fabs(x) < 1e-14; }

/// max(high - low, |high - previous close|, |low - previous close|), Wilder 1978; TA-Lib's TRANGE.
[[nodiscard]] inline double true_range(double high, double low, double previous_close) {
    const double span = high - low;
    const double up = std::fabs(high - previous_close);
    const double down = std::fabs(low - previous_close);
    const double larger = up > down ? up : down;
    return span > larger ? span : larger;
}

/// Average true range, in price units: Wilder's mean of true ranges, the first from the second bar; TA-Lib's ATR. Known after length + 1
/// bars. A bar with a NaN changes nothing.
class Atr {
public:
    explicit Atr(Length length) : mean_(length) {}

    double step(double high, double low, double close) {
        if (std::isnan(high + low + close)) [[unlikely]]
            return mean_.value();
        mean_.step(true_range(high, low, close_));  // NaN on the first bar, which the mean passes over
        close_ = close;
        return mean_.value();
    }

    [[nodiscard]] double value() const { return mean_.value(); }
    [[nodiscard]] std::size_t warm_up() const { return mean_.warm_up() + 1; }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("mean", mean_);
        archive("close", close_);
    }

private:
    WilderMean mean_;
    double close_ = missing;
};

/// Bollinger bands (2002): mean ± width population standard deviations; TA-Lib's BBANDS.
class Bollinger {
public:
    /// `width` in standard deviations, 0 or more.
    Bollinger(Length length, double width) : moments_(length), width_(width) {}

    void step(double x) {
        moments_.step(x);
        half_ = width_ * moments_.stdev();
    }

    [[nodiscard]] double middle() const { return moments_.mean(); }
    [[nodiscard]] double upper() const { return moments_.mean() + half_; }
    [[nodiscard]] double lower() const { return moments_.mean() - half_; }
    [[nodiscard]] double half_width() const { return half_; }
    [[nodiscard]] std::size_t warm_up() const { return moments_.warm_up(); }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("moments", moments_);
        archive("half", half_);
    }

private:
    RollingMoments moments_;
    double width_;
    double half_ = missing;
};

/// Realised volatility a bar: sqrt(mean of squared log returns over `length` returns), no mean removed. Known after length + 1 closes.
class RealisedVolatility {
public:
    explicit RealisedVolatility(Length length) : sum_(length), inverse_(1.0 / length.number()) {}

    double step(double close) {
        const double r = std::log(close / close_);
        close_ = close;
        return std::sqrt(sum_.step(r * r) * inverse_);
    }

    [[nodiscard]] double value() const { return std::sqrt(sum_.value() * inverse_); }
    [[nodiscard]] std::size_t warm_up() const { return sum_.warm_up() + 1; }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("sum", sum_);
        archive("close", close_);
    }

private:
    RollingSum sum_;
    double inverse_;
    double close_ = missing;
};

/// Parkinson's volatility a bar (1980): sqrt(mean of ln(high/low)² / (4 ln 2)) over `length` bars.
class Parkinson {
public:
    explicit Parkinson(Length length) : sum_(length), inverse_(1.0 / (4.0 * std::numbers::ln2 * length.number())) {}

    double step(double high, double low) {
        const double r = std::log(high / low);
        return std::sqrt(sum_.step(r * r) * inverse_);
    }

    [[nodiscard]] double value() const { return std::sqrt(sum_.value() * inverse_); }
    [[nodiscard]] std::size_t warm_up() const { return sum_.warm_up(); }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("sum", sum_);
    }

private:
    RollingSum sum_;
    double inverse_;
};

}  // namespace sofia::math

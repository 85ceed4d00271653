#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "math/length.hpp"
#include "math/window.hpp"

// Averages and directional movement. Value types: copy one to branch a stream; const members are safe to call from several threads, `step`
// is not. "TA-Lib" means its C library, 0.6, with unstable periods 0.
namespace sofia::math {

/// Exponential moving average, in the unit of its observations.
///
///   value_t = value_{t-1} + (x_t - value_{t-1}) * 2 / (length + 1)
///
/// Seeded with the mean of the first `length` observations, NaN before that; source: TA-Lib's EMA.
/// A NaN observation is missing: it changes nothing and the last value is returned.
class Ema {
public:
    explicit Ema(Length length) : length_(length.value()), weight_(2.0 / (length.number() + 1.0)) {}

    double step(double x) {
        if (std::isnan(x)) [[unlikely]]
            return value_;
        if (seen_ >= length_) [[likely]]
            return value_ += (x - value_) * weight_;
        seed_sum_ += x;
        if (++seen_ == length_) value_ = seed_sum_ / static_cast<double>(length_);
        return value_;
    }

    [[nodiscard]] double value() const { return value_; }
    [[nodiscard]] std::size_t warm_up() const { return length_; }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("seed_sum", seed_sum_);
        archive("seen", seen_);
        archive("value", value_);
    }

private:
    std::size_t length_;
    double weight_;
    double seed_sum_ = 0.0;
    std::size_t seen_ = 0;
    double value_ = missing;
};

/// Runs `average` over a column: `out[i]` is the average after `in[i]`, bit for bit what `step` returns. `in` and `out` have the same size
/// (asserted) and may be the same memory. `average` keeps its state, so columns can be processed in pieces.
void ema(std::span<const double> in, Ema& average, std::span<double> out);

/// Wilder's smoothing: value_t = (value_{t-1} * (length - 1) + x_t) / length, seeded with the mean of the first `length` observations
/// (Wilder 1978; TA-Lib inside RSI and ATR). A NaN observation changes nothing.
class WilderMean {
public:
    explicit WilderMean(Length length) : length_(length.value()), keep_(length.number() - 1.0), inverse_(1.0 / length.number()) {}

    double step(double x) {
        if (std::isnan(x)) [[unlikely]]
            return value_;
        if (seen_ >= length_) [[likely]]
            return value_ = (value_ * keep_ + x) * inverse_;
        seed_sum_ += x;
        if (++seen_ == length_) value_ = seed_sum_ * inverse_;
        return value_;
    }

    [[nodiscard]] double value() const { return value_; }
    [[nodiscard]] std::size_t warm_up() const { return length_; }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("seed_sum", seed_sum_);
        archive("seen", seen_);
        archive("value", value_);
    }

private:
    std::size_t length_;
    double keep_;
    double inverse_;
    double seed_sum_ = 0.0;
    std::size_t seen_ = 0;
    double value_ = missing;
};

/// Simple moving average over the window; TA-Lib's SMA. A window that holds a NaN is NaN.
class Sma {
public:
    explicit Sma(Length length) : sum_(length), inverse_(1.0 / length.number()) {}
    double step(double x) { return sum_.step(x) * inverse_; }
    [[nodiscard]] double value() const { return sum_.value() * inverse_; }
    [[nodiscard]] std::size_t warm_up() const { return sum_.warm_up(); }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("sum", sum_);
    }

private:
    RollingSum sum_;
    double inverse_;
};

/// Moving average convergence divergence (Appel); TA-Lib's MACD: both averages are seeded by the means of the last `fast` and `slow`
/// observations at the moment when `slow` have been seen, the signal by the mean of the first `signal` lines. `line` is known after `slow`
/// observations, `signal` and `histogram` after `slow + signal - 1`; NaN before. Fast and slow may be given in any order.
class Macd {
public:
    struct Lengths {
        Length fast;
        Length slow;
        Length signal;
    };
    struct Value {
        double line = missing;
        double signal = missing;
        double histogram = missing;
    };

    explicit Macd(Lengths lengths);

    /// A NaN observation changes nothing and the last value is returned.
    const Value& step(double x);

    [[nodiscard]] const Value& value() const { return value_; }
    [[nodiscard]] std::size_t warm_up_line() const { return slow_.warm_up(); }
    [[nodiscard]] std::size_t warm_up() const { return slow_.warm_up() + signal_.warm_up() - 1; }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("fast", fast_);
        archive("slow", slow_);
        archive("signal", signal_);
        archive("fast_wait", fast_wait_);
        archive("line_value", value_.line);
        archive("signal_value", value_.signal);
        archive("histogram_value", value_.histogram);
    }

private:
    Ema fast_;
    Ema slow_;
    Ema signal_;
    std::size_t fast_wait_;  // observations the fast average sits out, so that both are seeded together
    Value value_;
};

/// Wilder's directional movement over `length` bars; TA-Lib's PLUS_DI, MINUS_DI and ADX, in percent. The first `length - 1` changes are
/// summed, then smoothed by S_t = S_{t-1} - S_{t-1}/length + x_t. DI are known after length + 1 bars, ADX after 2 * length. Without true
/// range (sum below 1e-14) DI are 0 and ADX keeps its value. A bar with a NaN changes nothing.
class Directional {
public:
    struct Value {
        double plus_di = missing;
        double minus_di = missing;
        double adx = missing;
    };

    explicit Directional(Length length);

    const Value& step(double high, double low, double close);

    [[nodiscard]] const Value& value() const { return value_; }
    [[nodiscard]] std::size_t warm_up_di() const { return length_ + 1; }
    [[nodiscard]] std::size_t warm_up() const { return 2 * length_; }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("seen", seen_);
        archive("high", high_);
        archive("low", low_);
        archive("close", close_);
        archive("plus", plus_);
        archive("minus", minus_);
        archive("range", range_);
        archive("index_sum", index_sum_);
        archive("plus_di", value_.plus_di);
        archive("minus_di", value_.minus_di);
        archive("adx", value_.adx);
    }

private:
    void publish();

    std::size_t length_;
    double inverse_;
    std::size_t seen_ = 0;
    double high_ = missing;
    double low_ = missing;
    double close_ = missing;
    double plus_ = 0.0;
    double minus_ = 0.0;
    double range_ = 0.0;
    double index_sum_ = 0.0;
    Value value_;
};

/// |x_t - x_{t-length}| / sum of |changes| over the same changes, 0 to 1 (Kaufman's efficiency ratio, 1995); 0 when nothing moved. Known
/// after length + 1 observations. NaN as in a window.
class EfficiencyRatio {
public:
    explicit EfficiencyRatio(Length length) : history_(length), path_(length), length_(length.value()) {}

    double step(double x) {
        const double path = path_.step(std::fabs(x - history_.ago(0)));
        history_.push(x);
        return value_ = ratio(std::fabs(x - history_.ago(length_)), path, 0.0);
    }

    [[nodiscard]] double value() const { return value_; }
    [[nodiscard]] std::size_t warm_up() const { return length_ + 1; }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("history", history_);
        archive("path", path_);
        archive("value", value_);
    }

private:
    History history_;
    RollingSum path_;
    std::size_t length_;
    double value_ = missing;
};

}  // namespace sofia::math

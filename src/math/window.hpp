#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "math/length.hpp"

// Rolling windows over the last `length` observations, one step at a time. Common contract:
// - `step(x)` takes the next observation and returns the figure of the window that ends with it; NaN until `length` observations.
// - A window that holds a NaN is NaN: NaN empties it, and it is a number again after `length` observations that are numbers.
// - No drift: nothing is ever subtracted from a running sum. The window is cut into the rest of the last block, whose folds from each
//   position to its end are kept, and the block being filled, folded as it grows ("two stacks"; Tangwongsan, Hirzel, Schneider 2015). Each
//   figure is therefore folded from the window's own observations alone, in an order that depends only on how many were seen since the
//   start or the last NaN: no error can outlive its observation, and a stream and a column agree to the last bit.
// - Amortised O(1) a step: one step in `length` takes O(length). No allocation after construction.
// - Value types: copy one to branch a stream. Const members are safe to call from several threads, `step` is not.
// - `visit_state` hands an archive (base/state.hpp) everything that a step changes, for writing and for reading; what follows from the
//   constructor's arguments it leaves out. The same holds for every step of this room.
namespace sofia::math {

/// A missing value.
inline constexpr double missing = std::numeric_limits<double>::quiet_NaN();

/// a / b, or `otherwise` where b is zero: the one place that says what a figure is when its scale vanishes. NaN in, NaN out.
[[nodiscard]] inline double ratio(double a, double b, double otherwise) { return b == 0.0 ? otherwise : a / b; }

namespace fold {
struct Sum {
    static double join(double a, double b) { return a + b; }
};
struct Min {
    static double join(double a, double b) { return b < a ? b : a; }
};
struct Max {
    static double join(double a, double b) { return a < b ? b : a; }
};
}  // namespace fold

template <class Fold>
class Rolling {
public:
    explicit Rolling(Length length) : block_(length.value()) {}

    double step(double x) {
        if (std::isnan(x)) [[unlikely]] {
            at_ = 0;
            full_ = false;
            return value_ = missing;
        }
        filling_ = at_ == 0 ? x : Fold::join(filling_, x);
        block_[at_++] = x;
        if (at_ == block_.size()) return turn();
        if (full_) value_ = Fold::join(block_[at_], filling_);
        return value_;
    }

    [[nodiscard]] double value() const { return value_; }
    [[nodiscard]] std::size_t warm_up() const { return block_.size(); }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("block", block_);
        archive.index("at", at_, block_.size());
        archive("full", full_);
        archive("filling", filling_);
        archive("value", value_);
    }

private:
    // The filled block becomes the old one: each slot then holds the fold from its position to the block's end.
    double turn() {
        for (std::size_t i = block_.size() - 1; i-- > 0;) block_[i] = Fold::join(block_[i], block_[i + 1]);
        at_ = 0;
        full_ = true;
        return value_ = filling_;
    }

    std::vector<double> block_;  // before at_: observations of the block being filled; from at_ on: folds of the old block
    std::size_t at_ = 0;
    bool full_ = false;
    double filling_ = 0.0;
    double value_ = missing;
};

using RollingSum = Rolling<fold::Sum>;
using RollingMin = Rolling<fold::Min>;
using RollingMax = Rolling<fold::Max>;

/// Mean and population variance of the window. Sums are taken of differences to one observation of the window itself, so the relative error
/// of the variance stays within a small multiple of length · 2^-52 whatever the level of the data, and a constant window has variance
/// exactly 0. (Chan, Golub, LeVeque 1983, on shifted sums.) An infinite observation makes its windows NaN.
class RollingMoments {
public:
    explicit RollingMoments(Length length) : sums_(length.value()), squares_(length.value()), inverse_(1.0 / length.number()) {}

    /// Returns the mean; `variance` and `stdev` then belong to the same window.
    double step(double x) {
        if (std::isnan(x)) [[unlikely]] {
            at_ = 0;
            full_ = false;
            variance_ = missing;
            return mean_ = missing;
        }
        if (at_ == 0) {
            if (!full_) shift_ = x;
            filling_sum_ = 0.0;
            filling_square_ = 0.0;
        }
        const double d = x - shift_;
        filling_sum_ += d;
        filling_square_ += d * d;
        sums_[at_++] = x;
        if (at_ == sums_.size()) {
            turn();
        } else if (full_) {
            publish(sums_[at_] + filling_sum_, squares_[at_] + filling_square_);
        }
        return mean_;
    }

    [[nodiscard]] double mean() const { return mean_; }
    [[nodiscard]] double variance() const { return variance_; }
    [[nodiscard]] double stdev() const { return std::sqrt(variance_); }
    [[nodiscard]] std::size_t warm_up() const { return sums_.size(); }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("sums", sums_);
        archive("squares", squares_);
        archive.index("at", at_, sums_.size());
        archive("full", full_);
        archive("shift", shift_);
        archive("filling_sum", filling_sum_);
        archive("filling_square", filling_square_);
        archive("mean", mean_);
        archive("variance", variance_);
    }

private:
    // The newest observation becomes the shift: it stays in the window until the next turn.
    void turn() {
        shift_ = sums_.back();
        double sum = 0.0;
        double square = 0.0;
        for (std::size_t i = sums_.size(); i-- > 0;) {
            const double d = sums_[i] - shift_;
            sum += d;
            square += d * d;
            sums_[i] = sum;
            squares_[i] = square;
        }
        at_ = 0;
        full_ = true;
        publish(sum, square);
    }

    void publish(double sum, double square) {
        const double offset = sum * inverse_;
        const double variance = (square - sum * offset) * inverse_;
        mean_ = shift_ + offset;
        variance_ = variance < 0.0 ? 0.0 : variance;
    }

    std::vector<double> sums_;  // before at_: observations being filled; from at_ on: sums of differences to the old block's end
    std::vector<double> squares_;
    double inverse_;
    std::size_t at_ = 0;
    bool full_ = false;
    double shift_ = 0.0;
    double filling_sum_ = 0.0;
    double filling_square_ = 0.0;
    double mean_ = missing;
    double variance_ = missing;
};

/// The last observations, newest first. Here a NaN is remembered like any other value.
class History {
public:
    /// Remembers the newest observation and `reach` before it.
    explicit History(Length reach) : ring_(std::bit_ceil(reach.value() + 1), missing), mask_(ring_.size() - 1) {}

    void push(double x) { ring_[++at_ & mask_] = x; }

    /// The observation `steps` before the newest, 0 to reach; NaN where there was none yet.
    [[nodiscard]] double ago(std::size_t steps) const {
        assert(steps <= mask_);
        return ring_[(at_ - steps) & mask_];
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("ring", ring_);
        archive("at", at_);
    }

private:
    std::vector<double> ring_;
    std::size_t mask_;
    std::size_t at_ = 0;
};

/// Highest high and lowest low of the last `length` bars: the frame of stochastic, Williams %R and Donchian.
class HighLow {
public:
    explicit HighLow(Length length) : high_(length), low_(length) {}

    void step(double high, double low) {
        high_.step(high);
        low_.step(low);
    }

    [[nodiscard]] double high() const { return high_.value(); }
    [[nodiscard]] double low() const { return low_.value(); }
    [[nodiscard]] std::size_t warm_up() const { return high_.warm_up(); }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("high", high_);
        archive("low", low_);
    }

private:
    RollingMax high_;
    RollingMin low_;
};

}  // namespace sofia::math

#include "math/trend.hpp"

#include <algorithm>
#include <cassert>

#include "math/volatility.hpp"

namespace sofia::math {

void ema(std::span<const double> in, Ema& average, std::span<double> out) {
    assert(in.size() == out.size());
    for (std::size_t i = 0; i < in.size(); ++i) out[i] = average.step(in[i]);
}

Macd::Macd(Lengths lengths)
    : fast_(lengths.fast.value() < lengths.slow.value() ? lengths.fast : lengths.slow),
      slow_(lengths.fast.value() < lengths.slow.value() ? lengths.slow : lengths.fast),
      signal_(lengths.signal),
      fast_wait_(slow_.warm_up() - fast_.warm_up()) {}

const Macd::Value& Macd::step(double x) {
    if (std::isnan(x)) [[unlikely]]
        return value_;
    if (fast_wait_ > 0) {
        --fast_wait_;
    } else {
        fast_.step(x);
    }
    value_.line = slow_.step(x);
    value_.line = fast_.value() - value_.line;
    value_.signal = signal_.step(value_.line);
    value_.histogram = value_.line - value_.signal;
    return value_;
}

Directional::Directional(Length length) : length_(length.value()), inverse_(1.0 / length.number()) {}

const Directional::Value& Directional::step(double high, double low, double close) {
    if (std::isnan(high + low + close)) [[unlikely]]
        return value_;
    if (seen_ > 0) {
        const double up = high - high_;
        const double down = low_ - low;
        if (seen_ >= length_) {
            plus_ -= plus_ * inverse_;
            minus_ -= minus_ * inverse_;
            range_ -= range_ * inverse_;
        }
        plus_ += up > 0.0 && up > down ? up : 0.0;
        minus_ += down > 0.0 && down > up ? down : 0.0;
        range_ += true_range(high, low, close_);
    }
    high_ = high;
    low_ = low;
    close_ = close;
    if (++seen_ > length_) publish();
    return value_;
}

void Directional::publish() {
    const double scale = vanishes(range_) ? 0.0 : 100.0 / range_;
    value_.plus_di = plus_ * scale;
    value_.minus_di = minus_ * scale;
    const double both = value_.plus_di + value_.minus_di;
    const bool defined = !vanishes(both);
    const double index = defined ? 100.0 * (std::fabs(value_.minus_di - value_.plus_di) / both) : 0.0;
    if (seen_ <= 2 * length_) {
        index_sum_ += index;
        if (seen_ == 2 * length_) value_.adx = index_sum_ * inverse_;
    } else if (defined) {
        value_.adx = (value_.adx * static_cast<double>(length_ - 1) + index) * inverse_;
    }
}

}  // namespace sofia::math

#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "features/catalogue.hpp"
#include "features/config.hpp"
#include "market/bar.hpp"
#include "math/oscillators.hpp"
#include "math/trend.hpp"
#include "math/volatility.hpp"
#include "math/window.hpp"

// The columns of one timeframe in families. Each unit says what its columns are (`describe`, in order) and makes them from the next bar (`step`,
// which writes as many values in the same order and returns the place after them). Units are value types and do not allocate in `step`. Their state
// is written and read by `visit_state` (base/state.hpp), which visits everything that `step` changes.
namespace sofia::features {

/// A bar and what several units want of it.
struct BarStep {
    const market::Bar& bar;
    double inverse_atr;  ///< 1 / Wilder's ATR over 14 bars, the scale of distances; 0 without ATR, so that every distance is 0 too
};

/// Bars over which slopes are measured and of the ATR that scales; fixed, so that a name says everything.
inline constexpr std::size_t slope_bars = 5;
[[nodiscard]] consteval math::Length scale_length() { return math::Length::of<14>(); }
inline constexpr std::size_t scale_warm_up = 15;

/// `make` of a length that `FeaturesConfig::validate` has let through.
[[nodiscard]] inline math::Length checked(std::int64_t length) { return math::Length::make(length).value(); }

using Specs = std::vector<FeatureSpec>;

class Returns {
public:
    explicit Returns(const FeaturesConfig& config);
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        closes_.push(in.bar.close);
        for (const std::size_t lag : lags_) *out++ = in.bar.close / closes_.ago(lag) - 1.0;
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("closes", closes_);
    }

private:
    std::vector<std::size_t> lags_;
    math::History closes_;
};

/// Gap, slope and touch of exponential averages.
class EmaColumns {
public:
    explicit EmaColumns(const FeaturesConfig& config);
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        const market::Bar& bar = in.bar;
        for (Line& line : lines_) {
            const double average = line.ema.step(bar.close);
            line.past.push(average);
            *out++ = bar.close / average - 1.0;
            *out++ = (average - line.past.ago(slope_bars)) * (in.inverse_atr * (1.0 / static_cast<double>(slope_bars)));
            *out++ = ((bar.close >= average ? bar.low : bar.high) - average) * in.inverse_atr;
        }
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive.each("lines", lines_);
    }

private:
    struct Line {
        math::Ema ema;
        math::History past;

        template <class Archive>
        void visit_state(Archive& archive) {
            archive("ema", ema);
            archive("past", past);
        }
    };
    std::vector<Line> lines_;
};

/// Gap and slope of simple averages.
class SmaColumns {
public:
    explicit SmaColumns(const FeaturesConfig& config);
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        for (Line& line : lines_) {
            const double average = line.sma.step(in.bar.close);
            line.past.push(average);
            *out++ = in.bar.close / average - 1.0;
            *out++ = (average - line.past.ago(slope_bars)) * (in.inverse_atr * (1.0 / static_cast<double>(slope_bars)));
        }
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive.each("lines", lines_);
    }

private:
    struct Line {
        math::Sma sma;
        math::History past;

        template <class Archive>
        void visit_state(Archive& archive) {
            archive("sma", sma);
            archive("past", past);
        }
    };
    std::vector<Line> lines_;
};

class RsiColumn {
public:
    explicit RsiColumn(const FeaturesConfig& config) : rsi_(checked(config.rsi_length)) {}
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        *out++ = rsi_.step(in.bar.close);
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("rsi", rsi_);
    }

private:
    math::Rsi rsi_;
};

class AtrColumn {
public:
    explicit AtrColumn(const FeaturesConfig& config) : atr_(checked(config.atr_length)) {}
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        *out++ = atr_.step(in.bar.high, in.bar.low, in.bar.close) / in.bar.close;
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("atr", atr_);
    }

private:
    math::Atr atr_;
};

class DirectionalColumns {
public:
    explicit DirectionalColumns(const FeaturesConfig& config) : directional_(checked(config.adx_length)) {}
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        const math::Directional::Value& value = directional_.step(in.bar.high, in.bar.low, in.bar.close);
        *out++ = value.adx;
        *out++ = value.plus_di;
        *out++ = value.minus_di;
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("directional", directional_);
    }

private:
    math::Directional directional_;
};

class MacdColumns {
public:
    explicit MacdColumns(const FeaturesConfig& config);
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        const math::Macd::Value& value = macd_.step(in.bar.close);
        *out++ = value.line * in.inverse_atr;
        *out++ = value.histogram * in.inverse_atr;
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("macd", macd_);
    }

private:
    std::string name_;
    math::Macd macd_;
};

class BollingerColumns {
public:
    explicit BollingerColumns(const FeaturesConfig& config) : bands_(checked(config.bollinger_length), 2.0) {}
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        bands_.step(in.bar.close);
        const double width = 2.0 * bands_.half_width();
        *out++ = math::ratio(in.bar.close - bands_.lower(), width, 0.5);
        *out++ = width / bands_.middle();
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("bands", bands_);
    }

private:
    math::Bollinger bands_;
};

class StochasticColumns {
public:
    explicit StochasticColumns(const FeaturesConfig& config);
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        frame_.step(in.bar.high, in.bar.low);
        stochastic_.step(frame_, in.bar.close);
        *out++ = stochastic_.k();
        *out++ = stochastic_.d();
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("frame", frame_);
        archive("stochastic", stochastic_);
    }

private:
    math::HighLow frame_;
    math::Stochastic stochastic_;
};

class CciColumn {
public:
    explicit CciColumn(const FeaturesConfig& config) : cci_(checked(config.cci_length)) {}
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        *out++ = cci_.step(in.bar.high, in.bar.low, in.bar.close);
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("cci", cci_);
    }

private:
    math::Cci cci_;
};

class WilliamsColumn {
public:
    explicit WilliamsColumn(const FeaturesConfig& config) : frame_(checked(config.williams_length)) {}
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        frame_.step(in.bar.high, in.bar.low);
        *out++ = math::williams_r(frame_, in.bar.close);
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("frame", frame_);
    }

private:
    math::HighLow frame_;
};

class MfiColumn {
public:
    explicit MfiColumn(const FeaturesConfig& config) : mfi_(checked(config.mfi_length)) {}
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        *out++ = mfi_.step(in.bar.high, in.bar.low, in.bar.close, in.bar.volume);
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("mfi", mfi_);
    }

private:
    math::Mfi mfi_;
};

class ObvColumn {
public:
    explicit ObvColumn(const FeaturesConfig& config) : signed_(checked(config.obv_length)), total_(checked(config.obv_length)) {}
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out);

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("signed", signed_);
        archive("total", total_);
        archive("close", close_);
    }

private:
    math::RollingSum signed_;
    math::RollingSum total_;
    double close_ = math::missing;
};

class DonchianColumn {
public:
    explicit DonchianColumn(const FeaturesConfig& config) : frame_(checked(config.donchian_length)) {}
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        frame_.step(in.bar.high, in.bar.low);
        *out++ = math::ratio(in.bar.close - frame_.low(), frame_.high() - frame_.low(), 0.5);
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("frame", frame_);
    }

private:
    math::HighLow frame_;
};

class VolumeColumn {
public:
    explicit VolumeColumn(const FeaturesConfig& config) : moments_(checked(config.volume_length)) {}
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        moments_.step(in.bar.volume);
        *out++ = math::ratio(in.bar.volume - moments_.mean(), moments_.stdev(), 0.0);
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("moments", moments_);
    }

private:
    math::RollingMoments moments_;
};

class VolatilityColumns {
public:
    explicit VolatilityColumns(const FeaturesConfig& config)
        : realised_(checked(config.volatility_length)), parkinson_(checked(config.volatility_length)) {}
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        *out++ = realised_.step(in.bar.close);
        *out++ = parkinson_.step(in.bar.high, in.bar.low);
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("realised", realised_);
        archive("parkinson", parkinson_);
    }

private:
    math::RealisedVolatility realised_;
    math::Parkinson parkinson_;
};

class EfficiencyColumn {
public:
    explicit EfficiencyColumn(const FeaturesConfig& config) : efficiency_(checked(config.efficiency_length)) {}
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out) {
        *out++ = efficiency_.step(in.bar.close);
        return out;
    }

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("efficiency", efficiency_);
    }

private:
    math::EfficiencyRatio efficiency_;
};

class VwapColumn {
public:
    explicit VwapColumn(const FeaturesConfig& config) : turnover_(checked(config.vwap_length)), volume_(checked(config.vwap_length)) {}
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out);

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("turnover", turnover_);
        archive("volume", volume_);
    }

private:
    math::RollingSum turnover_;
    math::RollingSum volume_;
};

/// What only trades tell: who was the aggressor, how many prints, how large.
class FlowColumns {
public:
    explicit FlowColumns(const FeaturesConfig& config);
    void describe(Specs& specs) const;
    double* step(const BarStep& in, double* out);

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("net_volume", net_volume_);
        archive("both_volume", both_volume_);
        archive("net_ticks", net_ticks_);
        archive("both_ticks", both_ticks_);
        archive("trades", trades_);
        archive("volume", volume_);
    }

private:
    math::Length length_;
    math::RollingSum net_volume_;
    math::RollingSum both_volume_;
    math::RollingSum net_ticks_;
    math::RollingSum both_ticks_;
    math::RollingSum trades_;
    math::RollingSum volume_;
};

}  // namespace sofia::features

#include "features/units.hpp"

#include <algorithm>
#include <utility>

namespace sofia::features {

namespace {

std::string text(std::size_t value) { return std::to_string(value); }

void add(Specs& specs, std::string name, std::string formula, std::string unit, std::string source, std::size_t warm_up, Needs needs = Needs::bars) {
    specs.push_back({.name = std::move(name),
                     .formula = std::move(formula),
                     .unit = std::move(unit),
                     .source = std::move(source),
                     .warm_up = warm_up,
                     .version = 1,
                     .needs = needs});
}

std::size_t with_scale(std::size_t warm_up) { return std::max(warm_up, scale_warm_up); }

constexpr const char* talib = "TA-Lib 0.6";
constexpr const char* own = "Sofia";

}  // namespace

Returns::Returns(const FeaturesConfig& config)
    : lags_(config.return_lags.begin(), config.return_lags.end()),
      closes_(checked(lags_.empty() ? 1 : static_cast<std::int64_t>(*std::ranges::max_element(lags_)))) {}

void Returns::describe(Specs& specs) const {
    for (const std::size_t lag : lags_) {
        add(specs, "return_" + text(lag), "close / close " + text(lag) + " bars ago - 1", "fraction", "TA-Lib 0.6 (ROCP)", lag + 1);
    }
}

EmaColumns::EmaColumns(const FeaturesConfig& config) {
    for (const std::int64_t length : config.ema_lengths) {
        lines_.push_back({math::Ema(checked(length)), math::History(math::Length::of<slope_bars>())});
    }
}

void EmaColumns::describe(Specs& specs) const {
    for (const Line& line : lines_) {
        const std::size_t length = line.ema.warm_up();
        const std::string name = "ema" + text(length);
        add(specs, name + "_gap", "close / EMA - 1", "fraction", "TA-Lib 0.6 (EMA)", length);
        add(specs, name + "_slope", "(EMA - EMA 5 bars ago) / (5 ATR14); 0 without ATR", "ATR a bar", own, with_scale(length + slope_bars));
        add(specs, name + "_touch", "((close >= EMA ? low : high) - EMA) / ATR14: beyond the average when the sign is not the gap's; 0 without ATR",
            "ATR", own, with_scale(length));
    }
}

SmaColumns::SmaColumns(const FeaturesConfig& config) {
    for (const std::int64_t length : config.sma_lengths) {
        lines_.push_back({math::Sma(checked(length)), math::History(math::Length::of<slope_bars>())});
    }
}

void SmaColumns::describe(Specs& specs) const {
    for (const Line& line : lines_) {
        const std::size_t length = line.sma.warm_up();
        const std::string name = "sma" + text(length);
        add(specs, name + "_gap", "close / SMA - 1", "fraction", "TA-Lib 0.6 (SMA)", length);
        add(specs, name + "_slope", "(SMA - SMA 5 bars ago) / (5 ATR14); 0 without ATR", "ATR a bar", own, with_scale(length + slope_bars));
    }
}

void RsiColumn::describe(Specs& specs) const {
    add(specs, "rsi" + text(rsi_.warm_up() - 1), "Wilder's relative strength of closes; 0 when nothing moved", "0..100",
        "Wilder 1978; TA-Lib 0.6 (RSI)", rsi_.warm_up());
}

void AtrColumn::describe(Specs& specs) const {
    add(specs, "atr" + text(atr_.warm_up() - 1), "Wilder's average true range / close", "fraction", "Wilder 1978; TA-Lib 0.6 (ATR)", atr_.warm_up());
}

void DirectionalColumns::describe(Specs& specs) const {
    const std::string length = text(directional_.warm_up_di() - 1);
    add(specs, "adx" + length, "Wilder's mean of 100 |+DI - -DI| / (+DI + -DI); keeps its value when both are 0", "0..100",
        "Wilder 1978; TA-Lib 0.6 (ADX)", directional_.warm_up());
    add(specs, "plus_di" + length, "100 * smoothed upward movement / smoothed true range; 0 without range", "0..100",
        "Wilder 1978; TA-Lib 0.6 (PLUS_DI)", directional_.warm_up_di());
    add(specs, "minus_di" + length, "100 * smoothed downward movement / smoothed true range; 0 without range", "0..100",
        "Wilder 1978; TA-Lib 0.6 (MINUS_DI)", directional_.warm_up_di());
}

MacdColumns::MacdColumns(const FeaturesConfig& config)
    : name_("macd" + std::to_string(config.macd_fast) + "_" + std::to_string(config.macd_slow)),
      macd_({.fast = checked(config.macd_fast), .slow = checked(config.macd_slow), .signal = checked(config.macd_signal)}) {}

void MacdColumns::describe(Specs& specs) const {
    const std::string signal = text(macd_.warm_up() - macd_.warm_up_line() + 1);
    add(specs, name_, "(fast EMA - slow EMA) / ATR14; 0 without ATR", "ATR", "TA-Lib 0.6 (MACD)", with_scale(macd_.warm_up_line()));
    add(specs, name_ + "_" + signal + "_hist", "(MACD - its signal EMA) / ATR14; 0 without ATR", "ATR", "TA-Lib 0.6 (MACD)",
        with_scale(macd_.warm_up()));
}

void BollingerColumns::describe(Specs& specs) const {
    const std::string name = "bb" + text(bands_.warm_up());
    add(specs, name + "_position", "(close - lower) / (upper - lower), bands at SMA ± 2 population standard deviations; 0.5 without width",
        "fraction", "Bollinger 2002; TA-Lib 0.6 (BBANDS)", bands_.warm_up());
    add(specs, name + "_width", "(upper - lower) / SMA", "fraction", "Bollinger 2002; TA-Lib 0.6 (BBANDS)", bands_.warm_up());
}

StochasticColumns::StochasticColumns(const FeaturesConfig& config)
    : frame_(checked(config.stochastic_length)), stochastic_({.k = math::Length::of<3>(), .d = math::Length::of<3>()}) {}

void StochasticColumns::describe(Specs& specs) const {
    const std::string name = "stoch" + text(frame_.warm_up());
    add(specs, name + "_k", "SMA3 of 100 (close - lowest low) / (highest high - lowest low); a frame without height counts 0", "0..100",
        "Lane; TA-Lib 0.6 (STOCH)", stochastic_.warm_up_k(frame_));
    add(specs, name + "_d", "SMA3 of " + name + "_k", "0..100", "Lane; TA-Lib 0.6 (STOCH)", stochastic_.warm_up_d(frame_));
}

void CciColumn::describe(Specs& specs) const {
    add(specs, "cci" + text(cci_.warm_up()), "(typical price - its SMA) / (0.015 mean absolute deviation); 0 when constant", "1",
        "Lambert 1980; TA-Lib 0.6 (CCI)", cci_.warm_up());
}

void WilliamsColumn::describe(Specs& specs) const {
    add(specs, "willr" + text(frame_.warm_up()), "-100 (highest high - close) / (highest high - lowest low); 0 without height", "-100..0",
        "Williams; TA-Lib 0.6 (WILLR)", frame_.warm_up());
}

void MfiColumn::describe(Specs& specs) const {
    add(specs, "mfi" + text(mfi_.warm_up() - 1), "100 * flow of rising typical prices / all flow; 0 when all flow is below 1", "0..100",
        "Quong, Soudack 1989; TA-Lib 0.6 (MFI)", mfi_.warm_up());
}

void ObvColumn::describe(Specs& specs) const {
    add(specs, "obv" + text(total_.warm_up()) + "_change", "change of on-balance volume over the window / volume of the window; 0 without volume",
        "-1..1", "Granville 1963; TA-Lib 0.6 (OBV)", total_.warm_up() + 1);
}

double* ObvColumn::step(const BarStep& in, double* out) {
    const double change = in.bar.close - close_;
    const double volume = in.bar.volume + 0.0 * change;
    close_ = in.bar.close;
    signed_.step(change > 0.0 ? volume : change < 0.0 ? -volume : 0.0 * volume);
    total_.step(volume);
    *out++ = math::ratio(signed_.value(), total_.value(), 0.0);
    return out;
}

void DonchianColumn::describe(Specs& specs) const {
    add(specs, "donchian" + text(frame_.warm_up()) + "_position", "(close - lowest low) / (highest high - lowest low); 0.5 without height",
        "fraction", "Donchian 1960", frame_.warm_up());
}

void VolumeColumn::describe(Specs& specs) const {
    add(specs, "volume" + text(moments_.warm_up()) + "_z", "(volume - its mean) / its population standard deviation; 0 when constant", "1", own,
        moments_.warm_up());
}

void VolatilityColumns::describe(Specs& specs) const {
    const std::string length = text(parkinson_.warm_up());
    add(specs, "volatility" + length, "sqrt(mean of squared log returns)", "a bar", own, realised_.warm_up());
    add(specs, "parkinson" + length, "sqrt(mean of ln(high / low)² / (4 ln 2))", "a bar", "Parkinson 1980", parkinson_.warm_up());
}

void EfficiencyColumn::describe(Specs& specs) const {
    add(specs, "efficiency" + text(efficiency_.warm_up() - 1), "|change over the window| / sum of |changes|; 0 when nothing moved", "0..1",
        "Kaufman 1995", efficiency_.warm_up());
}

void VwapColumn::describe(Specs& specs) const {
    add(specs, "vwap" + text(volume_.warm_up()) + "_gap", "close / (sum of vwap * volume / sum of volume) - 1; 0 without volume", "fraction", own,
        volume_.warm_up(), Needs::vwap);
}

double* VwapColumn::step(const BarStep& in, double* out) {
    const market::Bar& bar = in.bar;
    turnover_.step(bar.volume == 0.0 ? 0.0 : bar.vwap * bar.volume);
    volume_.step(bar.volume);
    const double price = math::ratio(turnover_.value(), volume_.value(), bar.close);
    *out++ = bar.close / price - 1.0;
    return out;
}

FlowColumns::FlowColumns(const FeaturesConfig& config)
    : length_(checked(config.flow_length)),
      net_volume_(length_),
      both_volume_(length_),
      net_ticks_(length_),
      both_ticks_(length_),
      trades_(length_),
      volume_(length_) {}

void FlowColumns::describe(Specs& specs) const {
    const std::size_t length = length_.value();
    const std::string n = text(length);
    add(specs, "flow_imbalance", "(buy volume - sell volume) / (buy volume + sell volume) of the bar; 0 without volume", "-1..1", own, 1,
        Needs::order_flow);
    add(specs, "flow" + n + "_imbalance", "sum of (buy - sell volume) / sum of (buy + sell volume); 0 without volume", "-1..1", own, length,
        Needs::order_flow);
    add(specs, "tick" + n + "_imbalance", "sum of (plus - minus ticks) / sum of (plus + minus ticks); 0 without ticks", "-1..1", own, length,
        Needs::order_flow);
    add(specs, "trades" + n + "_intensity", "prints of the bar / mean prints a bar; 0 without prints", "1", own, length, Needs::trade_count);
    add(specs, "trade_size" + n, "mean print of the bar / mean print of the window; 1 when the bar has no print", "1", own, length,
        Needs::trade_count);
}

double* FlowColumns::step(const BarStep& in, double* out) {
    const market::Bar& bar = in.bar;
    const double net = bar.buy_volume - bar.sell_volume;
    const double both = bar.buy_volume + bar.sell_volume;
    *out++ = math::ratio(net, both, 0.0);
    net_volume_.step(net);
    both_volume_.step(both);
    *out++ = math::ratio(net_volume_.value(), both_volume_.value(), 0.0);
    net_ticks_.step(bar.plus_ticks - bar.minus_ticks);
    both_ticks_.step(bar.plus_ticks + bar.minus_ticks);
    *out++ = math::ratio(net_ticks_.value(), both_ticks_.value(), 0.0);
    trades_.step(bar.trades);
    volume_.step(bar.volume + 0.0 * bar.trades);
    *out++ = math::ratio(bar.trades * length_.number(), trades_.value(), 0.0);
    const double window_size = volume_.value() / trades_.value();
    const double size = bar.volume / bar.trades;
    *out++ = trades_.value() == 0.0 ? 1.0 : bar.trades == 0.0 ? 1.0 + 0.0 * trades_.value() : math::ratio(size, window_size, 1.0);
    return out;
}

}  // namespace sofia::features

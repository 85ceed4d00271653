// Reads a bar CSV (high,low,close,volume with a header) from stdin and prints the indicators as CSV with 17 digits, `nan` where missing.

#include <array>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "math/oscillators.hpp"
#include "math/trend.hpp"
#include "math/volatility.hpp"
#include "math/window.hpp"

namespace {

using sofia::math::Length;

/// Every indicator that TA-Lib has too, at the lengths that the test knows.
struct Indicators {
    sofia::math::Ema ema{Length::of<20>()};
    sofia::math::Ema ema1{Length::of<1>()};
    sofia::math::Sma sma{Length::of<50>()};
    sofia::math::Rsi rsi{Length::of<14>()};
    sofia::math::Atr atr{Length::of<14>()};
    sofia::math::Directional directional{Length::of<14>()};
    sofia::math::Macd macd{{.fast = Length::of<12>(), .slow = Length::of<26>(), .signal = Length::of<9>()}};
    sofia::math::Bollinger bollinger{Length::of<20>(), 2.0};
    sofia::math::HighLow frame{Length::of<14>()};
    sofia::math::Stochastic stochastic{{.k = Length::of<3>(), .d = Length::of<3>()}};
    sofia::math::Cci cci{Length::of<20>()};
    sofia::math::Mfi mfi{Length::of<14>()};
    sofia::math::Obv obv;
    sofia::math::RollingMoments moments{Length::of<30>()};
    sofia::math::RollingSum sum{Length::of<30>()};

    std::vector<double> step(double high, double low, double close, double volume) {
        ema.step(close);
        ema1.step(close);
        sma.step(close);
        const auto& di = directional.step(high, low, close);
        const auto& lines = macd.step(close);
        bollinger.step(close);
        frame.step(high, low);
        stochastic.step(frame, close);
        moments.step(close);
        return {ema.value(),
                ema1.value(),
                sma.value(),
                rsi.step(close),
                atr.step(high, low, close),
                di.plus_di,
                di.minus_di,
                di.adx,
                lines.line,
                lines.signal,
                lines.histogram,
                bollinger.upper(),
                bollinger.middle(),
                bollinger.lower(),
                stochastic.k(),
                stochastic.d(),
                cci.step(high, low, close),
                sofia::math::williams_r(frame, close),
                mfi.step(high, low, close, volume),
                obv.step(close, volume),
                moments.variance(),
                sum.step(close),
                frame.high(),
                frame.low()};
    }
};

constexpr const char* header =
    "ema20,ema1,sma50,rsi14,atr14,plus_di14,minus_di14,adx14,macd,macd_signal,macd_hist,bb_upper,bb_middle,bb_lower,stoch_k,stoch_d,cci20,willr14,"
    "mfi14,obv,var30,sum30,max14,min14";

}  // namespace

int main() {
    std::string line;
    std::getline(std::cin, line);
    std::puts(header);
    Indicators indicators;
    while (std::getline(std::cin, line)) {
        std::array<double, 4> bar{};
        std::istringstream cells(line);
        std::string cell;
        for (double& value : bar) {
            if (!std::getline(cells, cell, ',')) {
                std::cerr << "math_dump: a row needs high,low,close,volume, not \"" << line << "\"\n";
                return 3;
            }
            value = std::stod(cell);
        }
        const std::vector<double> row = indicators.step(bar[0], bar[1], bar[2], bar[3]);
        for (std::size_t i = 0; i < row.size(); ++i) std::printf(i == 0 ? "%.17g" : ",%.17g", row[i]);
        std::putchar('\n');
    }
    return 0;
}

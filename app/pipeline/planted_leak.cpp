#include "app/pipeline/planted_leak.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <vector>

#include "base/random.hpp"
#include "base/text.hpp"
#include "report/csv.hpp"
#include "synth/simulate.hpp"

namespace sofia::pipeline {
namespace {

constexpr DurationNs step = 15 * ns_per_minute;
constexpr std::size_t steps_back = 20;     // five hours
constexpr std::size_t steps_ahead = 24;    // six hours
constexpr double smallness = 1e-6;

/// The log of the last price before each step of the market, the first print's until then.
Result<std::vector<double>> sampled(const synth::SimulationConfig& market, std::uint64_t seed) {
    std::vector<double> out;
    const auto steps = static_cast<std::size_t>((market.end_time() - market.start_time()) / step) + 1;
    double last = std::log(market.start_price);
    SOFIA_CHECK(synth::simulate_trades(market, RandomStream(seed), [&](std::span<const market::Trade> trades) -> Result<void> {
        for (const market::Trade& trade : trades) {
            while (out.size() < steps && market.start_time() + static_cast<TimeNs>(out.size()) * step < trade.ts) out.push_back(last);
            last = std::log(trade.price);
        }
        return {};
    }));
    out.resize(steps, last);
    return out;
}

Result<void> write_rates(const synth::SimulationConfig& market, const std::filesystem::path& file, std::size_t count, DurationNs every,
                         const std::function<double(std::size_t)>& rate) {
    SOFIA_TRY(report::CsvWriter writer, report::CsvWriter::create(file, {"timestamp", "funding_rate"}));
    for (std::size_t i = 0; i < count; ++i) {
        SOFIA_CHECK(writer.row({(market.start_time() + static_cast<TimeNs>(i) * every) / ns_per_second, rate(i)}));
    }
    return writer.commit();
}

}  // namespace

Result<void> write_fair_funding(const synth::SimulationConfig& market, std::uint64_t seed, const std::filesystem::path& file) {
    SOFIA_CHECK(market.validate());
    RandomStream random = RandomStream(seed).split("funding");
    constexpr DurationNs every = 8 * ns_per_hour;
    const auto count = static_cast<std::size_t>((market.end_time() - market.start_time()) / every) + 1;
    return write_rates(market, file, count, every, [&](std::size_t) { return 1e-4 * (1.0 + 0.5 * random.normal()); });
}

Result<void> write_leaking_funding(const synth::SimulationConfig& market, std::uint64_t seed, const std::filesystem::path& file) {
    SOFIA_CHECK(market.validate());
    SOFIA_TRY(const std::vector<double> price, sampled(market, seed));
    return write_rates(market, file, price.size(), step, [&](std::size_t i) {
        const double trend = price[i] - price[i - std::min(i, steps_back)];
        const double ahead = price[std::min(i + steps_ahead, price.size() - 1)] - price[i];
        return smallness * std::copysign(1.0, trend) * ahead;
    });
}

}  // namespace sofia::pipeline

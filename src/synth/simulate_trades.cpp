#include <algorithm>
#include <array>
#include <cmath>

#include "market/instrument.hpp"
#include "synth/arrivals.hpp"
#include "synth/season.hpp"
#include "synth/simulate.hpp"
#include "synth/touch_watch.hpp"

namespace sofia::synth {

namespace {

constexpr std::size_t block_size = 65'536;
constexpr double arrivals_season = 0.4;
constexpr double variance_season = 0.5;
constexpr double log_volatility_sd = 0.45;
constexpr double log_volatility_minutes = 360.0;  // relaxation time
constexpr double size_tail = 2.5;
constexpr double size_least_lots = 10.0;
constexpr double size_most_lots = 1e6;
constexpr double ns_per_year = 365.0 * static_cast<double>(ns_per_day);

/// The variance a ns of log mid, constant within a minute and drawn at its start: known before the moves it governs.
class Variance {
public:
    Variance(RandomStream random, double volatility_annual)
        : random_(random), mean_(volatility_annual * volatility_annual / ns_per_year), season_(daily_season(variance_season)) {
        level_ = log_volatility_sd * random_.normal();
        renew();
    }

    /// From midnight of the first day on, `since` in ns.
    double at(TimeNs since) {
        const std::int64_t minute = since / ns_per_minute;
        if (minute != minute_) {
            const double kept = std::exp(-static_cast<double>(minute - minute_) / log_volatility_minutes);
            level_ = kept * level_ + log_volatility_sd * std::sqrt(1.0 - kept * kept) * random_.normal();
            minute_ = minute;
            renew();
        }
        return rate_;
    }

private:
    // E e^{2 level} = e^{2 sd^2} for a Gaussian level: the factor makes the mean variance what was asked for.
    void renew() {
        const double factor = std::exp(2.0 * (level_ - log_volatility_sd * log_volatility_sd));
        rate_ = mean_ * factor * season_[static_cast<std::size_t>(minute_) % minutes_per_day];
    }

    RandomStream random_;
    double mean_;
    std::array<double, minutes_per_day> season_;
    double level_ = 0.0;
    double rate_ = 0.0;
    std::int64_t minute_ = 0;
};

double total_time(const SimulationConfig& config, const RandomStream& random) {
    Arrivals arrivals(random.split("arrivals"));
    double total = 0.0;
    for (std::int64_t i = 0; i <= config.trades; ++i) total = arrivals.next();
    return total;
}

}  // namespace

struct TradeSimulator::State {
    State(const SimulationConfig& config_in, const RandomStream& random)
        : config(config_in),
          instrument(simulated_instrument(config_in)),
          start(config_in.start_time()),
          span(config_in.end_time() - start),
          business_scale(static_cast<double>(span) / total_time(config_in, random)),
          arrivals(random.split("arrivals")),
          clock(arrivals_season),
          moves(random.split("moves")),
          sides(random.split("sides")),
          sizes(random.split("sizes")),
          variance(random.split("volatility"), config_in.volatility_annual),
          log_mid(std::log(config_in.start_price)) {}

    bool next(Tick& tick);
    TimeNs next_time();
    void move(TimeNs since_start, Tick& tick);
    void print(Tick& tick);
    void plant(const Touch& touch, Tick& tick);

    SimulationConfig config;
    market::Instrument instrument;
    TimeNs start;
    DurationNs span;
    double business_scale;
    Arrivals arrivals;
    SeasonClock clock;
    RandomStream moves;
    RandomStream sides;
    RandomStream sizes;
    Variance variance;
    double log_mid;
    TouchWatch watch;

    std::int64_t given = 0;
    TimeNs last_since = 0;
    double last_price = 0.0;
    market::TickDirection last_tick = market::TickDirection::zero_plus;
    std::optional<PlantedEvent> active;
    double theta = 0.0;
};

bool TradeSimulator::State::next(Tick& tick) {
    if (given == config.trades) return false;
    ++given;
    const TimeNs since = next_time();
    move(since, tick);
    tick.trade.ts = start + since;
    print(tick);
    tick.begins.reset();
    if (const auto touch = watch.on_trade(tick.trade); touch && !active) plant(*touch, tick);
    return true;
}

// The N+1 arrivals of the process are stretched over the span, so that the N prints fill it; whole microseconds, as files carry them.
TimeNs TradeSimulator::State::next_time() {
    const auto since = static_cast<TimeNs>(clock.calendar(arrivals.next() * business_scale));
    return std::clamp(floor_time(since, ns_per_us), last_since, span - ns_per_us);
}

void TradeSimulator::State::move(TimeNs since, Tick& tick) {
    tick.variance = variance.at(last_since) * static_cast<double>(since - last_since);
    tick.theta = theta;
    log_mid += std::sqrt(tick.variance) * moves.normal() + (theta - 0.5) * tick.variance;
    tick.mid = std::exp(log_mid);
    last_since = since;
    if (active && std::fabs(log_mid - active->log_mid) >= active->half_width) {
        active.reset();
        theta = 0.0;
    }
}

void TradeSimulator::State::print(Tick& tick) {
    market::Trade& trade = tick.trade;
    const double in_ticks = tick.mid / config.tick;
    const bool buy = (sides.next() >> 63) != 0;
    const double price_ticks = buy ? std::ceil(in_ticks + config.half_spread_ticks) : std::floor(in_ticks - config.half_spread_ticks);
    trade.side = buy ? market::Side::buy : market::Side::sell;
    trade.price = instrument.round_to_tick(std::max(price_ticks, 1.0) * config.tick);

    const double tail = std::pow(1.0 - sizes.uniform(), -1.0 / size_tail);
    const double lots = std::min(std::floor(size_least_lots * tail), size_most_lots);
    trade.size = instrument.floor_to_lot(lots * config.lot);

    using market::TickDirection;
    if (given == 1 || trade.price == last_price) {
        last_tick = is_up(last_tick) ? TickDirection::zero_plus : TickDirection::zero_minus;
    } else {
        last_tick = trade.price > last_price ? TickDirection::plus : TickDirection::minus;
    }
    trade.tick = last_tick;
    last_price = trade.price;
}

void TradeSimulator::State::plant(const Touch& touch, Tick& tick) {
    PlantedEvent event;
    event.known_at = touch.known_at;
    event.direction = touch.direction;
    event.sign = -touch.volume_sign;  // z = -vol_z
    event.half_width = 2.0 * touch.atr / touch.close;
    event.probability = 0.5 + 0.25 * config.edge * event.sign;
    event.log_mid = log_mid;
    if (!(event.half_width > 0.0)) return;
    theta = touch.direction * std::log(event.probability / (1.0 - event.probability)) / (2.0 * event.half_width);
    active = event;
    tick.begins = event;
}

TradeSimulator::TradeSimulator(std::unique_ptr<State> state) : state_(std::move(state)) {}
TradeSimulator::~TradeSimulator() = default;
TradeSimulator::TradeSimulator(TradeSimulator&&) noexcept = default;
TradeSimulator& TradeSimulator::operator=(TradeSimulator&&) noexcept = default;

Result<TradeSimulator> TradeSimulator::make(const SimulationConfig& config, const RandomStream& random) {
    SOFIA_CHECK(config.validate());
    return TradeSimulator(std::make_unique<State>(config, random));
}

bool TradeSimulator::next(Tick& tick) { return state_->next(tick); }

Result<void> simulate_trades(const SimulationConfig& config, RandomStream random,
                             const std::function<Result<void>(std::span<const market::Trade>)>& sink) {
    SOFIA_TRY(auto simulator, TradeSimulator::make(config, random));
    std::vector<market::Trade> block;
    block.reserve(block_size);
    Tick tick;
    while (simulator.next(tick)) {
        block.push_back(tick.trade);
        if (block.size() == block_size) {
            SOFIA_CHECK(sink(block));
            block.clear();
        }
    }
    if (!block.empty()) SOFIA_CHECK(sink(block));
    return {};
}

}  // namespace sofia::synth

#include "backtest/benchmarks.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "math/statistics.hpp"

namespace sofia::backtest {

namespace {

constexpr double days_per_year = 365.25;

/// Value of a long position on its way through the bars.
class Holding {
public:
    Holding(const HoldInputs& inputs, std::span<const trading::Funding> funding, const trading::Bar& first)
        : inputs_(inputs), funding_(funding), entry_(trading::slipped(first.close, 1.0, inputs.fills)) {
        const market::Instrument& instrument = inputs.instrument;
        contracts_ = instrument.floor_to_lot(inputs.starting_equity / instrument.notional(1.0, entry_));
        fees_ = trading::entry_fee_fraction(inputs.costs) * instrument.notional(contracts_, entry_);
        next_ = static_cast<std::size_t>(std::ranges::upper_bound(funding_, first.close_time, {}, &trading::Funding::time) - funding_.begin());
        last_ = first.close;
    }

    /// Equity at the bar's close, before the costs of leaving.
    double step(const trading::Bar& bar) {
        for (; next_ < funding_.size() && funding_[next_].time <= bar.close_time; ++next_) {
            const trading::Funding& stamp = funding_[next_];
            funding_paid_ += stamp.rate * inputs_.instrument.notional(contracts_, std::isnan(stamp.mark) ? last_ : stamp.mark);
        }
        if (!std::isnan(bar.close)) last_ = bar.close;
        return equity(last_);
    }

    /// Leaves at the last close.
    double leave() {
        exit_ = trading::slipped(last_, -1.0, inputs_.fills);
        fees_ += trading::exit_fee_fraction(inputs_.costs, trading::ExitReason::end) * inputs_.instrument.notional(contracts_, exit_);
        return equity(exit_);
    }

    void tell(HoldFigures& out) const {
        out.entry_price = entry_;
        out.exit_price = exit_;
        out.contracts = contracts_;
        out.fees = fees_;
        out.funding = funding_paid_;
    }

private:
    [[nodiscard]] double equity(double price) const {
        return inputs_.starting_equity - fees_ - funding_paid_ + inputs_.instrument.profit(contracts_, entry_, price);
    }

    const HoldInputs& inputs_;
    std::span<const trading::Funding> funding_;
    double entry_;
    double contracts_ = 0.0;
    double fees_ = 0.0;
    double funding_paid_ = 0.0;
    std::size_t next_ = 0;
    double last_ = 0.0;
    double exit_ = 0.0;
};

/// The last point of every stretch of `length`.
std::vector<EquityPoint> last_of_each(std::span<const EquityPoint> points, DurationNs length) {
    std::vector<EquityPoint> out;
    for (const EquityPoint& point : points) {
        if (!out.empty() && floor_time(out.back().time - 1, length) == floor_time(point.time - 1, length)) out.pop_back();
        out.push_back(point);
    }
    return out;
}

double sharpe_of(std::span<const EquityPoint> points, double starting_equity) {
    std::vector<double> changes;
    double before = starting_equity;
    for (const EquityPoint& day : last_of_each(points, ns_per_day)) {
        changes.push_back((day.equity - before) / starting_equity);
        before = day.equity;
    }
    const double deviation = math::stdev(changes);
    return deviation > 0.0 ? math::mean(changes) / deviation * std::sqrt(days_per_year) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

HoldFigures buy_and_hold(std::span<const trading::Bar> bars, std::span<const trading::Funding> funding, const HoldInputs& inputs) {
    HoldFigures out;
    while (!bars.empty() && std::isnan(bars.front().close)) bars = bars.subspan(1);
    if (bars.size() < 2 || !(inputs.starting_equity > 0.0)) return out;
    Holding holding(inputs, funding, bars.front());
    std::vector<EquityPoint> points;
    points.reserve(bars.size());
    double peak = inputs.starting_equity;
    double deepest = 0.0;
    for (std::size_t i = 0; i < bars.size(); ++i) {
        double equity = holding.step(bars[i]);
        if (i + 1 == bars.size()) equity = holding.leave();
        peak = std::max(peak, equity);
        const double drawdown = 100.0 * (peak - equity) / peak;
        deepest = std::max(deepest, drawdown);
        points.push_back({bars[i].close_time, equity, drawdown, std::numeric_limits<double>::quiet_NaN()});
    }
    holding.tell(out);
    out.net_pnl = points.back().equity - inputs.starting_equity;
    out.return_percent = 100.0 * out.net_pnl / inputs.starting_equity;
    out.max_drawdown_percent = deepest;
    out.sharpe_annual = sharpe_of(points, inputs.starting_equity);
    out.curve = last_of_each(std::span<const EquityPoint>(points).subspan(1), ns_per_hour);
    out.curve.insert(out.curve.begin(), points.front());
    return out;
}

namespace {

/// Entries of one timeframe and direction, and how many of the strategy's trades are like them.
struct Kind {
    std::vector<std::size_t> entries;
    std::int64_t trades = 0;
};

std::vector<Kind> kinds_of(std::span<const EntryOutcome> pool, std::span<const ClosedTrade> trades) {
    std::map<std::pair<std::size_t, int>, Kind> kinds;
    for (const ClosedTrade& trade : trades) ++kinds[{trade.timeframe, static_cast<int>(trade.direction)}].trades;
    for (std::size_t i = 0; i < pool.size(); ++i) {
        const auto kind = kinds.find({pool[i].timeframe, static_cast<int>(pool[i].direction)});
        if (kind != kinds.end()) kind->second.entries.push_back(i);
    }
    std::vector<Kind> out;
    for (auto& [key, kind] : kinds) out.push_back(std::move(kind));
    return out;
}

struct Draw {
    std::span<const EntryOutcome> pool;
    std::vector<Kind> kinds;
    std::int64_t trades = 0;
};

/// The entries that one run takes when it draws `factor` moments for every trade of the strategy.
std::vector<std::size_t> run_of(const Draw& draw, double factor, RandomStream random) {
    std::vector<std::size_t> drawn;
    for (const Kind& kind : draw.kinds) {
        const auto count = static_cast<std::int64_t>(std::ceil(factor * static_cast<double>(kind.trades)));
        for (std::int64_t i = 0; i < count; ++i) drawn.push_back(kind.entries[random.below(kind.entries.size())]);
    }
    // Of equal moments the order of the drawing decides, which is by kind: mixed first.
    for (std::size_t i = drawn.size(); i > 1; --i) std::swap(drawn[i - 1], drawn[random.below(i)]);
    std::ranges::stable_sort(drawn, {}, [&](std::size_t i) { return draw.pool[i].known_at; });
    const std::size_t start = random.below(drawn.size());
    std::vector<std::size_t> taken;
    TimeNs flat_from = std::numeric_limits<TimeNs>::min();
    for (std::size_t step = 0; step < drawn.size() && static_cast<std::int64_t>(taken.size()) < draw.trades; ++step) {
        const std::size_t place = (start + step) % drawn.size();
        if (place == 0) flat_from = std::numeric_limits<TimeNs>::min();  // round the end: the window begins anew
        const EntryOutcome& entry = draw.pool[drawn[place]];
        if (entry.known_at < flat_from) continue;
        taken.push_back(drawn[place]);
        flat_from = entry.end_time;
    }
    return taken;
}

/// A step above the least factor, in steps of a quarter, with which twenty runs all get their trades; at most so many that more changes little.
double factor_for(const Draw& draw, const RandomStream& random) {
    double factor = 1.25;
    for (int step = 0; step < 20; ++step, factor *= 1.25) {
        bool enough = true;
        for (std::uint64_t i = 0; i < 20 && enough; ++i) {
            enough = static_cast<std::int64_t>(run_of(draw, factor, random.split(static_cast<std::uint64_t>(step)).split(i)).size()) == draw.trades;
        }
        if (enough) break;
    }
    return 1.25 * factor;
}

}  // namespace

RandomEntries random_entries(std::span<const EntryOutcome> pool, std::span<const ClosedTrade> trades, const RandomEntryOptions& options,
                             const RandomStream& random, ThreadPool& threads) {
    RandomEntries out;
    out.trades = static_cast<std::int64_t>(trades.size());
    Draw draw{.pool = pool, .kinds = kinds_of(pool, trades), .trades = out.trades};
    for (const Kind& kind : draw.kinds) out.pool += kind.entries.size();
    const bool missing = std::ranges::any_of(draw.kinds, [](const Kind& kind) { return kind.entries.empty(); });
    if (trades.empty() || missing || options.runs == 0) return out;
    const double factor = factor_for(draw, random.split("factor"));
    out.runs = options.runs;
    out.expectancy_r.resize(options.runs);
    out.gross_expectancy_r.resize(options.runs);
    std::vector<std::int64_t> counts(options.runs);
    threads.for_each(options.runs, [&](std::size_t run) {
        const std::vector<std::size_t> taken = run_of(draw, factor, random.split("run").split(run));
        double net = 0.0;
        double gross = 0.0;
        for (const std::size_t entry : taken) {
            net += pool[entry].net_r;
            gross += pool[entry].gross_r;
        }
        counts[run] = static_cast<std::int64_t>(taken.size());
        out.expectancy_r[run] = net / static_cast<double>(taken.size());
        out.gross_expectancy_r[run] = gross / static_cast<double>(taken.size());
    });
    out.fewest = *std::ranges::min_element(counts);
    std::ranges::sort(out.expectancy_r);
    std::ranges::sort(out.gross_expectancy_r);
    return out;
}

double percentile_of(std::span<const double> ascending, double value) {
    if (ascending.empty() || std::isnan(value)) return std::numeric_limits<double>::quiet_NaN();
    const auto below = static_cast<double>(std::ranges::lower_bound(ascending, value) - ascending.begin());
    const auto up_to = static_cast<double>(std::ranges::upper_bound(ascending, value) - ascending.begin());
    return (below + up_to) / 2.0 / static_cast<double>(ascending.size());
}

}  // namespace sofia::backtest

#include "backtest/figures.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

#include "math/sharpe.hpp"
#include "math/statistics.hpp"

namespace sofia::backtest {

namespace {

constexpr double days_per_year = 365.25;

double ratio(double a, double b) { return b == 0.0 ? std::numeric_limits<double>::quiet_NaN() : a / b; }

/// Mean of a projection over the trades that pass; NaN without any.
template <class Pass, class Value>
double mean_of(std::span<const ClosedTrade> trades, Pass pass, Value value) {
    double total = 0.0;
    std::int64_t count = 0;
    for (const ClosedTrade& trade : trades) {
        if (!pass(trade)) continue;
        total += value(trade);
        ++count;
    }
    return ratio(total, static_cast<double>(count));
}

bool any(const ClosedTrade&) { return true; }
bool won(const ClosedTrade& trade) { return trade.net_r > 0.0; }
bool lost(const ClosedTrade& trade) { return !won(trade); }
bool predicted(const ClosedTrade& trade) { return !std::isnan(trade.expected_value); }
double net_r_of(const ClosedTrade& trade) { return trade.net_r; }
double expected_of(const ClosedTrade& trade) { return trade.expected_value; }

template <class Pass>
GroupFigures group_of(std::span<const ClosedTrade> trades, std::string name, Pass pass) {
    GroupFigures group;
    group.group = std::move(name);
    market::Money net;
    std::int64_t wins = 0;
    for (const ClosedTrade& trade : trades) {
        if (!pass(trade)) continue;
        ++group.trades;
        group.net_r += trade.net_r;
        group.gross_r += trade.gross_r;
        net += trade.net;
        wins += won(trade) ? 1 : 0;
    }
    group.net_pnl = market::to_double(net);
    group.win_rate = ratio(static_cast<double>(wins), static_cast<double>(group.trades));
    group.mean_net_r = ratio(group.net_r, static_cast<double>(group.trades));
    group.mean_expected_value = mean_of(trades, [&](const ClosedTrade& t) { return pass(t) && predicted(t); }, expected_of);
    return group;
}

void add_totals(Figures& f, std::span<const ClosedTrade> trades) {
    market::Money net;
    market::Money pnl;
    market::Money fees;
    market::Money funding;
    market::Money ops;
    for (const ClosedTrade& trade : trades) {
        f.net_r += trade.net_r;
        f.gross_r += trade.gross_r;
        f.fee_r += trade.fee_r;
        f.slip_r += trade.slip_r;
        f.funding_r += trade.funding_r;
        f.ops_r += trade.ops_r;
        net += trade.net;
        pnl += trade.pnl;
        fees += trade.fees;
        funding += trade.funding;
        ops += trade.ops;
        f.ambiguous += trade.ambiguous ? 1 : 0;
    }
    f.trades = static_cast<std::int64_t>(trades.size());
    f.net_pnl = market::to_double(net);
    f.gross_pnl = market::to_double(pnl);
    f.fees = market::to_double(fees);
    f.funding = market::to_double(funding);
    f.ops = market::to_double(ops);
    f.final_equity = f.starting_equity + f.net_pnl;
    f.return_percent = 100.0 * ratio(f.net_pnl, f.starting_equity);
}

void add_averages(Figures& f, std::span<const ClosedTrade> trades) {
    const double count = static_cast<double>(trades.size());
    f.win_rate = mean_of(trades, any, [](const ClosedTrade& t) { return won(t) ? 1.0 : 0.0; });
    f.mean_win_r = mean_of(trades, won, net_r_of);
    f.mean_loss_r = mean_of(trades, lost, net_r_of);
    f.payoff = f.mean_win_r / std::fabs(f.mean_loss_r);
    const double wins = static_cast<double>(std::ranges::count_if(trades, won));
    if (wins > 0.0 && wins < count) f.profit_factor = ratio(f.mean_win_r * wins, std::fabs(f.mean_loss_r) * (count - wins));
    f.expectancy_r = ratio(f.net_r, count);
    f.gross_expectancy_r = ratio(f.gross_r, count);
    f.break_even_cost_r = f.gross_expectancy_r;
    f.mean_hold_hours =
        mean_of(trades, any, [](const ClosedTrade& t) { return static_cast<double>(t.exit_time - t.entry_time) / static_cast<double>(ns_per_hour); });
    f.mean_mae_r = mean_of(trades, any, [](const ClosedTrade& t) { return t.mae_r; });
    f.mean_mfe_r = mean_of(trades, any, [](const ClosedTrade& t) { return t.mfe_r; });
    f.mean_mae_of_wins_r = mean_of(trades, won, [](const ClosedTrade& t) { return t.mae_r; });
    f.mean_mfe_of_losses_r = mean_of(trades, lost, [](const ClosedTrade& t) { return t.mfe_r; });
    f.mean_expected_value = mean_of(trades, predicted, expected_of);
    f.ambiguous_share = ratio(static_cast<double>(f.ambiguous), count);
}

void add_drawdown(Figures& f, std::span<const ClosedTrade> trades) {
    const std::vector<EquityPoint> curve = equity_curve(trades, f.window, f.starting_equity);
    double peak = f.starting_equity;
    double peak_r = 0.0;
    TimeNs peak_time = f.window.from;
    DurationNs under = 0;
    DurationNs longest = 0;
    const auto surface = [&](TimeNs time) {
        under += time - peak_time;
        longest = std::max(longest, time - peak_time);
    };
    bool below = false;
    for (const EquityPoint& point : curve) {
        f.max_drawdown_percent = std::max(f.max_drawdown_percent, point.drawdown_percent);
        f.max_drawdown = std::max(f.max_drawdown, peak - point.equity);
        peak_r = std::max(peak_r, point.cumulative_r);
        f.max_drawdown_r = std::max(f.max_drawdown_r, peak_r - point.cumulative_r);
        if (point.equity >= peak) {
            if (below) surface(point.time);
            peak = point.equity;
            peak_time = point.time;
            below = false;
        } else if (!below) {
            peak_time = point.time;  // under water from the first loss on
            below = true;
        }
    }
    if (below) surface(std::max(f.window.to, peak_time));
    const double length = static_cast<double>(f.window.length());
    f.time_under_water = length > 0.0 ? static_cast<double>(under) / length : 0.0;
    f.longest_under_water_days = static_cast<double>(longest) / static_cast<double>(ns_per_day);
}

void add_exposure(Figures& f, std::span<const ClosedTrade> trades) {
    DurationNs held = 0;
    double value = 0.0;
    double equity = 0.0;
    double leverage = 0.0;
    double highest = 0.0;
    for (const ClosedTrade& trade : trades) {
        held += std::max<DurationNs>(0, std::min(trade.exit_time, f.window.to) - std::max(trade.entry_time, f.window.from));
        const double before = market::to_double(trade.equity_after - trade.net);
        value += 2.0 * trade.notional;
        equity += before;
        leverage += trade.notional / before;
        highest = std::max(highest, trade.notional / before);
    }
    const double length = static_cast<double>(f.window.length());
    f.exposure = length > 0.0 ? static_cast<double>(held) / length : 0.0;
    if (trades.empty()) return;
    const double count = static_cast<double>(trades.size());
    f.turnover = ratio(value, equity / count);
    f.mean_leverage = leverage / count;
    f.max_leverage = highest;
}

void add_sharpe(Figures& f, std::span<const ClosedTrade> trades) {
    f.daily_net_r = daily_net_r(trades, f.window);
    f.days = static_cast<std::int64_t>(f.daily_net_r.size());
    const double deviation = math::stdev(f.daily_net_r);
    if (!(deviation > 0.0)) return;
    f.sharpe_daily = math::mean(f.daily_net_r) / deviation;
    f.sharpe_annual = f.sharpe_daily * std::sqrt(days_per_year);
    const math::SharpeSample sample = math::sharpe_sample(f.daily_net_r);
    f.psr = math::probabilistic_sharpe(sample, 0.0);
    f.min_track_record_days = math::min_track_record(sample, 0.0);
}

void add_groups(Figures& f, std::span<const ClosedTrade> trades, std::span<const std::string> timeframes) {
    for (std::size_t i = 0; i < trading::exit_reasons; ++i) {
        const auto reason = static_cast<trading::ExitReason>(i);
        f.by_reason.push_back(group_of(trades, std::string(name(reason)), [&](const ClosedTrade& t) { return t.reason == reason; }));
    }
    for (const auto direction : {trading::Direction::long_side, trading::Direction::short_side}) {
        f.by_direction.push_back(group_of(trades, std::string(name(direction)), [&](const ClosedTrade& t) { return t.direction == direction; }));
    }
    for (std::size_t i = 0; i < timeframes.size(); ++i) {
        f.by_timeframe.push_back(group_of(trades, timeframes[i], [&](const ClosedTrade& t) { return t.timeframe == i; }));
    }
}

std::chrono::year_month month_of(TimeNs time) {
    const std::chrono::sys_days day{std::chrono::days{floor_time(time, ns_per_day) / ns_per_day}};
    const std::chrono::year_month_day date{day};
    return date.year() / date.month();
}

/// The last moment of the window at which a trade is counted.
TimeNs counted_at(const ClosedTrade& trade, Window window) { return std::clamp(trade.exit_time, window.from, std::max(window.from, window.to - 1)); }

void add_months(Figures& f, std::span<const ClosedTrade> trades) {
    if (f.window.length() <= 0) return;
    double equity = f.starting_equity;
    std::size_t next = 0;
    const std::chrono::year_month last = month_of(f.window.to - 1);
    for (std::chrono::year_month month = month_of(f.window.from); month <= last; month += std::chrono::months{1}) {
        MonthFigures figures;
        figures.year = static_cast<int>(month.year());
        figures.month = static_cast<int>(static_cast<unsigned>(month.month()));
        market::Money net;
        for (; next < trades.size() && month_of(counted_at(trades[next], f.window)) == month; ++next) {
            ++figures.trades;
            figures.net_r += trades[next].net_r;
            net += trades[next].net;
        }
        figures.net_pnl = market::to_double(net);
        figures.return_percent = 100.0 * ratio(figures.net_pnl, equity);
        equity += figures.net_pnl;
        f.months.push_back(figures);
    }
}

/// Herfindahl's index of the values' shares, 0 to 1; NaN below two values or without a sum.
double concentration(std::span<const double> values) {
    const auto count = static_cast<double>(values.size());
    const double total = math::sum(values);
    if (count < 2.0 || total == 0.0) return std::numeric_limits<double>::quiet_NaN();
    double squares = 0.0;
    for (const double value : values) squares += (value / total) * (value / total);
    return (squares - 1.0 / count) / (1.0 - 1.0 / count);
}

/// After `add_months`.
void add_concentration(Figures& f, std::span<const ClosedTrade> trades) {
    std::vector<double> all;
    std::vector<double> wins;
    std::vector<double> losses;
    for (const ClosedTrade& trade : trades) {
        all.push_back(trade.net_r);
        (won(trade) ? wins : losses).push_back(trade.net_r);
    }
    std::ranges::sort(all);
    const std::size_t best = (all.size() + 19) / 20;
    f.net_r_without_best = math::sum(std::span<const double>(all).first(all.size() - best));
    std::vector<double> months;
    for (const MonthFigures& month : f.months) months.push_back(static_cast<double>(month.trades));
    f.concentration_wins = concentration(wins);
    f.concentration_losses = concentration(losses);
    f.concentration_months = concentration(months);
}

/// Something of every trade, added up by day.
template <class Value, class ValueOf>
std::vector<Value> by_day(std::span<const ClosedTrade> trades, Window window, ValueOf value_of) {
    if (window.length() <= 0) return {};
    const std::int64_t first = floor_time(window.from, ns_per_day) / ns_per_day;
    const std::int64_t last = floor_time(window.to - 1, ns_per_day) / ns_per_day;
    std::vector<Value> days(static_cast<std::size_t>(last - first + 1), Value{});
    for (const ClosedTrade& trade : trades) {
        const std::int64_t day = floor_time(counted_at(trade, window), ns_per_day) / ns_per_day;
        days[static_cast<std::size_t>(day - first)] += value_of(trade);
    }
    return days;
}

}  // namespace

GroupFigures group_figures(std::string name, std::span<const ClosedTrade> trades) { return group_of(trades, std::move(name), any); }

std::vector<double> daily_net_r(std::span<const ClosedTrade> trades, Window window) { return by_day<double>(trades, window, net_r_of); }

std::vector<std::int64_t> daily_trades(std::span<const ClosedTrade> trades, Window window) {
    return by_day<std::int64_t>(trades, window, [](const ClosedTrade&) { return std::int64_t{1}; });
}

std::vector<EquityPoint> equity_curve(std::span<const ClosedTrade> trades, Window window, double starting_equity) {
    std::vector<EquityPoint> curve{{window.from, starting_equity, 0.0, 0.0}};
    curve.reserve(trades.size() + 1);
    double peak = starting_equity;
    double total_r = 0.0;
    for (const ClosedTrade& trade : trades) {
        const double equity = market::to_double(trade.equity_after);
        peak = std::max(peak, equity);
        total_r += trade.net_r;
        curve.push_back({trade.exit_time, equity, 100.0 * (peak - equity) / peak, total_r});
    }
    return curve;
}

double funding_coverage(std::span<const trading::Funding> funding, Window window) {
    if (funding.size() < 2 || window.length() <= 0) return 0.0;
    std::vector<double> gaps;
    for (std::size_t i = 1; i < funding.size(); ++i) gaps.push_back(static_cast<double>(funding[i].time - funding[i - 1].time));
    const double usual = math::median(gaps);
    double covered = 0.0;
    for (std::size_t i = 0; i < funding.size(); ++i) {
        const double gap = i == 0 ? usual : gaps[i - 1];
        const auto from = funding[i].time - static_cast<DurationNs>(gap > 1.5 * usual ? usual : gap);
        covered += static_cast<double>(std::max<DurationNs>(0, std::min(funding[i].time, window.to) - std::max(from, window.from)));
    }
    return covered / static_cast<double>(window.length());
}

Figures figures_of(std::span<const ClosedTrade> trades, Window window, double starting_equity, std::span<const std::string> timeframes) {
    Figures figures;
    figures.window = window;
    figures.starting_equity = starting_equity;
    add_totals(figures, trades);
    add_averages(figures, trades);
    add_drawdown(figures, trades);
    add_exposure(figures, trades);
    add_sharpe(figures, trades);
    add_groups(figures, trades, timeframes);
    add_months(figures, trades);
    add_concentration(figures, trades);
    return figures;
}

Figures figures_of(const trading::DecisionCore& core, Window window, std::span<const std::string> timeframes) {
    Figures figures = figures_of(core.trades(), window, core.config().sizing.starting_equity, timeframes);
    figures.signals = core.signals();
    figures.unfilled = static_cast<std::int64_t>(core.unfilled().size());
    const auto count = [](std::string_view reason, std::int64_t times) {
        GroupFigures group;
        group.group = reason;
        group.trades = times;
        return group;
    };
    for (std::size_t i = 0; i < trading::refusals; ++i) {
        figures.refusals.push_back(count(name(static_cast<trading::Refusal>(i)), core.refused()[i]));
    }
    for (const auto why : {trading::Unfilled::no_print, trading::Unfilled::too_late, trading::Unfilled::end_of_data}) {
        figures.unfilled_why.push_back(count(name(why), std::ranges::count(core.unfilled(), why, &trading::UnfilledOrder::why)));
    }
    return figures;
}

}  // namespace sofia::backtest

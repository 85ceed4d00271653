#include "features/minute.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.hpp"

namespace sofia::features {
namespace {

constexpr std::int64_t horizon_max = 10'080;

/// The sample's standard deviation of a window whose population variance is `variance`.
double sample_deviation(double variance, double count) { return std::sqrt(variance * (count / (count - 1.0))); }

Result<void> check_horizon(std::int64_t horizon) {
    if (horizon >= 1 && horizon <= horizon_max) return {};
    return fail(ErrorCode::usage, "a horizon of " + std::to_string(horizon) + " minutes", "1 to " + std::to_string(horizon_max) + " minutes");
}

Result<void> check_bars(std::span<const market::Bar> bars) {
    for (std::size_t i = 0; i < bars.size(); ++i) {
        const market::Bar& bar = bars[i];
        if (bar.close_time - bar.open_time != ns_per_minute) {
            return fail(ErrorCode::data, "the bar that begins at " + format_time(bar.open_time) + " is not one minute long",
                        "minute features are made from 1-minute bars");
        }
        if (i > 0 && bar.open_time < bars[i - 1].close_time) {
            return fail(ErrorCode::data,
                        "the bar that begins at " + format_time(bar.open_time) + " is not after the one of " + format_time(bars[i - 1].open_time),
                        "give the bars in order of time, one a minute");
        }
    }
    return {};
}

Result<void> check_series(std::span<const AsOfSeries> series) {
    for (const AsOfSeries& one : series) {
        if (one.known_at.size() != one.values.size()) return fail(ErrorCode::usage, "series " + one.name + ": one value a moment is needed");
        if (!std::ranges::is_sorted(one.known_at)) return fail(ErrorCode::usage, "series " + one.name + ": its times descend");
    }
    return {};
}

/// The labels, by time.
std::vector<double> labels_of(std::span<const market::Bar> bars, DurationNs horizon) {
    std::vector<double> y(bars.size(), math::missing);
    std::size_t later = 0;
    for (std::size_t i = 0; i < bars.size(); ++i) {
        const TimeNs end = bars[i].close_time + horizon;
        while (later < bars.size() && bars[later].close_time < end) ++later;
        if (later == bars.size()) break;
        const bool known = bars[later].close_time == end && !std::isnan(bars[later].close) && !std::isnan(bars[i].close);
        if (known) y[i] = bars[later].close > bars[i].close ? 1.0 : 0.0;
    }
    return y;
}

/// Rows `first` to `last`, without it.
MinuteTable rows_of(const MinuteTable& table, std::size_t first, std::size_t last) {
    MinuteTable out;
    out.horizon = table.horizon;
    out.features = market::Table(table.features.columns());
    out.features.reserve(last - first);
    for (std::size_t i = first; i < last; ++i) {
        out.ts.push_back(table.ts[i]);
        out.features.append(table.features.known_at()[i], table.features.row(i));
        out.y.push_back(table.y[i]);
    }
    return out;
}

}  // namespace

std::vector<FeatureSpec> minute_specs(const MinuteColumns& columns) {
    std::vector<FeatureSpec> specs;
    const auto add = [&](std::string name, std::string formula, std::string unit, std::size_t warm_up, Needs needs = Needs::bars) {
        specs.push_back({.name = std::move(name),
                         .formula = std::move(formula),
                         .unit = std::move(unit),
                         .source = "sofia",
                         .warm_up = warm_up,
                         .version = 1,
                         .needs = needs});
    };
    add("close", "close", "price", 1);
    add("ret1", "close / close one bar ago - 1", "fraction", 2);
    add("sma20_gap", "close - SMA(20)", "price", 20);
    add("sma50_gap", "close - SMA(50)", "price", 50);
    add("vol_z", "(volume - mean) / standard deviation of 50 volumes, divisor n - 1; 0 where all are equal", "deviations", 50);
    if (columns.order_flow == MinuteColumns::OrderFlow::on) {
        add("flow", "(buy - sell) / (buy + sell) volume; 0 without volume", "fraction", 1, Needs::order_flow);
        add("flow20", "the same of the sums over 20 bars", "fraction", 20, Needs::order_flow);
    }
    for (const MinuteColumns::Joined& joined : columns.joined) {
        std::string formula = "the last value known at the bar's close";
        if (joined.age_max > 0) formula += ", missing where it is older than " + format_double(static_cast<double>(joined.age_max) / 3.6e12) + " h";
        add(joined.name, std::move(formula), "as published", 0);
    }
    return specs;
}

MinuteSteps::MinuteSteps(const MinuteColumns& columns)
    : order_flow_(columns.order_flow == MinuteColumns::OrderFlow::on),
      close20_(math::Length::of<20>()),
      close50_(math::Length::of<50>()),
      volume50_(math::Length::of<50>()),
      net20_(math::Length::of<20>()),
      both20_(math::Length::of<20>()),
      row_(5 + (order_flow_ ? 2 : 0) + columns.joined.size(), math::missing) {
    for (const MinuteColumns::Joined& joined : columns.joined) joined_.push_back({.age_max = joined.age_max});
}

void MinuteSteps::learn(std::size_t series, TimeNs known_at, double value) {
    joined_[series].known_at = known_at;
    joined_[series].value = value;
}

std::span<const double> MinuteSteps::step(const market::Bar& bar) {
    double* out = row_.data();
    *out++ = bar.close;
    *out++ = bar.close / last_close_ - 1.0;
    last_close_ = bar.close;
    *out++ = bar.close - close20_.step(bar.close);
    *out++ = bar.close - close50_.step(bar.close);
    const double mean = volume50_.step(bar.volume);
    *out++ = math::ratio(bar.volume - mean, sample_deviation(volume50_.variance(), 50.0), 0.0);
    if (order_flow_) {
        const double net = bar.buy_volume - bar.sell_volume;
        const double both = bar.buy_volume + bar.sell_volume;
        *out++ = math::ratio(net, both, 0.0);
        const double net20 = net20_.step(net);
        *out++ = math::ratio(net20, both20_.step(both), 0.0);
    }
    for (const Latest& latest : joined_) {
        const bool old = latest.age_max > 0 && bar.close_time - latest.known_at > latest.age_max;
        *out++ = old ? math::missing : latest.value;
    }
    return row_;
}

Result<MinuteTable> minute_features(std::span<const market::Bar> bars, std::int64_t horizon) {
    return minute_features(bars, horizon, MinuteColumns::OrderFlow::off, {});
}

Result<MinuteTable> minute_features(std::span<const market::Bar> bars, std::int64_t horizon, MinuteColumns::OrderFlow order_flow,
                                    std::span<const AsOfSeries> series) {
    SOFIA_CHECK(check_horizon(horizon));
    SOFIA_CHECK(check_bars(bars));
    SOFIA_CHECK(check_series(series));
    MinuteColumns columns{.order_flow = order_flow, .joined = {}};
    for (const AsOfSeries& one : series) columns.joined.push_back({one.name, one.age_max});
    std::vector<std::string> names;
    for (const FeatureSpec& spec : minute_specs(columns)) names.push_back(spec.name);
    MinuteTable table;
    table.horizon = horizon * ns_per_minute;
    table.features = market::Table(std::move(names));
    table.features.reserve(bars.size());
    table.ts.reserve(bars.size());
    MinuteSteps steps(columns);
    std::vector<std::size_t> next(series.size(), 0);
    for (const market::Bar& bar : bars) {
        for (std::size_t s = 0; s < series.size(); ++s) {
            for (; next[s] < series[s].known_at.size() && series[s].known_at[next[s]] <= bar.close_time; ++next[s]) {
                steps.learn(s, series[s].known_at[next[s]], series[s].values[next[s]]);
            }
        }
        table.ts.push_back(bar.open_time);
        table.features.append(bar.known_at(), steps.step(bar));
    }
    table.y = labels_of(bars, table.horizon);
    return table;
}

Result<MinuteCut> cut_minutes(std::span<const TimeNs> ts, TimeNs end, double val_days, std::int64_t horizon) {
    if (!(val_days > 0.0) || val_days > 36'500.0) {
        return fail(ErrorCode::usage, format_double(val_days) + " days of validation", "more than 0, at most 36500");
    }
    SOFIA_CHECK(check_horizon(horizon));
    if (ts.empty()) return fail(ErrorCode::data, "there is no row to split");
    const TimeNs border = end - std::llround(val_days * static_cast<double>(ns_per_day));
    std::optional<TimeNs> first;
    for (const TimeNs time : ts) {
        if (time >= border && (!first || time < *first)) first = time;
    }
    if (!first) return fail(ErrorCode::data, "no row lies in the last " + format_double(val_days) + " days");
    const MinuteCut cut{.train_end = *first - horizon * ns_per_minute, .validation_begin = *first};
    if (std::ranges::any_of(ts, [&](TimeNs time) { return time < cut.train_end; })) return cut;
    return fail(ErrorCode::data,
                "no row is left to train on before " + format_time(*first) + ", where the last " + format_double(val_days) + " days begin",
                "use more data or fewer days of validation");
}

Result<MinuteSplit> time_based_split(const MinuteTable& table, double val_days) {
    const TimeNs end = table.rows() == 0 ? 0 : table.features.known_at().back();
    SOFIA_TRY(const MinuteCut cut, cut_minutes(table.ts, end, val_days, table.horizon / ns_per_minute));
    const auto place = [&](TimeNs time) { return static_cast<std::size_t>(std::ranges::lower_bound(table.ts, time) - table.ts.begin()); };
    return MinuteSplit{rows_of(table, 0, place(cut.train_end)), rows_of(table, place(cut.validation_begin), table.rows())};
}

Result<void> guard_no_future_leak(std::span<const TimeNs> train_ts, std::span<const TimeNs> validation_ts, std::int64_t horizon) {
    if (train_ts.empty() || validation_ts.empty()) {
        return fail(ErrorCode::data, std::string("the ") + (train_ts.empty() ? "training" : "validation") + " rows are empty");
    }
    const TimeNs last = *std::ranges::max_element(train_ts);
    const TimeNs first = *std::ranges::min_element(validation_ts);
    if (last + horizon * ns_per_minute < first) return {};
    return fail(ErrorCode::blocked,
                "future leak: the last training row begins at " + format_time(last) + " and its label looks " + std::to_string(horizon) +
                    " minutes ahead, which is not before the first validation row at " + format_time(first),
                "leave out the training rows whose labels end in validation, as time_based_split does");
}

}  // namespace sofia::features

#include "labels/pullback.hpp"

#include <algorithm>
#include <utility>

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "app/pipeline/history.hpp"
#include "bar_columns.hpp"
#include "glue.hpp"
#include "labels/splits.hpp"
#include "labels/uniqueness.hpp"
#include "settings.hpp"
#include "trade_columns.hpp"

namespace sofia::python {
namespace {

using labels::Label;
using trading::Window;

/// Opens that are mostly the close before are a convention, not a print (store::ReadReport::carried_opens).
bool opens_are_carried(std::span<const market::Bar> bars) {
    std::size_t pairs = 0;
    std::size_t carried = 0;
    for (std::size_t i = 1; i < bars.size(); ++i) {
        if (bars[i].filled || bars[i].open_time != bars[i - 1].close_time) continue;
        ++pairs;
        carried += bars[i].open == bars[i - 1].close ? 1U : 0U;
    }
    return pairs > 0 && 2 * carried > pairs;
}

pipeline::MarketData market_data(const nb::dict& columns, const pipeline::Settings& settings) {
    pipeline::MarketData data;
    data.symbol = "the table";
    data.instrument = settings.instrument;
    data.session = value_of(settings.instrument.session());
    if (columns.contains("price")) {
        data.kind = store::DataKind::trades;
        data.trades = trades_of(columns);
        return data;
    }
    data.kind = store::DataKind::bars;
    BarInput input = bars_of(columns);
    const auto timeframes = value_of(market::parse_timeframes(settings.bars.timeframes));
    if (timeframes.front() != input.timeframe) {
        throw Failure({ErrorCode::data,
                       "the bars are of " + input.timeframe.name() + ", but the smallest of bars.timeframes is " + timeframes.front().name(),
                       "set bars.timeframes to multiples of " + input.timeframe.name()});
    }
    data.report.carried_opens = opens_are_carried(input.bars);
    data.bars = std::move(input.bars);
    return data;
}

struct Labelled {
    std::vector<Label> labels;
    std::vector<std::string> timeframes;
    std::vector<std::string> columns;
    std::vector<double> rows;  ///< a feature column after the other, one value a label
};

Labelled label_all(pipeline::MarketData data, const pipeline::Settings& settings) {
    const auto touch = value_of(market::parse_timeframes(settings.decision.touch.timeframes));
    const pipeline::History history = value_of(pipeline::build_history(std::move(data), settings, touch.front(), pipeline::Context{}));
    const pipeline::Candidates candidates = value_of(pipeline::find_candidates(history, settings.decision.touch));
    Labelled out;
    out.labels = value_of(pipeline::label_candidates(history, candidates, settings, settings.decision.barriers.max_hold_bars)).labels;
    for (const market::Timeframe timeframe : touch) out.timeframes.push_back(timeframe.name());
    out.columns = history.rows.columns();
    out.rows.resize(out.columns.size() * candidates.rows.size());
    for (std::size_t i = 0; i < candidates.rows.size(); ++i) {
        const auto row = history.rows.row(candidates.rows[i]);
        for (std::size_t column = 0; column < row.size(); ++column) out.rows[column * candidates.rows.size() + i] = row[column];
    }
    return out;
}

template <class T, class Get>
nb::object column_of(std::span<const Label> all, const Get& get) {
    std::vector<T> values(all.size());
    std::ranges::transform(all, values.begin(), get);
    return array_of(std::move(values));
}

template <class Get>
nb::list texts_of(std::span<const Label> all, const Get& get) {
    nb::list out;
    for (const Label& label : all) {
        const std::string_view text = get(label);
        out.append(nb::str(text.data(), text.size()));
    }
    return out;
}

nb::dict label_columns(const Labelled& made) {
    const std::span<const Label> all = made.labels;
    const auto time = [&](auto get) { return column_of<TimeNs>(all, get); };
    const auto number = [&](auto get) { return column_of<double>(all, get); };
    nb::dict out;
    out["known_at"] = time([](const Label& l) { return l.touch.known_at; });
    out["timeframe"] = texts_of(all, [&](const Label& l) -> std::string_view { return made.timeframes[l.touch.timeframe]; });
    out["direction"] = texts_of(all, [](const Label& l) { return trading::name(l.touch.direction); });
    out["close"] = number([](const Label& l) { return l.touch.close; });
    out["ema"] = number([](const Label& l) { return l.touch.ema; });
    out["atr"] = number([](const Label& l) { return l.touch.atr; });
    out["state"] = texts_of(all, [](const Label& l) { return labels::name(l.state); });
    out["y"] = number([](const Label& l) { return l.labeled() ? static_cast<double>(l.y) : std::numeric_limits<double>::quiet_NaN(); });
    out["entry_time"] = time([](const Label& l) { return l.entry_time; });
    out["end_time"] = time([](const Label& l) { return l.end_time; });
    out["gross_r"] = number([](const Label& l) { return l.gross_r; });
    out["net_r"] = number([](const Label& l) { return l.labeled() ? l.net_r() : std::numeric_limits<double>::quiet_NaN(); });
    out["reason"] = texts_of(all, [](const Label& l) { return l.labeled() ? trading::name(l.reason) : std::string_view(); });
    out["mae_r"] = number([](const Label& l) { return l.mae_r; });
    out["mfe_r"] = number([](const Label& l) { return l.mfe_r; });
    return out;
}

nb::tuple labels_of(const nb::dict& columns, const std::string& config_file, const std::vector<std::string>& sets) {
    const pipeline::Settings settings = settings_of(config_file, sets);
    pipeline::MarketData data = market_data(columns, settings);
    Labelled made;
    {
        const nb::gil_scoped_release unlocked;
        made = label_all(std::move(data), settings);
    }
    const nb::dict out = label_columns(made);
    const std::size_t width = made.columns.size();
    const std::size_t count = made.labels.size();
    nb::list names;
    for (const std::string& name : made.columns) names.append(nb::str(name.c_str()));
    return nb::make_tuple(out, names, array_of(std::move(made.rows), width, count));
}

nb::tuple window_of(const Window& window) { return nb::make_tuple(window.from, window.to); }

nb::dict splits_of(TimeNs from, TimeNs to, const std::string& config_file, const std::vector<std::string>& sets) {
    const labels::SplitConfig config = settings_of(config_file, sets).split;
    const labels::Splits splits = value_of(labels::make_splits(config, {from, to}));
    nb::list folds;
    for (const labels::Fold& fold : value_of(labels::walk_forward(config, splits.tuning))) {
        folds.append(nb::make_tuple(window_of(fold.train), window_of(fold.validation)));
    }
    nb::dict out;
    out["tuning"] = window_of(splits.tuning);
    out["test"] = window_of(splits.test);
    out["shadow"] = window_of(splits.shadow);
    out["folds"] = folds;
    out["embargo"] = config.embargo();
    return out;
}

std::vector<labels::Sample> samples_of(std::span<const TimeNs> known_at, std::span<const TimeNs> end_time) {
    if (known_at.size() != end_time.size()) throw Failure({ErrorCode::usage, "known_at and end_time have not one value a row each", ""});
    std::vector<labels::Sample> samples(known_at.size());
    for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = {.known_at = known_at[i], .end_time = end_time[i]};
    return samples;
}

nb::object indices(const std::vector<std::size_t>& rows) {
    std::vector<std::int64_t> out(rows.size());
    std::ranges::transform(rows, out.begin(), [](std::size_t row) { return static_cast<std::int64_t>(row); });
    return array_of(std::move(out));
}

nb::tuple split_rows(const Times& known_at, const Times& end_time, std::pair<TimeNs, TimeNs> train, std::pair<TimeNs, TimeNs> judged,
                     TimeNs embargo) {
    const auto samples = samples_of(span_of<TimeNs>(known_at), span_of<TimeNs>(end_time));
    return nb::make_tuple(indices(labels::train_rows(samples, {train.first, train.second}, judged.first, embargo)),
                          indices(labels::rows_in(samples, {judged.first, judged.second})));
}

nb::object uniqueness(const Times& from, const Times& to) {
    const auto samples = samples_of(span_of<TimeNs>(from), span_of<TimeNs>(to));
    std::vector<double> weights;
    {
        const nb::gil_scoped_release unlocked;
        std::vector<labels::Interval> intervals;
        intervals.reserve(samples.size());
        for (const labels::Sample& sample : samples) intervals.push_back({sample.known_at, sample.end_time});
        weights = labels::average_uniqueness(intervals);
    }
    return array_of(std::move(weights));
}

}  // namespace

void bind_labels(nb::module_& module) {
    module.def("labels_of", &labels_of, nb::arg("columns"), nb::arg("config_file"), nb::arg("sets"),
               "Columns of the touches' labels, names of features, features x labels as known at each touch.");
    module.def("splits_of", &splits_of, nb::arg("start"), nb::arg("end"), nb::arg("config_file"), nb::arg("sets"),
               "Windows of tuning, test and shadow, the folds and the embargo, all in nanoseconds.");
    module.def("split_rows", &split_rows, nb::arg("known_at"), nb::arg("end_time"), nb::arg("train"), nb::arg("judged"), nb::arg("embargo"),
               "Rows to learn from, purged, and rows to judge.");
    module.def("average_uniqueness", &uniqueness, nb::arg("start"), nb::arg("end"), "Average uniqueness of each interval.");
}

}  // namespace sofia::python

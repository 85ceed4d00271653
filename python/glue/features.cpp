#include "features/batch.hpp"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bar_columns.hpp"
#include "bars/cascade.hpp"
#include "base/threads.hpp"
#include "features/leak_audit.hpp"
#include "glue.hpp"
#include "settings.hpp"

namespace sofia::python {

pipeline::Settings settings_of(const std::string& config_file, const std::vector<std::string>& sets) {
    return value_of(pipeline::load_settings({.instrument = {}, .file = config_file, .resolved = {}, .values = {}, .sets = sets}));
}

namespace {

struct Rows {
    std::vector<features::FeatureSpec> columns;
    std::vector<TimeNs> known_at;
    std::vector<double> values;  ///< a column after the other
};

/// The closed bars of every timeframe, which the engine takes.
std::vector<std::vector<market::Bar>> all_bars(const BarInput& input, const std::vector<market::Timeframe>& timeframes,
                                               const market::Session& session) {
    if (timeframes.front() != input.timeframe) {
        throw Failure({ErrorCode::data,
                       "the bars are of " + input.timeframe.name() + ", but the smallest of bars.timeframes is " + timeframes.front().name(),
                       "set bars.timeframes to multiples of " + input.timeframe.name()});
    }
    bars::Cascade cascade = value_of(bars::Cascade::make(timeframes, session));
    std::vector<std::vector<market::Bar>> series(timeframes.size());
    for (const market::Bar& bar : input.bars) {
        cascade.on_base_bar(bar, [&](std::size_t timeframe, const market::Bar& closed) { series[timeframe].push_back(closed); });
    }
    return series;
}

Rows rows_of(const BarInput& input, pipeline::Settings settings, std::span<const features::FundingRate> funding, std::size_t threads) {
    const auto timeframes = value_of(market::parse_timeframes(settings.bars.timeframes));
    const market::Session session = value_of(settings.instrument.session());
    settings.features.has_funding = !funding.empty();
    const auto series = all_bars(input, timeframes, session);
    const std::size_t count = series.front().size();
    Rows rows;
    rows.known_at.reserve(count);
    ThreadPool pool(threads);
    rows.columns = value_of(features::compute_groups(
        settings.features, timeframes, {.bars = series, .funding = funding}, pool,
        [&](const features::RowGroup& group) -> Result<void> {
            const std::size_t size = group.known_at.size();
            const std::size_t width = group.values.size() / size;
            rows.values.resize(count * width);
            double* const first = rows.values.data() + rows.known_at.size();
            for (std::size_t column = 0; column < width; ++column) {
                for (std::size_t i = 0; i < size; ++i) first[column * count + i] = group.values[i * width + column];
            }
            rows.known_at.insert(rows.known_at.end(), group.known_at.begin(), group.known_at.end());
            return {};
        },
        session));
    return rows;
}

nb::tuple features_of(const nb::dict& columns, const std::string& config_file, const std::vector<std::string>& sets, const nb::object& funding_ts,
                      const nb::object& funding_rate, std::size_t threads) {
    const BarInput input = bars_of(columns);
    std::vector<features::FundingRate> funding;
    if (!funding_ts.is_none()) {
        const auto ts = nb::cast<Times>(funding_ts);
        const auto rate = nb::cast<Doubles>(funding_rate);
        for (std::size_t i = 0; i < ts.shape(0); ++i) funding.push_back({.ts = ts.data()[i], .rate = rate.data()[i]});
    }
    Rows rows;
    {
        const nb::gil_scoped_release unlocked;
        rows = rows_of(input, settings_of(config_file, sets), funding, threads);
    }
    nb::list names;
    for (const features::FeatureSpec& column : rows.columns) names.append(nb::str(column.name.c_str()));
    const std::size_t count = rows.known_at.size();
    const std::size_t width = rows.columns.size();
    return nb::make_tuple(names, array_of(std::move(rows.known_at)), array_of(std::move(rows.values), width, count),
                          features::feature_hash(rows.columns));
}

nb::list catalogue_of(const std::string& config_file, const std::vector<std::string>& sets) {
    const pipeline::Settings settings = settings_of(config_file, sets);
    const auto timeframes = value_of(market::parse_timeframes(settings.bars.timeframes));
    const auto engine = value_of(features::Engine::make(settings.features, timeframes, value_of(settings.instrument.session())));
    nb::list out;
    for (const features::FeatureSpec& column : engine.columns()) {
        const std::string_view needs = features::name_of(column.needs);
        nb::dict one;
        one["name"] = column.name;
        one["formula"] = column.formula;
        one["unit"] = column.unit;
        one["source"] = column.source;
        one["warm_up"] = column.warm_up;
        one["version"] = column.version;
        one["needs"] = std::string(needs);
        out.append(one);
    }
    return out;
}

/// Rows that a Python function makes of bars, as the audit wants them.
market::Table table_of(const nb::callable& producer, std::span<const market::Bar> bars) {
    const nb::gil_scoped_acquire locked;
    const nb::tuple made = nb::cast<nb::tuple>(producer(columns_of(bars)));
    const auto names = nb::cast<std::vector<std::string>>(made[0]);
    const auto known_at = nb::cast<Times>(made[1]);
    const auto values = nb::cast<nb::ndarray<const double, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>>(made[2]);
    const std::size_t rows = known_at.shape(0);
    if (values.shape(0) != names.size() || (rows > 0 && values.shape(1) != rows)) {
        throw Failure({ErrorCode::usage, "the columns that came back have not one value a row", ""});
    }
    market::Table table(names);
    table.reserve(rows);
    std::vector<double> row(names.size());
    for (std::size_t i = 0; i < rows; ++i) {
        if (i > 0 && known_at.data()[i] < known_at.data()[i - 1])
            throw Failure({ErrorCode::usage, "the rows that came back are not in order of time", ""});
        for (std::size_t column = 0; column < row.size(); ++column) row[column] = values.data()[column * rows + i];
        table.append(known_at.data()[i], row);
    }
    return table;
}

nb::tuple audit(const nb::dict& columns, const nb::callable& producer, std::size_t cuts, std::uint64_t seed) {
    const BarInput input = bars_of(columns);
    Result<features::LeakReport> report = fail(ErrorCode::internal, "");
    {
        const nb::gil_scoped_release unlocked;
        report = features::audit_leaks(input.bars, [&](std::span<const market::Bar> bars) { return table_of(producer, bars); },
                                       {.cuts = cuts, .seed = seed, .stream = {}});
    }
    const features::LeakReport found = value_of(std::move(report));
    nb::list failing;
    for (const features::ColumnAudit& column : found.columns) {
        if (!column.passed()) failing.append(nb::str(column.column.c_str()));
    }
    return nb::make_tuple(found.passed(), failing, features::format(found), found.rows);
}

}  // namespace

void bind_features(nb::module_& module) {
    module.def("features_of", &features_of, nb::arg("columns"), nb::arg("config_file"), nb::arg("sets"), nb::arg("funding_ts").none(),
               nb::arg("funding_rate").none(), nb::arg("threads"), "Names, known_at, columns x rows, feature hash.");
    module.def("catalogue_of", &catalogue_of, nb::arg("config_file"), nb::arg("sets"), "What each feature column is.");
    module.def("audit_leaks", &audit, nb::arg("columns"), nb::arg("producer"), nb::arg("cuts"), nb::arg("seed"),
               "Passed, failing columns, text, rows. `producer`: columns of bars -> (names, known_at, columns x rows).");
}

}  // namespace sofia::python

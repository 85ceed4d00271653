#include "app/pipeline/direction_data.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/bar_stream.hpp"
#include "app/pipeline/direction_rows.hpp"
#include "app/pipeline/history.hpp"
#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "store/feature_input.hpp"
#include "store/parquet.hpp"

namespace sofia::pipeline {
namespace {

/// The columns of numbers of a joined file, in order of known_at.
Result<std::vector<features::AsOfSeries>> series_of_file(const std::string& file) {
    std::vector<features::AsOfSeries> series;
    if (file.ends_with(".parquet")) {
        SOFIA_TRY(const market::Table table, store::read_table(file));
        for (std::size_t c = 0; c < table.width(); ++c) {
            features::AsOfSeries one{.name = table.columns()[c], .known_at = table.known_at(), .values = {}};
            for (std::size_t i = 0; i < table.rows(); ++i) one.values.push_back(table.row(i)[c]);
            series.push_back(std::move(one));
        }
        return series;
    }
    const auto rows = store::read_feature_file(file, {});
    if (!rows) return fail(rows.error().code, rows.error().message, "a joined CSV file needs ts, known_at and columns of numbers");
    std::vector<std::size_t> order(rows->rows());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return rows->known_at[i]; });
    for (const store::FeatureColumn& column : rows->columns) {
        if (column.type == store::ColumnType::text || column.type == store::ColumnType::timestamp) continue;
        features::AsOfSeries one{.name = column.name, .known_at = {}, .values = {}};
        for (const std::size_t i : order) {
            one.known_at.push_back(rows->known_at[i]);
            one.values.push_back(column.number(i));
        }
        series.push_back(std::move(one));
    }
    return series;
}

/// The columns of the joined files, and funding.
Result<std::vector<features::AsOfSeries>> joined_series(const DirectionSettings& settings) {
    std::vector<features::AsOfSeries> series;
    if (!settings.funding.file.empty()) {
        SOFIA_TRY(const auto funding, load_funding(settings.funding));
        features::AsOfSeries rate{.name = "funding_rate", .known_at = {}, .values = {}};
        for (const trading::Funding& payment : funding) {
            rate.known_at.push_back(payment.time);
            rate.values.push_back(payment.rate);
        }
        series.push_back(std::move(rate));
    }
    const auto age_max = std::llround(settings.features.joined_age_hours * static_cast<double>(ns_per_hour));
    for (const std::string& file : settings.features.joined) {
        SOFIA_TRY(auto columns, series_of_file(file));
        for (features::AsOfSeries& one : columns) {
            one.age_max = age_max;
            series.push_back(std::move(one));
        }
    }
    return series;
}

Result<void> check_names(const std::vector<features::FeatureSpec>& columns) {
    std::set<std::string> seen = {"ts", "known_at", "y"};
    for (const features::FeatureSpec& column : columns) {
        if (seen.insert(column.name).second) continue;
        return fail(ErrorCode::config, fmt::format("features.joined: column {} stands there already", column.name), "rename it in its file");
    }
    return {};
}

TimeNs days_before(TimeNs end, double days) { return end - std::llround(days * static_cast<double>(ns_per_day)); }

/// The rows inside `window` whose label is known before the bar that begins at `next` has closed.
DirectionSample sample_of(const Minutes& minutes, trading::Window window, TimeNs next) {
    const features::MinuteTable& table = minutes.table;
    DirectionSample sample{.window = window, .ts = {}, .features = {}, .y = {}, .width = table.features.width()};
    const auto first = static_cast<std::size_t>(std::ranges::lower_bound(table.ts, window.from) - table.ts.begin());
    for (std::size_t i = first; i < table.rows() && table.ts[i] < window.to; ++i) {
        const std::span<const double> row = table.features.row(i);
        if (i + 1 < minutes.warm_up || !warmed_up(row)) continue;
        const TimeNs end = minutes.end_time(i);
        if (end - ns_per_minute >= next) {
            ++sample.purged;
        } else if (std::isnan(table.y[i])) {
            ++sample.unlabeled;
        } else {
            sample.ts.push_back(table.ts[i]);
            sample.features.insert(sample.features.end(), row.begin(), row.end());
            sample.y.push_back(table.y[i]);
            sample.last_end = std::max(sample.last_end, end);
            sample.longest = std::max(sample.longest, end - table.features.known_at()[i]);
        }
    }
    return sample;
}

/// That no label of `sample` is known only after the first row of `next` has begun: as `guard_no_future_leak`, and by the ends of the labels
/// themselves.
Result<void> guard_samples(const Minutes& minutes, const DirectionSample& sample, const DirectionSample& next) {
    if (minutes.ends.empty()) {
        SOFIA_CHECK(features::guard_no_future_leak(sample.ts, next.ts, minutes.table.horizon / ns_per_minute));
    }
    if (sample.last_end - ns_per_minute < next.ts.front()) return {};
    return fail(ErrorCode::blocked, fmt::format("future leak: a label is known at {} only, after the next window's first row at {} has begun",
                                                format_time(sample.last_end), format_time(next.ts.front())));
}

Result<void> check_sample(const DirectionSample& sample, const char* name) {
    if (sample.rows() > 0) return {};
    return fail(
        ErrorCode::data,
        fmt::format("no row with a label lies in the {} window, {} to {}", name, format_time(sample.window.from), format_time(sample.window.to)),
        "use more data, or change split.train_days, split.val_days, split.test_days");
}

/// What has been registered takes its place in the table.
Result<void> add_custom(Minutes& minutes, std::int64_t horizon, const Context& context) {
    SOFIA_CHECK(add_custom_columns(minutes.custom, minutes.bars, minutes.columns, minutes.table.features, context));
    for (const auto& feature : minutes.custom.features) {
        for (const features::FeatureSpec& column : feature->columns()) minutes.warm_up = std::max(minutes.warm_up, column.warm_up);
    }
    if (minutes.custom.label == nullptr) return {};
    SOFIA_TRY(labels::BarLabels labels, custom_labels(*minutes.custom.label, minutes.bars, horizon, context));
    minutes.table.y = std::move(labels.y);
    minutes.ends = std::move(labels.end_time);
    return {};
}

}  // namespace

bool warmed_up(std::span<const double> row) {
    return std::ranges::none_of(row.first(5), [](double value) { return std::isnan(value); });
}

Result<Minutes> load_minutes(const store::DataFolder& folder, const DirectionSettings& settings, const Context& context) {
    std::optional<std::vector<market::Bar>> stored;
    if (folder.kind() == store::DataKind::rows) {
        SOFIA_TRY(const store::FeatureRows rows, read_rows(folder, context));
        SOFIA_TRY(stored, bars_of_rows(rows));
        if (!stored) return minutes_of_rows(folder, rows, settings, context);
    }
    Minutes minutes;
    minutes.symbol = folder.symbol();
    minutes.simulated = settings.instrument.simulated;
    minutes.files = folder.files();
    SOFIA_TRY(minutes.custom, custom_of(settings, context));
    SOFIA_TRY(const auto series, joined_series(settings));
    const BarSink sink{.restart = [&]() -> Result<void> {
                           minutes.bars.clear();
                           return {};
                       },
                       .bar = [&](std::size_t, const market::Bar& bar) -> Result<void> {
                           minutes.bars.push_back(bar);
                           return {};
                       }};
    const std::vector<market::Timeframe> minute = {market::one_minute()};
    SOFIA_TRY(const BarStreamResult streamed,
              stored ? stream_stored(folder, *stored, minute, sink) : stream_bars(folder, minute, settings.data, sink, context));
    // Of bars that were stored nobody has asked whether their opens are prints.
    if (stored || streamed.report.carried_opens) minutes.fills = trading::FillMode::bar_close;
    if (streamed.counters.filled > 0) {
        context.log.info(fmt::format("{} minutes without data carry the last close", streamed.counters.filled));
    }
    const auto flow = settings.features.order_flow ? features::MinuteColumns::OrderFlow::on : features::MinuteColumns::OrderFlow::off;
    features::MinuteColumns columns{.order_flow = flow, .joined = {}};
    for (const features::AsOfSeries& one : series) columns.joined.push_back({one.name, one.age_max});
    minutes.columns = features::minute_specs(columns);
    SOFIA_CHECK(check_names(minutes.columns));
    SOFIA_TRY(minutes.table, features::minute_features(minutes.bars, settings.horizon, flow, series));
    SOFIA_CHECK(add_custom(minutes, settings.horizon, context));
    if (settings.features.order_flow && !streamed.report.missing_columns.empty()) {
        context.log.warning(fmt::format("flow and flow20 need {}: the data does not carry them", join(streamed.report.missing_columns, ", ")));
    }
    return minutes;
}

std::string bars_hash(const std::vector<market::Bar>& bars, trading::Window window) {
    Sha256 hash;
    const auto add = [&](const auto& number) { hash.add({reinterpret_cast<const char*>(&number), sizeof number}); };
    for (const market::Bar& bar : bars) {
        if (bar.open_time < window.from || bar.close_time > window.to) continue;
        add(bar.open_time);
        for (const double number : {bar.open, bar.high, bar.low, bar.close, bar.volume}) add(number);
    }
    return hash.hex();
}

std::string rows_hash(const DirectionSamples& samples) {
    Sha256 hash;
    const auto add = [&](const auto& numbers) { hash.add({reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof numbers[0]}); };
    for (const DirectionSample* sample : {&samples.train, &samples.validation}) {
        add(sample->ts);
        add(sample->features);
        add(sample->y);
    }
    return hash.hex();
}

double DirectionSample::ups() const { return std::accumulate(y.begin(), y.end(), 0.0); }

Result<DirectionWindows> direction_windows(const Minutes& minutes, const DirectionSplitConfig& split) {
    if (minutes.bars.empty()) return fail(ErrorCode::data, fmt::format("{}: not one minute has closed", minutes.symbol), "more data is needed");
    const TimeNs begin = minutes.bars.front().open_time;
    const TimeNs end = minutes.bars.back().close_time;
    const TimeNs test = days_before(end, split.test_days);
    const TimeNs validation = days_before(test, split.val_days);
    const TimeNs train = split.train_days > 0.0 ? std::max(begin, days_before(validation, split.train_days)) : begin;
    if (validation <= begin) {
        return fail(ErrorCode::data,
                    fmt::format("{} has {:.1f} days of minutes, which {} days of validation and {} of test leave none of to train on", minutes.symbol,
                                static_cast<double>(end - begin) / static_cast<double>(ns_per_day), format_double(split.val_days),
                                format_double(split.test_days)),
                    "use more data, or lower split.val_days and split.test_days");
    }
    return DirectionWindows{.train = {train, validation}, .validation = {validation, test}, .test = {test, end}};
}

Result<DirectionSamples> fitting_samples(const Minutes& minutes, const DirectionWindows& windows) {
    // The first row of a window may begin later than the window does; purging up to the window's begin is never too little.
    DirectionSamples samples{.train = sample_of(minutes, windows.train, windows.validation.from),
                             .validation = sample_of(minutes, windows.validation, windows.test.from),
                             .test = {}};
    SOFIA_CHECK(check_sample(samples.train, "training"));
    SOFIA_CHECK(check_sample(samples.validation, "validation"));
    SOFIA_CHECK(guard_samples(minutes, samples.train, samples.validation));
    if (samples.train.ups() == 0.0 || samples.train.ups() == static_cast<double>(samples.train.rows())) {
        return fail(ErrorCode::data, "all training rows have the same label", "use more data, or another horizon");
    }
    return samples;
}

Result<DirectionSamples> direction_samples(const Minutes& minutes, const DirectionWindows& windows) {
    constexpr TimeNs never = std::numeric_limits<TimeNs>::max();
    SOFIA_TRY(DirectionSamples samples, fitting_samples(minutes, windows));
    samples.test = sample_of(minutes, windows.test, never);
    SOFIA_CHECK(check_sample(samples.test, "test"));
    SOFIA_CHECK(guard_samples(minutes, samples.validation, samples.test));
    return samples;
}

Result<DirectionSamples> direction_samples(const Minutes& minutes, const DirectionSplitConfig& split) {
    SOFIA_TRY(const DirectionWindows windows, direction_windows(minutes, split));
    return direction_samples(minutes, windows);
}

Result<Output> write_minute_table(const MinuteTableRequest& request, const Context& context) {
    SOFIA_TRY(const store::DataFolder folder, store::DataFolder::open(request.data_dir));
    SOFIA_TRY(
        const DirectionSettings settings,
        load_direction_settings(
            {.instrument = folder.instrument(), .instrument_file = folder.has_instrument_file(), .file = request.config_file, .sets = request.sets}));
    SOFIA_TRY(const Minutes minutes, load_minutes(folder, settings, context));
    const features::MinuteTable& table = minutes.table;
    std::vector<store::Column> columns = {{"ts", store::ColumnType::timestamp}, {"known_at", store::ColumnType::timestamp}};
    for (const features::FeatureSpec& column : minutes.columns) columns.push_back({column.name, store::ColumnType::float64});
    columns.push_back({"y", store::ColumnType::float64});
    remove_abandoned(request.out.parent_path());
    const store::Metadata notes = {{"symbol", minutes.symbol},
                                   {"simulated", minutes.simulated ? "true" : "false"},
                                   {"horizon_minutes", std::to_string(settings.horizon)},
                                   {"features_sha256", features::feature_hash(minutes.columns)},
                                   {"writer", "sofia"}};
    SOFIA_TRY(store::ParquetWriter writer,
              store::ParquetWriter::create(request.out, std::move(columns), notes, {.numbers = store::Encoding::Numbers::distinct}));
    std::vector<store::Cell> cells(minutes.columns.size() + 3);
    for (std::size_t i = 0; i < table.rows(); ++i) {
        cells[0] = table.ts[i];
        cells[1] = table.features.known_at()[i];
        const std::span<const double> row = table.features.row(i);
        std::ranges::copy(row, cells.begin() + 2);
        cells.back() = table.y[i];
        SOFIA_CHECK(writer.append(cells));
    }
    SOFIA_CHECK(context.go_on());
    SOFIA_CHECK(writer.close());
    Json json = {{"file", request.out.string()},
                 {"rows", table.rows()},
                 {"columns", minutes.columns.size()},
                 {"horizon_minutes", settings.horizon},
                 {"hash", features::feature_hash(minutes.columns)}};
    const std::vector<std::vector<std::string>> rows = {
        {std::to_string(table.rows()), std::to_string(minutes.columns.size()), std::to_string(settings.horizon), request.out.string()}};
    const std::vector<std::string> header = {"rows", "columns", "horizon", "file"};
    return make_output(format_table(header, rows), std::move(json));
}

}  // namespace sofia::pipeline

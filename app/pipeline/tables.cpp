#include "app/pipeline/tables.hpp"

#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/bar_stream.hpp"
#include "app/pipeline/direction_settings.hpp"
#include "app/pipeline/feature_rows.hpp"
#include "app/pipeline/feature_state.hpp"
#include "app/pipeline/history.hpp"
#include "app/pipeline/market_data.hpp"
#include "app/pipeline/settings.hpp"
#include "app/pipeline/summary.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"
#include "features/batch.hpp"
#include "features/engine.hpp"
#include "features/leak_audit.hpp"
#include "features/minute.hpp"
#include "store/parquet.hpp"

namespace sofia::pipeline {
namespace {

struct Opened {
    store::DataFolder folder;
    Settings settings;
    std::vector<market::Timeframe> timeframes;
};

/// `resolved`: settings that are given, as YAML, or none.
Result<Opened> open(const TableRequest& request, const std::string& resolved = {}) {
    SOFIA_TRY(store::DataFolder folder, store::DataFolder::open(request.data_dir));
    std::vector<std::string> sets = request.sets;
    if (!request.timeframes.empty()) {
        sets.push_back("bars.timeframes=" + join(request.timeframes, ","));
        // The strategy's own timeframes do not matter to a table of bars.
        sets.push_back("touch.timeframes=" + request.timeframes.front());
    }
    SOFIA_TRY(Settings settings, load_settings({.instrument = folder.instrument(),
                                                .instrument_file = folder.has_instrument_file(),
                                                .file = request.config_file,
                                                .resolved = resolved,
                                                .sets = sets}));
    SOFIA_TRY(auto timeframes, market::parse_timeframes(settings.bars.timeframes));
    return Opened{std::move(folder), std::move(settings), std::move(timeframes)};
}

store::Metadata metadata_of(const Opened& opened) {
    return {{"symbol", opened.folder.symbol()}, {"simulated", opened.settings.instrument.simulated ? "true" : "false"}, {"writer", "sofia"}};
}

/// One Parquet file a timeframe, made anew at a restart. They appear together, so that a full disk leaves no new timeframe beside an old one.
class BarTables {
public:
    BarTables(StagedFolder folder, const std::vector<market::Timeframe>& timeframes, store::Metadata metadata, std::size_t threads)
        : folder_(std::move(folder)), timeframes_(timeframes), metadata_(std::move(metadata)), pool_(threads) {}

    Result<void> restart() {
        writers_.clear();
        SOFIA_CHECK(folder_.clear());
        for (const market::Timeframe timeframe : timeframes_) {
            SOFIA_TRY(store::ParquetWriter writer,
                      store::ParquetWriter::create(folder_.path() / name(timeframe), store::bar_columns(), metadata_,
                                                   {.numbers = store::Encoding::Numbers::distinct, .threads = pool_.size() > 1 ? 1U : 0U}));
            writers_.push_back(std::move(writer));
        }
        return {};
    }
    Result<void> append(std::size_t timeframe, const market::Bar& bar) { return store::append_bar(writers_[timeframe], bar); }
    Result<void> close() {
        std::vector<Result<void>> closed(writers_.size());
        pool_.for_each(writers_.size(), [&](std::size_t i) { closed[i] = writers_[i].close(); });
        for (const Result<void>& result : closed) SOFIA_CHECK(result);
        return folder_.commit();
    }
    [[nodiscard]] static std::string name(market::Timeframe timeframe) { return "bars_" + timeframe.name() + ".parquet"; }
    [[nodiscard]] std::uint64_t rows(std::size_t timeframe) const { return writers_[timeframe].rows(); }

private:
    StagedFolder folder_;
    const std::vector<market::Timeframe>& timeframes_;
    store::Metadata metadata_;
    ThreadPool pool_;
    std::vector<store::ParquetWriter> writers_;
};

/// A Parquet file of feature rows.
Result<store::ParquetWriter> feature_writer(const TableRequest& request, const Opened& opened, const std::vector<features::FeatureSpec>& features,
                                            std::size_t threads) {
    std::vector<store::Column> columns = {{"known_at", store::ColumnType::timestamp}};
    for (const features::FeatureSpec& column : features) columns.push_back({column.name, store::ColumnType::float64});
    remove_abandoned(request.out.parent_path());
    return store::ParquetWriter::create(request.out, std::move(columns), metadata_of(opened),
                                        {.numbers = store::Encoding::Numbers::distinct, .threads = threads});
}

Output describe_features(const TableRequest& request, std::uint64_t rows, const std::vector<features::FeatureSpec>& columns,
                         const store::ReadReport& read, const Context& context) {
    if (!read.missing_columns.empty()) {
        context.log.warning(fmt::format("columns that need {} are NaN: the data does not carry them", join(read.missing_columns, ", ")));
    }
    Json json = {{"file", request.out.string()}, {"rows", rows}, {"columns", columns.size()}, {"hash", features::feature_hash(columns)}};
    const std::vector<std::vector<std::string>> table = {{std::to_string(rows), std::to_string(columns.size()), request.out.string()}};
    const std::vector<std::string> header = {"rows", "columns", "file"};
    return make_output(format_table(header, table), std::move(json));
}

/// The rows that a feature state makes of what came after it.
class WarmTable {
public:
    WarmTable(const TableRequest& request, const Opened& opened, const FeatureState& state, FeatureStream stream, std::size_t threads)
        : request_(request), opened_(opened), state_(state), threads_(threads), fresh_(std::move(stream)), stream_(fresh_) {}

    Result<void> restart() {
        stream_ = fresh_;
        first_.reset();
        times_.clear();
        values_.clear();
        writer_.reset();
        SOFIA_TRY(store::ParquetWriter writer, feature_writer(request_, opened_, stream_.columns(), threads_));
        writer_.emplace(std::move(writer));
        return {};
    }

    Result<void> take(std::span<const market::Trade> trades) {
        const auto later = std::ranges::lower_bound(trades, state_.as_of, {}, &market::Trade::ts);
        if (later == trades.end()) return {};
        SOFIA_CHECK(join_at(later->ts));
        stream_.on_trades(std::span(later, trades.end()), sinks());
        return told_;
    }

    Result<void> take(const market::Bar& bar) {
        if (bar.close_time <= state_.as_of) return {};
        SOFIA_CHECK(join_at(bar.open_time));
        stream_.on_base_bar(bar, sinks());
        return told_;
    }

    Result<void> close(const Context& context) {
        if (!first_) {
            return fail(ErrorCode::data, fmt::format("{}: nothing after {}, where the feature state ends", opened_.folder.path().string(), moment()),
                        "give the data that came after the training; earlier data may stand before it");
        }
        if (*first_ - state_.as_of >= opened_.timeframes.front().length()) {
            context.log.warning(
                fmt::format("the feature state ends at {}, the data goes on at {}: taken as time without a print", moment(), format_time(*first_)));
        }
        stream_.flush(sinks());
        SOFIA_CHECK(told_);
        SOFIA_CHECK(write());
        return writer_->close();
    }

    [[nodiscard]] std::uint64_t rows() const { return writer_->rows(); }

private:
    [[nodiscard]] std::string moment() const { return format_time(state_.as_of); }

    Result<void> join_at(TimeNs time) {
        if (first_) return {};
        first_ = time;
        const market::Trade joint{.ts = time};
        TimeNs last = state_.as_of;
        return check_holes(opened_.folder, {&joint, 1}, last);
    }

    FeatureStream::Sinks sinks() {
        return {.row =
                    [this](TimeNs known_at, std::span<const double> row) {
                        times_.push_back(known_at);
                        values_.insert(values_.end(), row.begin(), row.end());
                        if (told_ && times_.size() == group_rows) told_ = write();
                    },
                .touch = {}};
    }

    Result<void> write() {
        SOFIA_CHECK(writer_->append(times_, values_));
        times_.clear();
        values_.clear();
        return {};
    }

    static constexpr std::size_t group_rows = 4'096;

    const TableRequest& request_;
    const Opened& opened_;
    const FeatureState& state_;
    std::size_t threads_;
    FeatureStream fresh_;
    FeatureStream stream_;
    std::optional<TimeNs> first_;  // of what came after the state
    std::vector<TimeNs> times_;
    std::vector<double> values_;
    std::optional<store::ParquetWriter> writer_;
    Result<void> told_;
};

Result<Output> write_warm_feature_table(const TableRequest& request, const Context& context) {
    const std::filesystem::path file = request.warm_start / feature_state_file;
    SOFIA_TRY(const FeatureState state, warm_features(request.warm_start));
    SOFIA_TRY(const Opened opened, open(request, show(state.stream.config())));
    warn_of_symbol(file, state.symbol, opened.folder.symbol(), context);
    SOFIA_TRY(const FeatureStreamConfig wanted, stream_config(opened.settings));
    SOFIA_CHECK(check_stream_config(file, state, wanted));
    SOFIA_TRY(const auto funding, load_funding(opened.settings.funding));
    FeatureStream stream = state.stream;
    for (const trading::Funding& payment : funding) {
        if (payment.time > state.as_of) stream.on_funding(payment);
    }
    const std::optional<market::Trade> before = stream.last_print();
    WarmTable table(request, opened, state, std::move(stream), ThreadPool(context.threads).size());
    SOFIA_CHECK(table.restart());
    const InputSink sink{.restart = [&] { return table.restart(); },
                         .trades = [&](std::span<const market::Trade> trades) { return table.take(trades); },
                         .bar = [&](const market::Bar& bar) { return table.take(bar); }};
    SOFIA_TRY(const store::ReadReport read, stream_input(opened.folder, opened.timeframes.front(), opened.settings.data, before, sink, context));
    SOFIA_CHECK(table.close(context));
    return describe_features(request, table.rows(), state.stream.columns(), read, context);
}

}  // namespace

Result<Output> write_bar_tables(const TableRequest& request, const Context& context) {
    SOFIA_TRY(const Opened opened, open(request));
    SOFIA_TRY(StagedFolder folder, StagedFolder::create(request.out));
    BarTables tables(std::move(folder), opened.timeframes, metadata_of(opened), context.threads);
    SOFIA_CHECK(tables.restart());
    const BarSink sink{.restart = [&] { return tables.restart(); },
                       .bar = [&](std::size_t timeframe, const market::Bar& bar) { return tables.append(timeframe, bar); }};
    SOFIA_TRY(const BarStreamResult streamed, stream_bars(opened.folder, opened.timeframes, opened.settings.data, sink, context));
    SOFIA_CHECK(tables.close());
    Json json = {{"rows_read", streamed.report.rows},
                 {"outside_session", streamed.counters.trades_outside + streamed.counters.bars_outside},
                 {"filled", streamed.counters.filled}};
    json["files"] = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (std::size_t i = 0; i < opened.timeframes.size(); ++i) {
        const std::string path = (request.out / BarTables::name(opened.timeframes[i])).string();
        json["files"].push_back({{"timeframe", opened.timeframes[i].name()}, {"bars", tables.rows(i)}, {"file", path}});
        rows.push_back({opened.timeframes[i].name(), std::to_string(tables.rows(i)), path});
    }
    const std::vector<std::string> header = {"timeframe", "bars", "file"};
    return make_output(format_table(header, rows), std::move(json));
}

Result<Output> write_feature_table(const TableRequest& request, const Context& context) {
    if (!request.warm_start.empty()) return write_warm_feature_table(request, context);
    SOFIA_TRY(const Opened opened, open(request));
    SOFIA_TRY(const market::Session session, opened.settings.instrument.session());
    SOFIA_TRY(const auto funding, load_funding(opened.settings.funding));
    SOFIA_TRY(const features::Engine engine, features::Engine::make(opened.settings.features, opened.timeframes, session));
    std::vector<std::vector<market::Bar>> bars(opened.timeframes.size());
    const BarSink sink{.restart = [&]() -> Result<void> {
                           for (auto& series : bars) series.clear();
                           return {};
                       },
                       .bar = [&](std::size_t timeframe, const market::Bar& bar) -> Result<void> {
                           bars[timeframe].push_back(bar);
                           return {};
                       }};
    SOFIA_TRY(const BarStreamResult streamed, stream_bars(opened.folder, opened.timeframes, opened.settings.data, sink, context));
    ThreadPool pool(context.threads);
    SOFIA_TRY(store::ParquetWriter writer, feature_writer(request, opened, engine.columns(), pool.size()));
    const auto group = [&](const features::RowGroup& rows) -> Result<void> {
        SOFIA_CHECK(context.go_on());
        return writer.append(rows.known_at, rows.values);
    };
    std::vector<features::FundingRate> rates;
    for (const trading::Funding& payment : funding) rates.push_back({.ts = payment.time, .rate = payment.rate});
    SOFIA_CHECK(features::compute_groups(opened.settings.features, opened.timeframes, {.bars = bars, .funding = rates}, pool, group, session));
    SOFIA_CHECK(writer.close());
    return describe_features(request, writer.rows(), engine.columns(), streamed.report, context);
}

namespace {

/// The producer that the audit tries: base bars through the same cascade and engine as everywhere.
features::Producer make_producer(const Opened& opened, const market::Session& session, const std::vector<trading::Funding>& funding) {
    return [&opened, session, funding](std::span<const market::Bar> base_bars) {
        // Both were made once with the same arguments before the audit began, so they cannot fail here.
        features::Engine engine = features::Engine::make(opened.settings.features, opened.timeframes, session).value();
        bars::Cascade cascade = bars::Cascade::make(opened.timeframes, session).value();
        std::vector<std::string> names;
        for (const features::FeatureSpec& column : engine.columns()) names.push_back(column.name);
        market::Table table(std::move(names));
        FeatureRows rows(std::move(engine), funding, RowTimeframes{});
        const FeatureRows::Sink sink = [&](TimeNs known_at, std::span<const double> row) { table.append(known_at, row); };
        for (const market::Bar& bar : base_bars) {
            cascade.on_base_bar(bar, [&](std::size_t timeframe, const market::Bar& closed) { rows.on_bar(timeframe, closed, sink); });
        }
        rows.flush(sink);
        return table;
    };
}

}  // namespace

Result<Output> audit_feature_leaks(const TableRequest& request, const Context& context) {
    SOFIA_TRY(const Opened opened, open(request));
    SOFIA_TRY(const market::Session session, opened.settings.instrument.session());
    SOFIA_TRY(const auto funding, load_funding(opened.settings.funding));
    SOFIA_TRY(const features::Engine checked, features::Engine::make(opened.settings.features, opened.timeframes, session));
    std::vector<market::Bar> base;
    const BarSink sink{.restart = [&]() -> Result<void> {
                           base.clear();
                           return {};
                       },
                       .bar = [&](std::size_t timeframe, const market::Bar& bar) -> Result<void> {
                           if (timeframe == 0) base.push_back(bar);
                           return {};
                       }};
    SOFIA_TRY(const BarStreamResult streamed, stream_bars(opened.folder, opened.timeframes, opened.settings.data, sink, context));
    // A month of minutes holds every boundary there is; more would only take longer.
    constexpr std::size_t bars_max = 45'000;
    if (base.size() > bars_max) {
        context.log.info(fmt::format("auditing the last {} of {} bars", bars_max, base.size()));
        base.erase(base.begin(), base.end() - static_cast<std::ptrdiff_t>(bars_max));
    }
    SOFIA_TRY(const features::LeakReport report,
              features::audit_leaks(base, make_producer(opened, session, funding), {.seed = context.seed, .stream = {}, .stop = context.stop}));
    Json json = {
        {"passed", report.passed()}, {"columns", report.columns.size()}, {"rows", report.rows}, {"cuts", report.cuts}, {"leaks", Json::array()}};
    for (const features::ColumnAudit& column : report.columns) {
        if (!column.passed()) json["leaks"].push_back(column.column);
    }
    json["order_problems"] = report.order_problems;
    Output output = make_output(features::format(report), std::move(json));
    if (!output.text.ends_with('\n')) output.text += '\n';
    output.exit = report.passed() ? 0 : exit_code(ErrorCode::blocked);
    return output;
}

Result<Output> write_documents(const std::filesystem::path& out) {
    Settings settings;
    std::string manual = "## The touch strategy\n\n" + config::manual(keys_of(settings));
    DirectionSettings direction;
    manual += "\n## The direction strategy (`strategy: direction`)\n\n" + config::manual(keys_of(direction));
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(settings.bars.timeframes));
    settings.features.has_funding = true;
    SOFIA_TRY(const features::Engine engine, features::Engine::make(settings.features, timeframes));
    const std::string generated = "Generated from the code by `make docs`; change the code, not this page.\n\n";
    SOFIA_CHECK(write_file(out / "configuration.md", "# Configuration\n\n" + generated + manual));
    SOFIA_CHECK(write_file(out / "features.md", "# Feature catalogue\n\n" + generated + features::catalogue_markdown(engine.columns()) +
                                                    "\n## The direction strategy\n\n" + features::catalogue_markdown(features::minute_specs())));
    return make_output(fmt::format("wrote {} and {}\n", (out / "configuration.md").string(), (out / "features.md").string()),
                       {{"files", {(out / "configuration.md").string(), (out / "features.md").string()}}});
}

}  // namespace sofia::pipeline

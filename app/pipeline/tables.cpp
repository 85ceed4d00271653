#include "app/pipeline/tables.hpp"

#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/bar_stream.hpp"
#include "app/pipeline/feature_rows.hpp"
#include "app/pipeline/history.hpp"
#include "app/pipeline/market_data.hpp"
#include "app/pipeline/settings.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"
#include "features/batch.hpp"
#include "features/engine.hpp"
#include "features/leak_audit.hpp"
#include "store/parquet.hpp"

namespace sofia::pipeline {
namespace {

struct Opened {
    store::DataFolder folder;
    Settings settings;
    std::vector<market::Timeframe> timeframes;
};

Result<Opened> open(const TableRequest& request) {
    SOFIA_TRY(store::DataFolder folder, store::DataFolder::open(request.data_dir));
    std::vector<std::string> sets = request.sets;
    if (!request.timeframes.empty()) {
        sets.push_back("bars.timeframes=" + join(request.timeframes, ","));
        // The strategy's own timeframes do not matter to a table of bars.
        sets.push_back("touch.timeframes=" + request.timeframes.front());
    }
    SOFIA_TRY(Settings settings,
              load_settings(
                  {.instrument = folder.instrument(), .instrument_file = folder.has_instrument_file(), .file = request.config_file, .sets = sets}));
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
    std::vector<store::Column> columns = {{"known_at", store::ColumnType::timestamp}};
    for (const features::FeatureSpec& column : engine.columns()) columns.push_back({column.name, store::ColumnType::float64});
    remove_abandoned(request.out.parent_path());
    SOFIA_TRY(store::ParquetWriter writer, store::ParquetWriter::create(request.out, std::move(columns), metadata_of(opened),
                                                                        {.numbers = store::Encoding::Numbers::distinct, .threads = pool.size()}));
    const auto group = [&](const features::RowGroup& rows) -> Result<void> {
        SOFIA_CHECK(context.go_on());
        return writer.append(rows.known_at, rows.values);
    };
    std::vector<features::FundingRate> rates;
    for (const trading::Funding& payment : funding) rates.push_back({.ts = payment.time, .rate = payment.rate});
    SOFIA_CHECK(features::compute_groups(opened.settings.features, opened.timeframes, {.bars = bars, .funding = rates}, pool, group, session));
    SOFIA_CHECK(writer.close());
    if (!streamed.report.missing_columns.empty()) {
        context.log.warning(fmt::format("columns that need {} are NaN: the data does not carry them", join(streamed.report.missing_columns, ", ")));
    }
    const std::string hash = features::feature_hash(engine.columns());
    Json json = {{"file", request.out.string()}, {"rows", writer.rows()}, {"columns", engine.columns().size()}, {"hash", hash}};
    const std::vector<std::vector<std::string>> table = {
        {std::to_string(writer.rows()), std::to_string(engine.columns().size()), request.out.string()}};
    const std::vector<std::string> header = {"rows", "columns", "file"};
    return make_output(format_table(header, table), std::move(json));
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
        FeatureRows rows(std::move(engine), funding, RowTimeframes{},
                         [&](TimeNs known_at, std::span<const double> row) { table.append(known_at, row); });
        for (const market::Bar& bar : base_bars) {
            cascade.on_base_bar(bar, [&](std::size_t timeframe, const market::Bar& closed) { rows.on_bar(timeframe, closed); });
        }
        rows.flush();
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
    const std::string manual = config::manual(keys_of(settings));
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(settings.bars.timeframes));
    settings.features.has_funding = true;
    SOFIA_TRY(const features::Engine engine, features::Engine::make(settings.features, timeframes));
    const std::string generated = "Generated from the code by `make docs`; change the code, not this page.\n\n";
    SOFIA_CHECK(write_file(out / "configuration.md", "# Configuration\n\n" + generated + manual));
    SOFIA_CHECK(write_file(out / "features.md", "# Feature catalogue\n\n" + generated + features::catalogue_markdown(engine.columns())));
    return make_output(fmt::format("wrote {} and {}\n", (out / "configuration.md").string(), (out / "features.md").string()),
                       {{"files", {(out / "configuration.md").string(), (out / "features.md").string()}}});
}

}  // namespace sofia::pipeline

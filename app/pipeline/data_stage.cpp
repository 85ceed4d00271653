#include "app/pipeline/data_stage.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/market_data.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "report/csv.hpp"
#include "store/check.hpp"
#include "store/folder.hpp"
#include "store/import.hpp"
#include "store/trades_csv.hpp"
#include "synth/simulate.hpp"

namespace sofia::pipeline {
namespace {

Result<void> write_instrument(const std::filesystem::path& path, market::Instrument instrument) {
    config::Keys keys;
    instrument.describe(keys);
    return write_file(path, "# Made by sofia data simulate: nobody ever traded at these prices.\n" + config::show(keys));
}

Result<std::uint64_t> write_simulated_trades(const SimulateRequest& request, const std::filesystem::path& path, const Context& context) {
    SOFIA_TRY(store::TradesCsvWriter writer, store::TradesCsvWriter::create(path));
    std::uint64_t rows = 0;
    Progress progress = context.bar("simulate", "trades", static_cast<std::uint64_t>(request.config.trades));
    SOFIA_CHECK(synth::simulate_trades(request.config, RandomStream(context.seed), [&](std::span<const market::Trade> trades) -> Result<void> {
        if (context.stop->requested()) return fail(ErrorCode::interrupted, "interrupted; nothing was written");
        rows += trades.size();
        progress.advance(trades.size());
        return writer.append(trades);
    }));
    SOFIA_CHECK(writer.close());
    return rows;
}

Result<std::uint64_t> write_simulated_minutes(const SimulateRequest& request, const std::filesystem::path& path, const Context& context) {
    SOFIA_TRY(const auto bars, synth::simulate_direction_minutes(request.config, RandomStream(context.seed)));
    SOFIA_TRY(report::CsvWriter writer, report::CsvWriter::create(path, {"timestamp", "open", "high", "low", "close", "volume"}));
    for (const market::Bar& bar : bars) {
        SOFIA_CHECK(writer.row({bar.open_time / ns_per_second, bar.open, bar.high, bar.low, bar.close, bar.volume}));
    }
    SOFIA_CHECK(writer.commit());
    return bars.size();
}

}  // namespace

Result<Output> simulate_data(const SimulateRequest& request, const Context& context) {
    SOFIA_CHECK(request.config.validate());
    const std::filesystem::path folder = request.out / request.config.symbol;
    const bool trades = request.kind == SimulationKind::trades;
    const std::filesystem::path file = folder / (trades ? "trades.csv" : "bars.csv");
    std::error_code ignored;
    if (std::filesystem::exists(folder, ignored)) {
        SOFIA_TRY(const auto files, list_files(folder));
        for (const std::filesystem::path& other : files) {
            if (other != file && other.filename() != "instrument.yaml") {
                return fail(ErrorCode::conflict, fmt::format("{} holds other data ({})", folder.string(), other.filename().string()),
                            "choose another --out or --symbol");
            }
        }
    }
    SOFIA_CHECK(make_folder(folder));
    remove_abandoned(folder);
    SOFIA_TRY(const std::uint64_t rows, trades ? write_simulated_trades(request, file, context) : write_simulated_minutes(request, file, context));
    SOFIA_CHECK(write_instrument(folder / "instrument.yaml", synth::simulated_instrument(request.config)));
    Json json = {{"simulated", true}, {"folder", folder.string()}, {"rows", rows}, {"seed", context.seed}, {"edge", request.config.edge}};
    const std::vector<std::vector<std::string>> table = {
        {folder.string(), std::to_string(rows), format_double(request.config.edge), std::to_string(context.seed)}};
    const std::vector<std::string> header = {"folder", "rows", "edge", "seed"};
    return make_output("simulated: true\n" + format_table(header, table), std::move(json));
}

namespace {

std::string yes(bool value) { return value ? "yes" : "no"; }

std::vector<std::vector<std::string>> check_rows(const store::DataCheck& check) {
    const store::ReadReport& read = check.report;
    std::vector<std::vector<std::string>> rows = {
        {"kind", check.kind == store::DataKind::trades ? "trades" : "bars of " + check.timeframe},
        {"files", std::to_string(read.files.size())},
        {"rows", std::to_string(read.rows)},
        {"first", format_time(read.first)},
        {"last", format_time(read.last)},
        {"lowest price", format_double(check.price_min)},
        {"highest price", format_double(check.price_max)},
        {"volume", format_double(check.volume)},
        {"duplicates", std::to_string(read.duplicates)},
        {"out of order", std::to_string(read.out_of_order)},
        {"bad rows", std::to_string(read.bad_rows)},
        {"gaps", std::to_string(check.gap_count)},
        {"gaps, hours in all", fmt::format("{:.2f}", static_cast<double>(check.gap_total) / static_cast<double>(ns_per_hour))},
        {"outliers", std::to_string(check.outlier_count)},
    };
    if (check.kind == store::DataKind::trades) {
        rows.push_back({"identical to the row before", std::to_string(check.identical)});
        rows.push_back({"tick directions derived", yes(read.ticks_derived)});
    } else {
        rows.push_back({"opens carried from the close before",
                        fmt::format("{:.5f} %{}", 100.0 * read.carried_open_share, read.carried_opens ? " (fills use the next close)" : "")});
        rows.push_back({"opens outside low and high", std::to_string(read.opens_widened)});
        rows.push_back({"bars without a print", std::to_string(check.filled)});
        rows.push_back({"columns missing", read.missing_columns.empty() ? "none" : join(read.missing_columns, ", ")});
    }
    return rows;
}

Json check_json(const store::DataCheck& check) {
    const store::ReadReport& read = check.report;
    Json json = {{"kind", check.kind == store::DataKind::trades ? "trades" : "bars"},
                 {"symbol", check.symbol},
                 {"rows", read.rows},
                 {"first", format_time(read.first)},
                 {"last", format_time(read.last)},
                 {"duplicates", read.duplicates},
                 {"out_of_order", read.out_of_order},
                 {"bad_rows", read.bad_rows},
                 {"gaps", check.gap_count},
                 {"outliers", check.outlier_count},
                 {"identical", check.identical},
                 {"filled", check.filled},
                 {"carried_open_share", json_number(read.carried_open_share)},
                 {"opens_widened", read.opens_widened},
                 {"missing_columns", read.missing_columns}};
    json["price_min"] = json_number(check.price_min);
    json["price_max"] = json_number(check.price_max);
    json["volume"] = json_number(check.volume);
    json["longest_gaps"] = Json::array();
    for (const store::Gap& gap : check.gaps) json["longest_gaps"].push_back({{"from", format_time(gap.from)}, {"to", format_time(gap.to)}});
    json["first_outliers"] = Json::array();
    for (const store::Outlier& one : check.outliers)
        json["first_outliers"].push_back({{"time", format_time(one.ts)}, {"price", json_number(one.price)}});
    json["files"] = Json::array();
    for (const store::FileReport& file : read.files)
        json["files"].push_back({{"file", file.path.string()}, {"rows", file.rows}, {"time_unit", file.time_unit}});
    json["notes"] = read.notes;
    return json;
}

store::ReadOptions read_options(const DataRequest& request, const Context& context) {
    return {.bad_rows = request.skip_bad_rows ? store::BadRows::skip : store::BadRows::refuse, .threads = context.threads, .stop = context.stop};
}

}  // namespace

Result<Output> check_data(const DataRequest& request, const Context& context) {
    SOFIA_TRY(const store::DataFolder folder, store::DataFolder::open(request.data_dir));
    store::CheckOptions options;
    options.read = read_options(request, context);
    SOFIA_TRY(const store::DataCheck check, store::check(folder, options));
    const std::vector<std::string> header = {check.symbol, ""};
    std::string text = format_table(header, check_rows(check));
    if (!check.gaps.empty()) {
        std::vector<std::vector<std::string>> rows;
        for (const store::Gap& gap : check.gaps) {
            rows.push_back({format_time(gap.from), format_time(gap.to),
                            fmt::format("{:.2f}", static_cast<double>(gap.length()) / static_cast<double>(ns_per_hour))});
        }
        const std::vector<std::string> gap_header = {"longest gaps", "until", "hours"};
        text += "\n" + format_table(gap_header, rows);
    }
    if (!check.outliers.empty()) {
        std::vector<std::vector<std::string>> rows;
        for (const store::Outlier& one : check.outliers)
            rows.push_back({format_time(one.ts), format_double(one.price), format_double(one.before), format_double(one.after)});
        const std::vector<std::string> outlier_header = {"outliers", "price", "before", "after"};
        text += "\n" + format_table(outlier_header, rows);
    }
    for (const store::BadRow& row : check.report.bad) text += "left out: " + row.text() + "\n";
    for (const std::string& note : check.report.notes) text += "note: " + note + "\n";
    return make_output(std::move(text), check_json(check));
}

Result<Output> import_data(const DataRequest& request, const Context& context) {
    SOFIA_TRY(const store::DataFolder folder, store::DataFolder::open(request.data_dir));
    SOFIA_TRY(const store::ImportReport report, store::import_trades(folder, request.out, read_options(request, context)));
    log_report(report.read, context);
    Json json = {{"folder", report.folder.string()}, {"rows", report.read.rows}, {"days", report.days}};
    const std::vector<std::vector<std::string>> rows = {{report.folder.string(), std::to_string(report.read.rows), std::to_string(report.days)}};
    const std::vector<std::string> header = {"folder", "trades", "days"};
    return make_output(format_table(header, rows), std::move(json));
}

}  // namespace sofia::pipeline

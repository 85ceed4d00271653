#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/verb.hpp"
#include "app/pipeline/data_stage.hpp"
#include "app/pipeline/download.hpp"

namespace sofia::cli {
namespace {

using pipeline::Context;
using pipeline::DataRequest;
using pipeline::Output;

Verb check_verb() {
    return {"data check", "What a data folder holds: rows, span, gaps, duplicates, disorder, outliers, carried opens",
            "  sofia data check data/BTCUSDT", [](CLI::App& app) {
                auto request = std::make_shared<DataRequest>();
                app.add_option("DIR", request->data_dir, "Folder of one symbol's trades or bars")->required();
                app.add_flag("--skip-bad-rows", request->skip_bad_rows, "Leave malformed rows out and list them");
                return [request](const Context& context, const CommonOptions&) { return pipeline::check_data(*request, context); };
            }};
}

Verb import_verb() {
    return {"data import", "Trade CSVs into Parquet, one file a day", "  sofia data import --data-dir data/BTCUSDT --out parquet", [](CLI::App& app) {
                auto request = std::make_shared<DataRequest>();
                app.add_option("--data-dir", request->data_dir, "Folder of one symbol's trades")->required();
                app.add_option("--out", request->out, "Folder in which the symbol's folder is made")->required();
                app.add_flag("--skip-bad-rows", request->skip_bad_rows, "Leave malformed rows out and list them");
                return [request](const Context& context, const CommonOptions&) { return pipeline::import_data(*request, context); };
            }};
}

Verb simulate_verb() {
    return {"data simulate", "A market that nobody can beat at edge 0 and that has an edge of known size above it",
            "  sofia data simulate --out data --symbol SIMUSDT --days 30 --trades 1000000 --seed 7 --edge 0.5\n"
            "  sofia data simulate --out data --symbol SIMMIN --days 90 --planted direction --edge 0.6",
            [](CLI::App& app) {
                struct Options {
                    pipeline::SimulateRequest request;
                    std::string planted = "touch";
                };
                auto options = std::make_shared<Options>();
                synth::SimulationConfig& config = options->request.config;
                app.add_option("--out", options->request.out, "Folder in which the symbol's folder is made")->required();
                app.add_option("--symbol", config.symbol, "Name of the symbol")->capture_default_str();
                app.add_option("--days", config.days, "Days to simulate")->capture_default_str();
                app.add_option("--trades", config.trades, "Number of trades")->capture_default_str();
                app.add_option("--edge", config.edge, "Size of the planted edge, 0 to 1")->capture_default_str();
                app.add_option("--start", config.start, "First day, UTC")->capture_default_str();
                app.add_option("--planted", options->planted, "touch: trades whose touches carry the edge; direction: minutes that revert")
                    ->capture_default_str()
                    ->check(CLI::IsMember({"touch", "direction"}));
                return [options](const Context& context, const CommonOptions&) {
                    options->request.kind =
                        options->planted == "direction" ? pipeline::SimulationKind::direction_minutes : pipeline::SimulationKind::trades;
                    return pipeline::simulate_data(options->request, context);
                };
            }};
}

Verb download_verb() {
    return {"data download bybit", "Public trades or 1-minute candles, a file a day; goes on where it stopped",
            "  sofia data download bybit BTCUSDT --from 2024-01-01 --to 2024-01-31 --out data\n"
            "  sofia data download bybit BTCUSDT --from 2024-01-01 --to 2024-01-31 --out klines --kind klines",
            [](CLI::App& app) {
                struct Options {
                    pipeline::DownloadRequest request;
                    std::string from;
                    std::string to;
                    std::string kind = "trades";
                };
                auto options = std::make_shared<Options>();
                app.add_option("SYMBOL", options->request.symbol, "For instance BTCUSDT")->required();
                app.add_option("--from", options->from, "First day, UTC")->required();
                app.add_option("--to", options->to, "Last day, UTC")->required();
                app.add_option("--out", options->request.out, "Folder in which the symbol's folder is made")->required();
                app.add_option("--kind", options->kind, "trades, or klines: 1-minute candles")
                    ->capture_default_str()
                    ->check(CLI::IsMember({"trades", "klines"}));
                return [options](const Context& context, const CommonOptions& common) -> Result<Output> {
                    pipeline::DownloadRequest request = options->request;
                    request.config_file = common.config;
                    request.sets = common.sets;
                    SOFIA_TRY(request.from, parse_time(options->from));
                    SOFIA_TRY(request.to, parse_time(options->to));
                    if (options->kind == "klines") request.kind = pipeline::DownloadKind::klines;
                    return pipeline::download_bybit(request, context);
                };
            }};
}

}  // namespace

std::vector<Verb> data_verbs() { return {check_verb(), import_verb(), simulate_verb(), download_verb()}; }

}  // namespace sofia::cli

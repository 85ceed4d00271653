#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/common.hpp"
#include "app/cli/verb.hpp"
#include "app/pipeline/direction_data.hpp"
#include "app/pipeline/direction_settings.hpp"
#include "app/pipeline/tables.hpp"

namespace sofia::cli {
namespace {

using pipeline::Context;
using pipeline::Output;
using pipeline::TableRequest;
using Stage = Result<Output> (*)(const TableRequest&, const Context&);

enum class OutKind : std::uint8_t { none, folder };

/// Verbs that read a data folder and make a table share their options.
Verb table_verb(std::string name, std::string sentence, std::string examples, OutKind out, Stage stage) {
    return {std::move(name), std::move(sentence), std::move(examples), [out, stage](CLI::App& app) {
                auto request = std::make_shared<TableRequest>();
                app.add_option("--data-dir", request->data_dir, "Folder of one symbol's trades or bars")->required();
                if (out == OutKind::folder) {
                    app.add_option("--out", request->out, "Folder to write bars_<timeframe>.parquet into")->required();
                    app.add_option("--timeframes", request->timeframes, "For instance 1m,5m,1h; default bars.timeframes")->delimiter(',');
                }
                add_skip_bad_rows(app, request->sets);
                return [request, stage](const Context& context, const CommonOptions& common) {
                    request->config_file = common.config;
                    request->sets.insert(request->sets.end(), common.sets.begin(), common.sets.end());
                    return stage(*request, context);
                };
            }};
}

Verb features_verb() {
    return {"features", "One row a minute with every feature column, as Parquet",
            "  sofia features --data-dir data/BTCUSDT --out features.parquet --set features.columns=m15.*,h1.*\n"
            "  sofia features --data-dir new/BTCUSDT --out features.parquet --warm-start models/BTCUSDT/first/model_7\n"
            "  sofia features --data-dir data/BTCUSDT --out minutes.parquet --minute --horizon 5",
            [](CLI::App& app) {
                struct Options {
                    TableRequest request;
                    bool minute = false;
                    std::int64_t horizon = 0;
                };
                auto options = std::make_shared<Options>();
                app.add_option("--data-dir", options->request.data_dir, "Folder of one symbol's trades or bars")->required();
                app.add_option("--out", options->request.out, "Parquet file to write")->required();
                auto* warm = app.add_option("--warm-start", options->request.warm_start,
                                            "Model folder (model_<trial>): its columns, going on where its training ended; the data may begin there");
                auto* minute =
                    app.add_flag("--minute", options->minute,
                                 "The columns of the direction strategy instead, with ts, known_at and the label y (configs/direction.yaml)")
                        ->excludes(warm);
                auto* horizon = app.add_option("--horizon", options->horizon, "With --minute: minutes that the label looks ahead; default 5")
                                    ->check(CLI::Range(1, 10'080))
                                    ->needs(minute);
                add_skip_bad_rows(app, options->request.sets);
                return [options, horizon](const Context& context, const CommonOptions& common) -> Result<Output> {
                    TableRequest& request = options->request;
                    request.config_file = common.config;
                    request.sets.insert(request.sets.end(), common.sets.begin(), common.sets.end());
                    SOFIA_TRY(const std::string strategy, pipeline::strategy_of(common.config, request.sets));
                    if (!options->minute && strategy != "direction") return pipeline::write_feature_table(request, context);
                    if (horizon->count() > 0) request.sets.push_back("horizon=" + std::to_string(options->horizon));
                    return pipeline::write_minute_table(
                        {.config_file = request.config_file, .sets = request.sets, .data_dir = request.data_dir, .out = request.out}, context);
                };
            }};
}

}  // namespace

void add_skip_bad_rows(CLI::App& app, std::vector<std::string>& sets) {
    app.add_flag_callback("--skip-bad-rows", [&sets] { sets.push_back("data.skip_bad_rows=true"); }, "Leave malformed rows out and list them");
}

std::vector<Verb> table_verbs() {
    return {table_verb("bars", "Trades or 1-minute bars into bars of every timeframe, as Parquet",
                       "  sofia bars --data-dir data/BTCUSDT --out bars/BTCUSDT --timeframes 1m,5m,1h", OutKind::folder, pipeline::write_bar_tables),
            features_verb(),
            table_verb("audit leaks", "Proves on your data that no feature column looks ahead; exit 4 when one does",
                       "  sofia audit leaks --data-dir data/BTCUSDT", OutKind::none, pipeline::audit_feature_leaks)};
}

}  // namespace sofia::cli

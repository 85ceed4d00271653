#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/verb.hpp"
#include "app/pipeline/tables.hpp"

namespace sofia::cli {
namespace {

using pipeline::Context;
using pipeline::Output;
using pipeline::TableRequest;
using Stage = Result<Output> (*)(const TableRequest&, const Context&);

enum class OutKind : std::uint8_t { none, folder, file };

/// Verbs that read a data folder and make a table share their options.
Verb table_verb(std::string name, std::string sentence, std::string examples, OutKind out, Stage stage) {
    return {std::move(name), std::move(sentence), std::move(examples), [out, stage](CLI::App& app) {
                auto request = std::make_shared<TableRequest>();
                app.add_option("--data-dir", request->data_dir, "Folder of one symbol's trades or bars")->required();
                if (out == OutKind::folder) {
                    app.add_option("--out", request->out, "Folder to write bars_<timeframe>.parquet into")->required();
                    app.add_option("--timeframes", request->timeframes, "For instance 1m,5m,1h; default bars.timeframes")->delimiter(',');
                }
                if (out == OutKind::file) {
                    app.add_option("--out", request->out, "Parquet file to write")->required();
                    app.add_option("--warm-start", request->warm_start,
                                   "Model folder (model_<trial>): its columns, going on where its training ended; the data may begin there");
                }
                add_skip_bad_rows(app, request->sets);
                return [request, stage](const Context& context, const CommonOptions& common) {
                    request->config_file = common.config;
                    request->sets.insert(request->sets.end(), common.sets.begin(), common.sets.end());
                    return stage(*request, context);
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
            table_verb("features", "One row a minute with every feature column, as Parquet",
                       "  sofia features --data-dir data/BTCUSDT --out features.parquet --set features.columns=m15.*,h1.*\n"
                       "  sofia features --data-dir new/BTCUSDT --out features.parquet --warm-start models/BTCUSDT/first/model_7",
                       OutKind::file, pipeline::write_feature_table),
            table_verb("audit leaks", "Proves on your data that no feature column looks ahead; exit 4 when one does",
                       "  sofia audit leaks --data-dir data/BTCUSDT", OutKind::none, pipeline::audit_feature_leaks)};
}

}  // namespace sofia::cli

#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/common.hpp"
#include "app/cli/verb.hpp"
#include "app/pipeline/direction_data.hpp"
#include "app/pipeline/minute_jobs.hpp"

// The jobs around minute rows under the names that older programs and the Python package have for them.
namespace sofia::cli {
namespace {

using pipeline::Context;
using pipeline::Output;

void add_horizon(CLI::App& app, std::int64_t& horizon) {
    app.add_option("--horizon", horizon, "Minutes that the label looks ahead")->capture_default_str()->check(whole_number(1, 10'080));
}

Verb features_verb() {
    return {"minute_features", "One row a minute: close, ret1, sma20_gap, sma50_gap, vol_z and y, as Parquet (features --minute)",
            "  sofia minute_features --data-dir data/BTCUSDT --out minutes.parquet --horizon 5", [](CLI::App& app) {
                struct Options {
                    pipeline::MinuteTableRequest request;
                    std::int64_t horizon = 5;
                };
                auto options = std::make_shared<Options>();
                app.add_option("--data-dir", options->request.data_dir, "Folder of one symbol's trades, bars or klines")->required();
                app.add_option("--out", options->request.out, "Parquet file")->required();
                auto* horizon =
                    app.add_option("--horizon", options->horizon, "Minutes that the label looks ahead; default 5")->check(whole_number(1, 10'080));
                return [options, horizon](const Context& context, const CommonOptions& common) -> Result<Output> {
                    pipeline::MinuteTableRequest request = options->request;
                    request.config_file = common.config;
                    if (horizon->count() > 0) request.sets.push_back("horizon=" + std::to_string(options->horizon));
                    request.sets.insert(request.sets.end(), common.sets.begin(), common.sets.end());
                    return pipeline::write_minute_table(request, context);
                };
            }};
}

Verb split_verb() {
    return {"time_based_split", "Cuts minute rows into training and validation, without the rows whose label reaches across",
            "  sofia time_based_split minutes.parquet --val-days 14 --out-dir split", [](CLI::App& app) {
                auto request = std::make_shared<pipeline::TimeSplitRequest>();
                app.add_option("FILE", request->in, "Parquet or CSV with ts")->required();
                app.add_option("--val-days", request->val_days, "Days of validation, back from the last row")->capture_default_str();
                app.add_option("--out-dir", request->out_dir, "Gets train.parquet and validation.parquet")->required();
                add_horizon(app, request->horizon);
                return [request](const Context& context, const CommonOptions&) { return pipeline::time_based_split(*request, context); };
            }};
}

Verb guard_verb() {
    return {"guard_no_future_leak", "Exit 4 unless training's last row plus the horizon lies before validation's first",
            "  sofia guard_no_future_leak split/train.parquet split/validation.parquet --horizon 5", [](CLI::App& app) {
                auto request = std::make_shared<pipeline::LeakGuardRequest>();
                app.add_option("TRAIN", request->train, "Parquet or CSV with ts")->required();
                app.add_option("VALIDATION", request->validation, "The same")->required();
                add_horizon(app, request->horizon);
                return [request](const Context&, const CommonOptions&) { return pipeline::guard_no_future_leak(*request); };
            }};
}

Verb to_parquet_verb() {
    return {"to_parquet", "Rows of tables into a feature store, each ts once; the same rows again change nothing",
            "  sofia to_parquet minutes.parquet --out-dir store --symbol BTCUSDT", [](CLI::App& app) {
                struct Options {
                    pipeline::ToParquetRequest request;
                    std::string bar;
                };
                auto options = std::make_shared<Options>();
                app.add_option("FILE", options->request.files, "Tables with ts, known_at and the columns")->required();
                app.add_option("--out-dir", options->request.out_dir, "Folder of the store, or a URL such as s3://bucket/prefix")->required();
                app.add_option("--symbol", options->request.symbol, "For instance BTCUSDT")->required();
                app.add_option("--bar", options->bar, "Length of a bar, for tables with only one of ts (its start) and known_at");
                return [options](const Context& context, const CommonOptions&) -> Result<Output> {
                    pipeline::ToParquetRequest request = options->request;
                    if (!options->bar.empty()) {
                        SOFIA_TRY(request.bar, duration_of("--bar", options->bar));
                    }
                    return pipeline::to_parquet(request, context);
                };
            }};
}

Verb train_verb() {
    return {
        "train_from_parquet", "Tunes the direction strategy on rows of a feature store or files, and trains the best trial",
        "  sofia train_from_parquet store/BTCUSDT --config configs/direction.yaml --trials 50", [](CLI::App& app) {
            struct Options {
                pipeline::TrainFromParquetRequest request;
                double test_days = 0.0;
                bool force = false;
            };
            auto options = std::make_shared<Options>();
            app.add_option("PATH", options->request.path, "A symbol's folder in a feature store, or files of minute rows or bars")->required();
            app.add_option("--val-days", options->request.val_days, "Days of validation")->capture_default_str();
            auto* test_days = app.add_option("--test-days", options->test_days, "Days of test; default as many as of validation");
            app.add_option("--trials", options->request.trials, "Trials")->capture_default_str()->check(whole_number(1));
            app.add_option("--model-dir", options->request.model_dir, "Gets <SYMBOL>/")->capture_default_str();
            app.add_option("--symbol", options->request.symbol, "Default: that of the data");
            app.add_option("--study", options->request.study, "Name of the study; default a readable random one");
            app.add_option("--workers", options->request.workers, "Trials fitted at the same time; changes no result")->check(whole_number(1, 1024));
            app.add_flag("--force", options->force, "Put the model into use without being better; its card says so");
            return [options, test_days](const Context& context, const CommonOptions& common) -> Result<Output> {
                pipeline::TrainFromParquetRequest request = options->request;
                request.config_file = common.config;
                request.sets = common.sets;
                if (test_days->count() > 0) request.test_days = options->test_days;
                if (options->force) request.promote = pipeline::Promote::forced;
                const auto trained = pipeline::train_from_parquet(request, context);
                if (!trained) return std::unexpected(trained.error());
                return pipeline::describe(*trained);
            };
        }};
}

}  // namespace

std::vector<Verb> minute_verbs() { return {features_verb(), split_verb(), guard_verb(), to_parquet_verb(), train_verb()}; }

}  // namespace sofia::cli

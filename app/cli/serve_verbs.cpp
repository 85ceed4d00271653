#include <cstdlib>
#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/common.hpp"
#include "app/cli/verb.hpp"
#include "app/pipeline/predict.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

namespace sofia::cli {
namespace {

using pipeline::Context;
using pipeline::Output;

constexpr const char* token_variable = "SOFIA_TOKEN";

/// The token of a file or of the environment: never of the command line, which everybody on the machine can read.
Result<std::string> token_from(const std::filesystem::path& file) {
    std::string text;
    if (!file.empty()) {
        SOFIA_TRY(text, read_file(file, 4096));
    } else if (const char* value = std::getenv(token_variable)) {
        text = value;
    } else {
        return text;
    }
    std::string token(trim(text));
    const bool plain = std::ranges::all_of(token, [](char c) { return c > ' ' && c < '\x7f'; });
    if (!token.empty() && plain) return token;
    const std::string where = file.empty() ? std::string("the environment variable ") + token_variable : file.string();
    return fail(ErrorCode::config, where + " holds no token", "a token is one word of visible ASCII characters");
}

Verb predict_verb() {
    return {"predict", "Probabilities that a direction model gives to the rows of a table, as CSV",
            "  sofia predict --model models/BTCUSDT/best_lgbm --in minutes.parquet\n"
            "  sofia predict --model models/BTCUSDT/2026-01-31 --in rows.csv --out probabilities.parquet\n"
            "  sofia predict --model models/BTCUSDT/best_lgbm --in question.json --json",
            [](CLI::App& app) {
                auto request = std::make_shared<pipeline::PredictRequest>();
                app.add_option("--model", request->model, "models/<SYMBOL>/best_lgbm, one of the dated folders beside it, or LightGBM's text file")
                    ->required();
                app.add_option("--in", request->in,
                               "Table with a column for every feature, CSV or Parquet; or .json, what POST /predict of `sofia serve` takes")
                    ->required();
                app.add_option("--out", request->out, "File to write instead of printing: .csv, else Parquet");
                return [request](const Context& context, const CommonOptions&) { return pipeline::predict(*request, context); };
            }};
}

}  // namespace

std::vector<Verb> serve_verbs(const pipeline::Serve& serve) {
    const auto declare = [serve](CLI::App& app) {
        struct Options {
            pipeline::ServeRequest request;
            std::filesystem::path token_file;
        };
        auto options = std::make_shared<Options>();
        net::ServerOptions& server = options->request.server;
        app.add_option("--host", server.host, "Address to listen on; beyond this machine a token is needed")->capture_default_str();
        app.add_option("--port", server.port, "Port; 0: any that is free")->capture_default_str()->check(CLI::Range(0, 65535));
        app.add_option("--model-dir", options->request.model_dir, "Parent of the symbols' folders: models for models/<SYMBOL>/best_lgbm")
            ->capture_default_str();
        app.add_option("--token-file", options->token_file, "File with the token that clients have to send; default the variable SOFIA_TOKEN");
        app.add_option("--connections-max", server.connections_max, "Connections at the same time; more are answered with 503")
            ->capture_default_str()
            ->check(whole_number(1, 1'000'000));
        app.add_option("--body-max", server.body_max, "Bytes of a request's body; more are answered with 413")
            ->capture_default_str()
            ->check(whole_number(0, 1 << 30));
        app.add_option("--header-max", server.header_max, "Bytes of a request's headers; more are answered with 431")
            ->capture_default_str()
            ->check(whole_number(256, 1 << 20));
        app.add_option("--request-timeout", server.request_timeout, "Time for a request to come in whole, and for its answer to be taken")
            ->capture_default_str();
        app.add_option("--idle-timeout", server.idle_timeout, "Time after which a connection without a request is closed")->capture_default_str();
        app.add_option("--shutdown-timeout", server.shutdown_timeout, "Time that requests have to be finished after Ctrl-C or SIGTERM")
            ->capture_default_str();
        return [options, serve](const Context& context, const CommonOptions&) -> Result<Output> {
            pipeline::ServeRequest request = options->request;
            SOFIA_TRY(request.token, token_from(options->token_file));
            request.server.threads = static_cast<std::int64_t>(context.threads);
            return serve(request, context);
        };
    };
    return {{"serve", "Answer over HTTP with the models that are in use",
             "  sofia serve --model-dir models\n"
             "  SOFIA_TOKEN=$(cat token) sofia serve --model-dir models --host 0.0.0.0 --port 8000",
             declare},
            predict_verb()};
}

}  // namespace sofia::cli

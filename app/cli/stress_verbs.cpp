#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/common.hpp"
#include "app/cli/prompt.hpp"
#include "app/cli/verb.hpp"
#include "app/pipeline/stress.hpp"

namespace sofia::cli {
namespace {

using pipeline::Context;
using pipeline::Output;

Verb stress_verb() {
    return {"stress", "Run a trained model through dearer fees, slippage, latency, lost bars, moved parameters, other data and resampled trades",
            "  sofia stress --train-config models/BTCUSDT/first/train_config_7.json\n"
            "  sofia stress --train-config models/BTCUSDT/first/train_config_7.json --extra-data data/ETHUSDT --extra-data data/BTCUSDT-2019",
            [](CLI::App& app) {
                struct Options {
                    pipeline::StressRequest request;
                    TrialChoice trial{.kind = pipeline::TrialKind::trained};
                    bool in_sample = false;
                };
                auto options = std::make_shared<Options>();
                add_trial_choice(app, options->trial);
                app.add_option("--data-dir", options->request.data_dir, "Default: the data that was tuned on");
                app.add_option("--extra-data", options->request.extra_data, "Folder of another symbol or period to run over; may be repeated")
                    ->take_all()
                    ->allow_extra_args(false);
                add_skip_bad_rows(app, options->request.sets);
                app.add_flag("--in-sample", options->in_sample, "Allow a test window that the model has seen; every figure says so");
                return [options](const Context& context, const CommonOptions& common) -> Result<Output> {
                    pipeline::StressRequest request = options->request;
                    SOFIA_TRY(const Chosen chosen, choose_trial(options->trial, context));
                    if (chosen.list) return *chosen.list;
                    request.train_config = chosen.file;
                    request.config_file = common.config;
                    request.sets.insert(request.sets.end(), common.sets.begin(), common.sets.end());
                    if (options->in_sample) request.sample = pipeline::SampleMode::in_sample;
                    SOFIA_TRY(const pipeline::StressResult result, pipeline::stress(request, context));
                    return pipeline::describe(result);
                };
            }};
}

}  // namespace

std::vector<Verb> stress_verbs() { return {stress_verb()}; }

}  // namespace sofia::cli

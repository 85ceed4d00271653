#include <memory>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <CLI/CLI.hpp>

#include "app/cli/common.hpp"
#include "app/cli/prompt.hpp"
#include "app/cli/verb.hpp"
#include "app/pipeline/backtest.hpp"
#include "app/pipeline/demo.hpp"
#include "app/pipeline/direction_backtest.hpp"
#include "app/pipeline/direction_settings.hpp"
#include "app/pipeline/direction_summary.hpp"
#include "app/pipeline/direction_train.hpp"
#include "app/pipeline/direction_tune.hpp"
#include "app/pipeline/select.hpp"
#include "app/pipeline/train.hpp"
#include "app/pipeline/tune.hpp"

namespace sofia::cli {
namespace {

using pipeline::Context;
using pipeline::Output;

/// A stage's result, or its error, as output.
template <class T>
Result<Output> shown(const Result<T>& result) {
    if (!result) return std::unexpected(result.error());
    return pipeline::describe(*result);
}

/// Each of the thousands of fits of a search takes tens of megabytes and gives them back: what is kept has not to be cleared by the system anew.
void keep_freed_memory() {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
}

Verb tune_verb() {
    return {"tune", "Search a strategy's parameters on walk-forward folds inside the tuning window",
            "  sofia tune --config configs/touch.yaml --data-dir data/BTCUSDT --model-dir models/BTCUSDT --trials 200\n"
            "  sofia tune --config configs/touch.yaml --data-dir data/BTCUSDT --model-dir models/BTCUSDT --study first --resume --timeout 30m\n"
            "  sofia tune --config configs/direction.yaml --data-dir data/BTCUSDT --model-dir models/BTCUSDT --trials 200",
            [](CLI::App& app) {
                struct Options {
                    pipeline::TuneRequest request;
                    std::string timeout;
                    bool resume = false;
                };
                auto options = std::make_shared<Options>();
                app.add_option("--data-dir", options->request.data_dir, "Folder of one symbol's trades or bars, or of its feature store (direction)")
                    ->required();
                app.add_option("--model-dir", options->request.model_dir, "models/<SYMBOL>; the study's folder is made inside")->required();
                app.add_option("--study", options->request.study, "Name of the study; default a readable random one");
                app.add_option("--storage", options->request.storage, "Database URL (sqlite:///FILE); default optuna.db in the study's folder");
                app.add_option("--trials", options->request.trials, "Trials of this call; 0: until --timeout")
                    ->capture_default_str()
                    ->check(whole_number(0));
                app.add_option("--timeout", options->timeout, "Stop asking for trials after this long: 90, 90s, 30m, 2h");
                app.add_option("--batch", options->request.batch, "Trials asked together; default tune.batch")->check(CLI::Range(1, 1024));
                app.add_option("--workers", options->request.workers,
                               "Folds or trials worked on at the same time, sharing --threads; default one a thread; changes no result")
                    ->check(whole_number(1, 1024));
                app.add_flag("--resume", options->resume, "Continue the study, or create it");
                add_skip_bad_rows(app, options->request.sets);
                return [options](const Context& context, const CommonOptions& common) -> Result<Output> {
                    pipeline::TuneRequest request = options->request;
                    request.config_file = common.config;
                    request.sets.insert(request.sets.end(), common.sets.begin(), common.sets.end());
                    request.mode = options->resume ? pipeline::StudyMode::resume : pipeline::StudyMode::create;
                    SOFIA_TRY(request.timeout, duration_of("--timeout", options->timeout));
                    if (request.trials == 0 && request.timeout == 0) return fail(ErrorCode::usage, "--trials 0 needs a --timeout");
                    keep_freed_memory();
                    SOFIA_TRY(const std::string strategy, pipeline::strategy_of(request.config_file, request.sets));
                    if (strategy == "direction") return shown(pipeline::tune_direction(request, context));
                    return shown(pipeline::tune(request, context));
                };
            }};
}

Verb select_verb() {
    return {"select", "Run a study's best trials over test, fix one champion, and let shadow decide on it once",
            "  sofia select --model-dir models/BTCUSDT --study first\n"
            "  sofia select --model-dir models/BTCUSDT --study first --set select.top=5 --set select.min_trades=50",
            [](CLI::App& app) {
                auto options = std::make_shared<pipeline::SelectRequest>();
                app.add_option("--model-dir", options->model_dir, "models/<SYMBOL>, as for tune")->required();
                app.add_option("--study", options->study, "Name of the study")->required();
                app.add_option("--data-dir", options->data_dir, "Default: the data that was tuned on");
                add_skip_bad_rows(app, options->sets);
                return [options](const Context& context, const CommonOptions& common) {
                    pipeline::SelectRequest request = *options;
                    request.config_file = common.config;
                    request.sets.insert(request.sets.end(), common.sets.begin(), common.sets.end());
                    return shown(pipeline::select(request, context));
                };
            }};
}

/// The summary that is named, or that of the best trial of the study that is meant.
Result<std::filesystem::path> direction_summary(const std::filesystem::path& named, const std::filesystem::path& model_dir,
                                                const std::string& study) {
    if (!named.empty()) return named;
    SOFIA_TRY(const auto folder, pipeline::direction_study(model_dir, study));
    return pipeline::best_direction_summary(folder);
}

Verb train_verb() {
    return {"train", "Fit the model of a tuned trial on the tuning window",
            "  sofia train --from-tuning models/BTCUSDT/first/tuning_summary_7.json\n"
            "  sofia train --from-tuning --model-dir models/BTCUSDT\n"
            "  sofia train --config configs/direction.yaml --model-dir models/BTCUSDT",
            [](CLI::App& app) {
                struct Options {
                    pipeline::TrainRequest request;
                    std::string study;
                    bool force = false;
                    TrialChoice trial{.kind = pipeline::TrialKind::tuned};
                    std::string through = "tuning";
                };
                auto options = std::make_shared<Options>();
                add_trial_choice(app, options->trial);
                app.add_option("--data-dir", options->request.data_dir, "Default: the data that was tuned on");
                add_skip_bad_rows(app, options->request.sets);
                app.add_option("--through", options->through, "tuning, or all: everything, for live use only")
                    ->capture_default_str()
                    ->check(CLI::IsMember({"tuning", "all"}));
                app.add_option("--study", options->study,
                               "Direction strategy, without a file: the study whose best trial is taken; default the only one");
                app.add_flag("--force", options->force, "Direction strategy: put the model into use without being better; its card says so");
                const auto* model_dir = app.get_option("--model-dir");
                return [options, model_dir](const Context& context, const CommonOptions& common) -> Result<Output> {
                    pipeline::TrainRequest request = options->request;
                    SOFIA_TRY(const std::string strategy, options->trial.file.empty() ? pipeline::strategy_of(common.config, common.sets)
                                                                                      : pipeline::strategy_of_summary(options->trial.file));
                    if (strategy == "direction") {
                        pipeline::DirectionTrainRequest direction{.summary = options->trial.file, .data_dir = options->request.data_dir};
                        SOFIA_TRY(direction.summary, direction_summary(options->trial.file, options->trial.model_dir, options->study));
                        direction.sets = options->request.sets;
                        direction.sets.insert(direction.sets.end(), common.sets.begin(), common.sets.end());
                        if (model_dir->count() > 0) direction.model_dir = options->trial.model_dir;
                        if (options->force) direction.promote = pipeline::Promote::forced;
                        return shown(pipeline::train_direction(direction, context));
                    }
                    SOFIA_TRY(const Chosen chosen, choose_trial(options->trial, context));
                    if (chosen.list) return *chosen.list;
                    request.summary = chosen.file;
                    request.config_file = common.config;
                    request.sets.insert(request.sets.end(), common.sets.begin(), common.sets.end());
                    request.through = options->through == "all" ? pipeline::TrainThrough::all : pipeline::TrainThrough::tuning;
                    return shown(pipeline::train(request, context));
                };
            }};
}

Verb backtest_verb() {
    return {"backtest", "Run a trained model over a window through the decision core",
            "  sofia backtest --train-config models/BTCUSDT/first/train_config_7.json\n"
            "  sofia backtest --train-config models/BTCUSDT/first/train_config_7.json --window 2020-06-01..2020-09-01\n"
            "  sofia backtest --train-config models/BTCUSDT/first/train_config_7.json --fold 3\n"
            "  sofia backtest --config configs/direction.yaml --model-dir models/BTCUSDT --set rule.threshold=0.6",
            [](CLI::App& app) {
                struct Options {
                    pipeline::BacktestRequest request;
                    TrialChoice trial{.kind = pipeline::TrialKind::trained};
                    std::size_t fold = 0;
                    bool in_sample = false;
                    std::string study;
                    std::filesystem::path summary;
                    std::filesystem::path against;
                };
                auto options = std::make_shared<Options>();
                add_trial_choice(app, options->trial);
                app.add_option("--data-dir", options->request.data_dir, "Default: the data that was tuned on");
                add_skip_bad_rows(app, options->request.sets);
                app.add_option("--study", options->study, "Direction strategy: the study whose best trial is walked forward; default the only one");
                app.add_option("--from-tuning", options->summary, "Direction strategy: tuning_summary_<trial>.json in place of the best trial");
                app.add_option(
                    "--against", options->against,
                    "Direction strategy: kpis.json or model_card.json of an accepted model; exit 4 where a KPI is worse than its interval");
                auto* window = app.add_option("--window", options->request.window, "test, shadow, all, or FROM..TO in UTC")->capture_default_str();
                auto* in_sample = app.add_flag("--in-sample", options->in_sample, "Allow a window that the model has seen; every figure says so");
                auto* fold =
                    app.add_option("--fold", options->fold, "In place of a window: the tuner's fold of this number, with its models fitted again")
                        ->check(whole_number(0))
                        ->excludes(window)
                        ->excludes(in_sample);
                return [options, fold](const Context& context, const CommonOptions& common) -> Result<Output> {
                    pipeline::BacktestRequest request = options->request;
                    if (fold->count() > 0) request.fold = options->fold;
                    SOFIA_TRY(const std::string strategy, options->summary.empty() ? pipeline::strategy_of(common.config, common.sets)
                                                                                   : pipeline::strategy_of_summary(options->summary));
                    if (strategy == "direction") {
                        pipeline::DirectionBacktestRequest direction{
                            .summary = options->summary, .data_dir = request.data_dir, .against = options->against};
                        SOFIA_TRY(direction.summary, direction_summary(options->summary, options->trial.model_dir, options->study));
                        direction.sets = request.sets;
                        direction.sets.insert(direction.sets.end(), common.sets.begin(), common.sets.end());
                        return shown(pipeline::backtest_direction(direction, context));
                    }
                    SOFIA_TRY(const Chosen chosen, choose_trial(options->trial, context));
                    if (chosen.list) return *chosen.list;
                    request.train_config = chosen.file;
                    request.config_file = common.config;
                    request.sets.insert(request.sets.end(), common.sets.begin(), common.sets.end());
                    if (options->in_sample) request.sample = pipeline::SampleMode::in_sample;
                    return shown(pipeline::backtest(request, context));
                };
            }};
}

Verb demo_verb() {
    return {"demo", "Simulate a market, then tune, train and backtest on it", "  sofia demo --out demo", [](CLI::App& app) {
                auto request = std::make_shared<pipeline::DemoRequest>();
                app.add_option("--out", request->out, "Folder for data, models and the report")->capture_default_str();
                app.add_option("--days", request->days, "Simulated days")->capture_default_str()->check(whole_number(1));
                app.add_option("--trades", request->prints, "Simulated trades")->capture_default_str()->check(whole_number(1));
                app.add_option("--trials", request->trials, "Trials of the study")->capture_default_str()->check(whole_number(1));
                app.add_option("--edge", request->edge, "Planted edge, 0 (none) to 1")->capture_default_str()->check(CLI::Range(0.0, 1.0));
                return [request](const Context& context, const CommonOptions& common) {
                    request->config_file = common.config;
                    return pipeline::demo(*request, context);
                };
            }};
}

}  // namespace

std::vector<Verb> strategy_verbs() { return {tune_verb(), select_verb(), train_verb(), backtest_verb(), demo_verb()}; }

}  // namespace sofia::cli

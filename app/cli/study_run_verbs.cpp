#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/cli/common.hpp"
#include "app/cli/verb.hpp"
#include "app/pipeline/study_run.hpp"
#include "app/pipeline/study_storage.hpp"

namespace sofia::cli {
namespace {

using pipeline::Context;
using pipeline::Output;

struct RunOptions {
    pipeline::StudyRunRequest request;
    std::string direction = "minimize";
    std::string timeout;
    std::string trial_timeout;
    std::string heartbeat;
    std::vector<std::string> command;
    bool resume = false;
};

void declare_work(CLI::App& app, RunOptions& options) {
    pipeline::StudyWork& work = options.request.work;
    app.add_option("--space", work.space_file, "YAML file of the parameters: `lr: {type: float, low: 1e-4, high: 0.1, log: true}` a line");
    app.add_option("--function", work.function, "Instead of a command: sphere, ackley, rosenbrock, branin, hartmann6, mixed or conditional");
    app.add_option("--dims", work.dims, "Parameters of sphere, ackley and rosenbrock")->capture_default_str();
    app.add_option("--sampler", work.sampler, pipeline::known_samplers() + "; default tpe, nsga2 for several objectives");
    app.add_option("--pruner", work.pruner, pipeline::known_pruners() + "; options as in median:startup_trials=10,warmup_steps=2")
        ->capture_default_str();
    app.add_option("--direction", options.direction, "minimize or maximize; with commas between for several objectives")->capture_default_str();
    app.add_option("--trial-timeout", options.trial_timeout, "End a trial's command after this long; the trial fails");
    app.add_option("COMMAND", options.command,
                   "After `--`: program and arguments, run without a shell; {name} is a parameter's value, {{ and }} are braces");
}

void declare_run(CLI::App& app, RunOptions& options) {
    pipeline::StudyRunRequest& request = options.request;
    app.add_option("--study", request.work.study, "Name of the study; default a readable random one");
    app.add_option("--storage", request.work.storage,
                   "sqlite:///FILE or postgresql://USER@HOST/DATABASE (password from PGPASSWORD); default memory, or NAME.db when the study is "
                   "named or has several workers");
    app.add_flag("--resume", options.resume, "Continue the study, or create it");
    app.add_option("--trials", request.trials, "Trials of this call, by all its workers; 0: until --timeout")
        ->capture_default_str()
        ->check(whole_number(0));
    app.add_option("--timeout", options.timeout, "Start no trial after this long: 90, 90s, 30m, 2h");
    app.add_option("--workers", request.workers, "Trials that run at once, in processes of their own")
        ->capture_default_str()
        ->check(whole_number(1, 1024));
    app.add_option("--batch", request.batch,
                   "Trials asked together and told in number order: the same study for any number of workers; default 1, with several workers "
                   "each asking for itself")
        ->check(whole_number(1, 100'000));
    app.add_option("--heartbeat", options.heartbeat,
                   "Time between signs of life; a trial is failed after twice as long without one; default 30s, 0: never");
    app.add_option("--retries", request.work.retries, "How often a trial whose worker died is run again")
        ->capture_default_str()
        ->check(whole_number(0));
}

/// What stands behind `--`, exactly as it was given: the parser would take `[a,b]` for a list.
std::vector<std::string> behind_dashes(const std::vector<std::string>& words) {
    const auto dashes = std::find(words.begin(), words.end(), "--");
    return dashes == words.end() ? std::vector<std::string>() : std::vector<std::string>(dashes + 1, words.end());
}

Result<Output> run_study(const RunOptions& options, const Context& context) {
    pipeline::StudyRunRequest request = options.request;
    request.work.command = behind_dashes(context.command);
    if (request.work.command.empty() && !options.command.empty()) {
        return fail(ErrorCode::usage, "unexpected argument " + pipeline::without_password(options.command.front()), "write -- before the command");
    }
    request.mode = options.resume ? pipeline::StudyMode::resume : pipeline::StudyMode::create;
    SOFIA_TRY(request.directions, pipeline::parse_directions(options.direction));
    SOFIA_TRY(request.timeout, duration_of("--timeout", options.timeout));
    SOFIA_TRY(request.work.trial_timeout, duration_of("--trial-timeout", options.trial_timeout));
    if (!options.heartbeat.empty()) {
        SOFIA_TRY(request.work.heartbeat, duration_of("--heartbeat", options.heartbeat));
    }
    SOFIA_TRY(const pipeline::StudyRunResult result, pipeline::study_run(request, context));
    return pipeline::describe(result);
}

Verb run_verb() {
    return {"study run", "Tune any program: its last line is its value, lines `report STEP VALUE` are intermediate values",
            "  sofia study run --space space.yaml --trials 50 -- python train.py --lr {lr} --leaves={leaves}\n"
            "  sofia study run --space space.yaml --trials 200 --workers 4 --pruner median --study first -- ./fit {lr} {leaves}\n"
            "  sofia study run --function sphere --dims 8 --trials 100 --json",
            [](CLI::App& app) {
                auto options = std::make_shared<RunOptions>();
                declare_work(app, *options);
                declare_run(app, *options);
                return [options](const Context& context, const CommonOptions&) { return run_study(*options, context); };
            }};
}

Verb worker_verb() {
    return {"study worker", "A worker of `study run`, which starts it", "", [](CLI::App& app) {
                app.group("");  // not in the list of commands
                return [](const Context& context, const CommonOptions&) { return pipeline::serve_study_worker(context); };
            }};
}

}  // namespace

std::vector<Verb> study_run_verbs() { return {run_verb(), worker_verb()}; }

}  // namespace sofia::cli

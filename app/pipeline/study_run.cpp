#include "app/pipeline/study_run.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/study_open.hpp"
#include "app/pipeline/study_run_pool.hpp"
#include "app/pipeline/study_storage.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {
namespace {

/// Workers that ask for themselves, through a storage that all of them see.
bool shared(const StudyRunRequest& request) { return request.workers > 1 && request.batch == 0; }

Result<void> check(const StudyRunRequest& request) {
    const StudyWork& work = request.work;
    if (work.command.empty() == work.function.empty()) {
        return fail(ErrorCode::usage, work.command.empty() ? "nothing to tune" : "both a function and a command are given",
                    "`--space FILE -- COMMAND {name}` or `--function NAME`");
    }
    if (!work.command.empty() && work.space_file.empty()) {
        return fail(ErrorCode::usage, "the command has no search space",
                    "--space FILE with a line such as `lr: {type: float, low: 1e-4, high: 0.1, log: true}`");
    }
    if (!work.function.empty() && !work.space_file.empty()) return fail(ErrorCode::usage, "a function has its own space, so --space has no use");
    if (work.dims < 1 || work.dims > 10'000) return fail(ErrorCode::usage, fmt::format("--dims {}: 1 to 10000", work.dims));
    if (request.trials < 0) return fail(ErrorCode::usage, fmt::format("--trials {} is negative", request.trials));
    if (request.trials == 0 && request.timeout == 0) return fail(ErrorCode::usage, "--trials 0 needs a --timeout");
    if (request.directions.size() > 1 && work.pruner != "none") {
        return fail(ErrorCode::usage, fmt::format("--pruner {} needs a study of one objective", work.pruner));
    }
    if (!work.function.empty() && request.directions.size() > 1) return fail(ErrorCode::usage, "a function has one objective");
    return {};
}

/// Names, defaults and the space's text filled in.
Result<StudyWork> complete_work(const StudyRunRequest& request, const Context& context) {
    SOFIA_CHECK(check(request));
    StudyWork work = request.work;
    work.seed = context.seed;
    if (work.sampler.empty()) work.sampler = request.directions.size() > 1 ? "nsga2" : "tpe";
    if (!work.command.empty()) {
        SOFIA_TRY(work.space, read_file(work.space_file));
    }
    const bool kept = !work.study.empty() || request.mode == StudyMode::resume || shared(request);
    if (request.mode == StudyMode::resume && work.study.empty()) {
        return fail(ErrorCode::usage, "--resume needs the --study that is to be continued");
    }
    const bool others = shared(request) || request.mode == StudyMode::resume;
    if (others && (work.storage == "sqlite:///:memory:" || work.storage == ":memory:")) {
        return fail(ErrorCode::usage, fmt::format("--storage {} is gone with this process, so nobody can share or continue it", work.storage),
                    "sqlite:///FILE");
    }
    if (work.study.empty()) work.study = tune::random_study_name();
    if (work.storage.empty() && kept) {
        SOFIA_TRY(work.storage, study_storage_url("", work.study));
    }
    return work;
}

/// What would stop the first trial is an error before a file and a study are made.
Result<void> check_sampler(const StudyRunRequest& request, const StudyWork& work, const StudyObjective& objective) {
    SOFIA_TRY(const tune::StudyOptions options, study_options(work));
    SOFIA_CHECK(options.sampler->validate(request.directions));
    SOFIA_CHECK(options.sampler->exhausted(tune::History(request.directions), objective.space.empty() ? nullptr : &objective.space));
    return {};
}

Result<tune::Study> open_study(const StudyRunRequest& request, const StudyWork& work, const std::shared_ptr<tune::Storage>& storage,
                               const Context& context) {
    SOFIA_TRY(tune::StudyOptions options, study_options(work));
    options.directions = request.directions;
    options.storage = storage;
    options.log = context.log;
    options.open = request.mode == StudyMode::resume ? tune::StudyOptions::Open::resume : tune::StudyOptions::Open::create;
    auto study = tune::Study::open(std::move(options));
    if (!study && study.error().code == ErrorCode::conflict && request.mode == StudyMode::create) {
        study.error().hint = "continue it with --resume, or take another --study";
    }
    return study;
}

/// SQLite writes into a file that somebody has removed without a word, and then all of it is gone.
Result<void> check_kept(const std::string& storage) {
    constexpr std::string_view scheme = "sqlite:///";
    const std::string path = storage.starts_with(scheme) ? storage.substr(scheme.size()) : storage;
    std::error_code ignored;
    const bool file = !path.empty() && path != ":memory:" && path.find("://") == std::string::npos;
    if (!file || std::filesystem::exists(path, ignored)) return {};
    return fail(ErrorCode::io, fmt::format("{} was removed while the study ran: its trials are lost", path), "run it again");
}

Result<tune::OptimizeReport> run_here(const StudyRunRequest& request, const StudyObjective& objective, tune::Study& study, Progress& progress,
                                      const Context& context) {
    tune::OptimizeOptions options;
    options.trials = request.trials;
    options.timeout = request.timeout;
    options.batch = static_cast<std::size_t>(std::max<std::int64_t>(request.batch, 1));
    options.threads = std::min(options.batch, static_cast<std::size_t>(request.workers));
    options.space = objective.space.empty() ? nullptr : &objective.space;
    options.stop = context.stop;
    options.progress = &progress;
    options.log = context.log;
    return tune::optimize(study, objective.measure, options);
}

/// `{lr}, {leaves}`, and how many more.
std::string in_braces(std::span<const std::string> names) {
    constexpr std::size_t shown = 5;
    const std::string text = fmt::format("{{{}}}", join(names.first(std::min(shown, names.size())), "}, {"));
    return names.size() <= shown ? text : fmt::format("{} and {} more", text, names.size() - shown);
}

void warn(const StudyRunRequest& request, const StudyObjective& objective, const Context& context) {
    if (!objective.unused.empty()) {
        context.log.warning(fmt::format("no argument of the command holds {}; it finds all parameters in SOFIA_PARAMS", in_braces(objective.unused)));
    }
    if (request.batch > 0 && request.batch < request.workers) {
        context.log.warning(fmt::format("a batch of {} keeps only {} of {} workers busy", request.batch, request.batch, request.workers));
    }
}

Json values_json(const tune::FrozenTrial& trial) {
    Json values = Json::array();
    for (const double value : trial.values) values.push_back(plain_number(value));
    return values;
}

Json trial_json(const tune::FrozenTrial& trial) {
    Json json = {{"number", trial.number}};
    if (trial.values.size() == 1) json["value"] = plain_number(trial.values.front());
    json["values"] = values_json(trial);
    json["params"] = Json::object();
    for (const tune::Param& param : trial.params) json["params"][param.name] = plain_value(param.value());
    return json;
}

std::string exact_values(const tune::FrozenTrial& trial) {
    std::vector<std::string> texts;
    for (const double value : trial.values) texts.push_back(format_double(value));
    return join(texts, ", ");
}

std::string report_text(const tune::OptimizeReport& report) {
    std::string text = fmt::format("{} complete, {} pruned, {} failed", report.complete, report.pruned, report.failed);
    if (report.lost > 0) text += fmt::format(", {} lost to others", report.lost);
    return text;
}

std::vector<std::vector<std::string>> best_rows(const StudyRunResult& result) {
    std::vector<std::vector<std::string>> rows;
    if (result.directions.size() > 1) {
        rows.push_back({"best trials", fmt::format("{} that no other dominates", result.best.size())});
        for (const tune::TrialPtr& trial : result.best) rows.push_back({fmt::format("trial {}", trial->number), exact_values(*trial)});
        return rows;
    }
    if (result.best.empty()) return rows;
    const tune::FrozenTrial& best = *result.best.front();
    rows.push_back({"best trial", std::to_string(best.number)});
    rows.push_back({"value", exact_values(best)});
    for (const tune::Param& param : best.params) rows.push_back({printable(param.name), printable(tune::format_value(param.value()))});
    return rows;
}

}  // namespace

Result<std::vector<tune::Direction>> parse_directions(const std::string& text) {
    std::vector<tune::Direction> out;
    for (const std::string& part : split(text, ',')) {
        const std::string word = lower(trim(part));
        const std::vector<std::string> known = {"minimize", "maximize"};
        if (std::find(known.begin(), known.end(), word) == known.end()) {
            return fail(ErrorCode::usage, with_suggestion(fmt::format("--direction: \"{}\" is neither minimize nor maximize", part), word, known),
                        "for several objectives with commas between: minimize,maximize");
        }
        out.push_back(word == "minimize" ? tune::Direction::minimize : tune::Direction::maximize);
    }
    return out;
}

std::string known_samplers() { return join(tune::sampler_names(), ", "); }
std::string known_pruners() { return join(tune::pruner_names(), ", "); }

Result<StudyRunResult> study_run(const StudyRunRequest& request, const Context& context) {
    SOFIA_TRY(const StudyWork work, complete_work(request, context));
    SOFIA_TRY(const StudyObjective objective, study_objective(work, context.stop));
    SOFIA_CHECK(check_sampler(request, work, objective));
    std::shared_ptr<tune::Storage> storage = tune::memory_storage();
    if (!work.storage.empty()) {
        SOFIA_TRY(storage, tune::open_storage(work.storage));
    }
    SOFIA_TRY(tune::Study study, open_study(request, work, storage, context));
    warn(request, objective, context);
    if (request.work.storage.empty() && !work.storage.empty()) {
        context.log.info(fmt::format("study {} is kept in {}.db of this folder", work.study, work.study));
    }
    StudyRunResult result{
        .study = study.name(), .storage = without_password(work.storage), .directions = study.directions(), .report = {}, .best = {}};
    Progress progress = context.bar("study", "trials", static_cast<std::uint64_t>(request.trials));
    if (shared(request)) {
        const WorkerPoolOptions options{.workers = static_cast<std::size_t>(request.workers),
                                        .trials = request.trials,
                                        .timeout = request.timeout,
                                        .directions = study.directions(),
                                        .progress = &progress};
        SOFIA_TRY(result.report, run_worker_processes(work, study, options, context));
        SOFIA_CHECK(study.refresh());
    } else {
        SOFIA_TRY(result.report, run_here(request, objective, study, progress, context));
    }
    SOFIA_CHECK(check_kept(work.storage));
    if (study.directions().size() > 1) {
        result.best = study.best_trials();
    } else if (const auto best = study.best_trial()) {
        result.best = {*best};
    }
    if (result.report.end == tune::OptimizeReport::End::stopped) {
        context.log.warning(result.storage.empty()
                                ? std::string("interrupted")
                                : fmt::format("interrupted; go on with --storage {} --study {} --resume", result.storage, result.study));
    }
    if (result.report.end == tune::OptimizeReport::End::exhausted) context.log.info("the sampler has tried all there is");
    return result;
}

Output describe(const StudyRunResult& result) {
    const tune::OptimizeReport& report = result.report;
    Json json = Json::object();
    json["study"] = result.study;
    json["storage"] = result.storage.empty() ? Json() : Json(result.storage);
    if (result.directions.size() > 1) {
        json["best_trials"] = Json::array();
        for (const tune::TrialPtr& trial : result.best) json["best_trials"].push_back(trial_json(*trial));
    } else if (result.best.empty()) {
        json.update({{"number", nullptr}, {"value", nullptr}, {"values", Json::array()}, {"params", Json::object()}});
    } else {
        json.update(trial_json(*result.best.front()));
    }
    json["complete"] = report.complete;
    json["pruned"] = report.pruned;
    json["failed"] = report.failed;
    std::vector<std::vector<std::string>> rows = {{"study", printable(result.study)},
                                                  {"storage", result.storage.empty() ? "memory" : printable(result.storage)},
                                                  {"trials", report_text(report)}};
    for (auto& row : best_rows(result)) rows.push_back(std::move(row));
    const std::vector<std::string> header = {"study run", ""};
    Output output = make_output(format_table(header, rows), std::move(json));
    if (report.end == tune::OptimizeReport::End::stopped) {
        output.exit = exit_code(ErrorCode::interrupted);
    } else if (report.failed > 0 && report.complete + report.pruned == 0) {
        output.exit = 1;
    }
    return output;
}

}  // namespace sofia::pipeline

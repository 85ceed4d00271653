#include "app/pipeline/direction_tune.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/artifacts.hpp"
#include "app/pipeline/audit_columns.hpp"
#include "app/pipeline/direction_data.hpp"
#include "app/pipeline/direction_fit.hpp"
#include "app/pipeline/direction_summary.hpp"
#include "app/pipeline/manifest.hpp"
#include "app/pipeline/study_terms.hpp"
#include "app/pipeline/summary.hpp"
#include "app/pipeline/trial_window.hpp"
#include "app/pipeline/tune_study.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"
#include "models/model_folder.hpp"
#include "tune/study.hpp"

namespace sofia::pipeline {
namespace {

/// What all trials of a call share. Read by many threads; what changes is behind `mutex` or atomic.
struct Search {
    Search(const TuneRequest& asked, const Context& with) : request(asked), context(with) {}

    const TuneRequest& request;
    const Context& context;
    DirectionSettings settings;
    Custom custom;  ///< what the settings name of the registered things
    Minutes minutes;
    DirectionSamples samples;
    std::vector<models::FeatureId> features;
    std::string rows_sha256;
    tune::SearchSpace space;
    std::map<std::string, std::string> keys;  ///< parameter -> configuration key
    std::string study;
    StudyFolder folder;
    std::size_t workers = 1;
    std::size_t lightgbm_threads = 1;
    std::unique_ptr<DatasetCache> datasets;
    StageClock clock;
    std::atomic<DurationNs> busy{0};  ///< of all workers

    std::mutex mutex;
    Result<void> written;  ///< the first failure to write a summary
};

Result<DirectionSettings> settings_with(const Search& search, const std::map<std::string, tune::ParamValue>& values,
                                        std::map<std::string, std::string>& params) {
    DirectionSettings settings = search.settings;
    config::Keys keys = keys_of(settings);
    SOFIA_TRY(params, set_parameters(keys, values, search.keys));
    SOFIA_CHECK(settings.validate());
    if (search.custom.learner != nullptr) SOFIA_CHECK(search.custom.learner->check(settings.learner.params));
    return settings;
}

/// The key of a registered learner's parameter: any name is one, and whether it takes it is asked with the values.
Result<std::string> learner_key_of(const std::string& parameter) {
    constexpr std::string_view section = "learner.params.";
    return parameter.starts_with(section) ? parameter : std::string(section) + parameter;
}

Result<void> read_space(Search& search) {
    if (search.settings.search.empty()) {
        return fail(ErrorCode::config, "the configuration has no search space", "add a `search:` section, as configs/direction.yaml has");
    }
    SOFIA_TRY(search.space, tune::parse_space(search.settings.search));
    for (const auto& [name, distribution] : search.space) {
        SOFIA_TRY(search.keys[name], search.custom.learner == nullptr ? direction_key_of(name) : learner_key_of(name));
        // A trial that could not run is found before the first one.
        for (const tune::ParamValue& value : extremes(distribution)) {
            std::map<std::string, std::string> ignored;
            if (const auto settings = settings_with(search, {{name, value}}, ignored); !settings) {
                return fail(ErrorCode::config, fmt::format("search.{}: {}", name, settings.error().message), "change the parameter's range");
            }
        }
    }
    return {};
}

/// Under which terms the study's values can be compared.
StudyTerms terms_of(const Search& search) {
    std::set<std::string> searched;
    for (const auto& [name, key] : search.keys) searched.insert(key);
    StudyTerms terms;
    DirectionSettings copy = search.settings;
    // Which rows they make is in their hash; the same file may be named in several ways. What is done with a probability changes no trial's value.
    const auto free = [](const std::string& key) {
        for (const char* section : {"search", "tune.", "data.", "instrument.", "funding.", "features.joined", "split.", "rule.", "execution.",
                                    "costs.", "sizing.", "simulation."}) {
            if (key.starts_with(section)) return true;
        }
        return false;
    };
    const config::Keys keys = keys_of(copy);
    for (const config::Key& key : keys.all()) {
        if (!free(key.path) && !searched.contains(key.path)) terms.settings[key.path] = key.get();
    }
    terms.settings["seed"] = std::to_string(search.context.seed);
    terms.settings.merge(custom_facts(search.minutes.custom.parts));
    terms.data = {{"symbol", search.minutes.symbol},
                  {"from", format_time(search.samples.train.window.from)},
                  {"to", format_time(search.samples.validation.window.to)},
                  {"sha256", search.rows_sha256}};
    return terms;
}

DirectionSummary summary_of(const Search& search, std::int64_t trial, DirectionSettings settings) {
    DirectionSummary summary{.study = search.study, .trial = trial, .seed = search.context.seed};
    summary.data_dir = search.request.data_dir;
    summary.symbol = search.minutes.symbol;
    summary.simulated = search.minutes.simulated;
    summary.metric = search.settings.score.metric;
    summary.windows = windows_of(search.samples);
    summary.features = search.features;
    summary.custom = search.minutes.custom.parts;
    summary.rows_sha256 = search.rows_sha256;
    summary.config = show_settings(std::move(settings));
    return summary;
}

Result<tune::Outcome> run_trial(Search& search, tune::Trial& trial) {
    SOFIA_CHECK(search.context.go_on());
    std::map<std::string, std::string> params;
    SOFIA_TRY(const DirectionSettings settings, settings_with(search, trial.params(), params));
    const DirectionFit fit{.samples = search.samples,
                           .columns = search.minutes.columns,
                           .seed = search.context.seed,
                           .threads = search.lightgbm_threads,
                           .datasets = search.datasets.get(),
                           .clock = &search.clock,
                           .learner = search.custom.learner.get()};
    SOFIA_TRY(const DirectionValue found, model_value(fit, settings, *search.context.stop));
    // Before the trial is told, so that a finished one always has its summary, whenever the process ends.
    const StageTimer timer(&search.clock, TimeStage::storage);
    DirectionSummary summary = summary_of(search, trial.number(), settings);
    summary.params = std::move(params);
    summary.value = found.value;
    summary.best_iteration = found.best_iteration;
    summary.rounds = found.rounds;
    const auto written = write_direction_summary(search.folder.summary(trial.number()), summary);
    if (!written) {
        const std::lock_guard lock(search.mutex);
        if (search.written) search.written = written;
        return std::unexpected(written.error());
    }
    return found.value;
}

Result<void> prepare(Search& search) {
    const StageTimer timer(&search.clock, TimeStage::features);
    SOFIA_TRY(const store::DataFolder folder, store::DataFolder::open(search.request.data_dir));
    SOFIA_TRY(search.settings, load_direction_settings({.instrument = folder.instrument(),
                                                        .instrument_file = folder.has_instrument_file(),
                                                        .file = search.request.config_file,
                                                        .sets = search.request.sets}));
    if (search.request.batch > 0) search.settings.tune.batch = search.request.batch;
    SOFIA_TRY(search.custom, custom_of(search.settings, search.context));
    SOFIA_CHECK(read_space(search));
    SOFIA_TRY(search.minutes, load_minutes(folder, search.settings, search.context));
    SOFIA_TRY(search.samples, direction_samples(search.minutes, search.settings.split));
    search.features = feature_ids(search.minutes.columns);
    search.rows_sha256 = rows_hash(search.samples);
    const std::size_t threads = search.context.threads == 0 ? usable_cores() : search.context.threads;
    search.workers = search.request.workers > 0 ? static_cast<std::size_t>(search.request.workers) : threads;
    search.lightgbm_threads = std::max<std::size_t>(threads / search.workers, 1);
    search.datasets = std::make_unique<DatasetCache>(static_cast<std::size_t>(search.settings.tune.cache_mb) << 20U);
    search.study = search.request.study.empty() ? tune::random_study_name() : search.request.study;
    search.folder = {search.request.model_dir / search.study};
    return {};
}

void log_beginning(const Search& search) {
    const auto of = [](const DirectionSample& sample) {
        return fmt::format("{} rows from {} ({:.1f} % up)", sample.rows(), format_date(sample.window.from),
                           100.0 * sample.ups() / static_cast<double>(sample.rows()));
    };
    search.context.log.info(fmt::format("study {}: {} parameters, {} columns; training {}, validation {}", search.study, search.space.size(),
                                        search.minutes.columns.size(), of(search.samples.train), of(search.samples.validation)));
}

Result<DirectionTuneResult> finish(Search& search, const tune::Study& study, const tune::OptimizeReport& report, DurationNs begun) {
    search.clock.add(TimeStage::storage, report.study_time);
    DirectionTuneResult result{.study = search.study, .folder = search.folder.root, .metric = search.settings.score.metric};
    result.complete = report.complete;
    result.failed = report.failed;
    result.datasets = search.datasets->count();
    result.time = time_use(search.clock, search.workers, steady_now() - begun, search.busy);
    Manifest manifest{.verb = "tune", .config = show_settings(search.settings), .inputs = search.minutes.files, .facts = {}, .outputs = {}};
    manifest.facts = {{"strategy", "direction"}, {"study", search.study}, {"symbol", search.minutes.symbol}};
    std::ranges::copy(custom_facts(search.minutes.custom.parts), std::back_inserter(manifest.facts));
    const Json time = time_json(result.time);
    manifest.time = &time;
    SOFIA_CHECK(write_manifest(search.folder.manifest(), manifest, search.context));
    search.context.log.info(time_text(result.time));
    if (report.end == tune::OptimizeReport::End::stopped) {
        return fail(ErrorCode::interrupted,
                    fmt::format("interrupted after {} finished trials, which are kept in {}", report.complete, search.folder.root.string()),
                    fmt::format("go on with --study {} --resume", search.study));
    }
    if (const auto best = study.best_trial()) {
        result.best_trial = (*best)->number;
        result.best_value = (*best)->values.front();
        result.best_summary = search.folder.summary(result.best_trial);
    }
    return result;
}

}  // namespace

Result<DirectionTuneResult> tune_direction(const TuneRequest& request, const Context& context) {
    const DurationNs begun = steady_now();
    SOFIA_CHECK(check_study_name(request.study));
    Search search(request, context);
    SOFIA_CHECK(prepare(search));
    TuneStudy asked{.name = search.study, .folder = search.folder, .sampler = search.settings.tune.sampler, .terms = terms_of(search)};
    asked.direction = search.settings.score.minimized() ? tune::Direction::minimize : tune::Direction::maximize;
    asked.startup_trials = search.settings.tune.startup_trials;
    SOFIA_TRY(tune::Study study, open_tune_study(request, asked, context));
    log_beginning(search);
    Progress progress = context.bar("tune", "trials", static_cast<std::uint64_t>(request.trials));
    tune::OptimizeOptions options;
    options.trials = request.trials;
    options.timeout = request.timeout;
    options.batch = static_cast<std::size_t>(search.settings.tune.batch);
    options.space = &search.space;
    options.stop = context.stop;
    options.progress = &progress;
    options.log = context.log;
    options.on_trial = [&](const tune::Study&, const tune::TrialPtr&) {
        const std::lock_guard lock(search.mutex);
        return search.written;
    };
    const tune::Objective objective = [&](tune::Trial& trial) {
        const DurationNs from = steady_now();
        auto outcome = run_trial(search, trial);
        search.busy += steady_now() - from;
        return outcome;
    };
    SOFIA_TRY(const tune::OptimizeReport report, optimize_in_window(study, objective, options, search.workers));
    return finish(search, study, report, begun);
}

Output describe(const DirectionTuneResult& result) {
    Json json = {{"strategy", "direction"},     {"study", result.study}, {"folder", result.folder.string()},
                 {"complete", result.complete}, {"pruned", 0},           {"failed", result.failed},
                 {"metric", result.metric}};
    json["best_trial"] = result.best_trial < 0 ? Json() : Json(result.best_trial);
    json["best_value"] = result.best_trial < 0 ? Json() : json_number(result.best_value);
    json["best_summary"] = result.best_summary.string();
    json["cache"]["datasets"] = {{"made", result.datasets.misses}, {"reused", result.datasets.hits}};
    json["time"] = time_json(result.time);
    std::vector<std::vector<std::string>> rows = {{"study", result.study}, {"folder", result.folder.string()}};
    rows.push_back({"trials", fmt::format("{} complete, {} failed", result.complete, result.failed)});
    if (result.best_trial >= 0) {
        rows.push_back({"best trial", std::to_string(result.best_trial)});
        rows.push_back({result.metric, fmt::format("{:.6f}", result.best_value)});
        rows.push_back({"summary", result.best_summary.string()});
    }
    const std::vector<std::string> header = {"tune", ""};
    Output output = make_output(format_table(header, rows), std::move(json));
    if (result.failed > 0 && result.complete == 0) output.exit = 1;
    return output;
}

}  // namespace sofia::pipeline

#include "app/pipeline/tune.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/manifest.hpp"
#include "app/pipeline/trial_list.hpp"
#include "app/pipeline/tune_study.hpp"
#include "app/pipeline/tune_trial.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"
#include "tune/study.hpp"

namespace sofia::pipeline {
namespace {

/// The distribution of a configuration key, or null.
const tune::Distribution* searched(const Search& search, const std::string& key) {
    for (const auto& [name, distribution] : search.space) {
        if (search.keys.at(name) == key) return &distribution;
    }
    return nullptr;
}

/// The largest value that a whole-number key takes in any trial. The ends of a range have been checked to be such values, however they are written.
std::int64_t largest_of(const Search& search, const std::string& key, Settings settings) {
    config::Keys keys = keys_of(settings);
    const auto at = std::ranges::find(keys.all(), key, &config::Key::path);
    const auto value = [&] { return parse_int(at->get()).value_or(0); };
    const tune::Distribution* distribution = searched(search, key);
    if (distribution == nullptr) return value();
    std::int64_t largest = 0;
    for (const tune::ParamValue& end : extremes(*distribution)) {
        if (config::set(assignment_of(keys, key, tune::format_value(end)), keys)) largest = std::max(largest, value());
    }
    return largest;
}

/// The most bars that a label of any trial may look ahead: folds are purged by it, so that they do not depend on the trial.
std::int64_t largest_look_ahead(const Search& search) {
    const Settings& settings = search.settings;
    const auto largest = [&](const char* key) { return largest_of(search, key, settings); };
    const auto gate_of = [&](const char* key, bool fixed) { return fixed || searched(search, key) != nullptr; };
    std::int64_t bars = largest("barriers.max_hold_bars");
    if (gate_of("gate.use_trend_gate", settings.decision.gate.use_trend_gate)) bars = std::max(bars, largest("trend.horizon_bars"));
    if (gate_of("gate.use_regime_gate", settings.decision.gate.use_regime_gate)) bars = std::max(bars, largest("regime.horizon_bars"));
    return bars;
}

/// Whether a whole-number key would be given fractions between the ends of its range.
bool draws_fractions(const config::Keys& keys, const std::string& key, const tune::Distribution& distribution) {
    const auto* range = distribution.as_float();
    const auto found = std::ranges::find(keys.all(), key, &config::Key::path);
    return range != nullptr && found != keys.all().end() && found->type == "integer" &&
           (range->step == 0.0 || std::floor(range->step) != range->step);
}

/// Every key takes the ends of its range, with all others as they stand: a trial that could not run is found before the first one.
Result<void> check_extremes(const std::string& name, const std::string& key, const tune::Distribution& distribution, Settings settings) {
    config::Keys keys = keys_of(settings);
    if (draws_fractions(keys, key, distribution)) {
        return fail(ErrorCode::config, fmt::format("search.{}: {} takes whole numbers only", name, key), "give the range the type int");
    }
    for (const tune::ParamValue& value : extremes(distribution)) {
        auto taken = config::set(assignment_of(keys, key, tune::format_value(value)), keys);
        if (taken) taken = settings.validate();
        if (!taken) return fail(ErrorCode::config, fmt::format("search.{}: {}", name, taken.error().message), "change the parameter's range");
    }
    return {};
}

Result<void> read_space(Search& search) {
    if (search.settings.search.empty()) {
        return fail(ErrorCode::config, "the configuration has no search space", "add a `search:` section, as configs/touch.yaml has");
    }
    SOFIA_TRY(search.space, tune::parse_space(search.settings.search));
    for (const auto& [name, distribution] : search.space) {
        SOFIA_TRY(search.keys[name], key_of_parameter(name));
        if (!is_of_a_trial(search.keys[name])) {
            return fail(ErrorCode::config, fmt::format("search.{}: {} is the same for all trials of a study", name, search.keys[name]),
                        "set it outside `search:`, and tune a study for each of its values");
        }
        SOFIA_CHECK(check_extremes(name, search.keys[name], distribution, search.settings));
    }
    search.largest_hold_bars = largest_look_ahead(search);
    return {};
}

std::string cache_text(const char* what, CacheCount count) { return fmt::format("{} made {}, reused {}", what, count.misses, count.hits); }

TuneResult counted(Search& search, const tune::OptimizeReport& report, DurationNs begun) {
    search.clock.add(TimeStage::storage, report.study_time);
    return {.study = search.study,
            .folder = search.folder.root,
            .complete = report.complete,
            .pruned = report.pruned,
            .failed = report.failed,
            .touches = search.candidates.count(),
            .labels = search.labeled.count(),
            .datasets = search.datasets->count(),
            .time = time_use(search.clock, search.workers, steady_now() - begun, search.crew->busy())};
}

Result<TuneResult> finish(Search& search, const tune::Study& study, const tune::OptimizeReport& report, DurationNs begun) {
    TuneResult result = counted(search, report, begun);
    Manifest manifest{.verb = "tune", .config = show_settings(search.settings), .inputs = search.history.data.files, .facts = {}, .outputs = {}};
    manifest.facts = {{"study", search.study}, {"symbol", search.history.data.symbol}};
    const Json time = time_json(result.time);
    manifest.time = &time;
    SOFIA_CHECK(write_manifest(search.folder.manifest(), manifest, search.context));
    search.context.log.info(fmt::format("made once for all trials: {}, {}, {} ({:.0f} MB kept)", cache_text("touch sets", result.touches),
                                        cache_text("label sets", result.labels), cache_text("binned rows", result.datasets),
                                        static_cast<double>(search.datasets->bytes()) / 1e6));
    search.context.log.info(time_text(result.time));
    if (report.end == tune::OptimizeReport::End::stopped) {
        return fail(
            ErrorCode::interrupted,
            fmt::format("interrupted after {} finished trials, which are kept in {}", report.complete + report.pruned, search.folder.root.string()),
            fmt::format("go on with --study {} --resume", search.study));
    }
    if (search.feasible == 0 && report.complete > 0) {
        search.context.log.warning(fmt::format(
            "no trial of this call is feasible: more than {:.0f} % of the folds have fewer than {} trades; the best one is only the least thin",
            100.0 * search.settings.score.max_thin_folds, search.settings.score.min_trades));
    }
    if (const auto best = study.best_trial()) {
        result.best_trial = (*best)->number;
        result.best_value = (*best)->values.front();
        result.best_summary = search.folder.summary(result.best_trial);
    }
    return result;
}

/// A value that each trial draws anew cannot be set: it would be ignored in silence.
void warn_of_searched(const Search& search) {
    for (const std::string& set : search.request.sets) {
        const std::string key = set.substr(0, set.find('='));
        const bool drawn = std::ranges::any_of(search.keys, [&](const auto& parameter) { return parameter.second == key; });
        if (drawn) search.context.log.warning(fmt::format("--set {} has no effect: the search draws {} for each trial", set, key));
    }
}

/// So many folds at the same time, and so many threads for each.
void share_work(Search& search) {
    const std::size_t threads = search.context.threads == 0 ? usable_cores() : search.context.threads;
    search.workers = search.request.workers > 0 ? static_cast<std::size_t>(search.request.workers) : threads;
    search.lightgbm_threads = std::max<std::size_t>(threads / search.workers, 1);
    search.datasets = std::make_unique<DatasetCache>(static_cast<std::size_t>(search.settings.tune.cache_mb) << 20U);
    search.crew = std::make_unique<Crew>(search.workers);
}

}  // namespace

Result<TuneResult> tune(const TuneRequest& request, const Context& context) {
    const DurationNs begun = steady_now();
    SOFIA_CHECK(check_study_name(request.study));
    SOFIA_TRY(const store::DataFolder folder, store::DataFolder::open(request.data_dir));
    Search search(request, context);
    SOFIA_TRY(
        search.settings,
        load_settings(
            {.instrument = folder.instrument(), .instrument_file = folder.has_instrument_file(), .file = request.config_file, .sets = request.sets}));
    if (request.batch > 0) search.settings.tune.batch = request.batch;
    SOFIA_CHECK(read_space(search));
    warn_of_searched(search);
    share_work(search);
    {
        const StageTimer timer(&search.clock, TimeStage::features);
        SOFIA_TRY(search.history, load_history(folder, search.settings, context));
    }
    SOFIA_TRY(search.splits, labels::make_splits(search.settings.split, search.history.window()));
    SOFIA_TRY(search.folds, labels::walk_forward(search.settings.split, search.splits.tuning));
    std::set<std::string> searched_keys;
    for (const auto& [name, key] : search.keys) searched_keys.insert(key);
    search.terms = study_terms(search.settings, searched_keys, search.history, search.splits.tuning, context.seed);
    search.study = request.study.empty() ? tune::random_study_name() : request.study;
    search.folder = {request.model_dir / search.study};
    TuneStudy asked{.name = search.study, .folder = search.folder, .sampler = search.settings.tune.sampler, .terms = search.terms};
    asked.startup_trials = search.settings.tune.startup_trials;
    asked.pruner = search.settings.tune.pruner;
    SOFIA_TRY(tune::Study study, open_tune_study(request, asked, context));
    search.opened = &study;
    context.log.info(fmt::format("study {}: {} parameters, {} folds inside {} to {}", search.study, search.space.size(), search.folds.size(),
                                 format_date(search.splits.tuning.from), format_date(search.splits.tuning.to)));
    Progress progress = context.bar("tune", "trials", static_cast<std::uint64_t>(request.trials));
    tune::OptimizeOptions options;
    options.trials = request.trials;
    options.timeout = request.timeout;
    options.batch = static_cast<std::size_t>(search.settings.tune.batch);
    // Trials wait for their folds while the crew works; one more than it has workers keeps it busy between two trials.
    options.threads = std::min(options.batch, search.workers + 1);
    options.space = &search.space;
    options.stop = context.stop;
    options.progress = &progress;
    options.log = context.log;
    options.on_trial = [&](const tune::Study&, const tune::TrialPtr&) { return search.written; };
    SOFIA_TRY(const tune::OptimizeReport report, tune::optimize(study, [&](tune::Trial& trial) { return run_trial(search, trial); }, options));
    return finish(search, study, report, begun);
}

Output describe(const TuneResult& result) {
    Json json = {{"study", result.study},
                 {"folder", result.folder.string()},
                 {"complete", result.complete},
                 {"pruned", result.pruned},
                 {"failed", result.failed}};
    json["best_trial"] = result.best_trial < 0 ? Json() : Json(result.best_trial);
    json["best_value"] = result.best_trial < 0 ? Json() : json_number(result.best_value);
    json["best_summary"] = result.best_summary.string();
    for (const auto& [name, count] : {std::pair{"touches", result.touches}, {"labels", result.labels}, {"datasets", result.datasets}}) {
        json["cache"][name] = {{"made", count.misses}, {"reused", count.hits}};
    }
    json["time"] = time_json(result.time);
    std::vector<std::vector<std::string>> rows = {{"study", result.study}, {"folder", result.folder.string()}};
    rows.push_back({"trials", fmt::format("{} complete, {} pruned, {} failed", result.complete, result.pruned, result.failed)});
    if (result.best_trial >= 0) {
        rows.push_back({"best trial", std::to_string(result.best_trial)});
        rows.push_back({"value", fmt::format("{:.4f}", result.best_value)});
        rows.push_back({"summary", result.best_summary.string()});
    }
    const std::vector<std::string> header = {"tune", ""};
    Output output = make_output(format_table(header, rows), std::move(json));
    if (result.failed > 0 && result.complete + result.pruned == 0) output.exit = 1;
    return output;
}

}  // namespace sofia::pipeline

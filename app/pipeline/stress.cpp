#include "app/pipeline/stress.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/audit_columns.hpp"
#include "app/pipeline/manifest.hpp"
#include "app/pipeline/model_members.hpp"
#include "app/pipeline/strategy.hpp"
#include "app/pipeline/stress_feed.hpp"
#include "app/pipeline/stress_files.hpp"
#include "app/pipeline/stress_scenarios.hpp"
#include "app/pipeline/summary.hpp"
#include "app/pipeline/train.hpp"
#include "app/pipeline/tuned_with.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "models/model_folder.hpp"

namespace sofia::pipeline {
namespace {

/// What is stressed, and what every scenario reads.
struct Bench {
    const Context& context;
    TrainConfig trained;
    std::filesystem::path model_folder;
    std::optional<SummaryHead> summary;  ///< where it still stands beside the train config
    models::Model model;
    Settings settings{};
    History history{};
    Candidates candidates{};
    labels::Splits splits{};
    StrategyModels models{};
    std::vector<trading::Signal> signals{};  ///< of the test window
    std::vector<trading::Signal> acted{};    ///< of these, what the base acted on
    std::vector<trading::ClosedTrade> trades{};
    bool in_sample = false;                  ///< whether the models have seen that window
};

Result<Bench> read_subject(const std::filesystem::path& train_config, const Context& context) {
    SOFIA_TRY(TrainConfig trained, read_train_config(train_config));
    const std::filesystem::path beside = train_config.parent_path();
    Bench bench{.context = context, .trained = std::move(trained), .model_folder = {}, .summary = {}, .model = {}};
    bench.model_folder = beside / bench.trained.model_path;
    SOFIA_TRY(bench.model, models::load_model(bench.model_folder));
    auto summary = read_summary(beside / bench.trained.tuning_summary_path);
    if (summary) {
        bench.summary = *std::move(summary);
    } else if (summary.error().code != ErrorCode::io) {
        return std::unexpected(summary.error());
    } else {
        context.log.warning(summary.error().message + ": settings are held against the train config alone, and windows and folds are cut anew");
    }
    return bench;
}

/// Stress's own keys are no terms of the tuning, so they are not compared.
Result<void> warn_of_changes(const Bench& bench) {
    const std::string& tuned = bench.summary ? bench.summary->config : bench.trained.config;
    SOFIA_TRY(const Settings before, load_settings({.resolved = tuned}));
    Settings used = bench.settings;
    used.stress = before.stress;
    SOFIA_CHECK(warn_of_overrides(tuned, used, bench.context));
    return {};
}

/// The candidates known inside a window.
std::vector<std::size_t> known_in(const Candidates& candidates, trading::Window window) {
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < candidates.touches.size(); ++i) {
        if (window.contains(candidates.touches[i].known_at)) which.push_back(i);
    }
    return which;
}

Result<std::vector<trading::Signal>> window_signals(const Bench& bench, const History& history, const Candidates& candidates,
                                                    trading::Window window) {
    return signals_of(bench.models, history, candidates, known_in(candidates, window));
}

/// Runs the core and fills in what it gave.
Result<void> decide(const Bench& bench, const History& history, const Settings& settings, std::span<const trading::Signal> signals,
                    trading::Window window, StressRow& row) {
    SOFIA_TRY(const trading::DecisionCore core, run_core(history, settings, signals, bench.models.ev, window));
    row.figures = backtest::figures_of(core, window, settings.decision.touch.timeframes);
    row.refused = core.refused();
    return {};
}

// ---- other data

struct ExtraData {
    store::DataFolder folder;
    Settings settings;  ///< the same, with the folder's own instrument
};

/// Opened before any data are read, so that a wrong one is said at once.
Result<std::vector<ExtraData>> open_extra(const StressRequest& request, const Settings& settings) {
    std::vector<ExtraData> out;
    std::vector<std::filesystem::path> seen;
    for (const std::filesystem::path& path : request.extra_data) {
        SOFIA_TRY(store::DataFolder folder, store::DataFolder::open(path));
        std::error_code error;
        const std::filesystem::path place = std::filesystem::weakly_canonical(path, error);
        if (std::ranges::find(seen, place) != seen.end()) return fail(ErrorCode::usage, "--extra-data " + path.string() + " is named twice");
        seen.push_back(place);
        Settings own = settings;
        if (folder.has_instrument_file()) own.instrument = folder.instrument();
        SOFIA_CHECK(own.validate());
        out.push_back({std::move(folder), std::move(own)});
    }
    return out;
}

/// Columns that the model knows with numbers and that other data leave empty are as absent as those that are not made.
Result<void> audit_values(const Bench& bench, const ExtraData& extra, const History& history) {
    SOFIA_CHECK(audit_columns(bench.model.features, history.columns));
    const std::vector<std::string> empty = empty_columns(bench.history.rows, history.rows);
    if (empty.empty()) return {};
    const std::size_t shown = std::min<std::size_t>(empty.size(), 12);
    return fail(ErrorCode::blocked,
                fmt::format("feature audit: {} columns hold values in the model's data and none in {}: {}{}", empty.size(),
                            extra.folder.path().string(), join(std::span(empty).first(shown), ", "), shown < empty.size() ? ", …" : ""),
                "leave that --extra-data out, or train a model without these columns");
}

Result<StressRow> run_extra(const Bench& bench, const ExtraData& extra) {
    if (!bench.settings.funding.file.empty() && extra.folder.symbol() != bench.history.data.symbol) {
        bench.context.log.warning(fmt::format("{}: charged the funding rates of {}", extra.folder.path().string(), bench.settings.funding.file));
    }
    SOFIA_TRY(const History history, load_history(extra.folder, extra.settings, bench.context));
    SOFIA_CHECK(audit_values(bench, extra, history));
    SOFIA_TRY(const Candidates candidates, find_candidates(history, extra.settings.decision.touch));
    const trading::Window window = history.window();
    SOFIA_TRY(const auto signals, window_signals(bench, history, candidates, window));
    // Markets move together: time that the model has learnt from counts as seen, whatever the symbol.
    StressRow row{.group = "extra data",
                  .name = fmt::format("{} ({})", history.data.symbol, extra.folder.path().string()),
                  .changes = {},
                  .in_sample = models::overlapping_window(bench.model, window.from, window.to) != nullptr,
                  .figures = {},
                  .note = {}};
    SOFIA_CHECK(decide(bench, history, extra.settings, signals, window, row));
    return row;
}

// ---- bars lost and repeated

using Damage = std::vector<market::Bar> (*)(std::span<const market::Bar>, double, RandomStream);

/// The strategy sees damaged bars; its orders meet the market as it was.
Result<StressRow> run_feed(const Bench& bench, const char* what, Damage damage, double share) {
    Context quiet = bench.context;
    quiet.log = Logger();
    const RandomStream random = RandomStream(bench.context.seed).split("stress").split(what);
    SOFIA_TRY(const History seen, seen_history(bench.history, damage(bench.history.bars.front(), share, random), bench.settings, quiet));
    SOFIA_TRY(const Candidates candidates, find_candidates(seen, bench.settings.decision.touch));
    SOFIA_TRY(const auto signals, window_signals(bench, seen, candidates, bench.splits.test));
    StressRow row{.group = "feed",
                  .name = fmt::format("{} % of the bars {}", format_double(100.0 * share), what),
                  .changes = {},
                  .in_sample = bench.in_sample,
                  .figures = {},
                  .note = {}};
    SOFIA_CHECK(decide(bench, bench.history, bench.settings, signals, bench.splits.test, row));
    return row;
}

// ---- everything that reads the one history

Result<StressRow> run_scenario(const Bench& bench, const StressScenario& scenario) {
    StressRow row{
        .group = scenario.group, .name = scenario.name, .changes = scenario.changes, .in_sample = bench.in_sample, .figures = {}, .note = {}};
    if (scenario.foresight == Foresight::unforeseen) {
        // The gate has decided already, without the change.
        Settings settings = scenario.settings;
        settings.decision.gate.use_gates = false;
        row.unforeseen = true;
        SOFIA_CHECK(decide(bench, bench.history, settings, bench.acted, bench.splits.test, row));
        return row;
    }
    const bool other_touches = std::ranges::any_of(scenario.changes, [](const std::string& change) { return change.starts_with("touch."); });
    if (!other_touches) {
        SOFIA_CHECK(decide(bench, bench.history, scenario.settings, bench.signals, bench.splits.test, row));
        return row;
    }
    SOFIA_TRY(const Candidates candidates, find_candidates(bench.history, scenario.settings.decision.touch));
    SOFIA_TRY(const auto signals, window_signals(bench, bench.history, candidates, bench.splits.test));
    SOFIA_CHECK(decide(bench, bench.history, scenario.settings, signals, bench.splits.test, row));
    return row;
}

/// All of the data; while no selection has let shadow decide, up to where shadow begins: nothing else may look at it before.
Result<StressRow> run_whole(const Bench& bench) {
    trading::Window window = bench.history.window();
    const bool closed = bench.splits.shadow.length() > 0 && !(bench.summary && bench.summary->verdict.shadow);
    if (closed) window.to = bench.splits.shadow.from;
    SOFIA_TRY(const auto signals, window_signals(bench, bench.history, bench.candidates, window));
    StressRow row{.group = "whole data",
                  .name = closed ? "whole data set before shadow" : "whole data set",
                  .changes = {},
                  .in_sample = true,
                  .figures = {},
                  .note = {}};
    SOFIA_CHECK(decide(bench, bench.history, bench.settings, signals, window, row));
    return row;
}

/// As the tuner judges a trial. In-sample: the parameters were chosen by these windows.
Result<StressRow> run_one_fold(const Bench& bench, const LabeledCandidates& labeled, const labels::Fold& fold) {
    const StrategyData data{bench.history, bench.settings, bench.candidates, labeled};
    SOFIA_TRY(const FoldOutcome outcome, run_fold(data, fold, bench.trained.seed, 1, *bench.context.stop));
    StressRow row{.group = "folds",
                  .name = fmt::format("fold {}", fold.index),
                  .changes = {},
                  .in_sample = true,
                  .figures = backtest::figures_of(outcome.trades, fold.validation, bench.settings.decision.sizing.starting_equity,
                                                  bench.settings.decision.touch.timeframes),
                  .refused = outcome.refused,
                  .note = outcome.note};
    row.figures.unfilled = outcome.unfilled;
    return row;
}

/// A row that is still to be made; jobs read the bench and nothing of each other.
using Job = std::function<Result<StressRow>()>;

/// Rows in the order of the jobs, or the first error among them.
Result<std::vector<StressRow>> run_jobs(const Bench& bench, const std::vector<Job>& jobs, ThreadPool& pool, Progress& progress) {
    std::vector<Result<StressRow>> made(jobs.size(), StressRow{});
    pool.for_each(jobs.size(), [&](std::size_t i) {
        if (const auto go_on = bench.context.go_on(); !go_on) {
            made[i] = std::unexpected(go_on.error());
            return;
        }
        made[i] = jobs[i]();
        progress.advance();
    });
    std::vector<StressRow> rows;
    for (Result<StressRow>& row : made) {
        if (!row) return std::unexpected(row.error());
        rows.push_back(*std::move(row));
    }
    return rows;
}

/// Feeds and other data need histories of their own: one after another, so that there is never more than one beside the base's.
std::vector<Job> own_history_jobs(const Bench& bench, const std::vector<ExtraData>& extras) {
    std::vector<Job> jobs;
    // What may be refused comes first.
    for (const ExtraData& extra : extras) jobs.emplace_back([&bench, &extra] { return run_extra(bench, extra); });
    for (const double share : bench.settings.stress.drop_shares)
        jobs.emplace_back([&bench, share] { return run_feed(bench, "lost", drop_bars, share); });
    for (const double share : bench.settings.stress.repeat_shares) {
        jobs.emplace_back([&bench, share] { return run_feed(bench, "repeated", repeat_bars, share); });
    }
    return jobs;
}

/// The same strategy on the whole data, in the order of the table, the base first.
Result<std::vector<StressRow>> run_all(Bench& bench, const std::vector<ExtraData>& extras, const StressScenarios& plan, ThreadPool& pool) {
    SOFIA_TRY(const auto folds, labels::walk_forward(bench.settings.split, bench.splits.tuning));
    const std::int64_t hold = bench.summary ? bench.summary->largest_hold_bars : bench.settings.decision.barriers.max_hold_bars;
    SOFIA_TRY(const LabeledCandidates labeled, label_candidates(bench.history, bench.candidates, bench.settings, hold));
    const std::vector<Job> own = own_history_jobs(bench, extras);
    std::vector<Job> shared;
    // Fits take longest, so they begin first.
    for (const labels::Fold& fold : folds) shared.emplace_back([&] { return run_one_fold(bench, labeled, fold); });
    shared.emplace_back([&] { return run_whole(bench); });
    const StressScenario base{.group = "base", .name = "as tuned", .changes = {}, .settings = bench.settings};
    shared.emplace_back([&] { return run_scenario(bench, base); });
    for (const StressScenario& scenario : plan.scenarios) shared.emplace_back([&] { return run_scenario(bench, scenario); });

    Progress progress = bench.context.bar("stress", "scenarios", own.size() + shared.size());
    ThreadPool alone(1);
    SOFIA_TRY(const std::vector<StressRow> first, run_jobs(bench, own, alone, progress));
    SOFIA_TRY(const std::vector<StressRow> second, run_jobs(bench, shared, pool, progress));
    std::vector<StressRow> rows(second.begin() + static_cast<std::ptrdiff_t>(folds.size()) + 1, second.end());
    rows.insert(rows.end(), first.begin() + static_cast<std::ptrdiff_t>(extras.size()), first.end());
    rows.insert(rows.end(), first.begin(), first.begin() + static_cast<std::ptrdiff_t>(extras.size()));
    rows.push_back(second[folds.size()]);
    rows.insert(rows.end(), second.begin(), second.begin() + static_cast<std::ptrdiff_t>(folds.size()));
    return rows;
}

void resample_trades(const Bench& bench, StressResult& result, ThreadPool& pool) {
    result.path_options.paths = static_cast<std::size_t>(bench.settings.stress.paths);
    result.path_options.ruin_levels = bench.settings.stress.ruin_levels;
    const RandomStream random = RandomStream(bench.context.seed).split("stress").split("paths");
    result.paths = backtest::trade_paths(backtest::path_trades(bench.trades), result.path_options, random, pool);
}

Result<void> write_files(const Bench& bench, const std::vector<ExtraData>& extras, const StressResult& result) {
    SOFIA_TRY(StagedFolder staged, StagedFolder::create(result.folder));
    SOFIA_CHECK(write_file(staged.path() / "stress.json", format_json(stress_json(result))));
    SOFIA_CHECK(report::write_html(staged.path() / "stress.html", stress_page(result)));
    Manifest manifest{.verb = "stress",
                      .config = show_settings(bench.settings),
                      .inputs = bench.history.data.files,
                      .facts = {{"study", result.study}, {"trial", std::to_string(result.trial)}},
                      .outputs = {staged.path() / "stress.json", staged.path() / "stress.html"}};
    for (const ExtraData& extra : extras) {
        manifest.facts.emplace_back("extra data", extra.folder.path().string());
        const auto& files = extra.folder.files();
        manifest.inputs.insert(manifest.inputs.end(), files.begin(), files.end());
    }
    SOFIA_CHECK(write_manifest(staged.path() / "manifest.json", manifest, bench.context));
    SOFIA_CHECK(bench.context.go_on());
    return staged.commit();
}

/// Settings, audit, data and models: all that is asked before the first scenario.
Result<void> prepare(Bench& bench, const StressRequest& request, const store::DataFolder& folder, const Context& context) {
    SOFIA_TRY(bench.history, load_history(folder, bench.settings, context));
    warn_of_symbol(request.train_config, bench.trained.symbol, bench.history.data.symbol, context);
    if (bench.summary) {
        SOFIA_TRY(bench.splits, splits_of(*bench.summary, bench.settings, bench.history));
    } else {
        SOFIA_TRY(bench.splits, labels::make_splits(bench.settings.split, bench.history.window()));
    }
    SOFIA_TRY(bench.in_sample, check_sample(bench.model, bench.splits.test, request.sample,
                                            "train with --through tuning, or ask for it as in-sample with --in-sample"));
    if (bench.in_sample) context.log.warning("in-sample: the model has seen the test window; every figure says so");
    SOFIA_TRY(bench.models, from_members(std::move(bench.model.members), bench.settings, bench.model_folder.string()));
    bench.models.ev = bench.trained.ev;
    SOFIA_TRY(bench.candidates, find_candidates(bench.history, bench.settings.decision.touch));
    SOFIA_TRY(bench.signals, window_signals(bench, bench.history, bench.candidates, bench.splits.test));
    SOFIA_TRY(const trading::DecisionCore core, run_core(bench.history, bench.settings, bench.signals, bench.models.ev, bench.splits.test));
    bench.acted = acted_on(core, bench.signals);
    bench.trades = core.trades();
    return {};
}

}  // namespace

Result<StressResult> stress(const StressRequest& request, const Context& context) {
    SOFIA_TRY(Bench bench, read_subject(request.train_config, context));
    SOFIA_TRY(const store::DataFolder folder, open_data_of(request.data_dir, bench.trained.data_dir));
    SOFIA_TRY(bench.settings, load_settings({.instrument = folder.instrument(),
                                             .instrument_file = folder.has_instrument_file(),
                                             .file = request.config_file,
                                             .resolved = bench.trained.config,
                                             .sets = request.sets}));
    SOFIA_CHECK(warn_of_changes(bench));
    SOFIA_TRY(const auto columns, columns_of(bench.settings));
    SOFIA_CHECK(audit_columns(bench.model.features, columns));
    SOFIA_TRY(const std::vector<ExtraData> extras, open_extra(request, bench.settings));
    SOFIA_CHECK(prepare(bench, request, folder, context));

    SOFIA_TRY(const auto timeframes, market::parse_timeframes(bench.settings.bars.timeframes));
    StressScenarios plan = stress_scenarios(bench.settings, timeframes.front());
    ThreadPool pool(context.threads);
    const TrainConfig& trained = bench.trained;
    StressResult result{.folder = bench.model_folder / "stress",
                        .title = fmt::format("{} · {} · trial {}", bench.history.data.symbol, trained.study, trained.trial),
                        .symbol = bench.history.data.symbol,
                        .study = trained.study,
                        .trial = trained.trial,
                        .seed = context.seed,
                        .simulated = bench.settings.instrument.simulated,
                        .rows = {},
                        .left_out = {},
                        .path_options = {},
                        .paths = {}};
    SOFIA_TRY(result.rows, run_all(bench, extras, plan, pool));
    result.left_out = std::move(plan.left_out);
    resample_trades(bench, result, pool);
    SOFIA_CHECK(write_files(bench, extras, result));
    return result;
}

Output describe(const StressResult& result) {
    Json json = {{"folder", result.folder.string()}};
    json.update(stress_json(result));
    return make_output(stress_text(result), std::move(json));
}

}  // namespace sofia::pipeline

#include "app/pipeline/backtest.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/artifacts.hpp"
#include "app/pipeline/audit_columns.hpp"
#include "app/pipeline/backtest_files.hpp"
#include "app/pipeline/manifest.hpp"
#include "app/pipeline/model_members.hpp"
#include "app/pipeline/select_record.hpp"
#include "app/pipeline/strategy.hpp"
#include "app/pipeline/summary.hpp"
#include "app/pipeline/train.hpp"
#include "app/pipeline/tuned_with.hpp"
#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "models/model_folder.hpp"

namespace sofia::pipeline {
namespace {

Result<trading::Window> window_of(const std::string& text, const labels::Splits& splits, trading::Window history) {
    if (text == "test") return splits.test;
    if (text == "all") return history;
    if (text == "shadow") {
        if (splits.shadow.length() > 0) return splits.shadow;
        return fail(ErrorCode::usage, "there is no shadow window: split.tuning and split.test take the whole history", "use --window test");
    }
    const std::size_t dots = text.find("..");
    if (dots == std::string::npos)
        return fail(ErrorCode::usage, fmt::format("window \"{}\" is none of test, shadow, all, FROM..TO", text),
                    "for instance --window 2020-01-01..2020-07-01");
    SOFIA_TRY(const TimeNs from, parse_time(text.substr(0, dots)));
    SOFIA_TRY(const TimeNs to, parse_time(text.substr(dots + 2)));
    if (from >= to) return fail(ErrorCode::usage, fmt::format("window {}: it ends before it begins", text));
    if (to <= history.from || from >= history.to) {
        return fail(ErrorCode::usage,
                    fmt::format("window {}: the data runs from {} to {}", text, format_time(history.from), format_time(history.to)));
    }
    return trading::Window{std::max(from, history.from), std::min(to, history.to)};
}

std::string folder_name(const std::string& window) {
    std::string name = window;
    if (const std::size_t dots = name.find(".."); dots != std::string::npos) name.replace(dots, 2, "_");
    std::ranges::replace(name, ':', '-');
    return "backtest_" + name;
}

/// What a backtest is about, before any data are read.
struct Subject {
    TrainConfig trained;
    std::filesystem::path model_folder;
    std::filesystem::path summary_path;
    std::optional<SummaryHead> summary;  ///< where it still stands beside the train config
    models::Model model;
};

Result<Subject> read_subject(const BacktestRequest& request, const Context& context) {
    Subject subject;
    SOFIA_TRY(subject.trained, read_train_config(request.train_config));
    const std::filesystem::path beside = request.train_config.parent_path();
    subject.model_folder = beside / subject.trained.model_path;
    SOFIA_TRY(subject.model, models::load_model(subject.model_folder));
    subject.summary_path = beside / subject.trained.tuning_summary_path;
    auto summary = read_summary(subject.summary_path);
    if (summary) {
        subject.summary = *std::move(summary);
        return subject;
    }
    if (request.fold || summary.error().code != ErrorCode::io) return std::unexpected(summary.error());
    context.log.warning(fmt::format("{}: settings are held against the train config alone, and windows are cut anew", summary.error().message));
    return subject;
}

/// Which models run over which window.
struct Plan {
    std::string name;
    trading::Window window;
    StrategyModels models;
    bool in_sample = false;
};

Result<Plan> plan_fold(const Subject& subject, std::size_t index, const StrategyData& data, const Context& context) {
    const SummaryHead& head = *subject.summary;
    SOFIA_CHECK(check_tuning_data(subject.summary_path, head, data.history));
    SOFIA_TRY(const std::vector<labels::Fold> folds, labels::walk_forward(data.settings.split, head.splits.tuning));
    if (index >= folds.size() || index >= head.folds.size()) {
        return fail(ErrorCode::usage, fmt::format("fold {}: the trial has folds 0 to {}", index, static_cast<std::int64_t>(head.folds.size()) - 1));
    }
    SOFIA_TRY(StrategyModels models, fit_fold(data, folds[index], head.seed, 1, *context.stop));
    return Plan{.name = fmt::format("fold{}", index), .window = folds[index].validation, .models = std::move(models)};
}

Result<Plan> plan_window(Subject& subject, const BacktestRequest& request, const History& history, const Settings& settings, const Context& context) {
    labels::Splits splits;
    if (subject.summary) {
        SOFIA_TRY(splits, splits_of(*subject.summary, settings, history));
    } else {
        SOFIA_TRY(splits, labels::make_splits(settings.split, history.window()));
    }
    Plan plan{.name = request.window, .window = {}, .models = {}};
    SOFIA_TRY(plan.window, window_of(request.window, splits, history.window()));
    SOFIA_TRY(plan.in_sample,
              check_sample(subject.model, plan.window, request.sample, "choose a later window, or ask for it as in-sample with --in-sample"));
    std::error_code error;
    const bool decided = std::filesystem::exists(champion_path({request.train_config.parent_path()}), error);
    if (trading::overlap(plan.window, splits.shadow) && !decided) {
        context.log.warning("this looks at shadow before sofia select has fixed the study's champion: what shadow decides is worth less then");
    }
    if (plan.in_sample) context.log.warning("in-sample: the model has seen this window; every figure says so");
    SOFIA_TRY(plan.models, from_members(std::move(subject.model.members), settings, subject.model_folder.string()));
    plan.models.ev = subject.trained.ev;
    return plan;
}

/// Where the trial was chosen; nothing when its summary is gone.
Result<std::optional<StudyPlace>> study_place(const BacktestRequest& request, const Subject& subject) {
    if (!subject.summary) return std::nullopt;
    StudyPlace place{.folder = request.train_config.parent_path(), .trial = subject.trained.trial, .tuned = {}};
    if (place.folder.empty()) place.folder = ".";
    SOFIA_TRY(place.tuned, load_settings({.resolved = subject.summary->config}));
    return place;
}

/// The check of the trades that were written as `file`. Error: io.
Result<FoldCheck> check_fold(const FoldHead& tuner, const std::filesystem::path& file) {
    FoldCheck check{.index = static_cast<std::size_t>(tuner.index), .tuner_trades = tuner.trades, .tuner_sha256 = tuner.trades_sha256, .sha256 = {}};
    SOFIA_TRY(check.sha256, sha256_file(file));
    return check;
}

/// `fold 3: the 41 trades of the tuner, one for one`.
std::string fold_text(const BacktestResult& result) {
    const FoldCheck& fold = *result.fold;
    if (fold.equal()) return fmt::format("fold {}: the {} trades of the tuner, one for one", fold.index, fold.tuner_trades);
    const char* why = result.overrides > 0 ? "; settings were overridden" : ": build or processor differ, or the summary was changed";
    return fmt::format("fold {}: {} trades, not the tuner's {}{}", fold.index, result.figures.trades, fold.tuner_trades, why);
}

}  // namespace

Result<bool> check_sample(const models::Model& model, trading::Window window, SampleMode mode, const std::string& way_out) {
    const models::Window* overlap = models::overlapping_window(model, window.from, window.to);
    if (overlap == nullptr && window.from >= model.train_end) return false;
    if (mode == SampleMode::in_sample) return true;
    const std::string seen = overlap == nullptr ? "data up to " + format_time(model.train_end)
                                                : fmt::format("{} ({} to {})", overlap->name, format_time(overlap->begin), format_time(overlap->end));
    return fail(ErrorCode::blocked,
                fmt::format("the window {} to {} overlaps what the model has seen: {}", format_time(window.from), format_time(window.to), seen),
                way_out);
}

Result<BacktestResult> backtest(const BacktestRequest& request, const Context& context) {
    SOFIA_TRY(Subject subject, read_subject(request, context));
    const TrainConfig& trained = subject.trained;
    SOFIA_TRY(const store::DataFolder data_folder, open_data_of(request.data_dir, trained.data_dir));
    SOFIA_TRY(const Settings settings, load_settings({.instrument = data_folder.instrument(),
                                                      .instrument_file = data_folder.has_instrument_file(),
                                                      .file = request.config_file,
                                                      .resolved = trained.config,
                                                      .sets = request.sets}));
    SOFIA_TRY(const std::size_t overrides, warn_of_overrides(subject.summary ? subject.summary->config : trained.config, settings, context));
    SOFIA_TRY(const auto columns, columns_of(settings));
    SOFIA_CHECK(audit_columns(request.fold ? subject.summary->features : subject.model.features, columns));
    SOFIA_TRY(const History history, load_history(data_folder, settings, context));
    warn_of_symbol(request.train_config, trained.symbol, history.data.symbol, context);
    SOFIA_TRY(const Candidates candidates, find_candidates(history, settings.decision.touch));
    const std::int64_t largest_hold = subject.summary ? subject.summary->largest_hold_bars : settings.decision.barriers.max_hold_bars;
    SOFIA_TRY(const LabeledCandidates labeled, label_candidates(history, candidates, settings, largest_hold));
    const StrategyData data{history, settings, candidates, labeled};
    SOFIA_TRY(const Plan plan,
              request.fold ? plan_fold(subject, *request.fold, data, context) : plan_window(subject, request, history, settings, context));
    SOFIA_TRY(const WindowRun run, run_window(data, plan.models, plan.window));
    SOFIA_CHECK(context.go_on());

    BacktestResult result{.folder = subject.model_folder / folder_name(plan.name),
                          .window = plan.name,
                          .in_sample = plan.in_sample,
                          .simulated = settings.instrument.simulated,
                          .overrides = overrides,
                          .figures = backtest::figures_of(run.core, plan.window, settings.decision.touch.timeframes),
                          .assessment = {},
                          .read = history.data.report,
                          .trial = trained.trial,
                          .fold = {}};
    SOFIA_TRY(const std::optional<StudyPlace> study, study_place(request, subject));
    SOFIA_TRY(result.assessment, assess({.data = data,
                                         .which = run.which,
                                         .signals = run.signals,
                                         .core = run.core,
                                         .figures = result.figures,
                                         .seed = trained.seed,
                                         .study = study ? &*study : nullptr},
                                        context));
    const BacktestView view{.history = history,
                            .settings = settings,
                            .candidates = candidates,
                            .labeled = labeled,
                            .which = run.which,
                            .signals = run.signals,
                            .booster = plan.models.entry.members.front(),
                            .core = run.core,
                            .figures = result.figures,
                            .assessment = result.assessment,
                            .trial = trained.trial,
                            .stress = subject.model_folder / "stress" / "stress.json",
                            .title = fmt::format("{} · {} · trial {}", history.data.symbol, trained.study, trained.trial),
                            .window = plan.name,
                            .in_sample = plan.in_sample,
                            .seed = trained.seed};
    // A later run that fails leaves the earlier one's files as they are.
    SOFIA_TRY(StagedFolder staged, StagedFolder::create(result.folder));
    SOFIA_TRY(const auto written, write_backtest_files(staged.path(), view, context));
    Manifest manifest{.verb = "backtest",
                      .config = show_settings(settings),
                      .inputs = history.data.files,
                      .facts = {{"study", trained.study}, {"trial", std::to_string(trained.trial)}, {"window", plan.name}},
                      .outputs = written};
    SOFIA_CHECK(write_manifest(staged.path() / "manifest.json", manifest, context));
    if (request.fold) {
        SOFIA_TRY(result.fold, check_fold(subject.summary->folds[*request.fold], staged.path() / "trades.csv"));
    }
    SOFIA_CHECK(staged.commit());
    if (result.fold) context.log.log(result.fold->equal() ? LogLevel::info : LogLevel::warning, fold_text(result));
    return result;
}

Output describe(const BacktestResult& result) {
    Json json = {{"folder", result.folder.string()}, {"window", result.window}, {"in_sample", result.in_sample}, {"simulated", result.simulated}};
    json["metrics"] = metrics_json(result.figures, result.assessment, result.read, result.trial);
    std::string text;
    if (result.fold) {
        json["fold"] = {{"index", result.fold->index},
                        {"tuner_trades", result.fold->tuner_trades},
                        {"tuner_trades_sha256", result.fold->tuner_sha256},
                        {"trades_sha256", result.fold->sha256},
                        {"equal", result.fold->equal()}};
        text += fold_text(result) + "\n";
    }
    if (result.simulated) text += "simulated: true\n";
    if (result.in_sample) text += "in-sample: the model has seen this window\n";
    std::vector<report::FigureTable> tables = figure_tables(result.figures);
    std::ranges::move(assessment_tables(result.assessment, result.trial), std::back_inserter(tables));
    for (const report::FigureTable& table : tables) {
        std::vector<std::vector<std::string>> rows;
        for (const report::Figure& figure : table.figures) {
            const double* number = std::get_if<double>(&figure.value);
            std::string value = number == nullptr     ? std::get<std::string>(figure.value)
                                : std::isnan(*number) ? "-"
                                                      : fmt::format("{:.{}f}", *number, figure.decimals);
            rows.push_back({figure.name, std::move(value), figure.unit});
        }
        const std::vector<std::string> header = {table.title, "", ""};
        text += format_table(header, rows) + "\n";
    }
    text += "report: " + (result.folder / "report.html").string() + "\n";
    Output output = make_output(std::move(text), std::move(json));
    if (result.fold && !result.fold->equal() && result.overrides == 0) output.exit = exit_code(ErrorCode::blocked);
    return output;
}

}  // namespace sofia::pipeline

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
#include "app/pipeline/strategy.hpp"
#include "app/pipeline/summary.hpp"
#include "app/pipeline/train.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "models/model_folder.hpp"

namespace sofia::pipeline {
namespace {

/// Warns of every key of which the train config and the call differ: what was tuned is not what is run then.
void warn_of_overrides(const std::string& saved, const Settings& used, const Context& context) {
    Settings before;
    config::Keys old_keys = keys_of(before);
    if (!config::load_text(saved, "the train config", old_keys)) return;
    Settings now = used;
    const config::Keys new_keys = keys_of(now);
    for (std::size_t i = 0; i < old_keys.all().size(); ++i) {
        const std::string was = old_keys.all()[i].get();
        const std::string is = new_keys.all()[i].get();
        if (was != is) context.log.warning(fmt::format("{} is {} here but was {} in tuning", new_keys.all()[i].path, is, was));
    }
}

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

Result<bool> check_sample(const models::Model& model, trading::Window window, SampleMode mode) {
    const models::Window* overlap = models::overlapping_window(model, window.from, window.to);
    if (overlap == nullptr && window.from >= model.train_end) return false;
    if (mode == SampleMode::in_sample) return true;
    const std::string seen = overlap == nullptr ? "data up to " + format_time(model.train_end)
                                                : fmt::format("{} ({} to {})", overlap->name, format_time(overlap->begin), format_time(overlap->end));
    return fail(ErrorCode::blocked,
                fmt::format("the window {} to {} overlaps what the model has seen: {}", format_time(window.from), format_time(window.to), seen),
                "choose a later window, or ask for it as in-sample with --in-sample");
}

}  // namespace

Result<BacktestResult> backtest(const BacktestRequest& request, const Context& context) {
    SOFIA_TRY(const TrainConfig trained, read_train_config(request.train_config));
    const std::filesystem::path model_folder = request.train_config.parent_path() / trained.model_path;
    SOFIA_TRY(models::Model model, models::load_model(model_folder));
    SOFIA_TRY(const store::DataFolder data_folder, open_data_of(request.data_dir, trained.data_dir));
    SOFIA_TRY(const Settings settings, load_settings({.instrument = data_folder.instrument(),
                                                      .instrument_file = data_folder.has_instrument_file(),
                                                      .file = request.config_file,
                                                      .resolved = trained.config,
                                                      .sets = request.sets}));
    warn_of_overrides(trained.config, settings, context);
    SOFIA_TRY(const History history, load_history(data_folder, settings, context));
    warn_of_symbol(request.train_config, trained.symbol, history.data.symbol, context);
    SOFIA_CHECK(audit_columns(model.features, history.columns));
    SOFIA_TRY(const labels::Splits splits, labels::make_splits(settings.split, history.window()));
    SOFIA_TRY(const trading::Window window, window_of(request.window, splits, history.window()));
    SOFIA_TRY(const bool in_sample, check_sample(model, window, request.sample));
    if (in_sample) context.log.warning("in-sample: the model has seen this window; every figure says so");

    SOFIA_TRY(const Candidates candidates, find_candidates(history, settings.decision.touch));
    SOFIA_TRY(const LabeledCandidates labeled, label_candidates(history, candidates, settings, settings.decision.barriers.max_hold_bars));
    SOFIA_TRY(const StrategyModels strategy, from_members(std::move(model.members), settings, model_folder.string()));
    const std::vector<std::size_t> which = labels::rows_in(labeled.samples, window);
    SOFIA_TRY(const std::vector<trading::Signal> signals, signals_of(strategy, history, candidates, which));
    SOFIA_TRY(const trading::DecisionCore core, run_core(history, settings, signals, trained.ev, window));

    SOFIA_CHECK(context.go_on());

    BacktestResult result{.folder = model_folder / folder_name(request.window),
                          .window = request.window,
                          .in_sample = in_sample,
                          .simulated = settings.instrument.simulated,
                          .figures = backtest::figures_of(core, window, settings.decision.touch.timeframes)};
    const BacktestView view{.history = history,
                            .settings = settings,
                            .candidates = candidates,
                            .labeled = labeled,
                            .which = which,
                            .signals = signals,
                            .booster = strategy.entry.members.front(),
                            .core = core,
                            .figures = result.figures,
                            .title = fmt::format("{} · {} · trial {}", history.data.symbol, trained.study, trained.trial),
                            .window = request.window,
                            .in_sample = in_sample,
                            .seed = trained.seed};
    // A later run that fails leaves the earlier one's files as they are.
    SOFIA_TRY(StagedFolder staged, StagedFolder::create(result.folder));
    SOFIA_TRY(const auto written, write_backtest_files(staged.path(), view, context));
    Manifest manifest{.verb = "backtest",
                      .config = show_settings(settings),
                      .inputs = history.data.files,
                      .facts = {{"study", trained.study}, {"trial", std::to_string(trained.trial)}, {"window", request.window}},
                      .outputs = written};
    SOFIA_CHECK(write_manifest(staged.path() / "manifest.json", manifest, context));
    SOFIA_CHECK(staged.commit());
    return result;
}

Output describe(const BacktestResult& result) {
    Json json = {{"folder", result.folder.string()}, {"window", result.window}, {"in_sample", result.in_sample}, {"simulated", result.simulated}};
    json["metrics"] = backtest::to_json(result.figures);
    std::string text;
    if (result.simulated) text += "simulated: true\n";
    if (result.in_sample) text += "in-sample: the model has seen this window\n";
    for (const report::FigureTable& table : figure_tables(result.figures)) {
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
    return make_output(std::move(text), std::move(json));
}

}  // namespace sofia::pipeline

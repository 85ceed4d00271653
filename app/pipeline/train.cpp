#include "app/pipeline/train.hpp"

#include <cmath>
#include <future>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/artifacts.hpp"
#include "app/pipeline/audit_columns.hpp"
#include "app/pipeline/feature_state.hpp"
#include "app/pipeline/manifest.hpp"
#include "app/pipeline/model_members.hpp"
#include "app/pipeline/strategy.hpp"
#include "app/pipeline/study_terms.hpp"
#include "app/pipeline/summary.hpp"
#include "app/pipeline/tuned_with.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "models/model_folder.hpp"

namespace sofia::pipeline {
namespace {

Json ev_json(const trading::EvModel& ev) {
    return {{"win_r", json_number(ev.win)},
            {"loss_r", json_number(ev.loss)},
            {"timeout_share", json_number(ev.timeouts)},
            {"mean_hold_seconds", static_cast<double>(ev.mean_hold) / static_cast<double>(ns_per_second)},
            {"labels", ev.labels}};
}

Result<trading::EvModel> ev_from(const Members& members) {
    trading::EvModel ev;
    SOFIA_TRY(ev.win, members.number("win_r"));
    SOFIA_TRY(ev.loss, members.number("loss_r"));
    SOFIA_TRY(ev.timeouts, members.number("timeout_share"));
    SOFIA_TRY(const double seconds, members.number("mean_hold_seconds"));
    // Nothing is held for centuries; that range fits into a duration.
    if (seconds >= 0.0 && seconds < 9e9) ev.mean_hold = std::llround(seconds * static_cast<double>(ns_per_second));
    SOFIA_TRY(ev.labels, members.count("labels"));
    return ev;
}

Result<void> write_train_config(const std::filesystem::path& path, const TrainConfig& config, const History& history) {
    Json json = Json::object();
    json["schema"] = 1;
    json["study"] = config.study;
    json["trial"] = config.trial;
    json["seed"] = config.seed;
    json["symbol"] = config.symbol;
    json["data_dir"] = config.data_dir.string();
    json["tuning_summary_path"] = config.tuning_summary_path.filename().string();
    json["model_path"] = config.model_path.string();
    json["through"] = config.through;
    json["ev"] = ev_json(config.ev);
    json["features"] = features_json(history.columns);
    json["config"] = config.config;
    return write_file(path, format_json(json));
}

/// What a training learns from, and up to when.
struct TrainingWindow {
    trading::Window window;
    std::vector<models::Window> seen;
};

Result<TrainingWindow> training_window(const SummaryHead& head, const History& history, const Settings& settings, TrainThrough through,
                                       const Context& context) {
    if (through == TrainThrough::all) {
        const trading::Window all = history.window();
        return TrainingWindow{all, {{"all data", all.from, all.to}}};
    }
    SOFIA_TRY(const labels::Splits splits, splits_of(head, settings, history));
    const trading::Window used = splits.tuning;
    const trading::Window tuned = head.splits.tuning;
    if (used != tuned) {
        context.log.warning(fmt::format("the trial was tuned on {} to {}, the model is fitted on {} to {}: its score was measured on other data",
                                        format_time(tuned.from), format_time(tuned.to), format_time(used.from), format_time(used.to)));
    } else if (bars_hash(history, used) != head.tuning_bars_sha256) {
        context.log.warning("the bars of the tuning window are not those that were tuned on: the trial's score was measured on other data");
    }
    return TrainingWindow{used, {{"tuning", used.from, used.to}}};
}

models::Model model_of(StrategyModels fitted, const TrainingWindow& training, const History& history, const Settings& settings) {
    models::Model model;
    model.features = feature_ids(history.columns);
    model.train_end = training.window.to;
    model.windows = training.seen;
    model.symbol = history.data.symbol;
    model.simulated = settings.instrument.simulated;
    model.members = to_members(std::move(fitted));
    return model;
}

}  // namespace

Result<TrainResult> train(const TrainRequest& request, const Context& context) {
    SOFIA_TRY(const SummaryHead head, read_summary(request.summary));
    const std::filesystem::path data_dir = request.data_dir.empty() ? head.data_dir : request.data_dir;
    SOFIA_TRY(const store::DataFolder data_folder, open_data_of(request.data_dir, head.data_dir));
    SOFIA_TRY(const Settings settings, load_settings({.instrument = data_folder.instrument(),
                                                      .instrument_file = data_folder.has_instrument_file(),
                                                      .file = request.config_file,
                                                      .resolved = head.config,
                                                      .sets = request.sets}));
    SOFIA_CHECK(warn_of_overrides(head.config, settings, context));
    SOFIA_TRY(const auto columns, columns_of(settings));
    SOFIA_CHECK(audit_columns(head.features, columns));
    SOFIA_TRY(const History history, load_history(data_folder, settings, context));
    warn_of_symbol(request.summary, head.symbol, history.data.symbol, context);
    SOFIA_TRY(const TrainingWindow training, training_window(head, history, settings, request.through, context));
    // Beside the fit, which takes one thread. What it works on outlives it: a future waits at the end of its life.
    std::future<Result<FeatureStream>> streamed = std::async(context.threads == 1 ? std::launch::deferred : std::launch::async,
                                                             [&] { return stream_until(history, settings, training.window.to, context); });
    SOFIA_TRY(const Candidates candidates, find_candidates(history, settings.decision.touch));
    SOFIA_TRY(const LabeledCandidates labeled, label_candidates(history, candidates, settings, head.largest_hold_bars));
    SOFIA_TRY(StrategyModels fitted, fit_final({history, settings, candidates, labeled}, training.window, head.seed, 1, *context.stop));
    if (const auto warning = trading::ev_warning(settings.decision.gate, fitted.ev)) context.log.warning(*warning);

    const StudyFolder folder{request.summary.parent_path()};
    TrainResult result{.train_config = folder.train_config(head.trial),
                       .model = folder.model(head.trial),
                       .rows = fitted.train_rows,
                       .positives = fitted.positives,
                       .trees = fitted.entry.members.front().trees(),
                       .train_end = format_time(training.window.to)};
    const trading::EvModel ev = fitted.ev;
    const models::Model model = model_of(std::move(fitted), training, history, settings);
    SOFIA_TRY(FeatureStream stream, streamed.get());
    const FeatureState state{.symbol = model.symbol, .as_of = model.train_end, .stream = std::move(stream)};
    // Everything that may fail comes before the first file of an earlier training is replaced.
    SOFIA_TRY(StagedFolder staged, StagedFolder::create(result.model));
    SOFIA_CHECK(models::save_model(staged.path(), model));
    SOFIA_CHECK(write_feature_state(staged.path() / feature_state_file, state));
    TrainConfig config{.study = head.study,
                       .trial = head.trial,
                       .seed = head.seed,
                       .symbol = head.symbol,
                       .data_dir = data_dir,
                       .tuning_summary_path = request.summary,
                       .model_path = result.model.filename(),
                       .config = show_settings(settings),
                       .ev = ev,
                       .through = request.through == TrainThrough::all ? "all" : "tuning"};
    Manifest manifest{.verb = "train",
                      .config = config.config,
                      .inputs = history.data.files,
                      .facts = {{"study", head.study}, {"trial", std::to_string(head.trial)}},
                      .outputs = {result.train_config, result.model, result.model / feature_state_file}};
    SOFIA_CHECK(write_manifest(staged.path() / "manifest.json", manifest, context));
    SOFIA_CHECK(context.go_on());
    SOFIA_CHECK(write_train_config(result.train_config, config, history));
    SOFIA_CHECK(staged.commit());
    return result;
}

Result<TrainConfig> read_train_config(const std::filesystem::path& path) {
    SOFIA_TRY(const Json json, read_json_file(path, 1));
    const Members members(json, path, "train");
    TrainConfig config;
    SOFIA_TRY(config.study, members.text("study"));
    SOFIA_TRY(config.trial, members.count("trial"));
    SOFIA_TRY(config.seed, members.seed("seed"));
    SOFIA_TRY(config.symbol, members.text("symbol"));
    SOFIA_TRY(config.data_dir, members.text("data_dir"));
    SOFIA_TRY(config.tuning_summary_path, members.text("tuning_summary_path"));
    SOFIA_TRY(config.model_path, members.text("model_path"));
    SOFIA_TRY(config.through, members.text("through"));
    SOFIA_TRY(config.config, members.text("config"));
    SOFIA_TRY(const Members ev, members.object("ev"));
    SOFIA_TRY(config.ev, ev_from(ev));
    return config;
}

Output describe(const TrainResult& result) {
    Json json = {{"train_config", result.train_config.string()},
                 {"model", result.model.string()},
                 {"rows", result.rows},
                 {"positives", result.positives},
                 {"trees", result.trees},
                 {"train_end", result.train_end}};
    const std::vector<std::vector<std::string>> rows = {{"model", result.model.string()},
                                                        {"train config", result.train_config.string()},
                                                        {"labeled touches", fmt::format("{} ({} reach the target)", result.rows, result.positives)},
                                                        {"trees", std::to_string(result.trees)},
                                                        {"train end", result.train_end}};
    const std::vector<std::string> header = {"train", ""};
    return make_output(format_table(header, rows), std::move(json));
}

}  // namespace sofia::pipeline

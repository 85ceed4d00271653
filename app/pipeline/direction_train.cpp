#include "app/pipeline/direction_train.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/audit_columns.hpp"
#include "app/pipeline/direction_card.hpp"
#include "app/pipeline/direction_data.hpp"
#include "app/pipeline/direction_fit.hpp"
#include "app/pipeline/direction_simulation.hpp"
#include "app/pipeline/direction_summary.hpp"
#include "app/pipeline/direction_trial.hpp"
#include "app/pipeline/manifest.hpp"
#include "app/pipeline/summary.hpp"
#include "app/pipeline/trial_list.hpp"
#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"

namespace sofia::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t permutations = 5;

/// What a training works on.
struct Training {
    DirectionSummary head;
    DirectionSettings settings;
    Minutes minutes;
    DirectionSamples samples;
    std::vector<models::FeatureId> features;
    std::string rows_sha256;
    std::optional<DirectionSimulation> simulation;
};

/// The trial's value belongs to the rows that it was measured on.
void warn_of_rows(const Training& training, const Context& context) {
    const DirectionWindows windows = windows_of(training.samples);
    if (windows != training.head.windows) {
        context.log.warning(fmt::format("the trial was tuned on {} to {}, the model is fitted on {} to {}: its value was measured on other data",
                                        format_time(training.head.windows.train.from), format_time(training.head.windows.train.to),
                                        format_time(windows.train.from), format_time(windows.train.to)));
    } else if (training.rows_sha256 != training.head.rows_sha256) {
        context.log.warning("the rows of training and validation are not those that were tuned on: the trial's value was measured on other data");
    }
}

RowsSince rows_since(const Training& training) {
    if (windows_of(training.samples) != training.head.windows) return RowsSince::not_compared;
    return training.rows_sha256 == training.head.rows_sha256 ? RowsSince::same : RowsSince::changed;
}

Result<Training> prepare(const DirectionTrainRequest& request, const Context& context) {
    SOFIA_TRY(DirectionTrial trial, load_trial(request.summary, request.sets, request.data_dir, context));
    Training training{.head = std::move(trial.head), .settings = std::move(trial.settings), .minutes = std::move(trial.minutes)};
    training.features = feature_ids(training.minutes.columns);
    SOFIA_TRY(training.samples, direction_samples(training.minutes, training.settings.split));
    training.rows_sha256 = rows_hash(training.samples);
    warn_of_rows(training, context);
    SOFIA_CHECK(check_custom(training.head.custom, training.minutes.custom.parts, rows_since(training), context));
    return training;
}

Result<CardFigures> figures_of(const FittedModel& model, const Training& training, const DirectionSample& judged, const RandomStream& random,
                               ThreadPool& pool) {
    CardFigures figures;
    SOFIA_TRY(const std::vector<double> probabilities, model.predict(judged.matrix()));
    // Labels that overlap belong together.
    const auto longest = static_cast<std::size_t>(judged.longest / ns_per_minute);
    const ScoreOptions options{.least_block = std::max(static_cast<std::size_t>(training.settings.horizon), longest)};
    figures.model = score_probabilities(probabilities, judged.y, options, random, pool);
    for (const Baseline& baseline : baselines(training.samples.train, judged)) {
        figures.baselines.push_back(compare_with(baseline, probabilities, judged.y, options, random, pool));
    }
    figures.reliability = models::reliability(probabilities, judged.y);
    return figures;
}

std::vector<std::pair<double, double>> ranges_of(const DirectionSample& sample) {
    constexpr double infinite = std::numeric_limits<double>::infinity();
    std::vector<std::pair<double, double>> ranges(sample.width, {infinite, -infinite});
    for (std::size_t i = 0; i < sample.features.size(); ++i) {
        auto& [least, most] = ranges[i % sample.width];
        if (std::isnan(sample.features[i])) continue;
        least = std::min(least, sample.features[i]);
        most = std::max(most, sample.features[i]);
    }
    return ranges;
}

/// How many trials of the study have left a summary.
std::int64_t count_trials(const fs::path& study) {
    const auto files = list_files(study);
    return files ? std::ranges::count_if(*files, is_summary) : 0;
}

std::string label_of(const Training& training) {
    const labels::Labeler* const label = training.minutes.custom.label.get();
    return label == nullptr ? label_id("higher", 1) : label_id(label->spec().name, label->spec().version);
}

/// Label, learner and parameters, which may be registered ones.
Result<void> say_what_was_registered(const Training& training, DirectionCard& card) {
    if (training.minutes.custom.label != nullptr) card.label = training.minutes.custom.label->spec();
    if (const models::Learner* const learner = training.minutes.custom.learner.get()) {
        card.learner = learner->spec();
        card.parameters = training.settings.learner.params;
        return {};
    }
    SOFIA_TRY(card.parameters, training.settings.model.resolved());
    return {};
}

/// The card without what the model in use decides.
Result<DirectionCard> make_card(const DirectionTrainRequest& request, const Training& training, const FittedModel& model, const Context& context) {
    ThreadPool pool(context.threads);
    const RandomStream random = RandomStream(training.head.seed).split("card");
    DirectionCard card;
    card.trial = training.head;
    card.trial.symbol = training.minutes.symbol;
    card.trial.simulated = training.minutes.simulated;
    card.trial.config = show_settings(training.settings);
    card.trial.custom = training.minutes.custom.parts;
    card.trial.best_iteration = static_cast<std::int64_t>(model.best_iteration());
    card.trials = count_trials(request.summary.parent_path());
    card.horizon = training.settings.horizon;
    card.columns = training.minutes.columns;
    card.ranges = ranges_of(training.samples.train);
    for (const fs::path& file : training.minutes.files) {
        SOFIA_TRY(std::string hash, sha256_file(file));
        std::error_code ignored;
        card.files.push_back({file.filename().string(), fs::file_size(file, ignored), std::move(hash)});
    }
    card.bars = {training.minutes.bars.front().open_time, training.minutes.bars.back().close_time};
    card.bars_sha256 = bars_hash(training.minutes.bars, card.bars);
    card.rows_sha256 = training.rows_sha256;
    card.samples = {{"train", &training.samples.train}, {"validation", &training.samples.validation}, {"test", &training.samples.test}};
    SOFIA_CHECK(say_what_was_registered(training, card));
    card.model_file = model.file();
    card.trees = model.trees();
    card.model_bytes = model.bytes().size();
    card.model_sha256 = sha256_hex(model.bytes());
    card.seed = training.head.seed;
    if (training.simulation) {
        card.simulation = &*training.simulation;
        card.simulation_json = std::make_shared<Json>(simulation_json(*training.simulation, training.settings));
    }
    SOFIA_TRY(card.validation, figures_of(model, training, training.samples.validation, random.split("validation"), pool));
    SOFIA_CHECK(context.go_on());
    SOFIA_TRY(card.test, figures_of(model, training, training.samples.test, random.split("test"), pool));
    SOFIA_CHECK(context.go_on());
    SOFIA_TRY(card.importance, column_importance(model, card.columns, training.samples.validation, permutations, random.split("permutation"), 1));
    return card;
}

/// A folder's name that is free: the day, or the day with a number behind it.
fs::path free_folder(const fs::path& model_dir, const std::string& day) {
    std::error_code ignored;
    fs::path folder = model_dir / day;
    for (int n = 2; fs::exists(fs::symlink_status(folder, ignored)); ++n) folder = model_dir / fmt::format("{}-{}", day, n);
    return folder;
}

/// The new model's KPIs against those that the model in use was accepted with; a regression is warned of, and `nightly` fails on it. Nothing is held
/// against a model without a simulation.
std::optional<KpiGate> check_against(const std::optional<ModelInUse>& used, const DirectionCard& card, const Context& context) {
    if (!used || !card.simulation || used->horizon != card.horizon) return std::nullopt;
    const auto accepted = read_kpis(used->text.parent_path() / card_file);
    if (!accepted) {
        context.log.info(fmt::format("no KPIs to hold against: {}", accepted.error().message));
        return std::nullopt;
    }
    KpiGate gate{.accepted = used->name, .checks = check_kpis(accepted->kpis, card.simulation->whole.kpis)};
    for (const KpiCheck& check : gate.checks) {
        if (check.verdict != KpiCheck::Verdict::regression) continue;
        context.log.warning(fmt::format("KPI {}: {:.5f} is worse than the interval of {}, {:.5f} to {:.5f}", check.accepted.name, check.value,
                                        used->name, check.accepted.estimate.lower, check.accepted.estimate.upper));
    }
    return gate;
}

Result<void> write_model(const fs::path& folder, const Training& training, const FittedModel& model, const DirectionCard& card,
                         const Context& context) {
    SOFIA_TRY(StagedFolder staged, StagedFolder::create(folder));
    SOFIA_CHECK(write_file(staged.path() / model.file(), model.bytes()));
    SOFIA_CHECK(write_file(staged.path() / card_file, format_json(card_json(card))));
    SOFIA_CHECK(write_card_html(staged.path() / "model_card.html", card));
    std::vector<fs::path> outputs = {model.file(), card_file, "model_card.html"};
    if (training.simulation) {
        const SimulationTitle title{.title = fmt::format("{} · {}", training.minutes.symbol, folder.filename().string()), .seed = training.head.seed};
        SOFIA_TRY(const auto written,
                  write_simulation(staged.path() / simulation_folder, *training.simulation, training.minutes, training.settings, title, context));
        std::ranges::copy(written, std::back_inserter(outputs));
    }
    Manifest manifest{.verb = "train",
                      .config = show_settings(training.settings),
                      .inputs = training.minutes.files,
                      .facts = {{"strategy", "direction"}, {"study", training.head.study}, {"trial", std::to_string(training.head.trial)}},
                      .outputs = std::move(outputs)};
    std::ranges::copy(custom_facts(training.minutes.custom.parts), std::back_inserter(manifest.facts));
    SOFIA_CHECK(write_manifest(staged.path() / "manifest.json", manifest, context));
    SOFIA_CHECK(context.go_on());
    return staged.commit_whole();
}

}  // namespace

Result<DirectionTrainResult> train_direction(const DirectionTrainRequest& request, const Context& context) {
    SOFIA_TRY(Training training, prepare(request, context));
    const fs::path model_dir = request.model_dir.empty() ? request.summary.parent_path().parent_path() : request.model_dir;
    const std::string hash = models::feature_hash(training.features);
    const std::string& metric = training.settings.score.metric;
    Candidate candidate{.feature_hash = hash,
                        .horizon = training.settings.horizon,
                        .label = label_of(training),
                        .metric = metric,
                        .validation = training.samples.validation,
                        .extensions = context.extensions};
    // Asked before anything is fitted, and again when nobody else can move the link.
    SOFIA_TRY(const auto used_before, model_in_use(model_dir, context));
    if (used_before) SOFIA_CHECK(check_comparable(*used_before, candidate, request.promote));
    // LightGBM's threads wait for each other at every leaf, which takes longer than the little that there is to do.
    constexpr std::size_t threads = 1;
    const DirectionFit fit{.samples = training.samples,
                           .columns = training.minutes.columns,
                           .seed = training.head.seed,
                           .threads = threads,
                           .learner = training.minutes.custom.learner.get()};
    SOFIA_TRY(const FittedModel model, fit_model(fit, training.settings, *context.stop));
    if (training.settings.simulation.days > 0.0) {
        SOFIA_TRY(training.simulation, simulate_direction(training.minutes, training.settings, training.head.seed, context));
    }
    SOFIA_TRY(DirectionCard card, make_card(request, training, model, context));
    SOFIA_TRY(const std::vector<double> probabilities, model.predict(training.samples.validation.matrix(), threads));
    candidate.value = metric_of(metric, probabilities, training.samples.validation.y);

    SOFIA_TRY(const ModelDirLock lock, ModelDirLock::take(model_dir, context));
    SOFIA_TRY(const auto used, model_in_use(model_dir, context));
    SOFIA_TRY(card.promotion, decide_promotion(used, candidate, request.promote, threads));
    card.kpi_gate = check_against(used, card, context);
    card.limits = limits_of_use(card);
    const fs::path folder = free_folder(model_dir, format_date(wall_clock_now()));
    SOFIA_CHECK(write_model(folder, training, model, card, context));
    if (card.promotion.moves()) SOFIA_CHECK(move_link(model_dir, folder.filename().string()));
    return DirectionTrainResult{.folder = folder,
                                .model = folder / model.file(),
                                .trees = model.trees(),
                                .bytes = card.model_bytes,
                                .validation = card.validation.model,
                                .test = card.test.model,
                                .kpis = training.simulation ? training.simulation->whole.kpis : std::vector<Kpi>{},
                                .promotion = card.promotion};
}

Output describe(const DirectionTrainResult& result) {
    const Promotion& promotion = result.promotion;
    Json json = {{"strategy", "direction"},
                 {"folder", result.folder.string()},
                 {"model", result.model.string()},
                 {"card", (result.folder / card_file).string()},
                 {"trees", result.trees},
                 {"bytes", result.bytes},
                 {"validation", scores_json(result.validation)},
                 {"test", scores_json(result.test)},
                 {"kpis", kpis_json(result.kpis)},
                 {"promotion", promotion_json(promotion)}};
    const auto shown = [](const Estimate& estimate) {
        return fmt::format("{:.4f} (95 %: {:.4f} to {:.4f})", estimate.value, estimate.lower, estimate.upper);
    };
    std::vector<std::vector<std::string>> rows = {{"model", result.folder.string()},
                                                  {"trees", std::to_string(result.trees)},
                                                  {"validation accuracy", shown(result.validation.accuracy)},
                                                  {"validation log loss", shown(result.validation.log_loss)},
                                                  {"test accuracy", shown(result.test.accuracy)},
                                                  {"test log loss", shown(result.test.log_loss)},
                                                  {"test AUC", shown(result.test.auc)}};
    const std::string compared =
        promotion.previous.empty()
            ? "there was no model in use"
            : fmt::format("{} {:.6f}, {} has {}", promotion.metric, promotion.value, promotion.previous,
                          std::isnan(promotion.previous_value) ? "not been compared" : fmt::format("{:.6f}", promotion.previous_value));
    for (const Kpi& kpi : result.kpis) {
        if (kpi.name == "net_bps") rows.push_back({"simulation, net bps a trade", shown(kpi.estimate)});
    }
    rows.push_back({"in use", fmt::format("{} ({}: {})", promotion.moves() ? "yes" : "no", name(promotion.outcome), compared)});
    const std::vector<std::string> header = {"train", ""};
    return make_output(format_table(header, rows), std::move(json));
}

}  // namespace sofia::pipeline

#include "app/pipeline/tune_trial.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "app/pipeline/summary.hpp"
#include "app/pipeline/tune_study.hpp"

namespace sofia::pipeline {
namespace {

/// How much a fold lacks of `min_trades`: its missing share, and where it has no trade at all 1 and how far the gates were from opening, in R, at
/// most 1.
double shortage(const FoldOutcome& fold, const backtest::ScoreConfig& config) {
    if (fold.score.trades == 0) return 1.0 + std::clamp(-fold.gate_headroom, 0.0, 1.0);
    return std::max(0.0, 1.0 - static_cast<double>(fold.score.trades) / static_cast<double>(config.min_trades));
}

/// The value told to the study. A trial whose folds trade too little ranks below every one that trades, the lower the more it lacks: where most of a
/// space does not trade, a sampler has to see which way trades lie.
double objective_value(const backtest::RobustScore& score, std::span<const FoldOutcome> folds, const backtest::ScoreConfig& config) {
    if (score.feasible) return score.value;
    double lacking = 0.0;
    for (const FoldOutcome& fold : folds) lacking += shortage(fold, config);
    return std::min(score.value, 0.0) - 1.0 - lacking / static_cast<double>(folds.size());
}

/// The sections that `sections` begin with, as text: what is made from them is the same where it is.
std::string section_text(const config::Keys& keys, std::initializer_list<std::string_view> sections) {
    std::string text;
    for (const config::Key& key : keys.all()) {
        const bool counts = std::ranges::any_of(sections, [&](std::string_view section) { return key.path.starts_with(section); });
        if (counts) text += key.path + "=" + key.get() + "\n";
    }
    return text;
}

/// What a trial's folds work on.
struct TrialData {
    std::shared_ptr<const Candidates> candidates;
    std::shared_ptr<const LabeledCandidates> labeled;
};

Result<TrialData> trial_data(Search& search, const Settings& settings) {
    TrialData data;
    Settings copy = settings;
    const config::Keys keys = keys_of(copy);
    const std::string touches = section_text(keys, {"touch."});
    const std::string labels = section_text(keys, {"barriers.", "execution.", "costs.", "sizing.", "gate.use_", "trend.", "regime."});
    SOFIA_TRY(data.candidates, search.candidates.get(touches, [&] {
        const StageTimer timer(&search.clock, TimeStage::features);
        return find_candidates(search.history, settings.decision.touch);
    }));
    SOFIA_TRY(data.labeled, search.labeled.get(touches + labels, [&] {
        const StageTimer timer(&search.clock, TimeStage::labels);
        return label_candidates(search.history, *data.candidates, settings, search.largest_hold_bars);
    }));
    return data;
}

void count_classes(const LabeledCandidates& labeled, trading::Window tuning, TuningSummary& summary) {
    for (const labels::Label& label : labeled.labels) {
        if (!label.labeled() || !tuning.contains(label.touch.known_at) || label.end_time >= tuning.to) continue;
        ++summary.labeled;
        summary.positives += label.y;
    }
}

/// Whether a trial's folds begin all at once, or each when the one before has been reported, because a pruner may need no more of them.
enum class FoldOrder : std::uint8_t { all_at_once, one_by_one };

/// The folds of one trial as jobs of the crew.
class Folds {
public:
    Folds(Search& search, const StrategyData& data, std::int64_t trial, FoldOrder order)
        : search_(search), data_(data), ahead_(order == FoldOrder::all_at_once), jobs_(*search.crew, trial) {
        const std::size_t count = search.folds.size();
        outcomes_.resize(count);
        numbers_.resize(count);
        // Expanding folds grow: the longest first keeps all workers busy to the end of a batch.
        if (!ahead_) return;
        for (std::size_t fold = count; fold-- > 0;) begin(fold);
    }

    /// The outcome of fold `fold`, asked for in their order.
    Result<FoldOutcome> outcome(std::size_t fold) {
        if (!ahead_) begin(fold);
        jobs_.wait(numbers_[fold]);
        return *std::move(outcomes_[fold]);
    }

private:
    void begin(std::size_t fold) {
        numbers_[fold] = jobs_.add([this, fold] {
            outcomes_[fold] = run_fold(data_, search_.folds[fold], search_.context.seed, search_.lightgbm_threads, *search_.context.stop);
        });
    }

    Search& search_;
    const StrategyData& data_;
    std::vector<std::optional<Result<FoldOutcome>>> outcomes_;
    std::vector<std::size_t> numbers_;  // of the jobs, by fold
    bool ahead_;
    Crew::Jobs jobs_;  // the last member: its jobs write into the others
};

TuningSummary summary_head(const Search& search, const Settings& settings, std::int64_t trial) {
    TuningSummary summary;
    summary.study = search.study;
    summary.trial = trial;
    summary.seed = search.context.seed;
    summary.data_dir = search.request.data_dir;
    summary.symbol = search.history.data.symbol;
    summary.simulated = settings.instrument.simulated;
    summary.splits = search.splits;
    summary.columns = search.history.columns;
    summary.largest_hold_bars = search.largest_hold_bars;
    summary.tuning_bars_sha256 = search.terms.data.at("sha256");
    return summary;
}

/// Tells the study of the last fold, and whether the pruner has seen enough.
Result<bool> report_fold(Search& search, tune::Trial& trial, const std::vector<backtest::FoldScore>& scores) {
    const StageTimer timer(&search.clock, TimeStage::storage);
    const std::size_t fold = scores.size() - 1;
    SOFIA_CHECK(trial.report(static_cast<std::int64_t>(search.folds[fold].index), scores[fold].score));
    return trial.should_prune();
}

/// Without a pruner nobody looks at a fold before the others: one transaction for all, where each would wait for the disk.
Result<void> report_all(Search& search, tune::Trial& trial, const std::vector<backtest::FoldScore>& scores) {
    const StageTimer timer(&search.clock, TimeStage::storage);
    return search.opened->together([&]() -> Result<void> {
        for (std::size_t i = 0; i < scores.size(); ++i) {
            SOFIA_CHECK(trial.report(static_cast<std::int64_t>(search.folds[i].index), scores[i].score));
        }
        return {};
    });
}

/// Runs the folds until the last, or until the pruner has seen enough. Whether it has.
Result<bool> run_folds(Search& search, const StrategyData& data, tune::Trial& trial, TuningSummary& summary,
                       std::vector<backtest::FoldScore>& scores) {
    const bool prunes = search.settings.tune.pruner != "none";
    Folds folds(search, data, trial.number(), prunes ? FoldOrder::one_by_one : FoldOrder::all_at_once);
    for (std::size_t i = 0; i < search.folds.size(); ++i) {
        if (search.context.stop->requested()) return fail(ErrorCode::interrupted, "interrupted");
        SOFIA_TRY(FoldOutcome outcome, folds.outcome(i));
        scores.push_back(outcome.score);
        summary.folds.push_back(std::move(outcome));
        if (!prunes) continue;
        SOFIA_TRY(const bool pruned, report_fold(search, trial, scores));
        if (pruned) return true;
    }
    if (!prunes) SOFIA_CHECK(report_all(search, trial, scores));
    return false;
}

}  // namespace

bool is_of_a_trial(const std::string& key) {
    static constexpr std::array<std::string_view, 11> sections = {"touch.",  "barriers.", "execution.", "costs.", "gate.",  "position.",
                                                                  "sizing.", "model.",    "fit.",       "trend.", "regime."};
    return std::ranges::any_of(sections, [&](std::string_view section) { return key.starts_with(section); });
}

Result<Settings> trial_settings(const Search& search, const std::map<std::string, tune::ParamValue>& values,
                                std::map<std::string, std::string>& params) {
    Settings settings = search.settings;
    config::Keys keys = keys_of(settings);
    SOFIA_TRY(params, set_parameters(keys, values, search.keys));
    SOFIA_CHECK(settings.validate());
    return settings;
}

Result<tune::Outcome> run_trial(Search& search, tune::Trial& trial) {
    std::map<std::string, std::string> params;
    SOFIA_TRY(const Settings settings, trial_settings(search, trial.params(), params));
    Result<TrialData> made;
    Crew::Jobs(*search.crew, trial.number()).run([&] { made = trial_data(search, settings); });
    if (!made) return std::unexpected(made.error());
    const StrategyData data{search.history, settings, *made->candidates, *made->labeled, {search.datasets.get(), &search.clock}};
    TuningSummary summary = summary_head(search, settings, trial.number());
    summary.params = std::move(params);
    std::vector<backtest::FoldScore> scores;
    SOFIA_TRY(const bool pruned, run_folds(search, data, trial, summary, scores));
    summary.score = backtest::robust_score(scores, settings.score);
    summary.value = objective_value(summary.score, summary.folds, settings.score);
    summary.state = pruned ? "pruned" : "complete";
    count_classes(*made->labeled, search.splits.tuning, summary);
    // Before the trial is told, so that a finished one always has its summary, whenever the process ends.
    const StageTimer timer(&search.clock, TimeStage::storage);
    const auto written = write_summary(search.folder.summary(trial.number()), summary, settings);
    const std::lock_guard lock(search.mutex);
    if (!written) {
        if (search.written) search.written = written;
        return std::unexpected(written.error());
    }
    if (summary.score.feasible) ++search.feasible;
    if (pruned) return tune::Pruned{};
    return summary.value;
}

}  // namespace sofia::pipeline

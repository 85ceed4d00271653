#include "app/pipeline/select.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/audit_columns.hpp"
#include "app/pipeline/manifest.hpp"
#include "app/pipeline/select_record.hpp"
#include "app/pipeline/strategy.hpp"
#include "app/pipeline/study_terms.hpp"
#include "app/pipeline/trades_csv.hpp"
#include "app/pipeline/trial_list.hpp"
#include "app/pipeline/tuned_with.hpp"
#include "backtest/figures.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"

namespace sofia::pipeline {
namespace {

/// Holds a study's folder for one selection at a time; ends with the process, whatever ends it.
class StudyLock {
public:
    static Result<StudyLock> take(const std::filesystem::path& folder) {
        StudyLock lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (lock.fd_ >= 0 && ::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            return fail(ErrorCode::conflict, folder.string() + ": another sofia select is at work on this study", "wait until it has ended");
        }
        return lock;
    }
    StudyLock(StudyLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    StudyLock& operator=(StudyLock&&) = delete;
    ~StudyLock() {
        if (fd_ >= 0) ::close(fd_);
    }

private:
    explicit StudyLock(int fd) : fd_(fd) {}
    int fd_;
};

/// One selection on its way.
struct Selection {
    const SelectRequest& request;
    const Context& context;
    StudyFolder folder;
    std::vector<StudyTrial> trials;    ///< by number
    std::vector<std::size_t> ranks;    ///< places in `trials`, best first
    SelectTerms terms;
    std::optional<Champion> champion;
    std::optional<History> history;    ///< read when it is needed
    SelectResult result;

    [[nodiscard]] std::size_t top() const { return std::min(ranks.size(), static_cast<std::size_t>(terms.limits.top)); }
    [[nodiscard]] StudyTrial& at_rank(std::size_t rank) { return trials[ranks[rank]]; }
};

Result<void> check_sets(const std::vector<std::string>& sets) {
    for (const std::string& assignment : sets) {
        if (assignment.starts_with("select.") || assignment.starts_with("data.")) continue;
        return fail(ErrorCode::usage, fmt::format("--set {}: a selection runs trials with the settings that they were tuned with", assignment),
                    "only keys of select and data can be set here");
    }
    return {};
}

Result<SelectConfig> limits_of(const SelectRequest& request, const SummaryHead& head) {
    SettingsSources sources{.sets = request.sets};
    if (request.config_file.empty()) {
        sources.resolved = head.config;
    } else {
        sources.file = request.config_file;
    }
    SOFIA_TRY(const Settings settings, load_settings(sources));
    return settings.select;
}

std::unexpected<Error> no_study(const SelectRequest& request) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(request.model_dir, error)) {
        if (entry.is_directory(error)) names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return fail(ErrorCode::usage,
                with_suggestion(fmt::format("{} holds no study \"{}\" with finished trials", request.model_dir.string(), request.study),
                                request.study, names),
                "sofia tune makes one");
}

/// What is fixed stays fixed, and shadow decides once.
Result<void> check_record(const Selection& selection) {
    const std::string& study = selection.request.study;
    if (selection.champion) {
        const std::string differs = difference(selection.champion->terms, selection.terms);
        if (differs.empty()) return {};
        return fail(
            ErrorCode::blocked,
            fmt::format("study \"{}\": trial {} was fixed as champion with {}: a selection is made once", study, selection.champion->trial, differs),
            "the same terms show its record; for another choice tune another study, best on data that nobody has looked at");
    }
    for (const StudyTrial& trial : selection.trials) {
        if (!trial.head.verdict.shadow) continue;
        return fail(ErrorCode::blocked,
                    fmt::format("study \"{}\": shadow has decided on trial {}, but {} is gone", study, trial.head.trial,
                                champion_path(selection.folder).string()),
                    "put it back: shadow decides a study once");
    }
    return {};
}

Result<void> open_selection(Selection& selection) {
    std::error_code error;
    if (!std::filesystem::is_directory(selection.folder.root, error) || selection.request.study.empty()) return no_study(selection.request);
    SOFIA_TRY(selection.trials, read_study(selection.folder.root));
    if (selection.trials.empty()) return no_study(selection.request);
    SOFIA_TRY(selection.ranks, ranked(selection.trials));
    SOFIA_TRY(selection.terms.limits, limits_of(selection.request, selection.trials.front().head));
    for (const StudyTrial& trial : selection.trials) selection.terms.trials.push_back(trial.head.trial);
    SOFIA_TRY(selection.champion, read_champion(champion_path(selection.folder)));
    SOFIA_CHECK(check_record(selection));
    selection.result.study = selection.request.study;
    selection.result.folder = selection.folder.root;
    selection.result.limits = selection.terms.limits;
    selection.result.trials = selection.terms.trials;
    selection.result.ranked = selection.ranks.size();
    return {};
}

/// Reads the data that the study was tuned on, and makes sure that it is that.
Result<void> need_history(Selection& selection) {
    if (selection.history) return {};
    const StudyTrial& first = selection.at_rank(0);
    SOFIA_TRY(const store::DataFolder folder, open_data_of(selection.request.data_dir, first.head.data_dir));
    SOFIA_TRY(const Settings settings, load_settings({.instrument = folder.instrument(),
                                                      .instrument_file = folder.has_instrument_file(),
                                                      .resolved = first.head.config,
                                                      .sets = selection.request.sets}));
    SOFIA_TRY(const auto columns, columns_of(settings));
    SOFIA_CHECK(audit_columns(first.head.features, columns));
    SOFIA_TRY(selection.history, load_history(folder, settings, selection.context));
    warn_of_symbol(first.summary, first.head.symbol, selection.history->data.symbol, selection.context);
    return check_tuning_data(first.summary, first.head, *selection.history);
}

WindowFigures figures_of_run(const History& history, const Settings& settings, const trading::DecisionCore& core, trading::Window window) {
    const std::vector<std::string>& timeframes = settings.decision.touch.timeframes;
    const backtest::Figures all = backtest::figures_of(core, window, timeframes);
    return {.window = window,
            .trades = all.trades,
            .net_r = all.net_r,
            .gross_r = all.gross_r,
            .expectancy_r = all.expectancy_r,
            .net_pnl = all.net_pnl,
            .max_drawdown_percent = all.max_drawdown_percent,
            .max_drawdown_r = all.max_drawdown_r,
            .daily_net_r = all.daily_net_r,
            .trades_sha256 = trades_hash(core.trades(), timeframes),
            .bars_sha256 = bars_hash(history, window)};
}

/// Fits a trial's final model on the tuning window and runs it over `window`.
Result<WindowFigures> judge(const History& history, const StudyTrial& trial, trading::Window window, const StopFlag& stop) {
    const SummaryHead& head = trial.head;
    SOFIA_CHECK(audit_columns(head.features, history.columns));
    SOFIA_TRY(const Settings settings, load_settings({.resolved = head.config}));
    SOFIA_TRY(const Candidates candidates, find_candidates(history, settings.decision.touch));
    SOFIA_TRY(const LabeledCandidates labeled, label_candidates(history, candidates, settings, head.largest_hold_bars));
    const StrategyData data{history, settings, candidates, labeled};
    const auto models = fit_final(data, head.splits.tuning, head.seed, 1, stop);
    if (!models) {
        if (models.error().code != ErrorCode::data) return std::unexpected(models.error());
        return WindowFigures{.window = window, .trades_sha256 = {}, .bars_sha256 = bars_hash(history, window), .note = models.error().message};
    }
    SOFIA_TRY(const WindowRun run, run_window(data, *models, window));
    return figures_of_run(history, settings, run.core, window);
}

/// What the limits make of a trial's test figures, before there is a champion.
Verdict test_verdict(const WindowFigures& test, std::size_t rank, const SelectConfig& limits) {
    const std::string refusal = refusal_of(test, limits);
    return {.status = refusal.empty() ? Status::passed_test : Status::rejected_test,
            .reason = refusal.empty() ? "survives test" : refusal,
            .rank = static_cast<std::int64_t>(rank) + 1,
            .test = test,
            .shadow = {}};
}

/// Figures that an earlier call has left are taken when they are of the same data: then they are the same.
Result<void> judge_test(Selection& selection, std::size_t rank) {
    SOFIA_CHECK(selection.context.go_on());
    StudyTrial& trial = selection.at_rank(rank);
    const trading::Window window = trial.head.splits.test;
    std::optional<WindowFigures>& test = trial.head.verdict.test;
    const bool whole = test && (!test->daily_net_r.empty() || !test->note.empty());  // those of an earlier version are not
    if (!whole || test->window != window || test->bars_sha256 != bars_hash(*selection.history, window)) {
        SOFIA_TRY(test, judge(*selection.history, trial, window, *selection.context.stop));
    }
    trial.head.verdict = test_verdict(*test, rank, selection.terms.limits);
    return write_verdict(trial.summary, trial.head.verdict);
}

Result<void> judge_top(Selection& selection) {
    const std::size_t count = selection.top();
    if (selection.at_rank(0).head.splits.test.length() == 0) {
        return fail(ErrorCode::usage, fmt::format("study \"{}\" has no test window: split.test is 0", selection.request.study),
                    "tune another study with a test window");
    }
    SOFIA_CHECK(need_history(selection));
    std::vector<Result<void>> done(count);
    ThreadPool threads(selection.context.threads);
    {
        Progress progress = selection.context.bar("select", "trials on test", count);
        threads.for_each(count, [&](std::size_t rank) {
            done[rank] = judge_test(selection, rank);
            progress.advance();
        });
    }
    for (const Result<void>& one : done) {
        if (one) continue;
        if (one.error().code != ErrorCode::interrupted) return one;
        const auto kept = std::ranges::count_if(done, [](const Result<void>& result) { return result.has_value(); });
        return fail(ErrorCode::interrupted,
                    fmt::format("interrupted after {} of {} trials, whose verdicts are kept in {}", kept, count, selection.folder.root.string()),
                    "call it again to go on");
    }
    return {};
}

/// A selection that found no champion may be made again under other terms, but test is then no longer new.
Result<void> count_looks(Selection& selection) {
    SOFIA_TRY(const auto earlier, read_selection(selection_path(selection.folder)));
    if (!earlier) return {};
    const std::string differs = difference(earlier->terms, selection.terms);
    selection.result.test_looks = earlier->test_looks + (differs.empty() ? 0 : 1);
    if (differs.empty()) return {};
    selection.context.log.warning(fmt::format("test has been looked at before, with {}: what survives it now was chosen with its help", differs));
    return {};
}

/// The best survivor, written down before shadow is touched.
Result<void> fix_champion(Selection& selection) {
    for (std::size_t rank = 0; rank < selection.top(); ++rank) {
        const StudyTrial& trial = selection.at_rank(rank);
        if (trial.head.verdict.status != Status::passed_test) continue;
        Champion champion{.study = selection.request.study,
                          .trial = trial.head.trial,
                          .rank = trial.head.verdict.rank,
                          .robust_score = trial.head.score.value,
                          .terms = selection.terms,
                          .test = *trial.head.verdict.test,
                          .shadow = trial.head.splits.shadow,
                          .shadow_seen = shadow_looks(selection.folder, trial.head.splits.shadow)};
        for (const std::string& look : champion.shadow_seen) {
            selection.context.log.warning(fmt::format("shadow has been looked at before: {}; its verdict is worth less", look));
        }
        SOFIA_CHECK(write_champion(champion_path(selection.folder), champion));
        selection.champion = std::move(champion);
        return {};
    }
    return {};
}

Result<void> look_at_shadow(Selection& selection, StudyTrial& trial) {
    const Champion& champion = *selection.champion;
    SOFIA_CHECK(need_history(selection));
    if (bars_hash(*selection.history, champion.test.window) != champion.test.bars_sha256) {
        return fail(ErrorCode::blocked,
                    fmt::format("study \"{}\": the bars of the test window have changed since the champion was fixed", champion.study),
                    "use the data that test was run on");
    }
    const auto figures = judge(*selection.history, trial, champion.shadow, *selection.context.stop);
    if (!figures) {
        if (figures.error().code != ErrorCode::interrupted) return std::unexpected(figures.error());
        return fail(ErrorCode::interrupted, fmt::format("interrupted before shadow has decided; trial {} stays the champion", champion.trial),
                    "call it again to go on");
    }
    const std::string refusal = refusal_of(*figures, champion.terms.limits);
    Verdict& verdict = trial.head.verdict;
    verdict.shadow = *figures;
    verdict.status = refusal.empty() ? Status::selected : Status::rejected_shadow;
    verdict.reason =
        refusal.empty() ? fmt::format("shadow confirms it: {:.4f} R a trade, {} trades", figures->expectancy_r, figures->trades) : refusal;
    return write_verdict(trial.summary, verdict);
}

/// Shadow decides on the champion, unless it has done so before or there is none.
Result<void> decide(Selection& selection) {
    const Champion& champion = *selection.champion;
    const auto trial = std::ranges::find(selection.trials, champion.trial, [](const StudyTrial& one) { return one.head.trial; });
    if (trial == selection.trials.end() || !trial->head.verdict.test) {
        return fail(ErrorCode::data,
                    fmt::format("{} names trial {}, whose summary has no test figures", champion_path(selection.folder).string(), champion.trial),
                    "put the study's files back as sofia select has left them");
    }
    selection.result.champion = champion.trial;
    selection.result.shadow_seen = champion.shadow_seen;
    if (champion.shadow.length() == 0) {
        trial->head.verdict.reason = "the champion; there is no shadow window to decide on it";
        selection.result.outcome = Outcome::undecided;
        return write_verdict(trial->summary, trial->head.verdict);
    }
    if (trial->head.verdict.shadow) {
        selection.result.from_record = true;
        selection.context.log.info(fmt::format("shadow has decided on trial {} before; this is the record", champion.trial));
    } else {
        SOFIA_CHECK(look_at_shadow(selection, *trial));
    }
    selection.result.outcome = trial->head.verdict.status == Status::selected ? Outcome::selected : Outcome::rejected_shadow;
    return {};
}

/// The verdicts of those that are not the champion.
Result<void> tell_the_others(Selection& selection) {
    for (std::size_t rank = 0; rank < selection.ranks.size(); ++rank) {
        StudyTrial& trial = selection.at_rank(rank);
        Verdict& verdict = trial.head.verdict;
        if (rank >= selection.top()) {
            verdict = {.reason = fmt::format("ranked {} of {}, select.top is {}", rank + 1, selection.ranks.size(), selection.terms.limits.top),
                       .rank = static_cast<std::int64_t>(rank) + 1,
                       .test = {},
                       .shadow = {}};
        } else if (selection.champion && selection.champion->trial != trial.head.trial && verdict.status == Status::passed_test) {
            verdict.reason = fmt::format("survives test; trial {} is the champion", selection.champion->trial);
        }
        SOFIA_CHECK(write_verdict(trial.summary, verdict));
        if (rank < selection.top()) {
            selection.result.candidates.push_back({trial.head.trial, trial.head.score.value, verdict, trial.summary});
        }
    }
    return {};
}

/// In the order of the trials' numbers, as a backtest reads them from the summaries.
void adjust(Selection& selection) {
    std::vector<TestedTrial> tested;
    for (const StudyTrial& trial : selection.trials) {
        if (trial.head.verdict.test) tested.push_back({trial.head.trial, &*trial.head.verdict.test});
    }
    ThreadPool pool(selection.context.threads);
    selection.result.adjusted = adjust_test(tested, selection.trials.front().head.seed, pool);
}

/// What the champion's tuning figures owe to its having been chosen.
Result<void> add_luck(Selection& selection) {
    const auto champion = std::ranges::find(selection.trials, selection.champion->trial, [](const StudyTrial& one) { return one.head.trial; });
    SOFIA_TRY(const Settings settings, load_settings({.resolved = champion->head.config}));
    ThreadPool pool(selection.context.threads);
    auto luck = luck_of(selection.folder.root, champion->head.trial, {}, settings, champion->head.seed, selection.context, pool);
    if (luck) {
        selection.result.luck = *std::move(luck);
    } else {
        selection.context.log.warning(fmt::format("no figures on the luck of the choice: {}", luck.error().message));
    }
    return {};
}

Result<void> write_records(const Selection& selection) {
    const std::filesystem::path path = selection_path(selection.folder);
    SOFIA_CHECK(write_file(path, format_json(to_json(selection.result))));
    if (!selection.history) return {};  // nothing was run
    Manifest manifest{.verb = "select",
                      .config = selection.trials[selection.ranks.front()].head.config,
                      .inputs = selection.history->data.files,
                      .facts = {{"study", selection.request.study}, {"symbol", selection.history->data.symbol}},
                      .outputs = {path}};
    if (selection.champion) manifest.outputs.push_back(champion_path(selection.folder));
    return write_manifest(selection.folder.root / "selection_manifest.json", manifest, selection.context);
}

}  // namespace

Result<SelectResult> select(const SelectRequest& request, const Context& context) {
    SOFIA_CHECK(check_sets(request.sets));
    Selection selection{.request = request, .context = context, .folder = {request.model_dir / request.study}};
    SOFIA_TRY(const StudyLock lock, StudyLock::take(selection.folder.root));
    SOFIA_CHECK(open_selection(selection));
    SOFIA_CHECK(count_looks(selection));
    if (!selection.champion && !selection.ranks.empty()) {
        SOFIA_CHECK(judge_top(selection));
        SOFIA_CHECK(fix_champion(selection));
    }
    if (selection.champion) SOFIA_CHECK(decide(selection));
    SOFIA_CHECK(tell_the_others(selection));
    adjust(selection);
    if (selection.champion) SOFIA_CHECK(add_luck(selection));
    SOFIA_CHECK(write_records(selection));
    return std::move(selection.result);
}

namespace {

std::string number_text(double value, int decimals) { return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, decimals); }

std::string outcome_text(const SelectResult& result) {
    const auto trial = result.champion.value_or(-1);
    switch (result.outcome) {
        case Outcome::none:
            if (result.ranked == 0) return "nothing to select: no trial is complete and feasible";
            return fmt::format("nothing selected: none of {} trials survives test", result.candidates.size());
        case Outcome::undecided: return fmt::format("trial {} is the champion; there is no shadow window to decide on it", trial);
        case Outcome::rejected_shadow: return fmt::format("nothing selected: shadow rejects the champion, trial {}", trial);
        case Outcome::selected: return fmt::format("selected: trial {}", trial);
    }
    return {};
}

std::string luck_text(const Luck& luck) {
    return fmt::format(
        "the champion's tuning figures among {} trials on these data: deflated Sharpe ratio {}, probability of backtest overfitting {}\n"
        "robust score {} R; the best of as many trials without skill scores {} R (p {})\n",
        luck.trials, number_text(luck.tuning.all.deflated, 3), number_text(luck.overfitting.cscv.probability, 3), number_text(luck.null.score, 4),
        number_text(luck.null.null.mean, 4), number_text(luck.null.p, 3));
}

}  // namespace

std::string_view name(Outcome outcome) {
    switch (outcome) {
        case Outcome::none: return "none";
        case Outcome::undecided: return "undecided";
        case Outcome::rejected_shadow: return "rejected_shadow";
        case Outcome::selected: return "selected";
    }
    return "none";
}

Output describe(const SelectResult& result) {
    std::vector<std::vector<std::string>> rows;
    for (const SelectedTrial& one : result.candidates) {
        const WindowFigures test = one.verdict.test.value_or(WindowFigures{});
        rows.push_back({std::to_string(one.verdict.rank), std::to_string(one.trial), number_text(one.robust_score, 4), std::to_string(test.trades),
                        number_text(test.expectancy_r, 4), number_text(test.max_drawdown_percent, 1), number_text(result.adjusted.p_of(one.trial), 3),
                        std::string(name(one.verdict.status)), one.verdict.reason});
    }
    const std::vector<std::string> header = {"rank",       "trial",      "robust score", "trades on test", "R a trade",
                                             "drawdown %", "adjusted p", "status",       "reason"};
    std::string text = format_table(header, rows);
    text += fmt::format("\nstudy {}: {} trials, {} of them ranked, {} run over test\n", result.study, result.trials.size(), result.ranked,
                        result.candidates.size());
    text += outcome_text(result) + (result.from_record ? " (decided before)\n" : "\n");
    const auto champion = std::ranges::find(result.candidates, result.champion, [](const SelectedTrial& one) { return std::optional(one.trial); });
    Json json = to_json(result);
    json["from_record"] = result.from_record;
    json["folder"] = result.folder.string();
    json["champion_summary"] = champion == result.candidates.end() ? Json() : Json(champion->summary.string());
    json["luck"] = result.luck ? to_json(*result.luck, *result.champion) : Json();
    if (result.luck) text += luck_text(*result.luck);
    if (champion != result.candidates.end()) text += "summary: " + champion->summary.string() + "\n";
    return make_output(std::move(text), std::move(json));
}

}  // namespace sofia::pipeline

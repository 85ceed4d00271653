#include "app/pipeline/study_ledger.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/artifacts.hpp"
#include "app/pipeline/members.hpp"
#include "app/pipeline/summary.hpp"
#include "app/pipeline/trial_list.hpp"
#include "base/files.hpp"
#include "tune/storage.hpp"

namespace sofia::pipeline {
namespace {

namespace fs = std::filesystem;

Result<void> add_folds(const Members& members, TrialLedger& ledger) {
    SOFIA_TRY(const std::vector<Members> folds, members.objects("folds"));
    for (const Members& fold : folds) {
        backtest::FoldScore score;
        SOFIA_TRY(score.trades, fold.count("trades"));
        SOFIA_TRY(score.net_r, fold.number("net_r"));
        SOFIA_TRY(score.score, fold.number("score"));
        ledger.folds.push_back(score);
        SOFIA_TRY(const double gross_r, fold.number("gross_r"));
        ledger.gross_r += gross_r;
        SOFIA_TRY(const std::vector<double> trades, fold.numbers("trade_net_r"));
        ledger.trade_net_r.insert(ledger.trade_net_r.end(), trades.begin(), trades.end());
    }
    return {};
}

Result<TrialLedger> ledger_from(const Members& members) {
    TrialLedger ledger;
    SOFIA_TRY(ledger.record.trial, members.count("trial"));
    SOFIA_TRY(ledger.state, members.text("state"));
    SOFIA_TRY(ledger.params, members.text_map("params"));
    SOFIA_TRY(const std::string origin, members.text("origin"));
    ledger.record.origin = origin == "startup" ? backtest::Origin::startup : backtest::Origin::sampled;
    SOFIA_TRY(ledger.record.daily_net_r, members.numbers("daily_net_r"));
    SOFIA_TRY(ledger.record.daily_trades, members.counts("daily_trades"));
    if (ledger.record.daily_trades.size() != ledger.record.daily_net_r.size()) return members.error("daily_trades");
    SOFIA_CHECK(add_folds(members, ledger));
    SOFIA_TRY(ledger.robust_score, members.number("robust_score"));
    SOFIA_TRY(ledger.verdict, read_verdict(members));
    return ledger;
}

Result<void> add_summary(const fs::path& path, StudyLedger& study) {
    SOFIA_TRY(const Json json, read_json_file(path, TuningSummary::schema));
    const Members members(json, path, "tune");
    SOFIA_TRY(study.study, members.text("study"));
    SOFIA_TRY(study.symbol, members.text("symbol"));
    SOFIA_TRY(const Members splits, members.object("splits"));
    SOFIA_TRY(const Members tuning, splits.object("tuning"));
    SOFIA_TRY(study.tuning, tuning.window());
    SOFIA_TRY(TrialLedger ledger, ledger_from(members));
    study.summarised.push_back(std::move(ledger));
    return {};
}

/// Trials that the database in the study's folder has finished; 0 where there is none, or it lies elsewhere.
std::size_t finished_in_database(const StudyFolder& folder, const std::string& name) {
    const auto storage = tune::open_storage("sqlite:///" + folder.database().string(), tune::Missing::refuse);
    if (!storage) return 0;
    const auto study = (*storage)->find_study(name);
    if (!study || !*study) return 0;
    const auto trials = (*storage)->read_trials((*study)->id, 0, {});
    if (!trials) return 0;
    return static_cast<std::size_t>(std::ranges::count_if(*trials, [](const tune::FrozenTrial& trial) { return tune::finished(trial.state); }));
}

}  // namespace

std::vector<backtest::TrialRecord> StudyLedger::records() const {
    std::vector<backtest::TrialRecord> all(trials);
    for (std::size_t i = 0; i < all.size(); ++i) all[i].trial = static_cast<std::int64_t>(i);
    for (const TrialLedger& ledger : summarised) all[static_cast<std::size_t>(ledger.record.trial)] = ledger.record;
    return all;
}

Result<const TrialLedger*> StudyLedger::find(std::int64_t trial) const {
    const auto at = std::ranges::find(summarised, trial, [](const TrialLedger& ledger) { return ledger.record.trial; });
    if (at == summarised.end()) return fail(ErrorCode::data, fmt::format("{}: trial {} has no summary", folder.string(), trial));
    return &*at;
}

Result<StudyLedger> read_ledger(const fs::path& folder) {
    SOFIA_TRY(const std::vector<fs::path> files, list_files(folder));
    StudyLedger study;
    study.folder = folder;
    for (const fs::path& file : files) {
        if (is_summary(file)) SOFIA_CHECK(add_summary(file, study));
    }
    std::ranges::sort(study.summarised, {}, [](const TrialLedger& ledger) { return ledger.record.trial; });
    if (!study.summarised.empty()) {
        // Numbers have no gaps: what is missing among them has failed.
        const auto numbered = static_cast<std::size_t>(study.summarised.back().record.trial) + 1;
        study.trials = std::max(numbered, finished_in_database({folder}, study.study));
    }
    return study;
}

std::vector<StudyLedger> neighbouring_ledgers(const fs::path& folder, const StudyLedger& study, const Context& context) {
    std::error_code error;
    const fs::path own = fs::weakly_canonical(folder, error);
    std::vector<fs::path> folders;
    for (const fs::directory_entry& entry : fs::directory_iterator(own.parent_path(), error)) {
        if (entry.is_directory(error) && entry.path() != own) folders.push_back(entry.path());
    }
    std::ranges::sort(folders);
    std::vector<StudyLedger> found;
    for (const fs::path& other : folders) {
        auto ledger = read_ledger(other);
        if (!ledger) {
            context.log.warning(
                fmt::format("the trials of {} are not counted among those on these data: {}", other.filename().string(), ledger.error().message));
        } else if (!ledger->summarised.empty() && ledger->symbol == study.symbol && trading::overlap(ledger->tuning, study.tuning)) {
            ledger->study = other.filename().string();  // a copied folder keeps the study's name
            found.push_back(*std::move(ledger));
        }
    }
    return found;
}

}  // namespace sofia::pipeline

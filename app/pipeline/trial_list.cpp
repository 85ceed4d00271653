#include "app/pipeline/trial_list.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/artifacts.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr int depth_max = 2;  // models/, models/<SYMBOL>/, models/<SYMBOL>/<study>/

/// Folders that hold a summary, sorted.
std::vector<fs::path> study_folders(const fs::path& root) {
    std::vector<fs::path> folders;
    std::error_code error;
    for (fs::recursive_directory_iterator at(root, fs::directory_options::skip_permission_denied, error), end; !error && at != end;
         at.increment(error)) {
        if (at.depth() >= depth_max) at.disable_recursion_pending();
        if (!is_summary(at->path())) continue;
        const fs::path folder = at->path().parent_path();
        if (std::ranges::find(folders, folder) == folders.end()) folders.push_back(folder);
    }
    std::ranges::sort(folders);
    return folders;
}

/// The readable summaries of a folder; `on_error` says what becomes of the others.
template <class OnError>
Result<std::vector<StudyTrial>> read_summaries(const fs::path& folder, const OnError& on_error) {
    SOFIA_TRY(const std::vector<fs::path> files, list_files(folder));
    std::vector<StudyTrial> trials;
    for (const fs::path& file : files) {
        if (!is_summary(file)) continue;
        auto head = read_summary(file);
        if (head) {
            trials.push_back({file, *std::move(head)});
        } else {
            SOFIA_CHECK(on_error(head.error()));
        }
    }
    std::ranges::sort(trials, {}, [](const StudyTrial& trial) { return trial.head.trial; });
    return trials;
}

/// Best first, then those that have no rank.
Result<void> order(std::vector<StudyTrial>& trials) {
    SOFIA_TRY(const std::vector<std::size_t> best, ranked(trials));
    std::vector<StudyTrial> ordered;
    for (const std::size_t at : best) ordered.push_back(trials[at]);
    for (std::size_t i = 0; i < trials.size(); ++i) {
        if (std::ranges::find(best, i) == best.end()) ordered.push_back(trials[i]);
    }
    trials = std::move(ordered);
    return {};
}

std::string state_of(const SummaryHead& head) { return head.state == "complete" && !head.score.feasible ? "infeasible" : head.state; }

}  // namespace

bool is_summary(const fs::path& path) {
    const std::string name = path.filename().string();
    return name.starts_with("tuning_summary_") && name.ends_with(".json");
}

Result<std::vector<StudyTrial>> read_study(const fs::path& folder) {
    return read_summaries(folder, [](const Error& error) -> Result<void> { return std::unexpected(error); });
}

Result<std::vector<std::size_t>> ranked(const std::vector<StudyTrial>& trials) {
    std::vector<std::size_t> places;
    if (trials.empty()) return places;
    SOFIA_TRY(const Settings settings, load_settings({.resolved = trials.front().head.config}));
    std::vector<backtest::RankedTrial> candidates;
    for (const StudyTrial& trial : trials) {
        if (trial.head.state == "complete") candidates.push_back({trial.head.trial, trial.head.score});
    }
    for (const std::int64_t number : backtest::rank_trials(candidates, settings.score)) {
        const auto at = std::ranges::find(trials, number, [](const StudyTrial& trial) { return trial.head.trial; });
        places.push_back(static_cast<std::size_t>(at - trials.begin()));
    }
    return places;
}

fs::path path_of(const StudyTrial& trial, TrialKind kind) {
    return kind == TrialKind::tuned ? trial.summary : StudyFolder{trial.summary.parent_path()}.train_config(trial.head.trial);
}

Result<std::vector<StudyTrial>> list_trials(const fs::path& model_dir, TrialKind kind, const Context& context) {
    std::vector<StudyTrial> all;
    for (const fs::path& folder : study_folders(model_dir)) {
        SOFIA_TRY(std::vector<StudyTrial> trials, read_summaries(folder, [&](const Error& error) -> Result<void> {
                      context.log.warning(error.message);
                      return {};
                  }));
        SOFIA_CHECK(order(trials));
        for (StudyTrial& trial : trials) {
            std::error_code error;
            if (kind == TrialKind::tuned || fs::exists(path_of(trial, kind), error)) all.push_back(std::move(trial));
        }
    }
    if (!all.empty()) return all;
    const bool tuned = kind == TrialKind::tuned;
    return fail(ErrorCode::usage,
                fmt::format("there is no {} in {} or in the studies below it", tuned ? "tuning summary" : "train config", model_dir.string()),
                tuned ? "run sofia tune first, or say where its studies lie with --model-dir"
                      : "run sofia train first, or say where its studies lie with --model-dir");
}

Output describe(const std::vector<StudyTrial>& trials, TrialKind kind) {
    Json list = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (const StudyTrial& trial : trials) {
        const SummaryHead& head = trial.head;
        const std::string path = path_of(trial, kind).string();
        const std::string status(name(head.verdict.status));
        list.push_back({{"study", head.study},
                        {"trial", head.trial},
                        {"state", state_of(head)},
                        {"robust_score", json_number(head.score.value)},
                        {"trades", head.trades()},
                        {"status", status},
                        {"file", path}});
        rows.push_back({std::to_string(rows.size() + 1), head.study, std::to_string(head.trial), state_of(head),
                        std::isnan(head.score.value) ? "-" : fmt::format("{:.4f}", head.score.value), std::to_string(head.trades()), status, path});
    }
    const std::vector<std::string> header = {"#", "study", "trial", "state", "robust score", "trades", "status", "file"};
    return make_output(format_table(header, rows), std::move(list));
}

}  // namespace sofia::pipeline

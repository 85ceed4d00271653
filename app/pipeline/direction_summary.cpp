#include "app/pipeline/direction_summary.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/members.hpp"
#include "app/pipeline/summary.hpp"
#include "app/pipeline/trial_list.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {
namespace {

Result<DirectionWindows> windows_from(const Members& members) {
    DirectionWindows windows;
    for (const auto& [name, target] : {std::pair{"train", &windows.train}, {"validation", &windows.validation}, {"test", &windows.test}}) {
        SOFIA_TRY(const Members window, members.object(name));
        SOFIA_TRY(*target, window.window());
    }
    return windows;
}

/// Those of a folder that this strategy has made, by name.
Result<std::vector<std::filesystem::path>> summaries_in(const std::filesystem::path& folder) {
    SOFIA_TRY(std::vector<std::filesystem::path> files, list_files(folder));
    std::erase_if(files, [](const std::filesystem::path& file) {
        if (!is_summary(file)) return true;
        const auto strategy = strategy_of_summary(file);
        return !strategy || *strategy != "direction";
    });
    return files;
}

}  // namespace

DirectionWindows windows_of(const DirectionSamples& samples) { return {samples.train.window, samples.validation.window, samples.test.window}; }

Json windows_json(const DirectionWindows& windows) {
    return {{"train", window_json(windows.train)}, {"validation", window_json(windows.validation)}, {"test", window_json(windows.test)}};
}

Result<void> write_direction_summary(const std::filesystem::path& path, const DirectionSummary& summary) {
    Json json = Json::object();
    json["schema"] = DirectionSummary::schema;
    json["strategy"] = "direction";
    json["study"] = summary.study;
    json["trial"] = summary.trial;
    json["metric"] = summary.metric;
    json["value"] = json_number(summary.value);
    json["best_iteration"] = summary.best_iteration;
    json["rounds"] = summary.rounds;
    json["params"] = Json::object();
    for (const auto& [name, value] : summary.params) json["params"][name] = value;
    json["features"] = features_json(summary.features);
    if (!summary.custom.empty()) json["custom"] = custom_json(summary.custom);
    json["windows"] = windows_json(summary.windows);
    json["rows_sha256"] = summary.rows_sha256;
    json["seed"] = summary.seed;
    json["symbol"] = summary.symbol;
    json["simulated"] = summary.simulated;
    json["data_dir"] = summary.data_dir.string();
    json["config"] = summary.config;
    return write_file(path, format_json(json));
}

Result<DirectionSummary> read_direction_summary(const std::filesystem::path& path) {
    SOFIA_TRY(const Json json, read_json_file(path, DirectionSummary::schema));
    const Members members(json, path, "tune");
    DirectionSummary summary;
    SOFIA_TRY(summary.study, members.text("study"));
    SOFIA_TRY(summary.trial, members.count("trial"));
    SOFIA_TRY(summary.metric, members.text("metric"));
    SOFIA_TRY(summary.value, members.number("value"));
    SOFIA_TRY(summary.best_iteration, members.count("best_iteration"));
    SOFIA_TRY(summary.rounds, members.count("rounds"));
    SOFIA_TRY(summary.params, members.text_map("params"));
    SOFIA_TRY(const Members features, members.object("features"));
    SOFIA_TRY(summary.features, features_from(features));
    SOFIA_TRY(summary.custom, custom_from(members));
    SOFIA_TRY(const Members windows, members.object("windows"));
    SOFIA_TRY(summary.windows, windows_from(windows));
    SOFIA_TRY(summary.rows_sha256, members.text("rows_sha256"));
    SOFIA_TRY(summary.seed, members.seed("seed"));
    SOFIA_TRY(summary.symbol, members.text("symbol"));
    SOFIA_TRY(summary.simulated, members.flag("simulated"));
    SOFIA_TRY(summary.data_dir, members.text("data_dir"));
    SOFIA_TRY(summary.config, members.text("config"));
    return summary;
}

Result<std::string> strategy_of_summary(const std::filesystem::path& path) {
    SOFIA_TRY(const std::string text, read_file(path));
    SOFIA_TRY(const Json json, parse_json(text, path.string()));
    const auto found = json.is_object() ? json.find("strategy") : json.end();
    if (!json.is_object() || found == json.end() || !found->is_string()) return std::string("touch");
    return found->get<std::string>();
}

Result<std::filesystem::path> best_direction_summary(const std::filesystem::path& study_folder) {
    SOFIA_TRY(const auto files, summaries_in(study_folder));
    std::optional<DirectionSummary> best;
    std::filesystem::path path;
    for (const std::filesystem::path& file : files) {
        SOFIA_TRY(DirectionSummary summary, read_direction_summary(file));
        if (std::isnan(summary.value)) continue;
        const DirectionScoreConfig score{.metric = summary.metric};
        const bool better = !best || (score.minimized() ? summary.value < best->value : summary.value > best->value) ||
                            (summary.value == best->value && summary.trial < best->trial);
        if (!better) continue;
        best = std::move(summary);
        path = file;
    }
    if (best) return path;
    return fail(ErrorCode::usage, fmt::format("{} holds no trial of the direction strategy", study_folder.string()),
                "tune first: sofia tune --config configs/direction.yaml …");
}

Result<std::filesystem::path> direction_study(const std::filesystem::path& model_dir, const std::string& study) {
    if (!study.empty()) return model_dir / study;
    std::vector<std::filesystem::path> found;
    std::error_code error;
    for (std::filesystem::directory_iterator it(model_dir, error), end; !error && it != end; it.increment(error)) {
        std::error_code ignored;
        if (!it->is_directory(ignored) || it->is_symlink(ignored)) continue;
        if (const auto files = summaries_in(it->path()); files && !files->empty()) found.push_back(it->path());
    }
    std::ranges::sort(found);
    if (found.size() == 1) return found.front();
    if (found.empty()) {
        return fail(ErrorCode::usage, fmt::format("{} holds no study of the direction strategy", model_dir.string()),
                    "tune first, or give the --model-dir that was tuned into");
    }
    std::vector<std::string> names;
    for (const std::filesystem::path& folder : found) names.push_back(folder.filename().string());
    return fail(ErrorCode::usage, fmt::format("{} holds {} studies: {}", model_dir.string(), found.size(), join(names, ", ")),
                "name one with --study");
}

}  // namespace sofia::pipeline

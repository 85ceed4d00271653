#include "app/pipeline/select_record.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t schema = 1;

Json limits_json(SelectConfig limits) {
    return {{"top", limits.top},
            {"min_expectancy_r", json_number(limits.min_expectancy_r)},
            {"min_trades", limits.min_trades},
            {"max_drawdown_percent", json_number(limits.max_drawdown_percent)}};
}

Result<SelectTerms> terms_from(const Members& members) {
    SelectTerms terms;
    SOFIA_TRY(const Members limits, members.object("limits"));
    SOFIA_TRY(terms.limits.top, limits.count("top"));
    SOFIA_TRY(terms.limits.min_expectancy_r, limits.number("min_expectancy_r"));
    SOFIA_TRY(terms.limits.min_trades, limits.count("min_trades"));
    SOFIA_TRY(terms.limits.max_drawdown_percent, limits.number("max_drawdown_percent"));
    SOFIA_TRY(terms.trials, members.counts("trials"));
    return terms;
}

bool there(const fs::path& path) {
    std::error_code error;
    return fs::exists(path, error);
}

/// Whether a backtest's metrics.json says that it ran over part of `window`.
bool ran_over(const fs::path& metrics, trading::Window window) {
    const auto json = read_json_file(metrics, 1);
    if (!json) return false;
    const auto ran = Members(*json, metrics, "backtest").window();
    return ran && trading::overlap(*ran, window);
}

std::vector<fs::path> folders_in(const fs::path& folder) {
    std::vector<fs::path> found;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
        if (entry.is_directory(error)) found.push_back(entry.path());
    }
    std::ranges::sort(found);
    return found;
}

}  // namespace

std::string difference(const SelectTerms& before, const SelectTerms& now) {
    SelectConfig was = before.limits;
    SelectConfig is = now.limits;
    config::Keys old_keys;
    config::Keys new_keys;
    old_keys.section("select", was);
    new_keys.section("select", is);
    for (std::size_t i = 0; i < old_keys.all().size(); ++i) {
        const std::string a = old_keys.all()[i].get();
        const std::string b = new_keys.all()[i].get();
        if (a != b) return fmt::format("{} {}, now it is {}", old_keys.all()[i].path, a, b);
    }
    if (before.trials == now.trials) return {};
    if (before.trials.size() != now.trials.size()) return fmt::format("{} trials, now there are {}", before.trials.size(), now.trials.size());
    return "other trials than there are now";
}

fs::path champion_path(const StudyFolder& folder) { return folder.root / "champion.json"; }
fs::path selection_path(const StudyFolder& folder) { return folder.root / "selection.json"; }

Result<std::optional<Champion>> read_champion(const fs::path& path) {
    if (!there(path)) return std::nullopt;
    SOFIA_TRY(const Json json, read_json_file(path, schema));
    const Members members(json, path, "select");
    Champion champion;
    SOFIA_TRY(champion.study, members.text("study"));
    SOFIA_TRY(champion.trial, members.count("trial"));
    SOFIA_TRY(champion.rank, members.count("rank"));
    SOFIA_TRY(champion.robust_score, members.number("robust_score"));
    SOFIA_TRY(champion.terms, terms_from(members));
    SOFIA_TRY(const Members test, members.object("test"));
    SOFIA_TRY(champion.test, figures_from(test));
    SOFIA_TRY(const Members shadow, members.object("shadow"));
    SOFIA_TRY(champion.shadow, shadow.window());
    SOFIA_TRY(champion.shadow_seen, members.texts("shadow_seen"));
    return champion;
}

Result<void> write_champion(const fs::path& path, const Champion& champion) {
    const Json json = {{"schema", schema},
                       {"study", champion.study},
                       {"trial", champion.trial},
                       {"rank", champion.rank},
                       {"robust_score", json_number(champion.robust_score)},
                       {"limits", limits_json(champion.terms.limits)},
                       {"trials", champion.terms.trials},
                       {"test", figures_json(champion.test)},
                       {"shadow", window_json(champion.shadow)},
                       {"shadow_seen", champion.shadow_seen}};
    return write_file(path, format_json(json));
}

Result<std::optional<EarlierSelection>> read_selection(const fs::path& path) {
    if (!there(path)) return std::nullopt;
    SOFIA_TRY(const Json json, read_json_file(path, schema));
    const Members members(json, path, "select");
    EarlierSelection earlier;
    SOFIA_TRY(earlier.terms, terms_from(members));
    SOFIA_TRY(earlier.test_looks, members.count("test_looks"));
    return earlier;
}

Json to_json(const SelectResult& result) {
    Json json = {{"schema", schema}, {"study", result.study}, {"outcome", name(result.outcome)}};
    json["champion"] = result.champion ? Json(*result.champion) : Json();
    json["limits"] = limits_json(result.limits);
    json["trials"] = result.trials;
    json["ranked"] = result.ranked;
    json["test_looks"] = result.test_looks;
    json["shadow_seen"] = result.shadow_seen;
    json["superiority"] = {{"days", result.adjusted.days},
                           {"block_length", json_number(result.adjusted.result.block_length)},
                           {"p_lower", json_number(result.adjusted.result.p_lower)},
                           {"p_consistent", json_number(result.adjusted.result.p_consistent)},
                           {"p_upper", json_number(result.adjusted.result.p_upper)}};
    json["candidates"] = Json::array();
    for (const SelectedTrial& one : result.candidates) {
        Json candidate = {{"trial", one.trial},
                          {"robust_score", json_number(one.robust_score)},
                          {"status", name(one.verdict.status)},
                          {"reason", one.verdict.reason}};
        candidate["adjusted_p"] = json_number(result.adjusted.p_of(one.trial));
        candidate.update(selection_json(one.verdict));
        json["candidates"].push_back(std::move(candidate));
    }
    return json;
}

std::vector<std::string> shadow_looks(const StudyFolder& folder, trading::Window shadow) {
    std::vector<std::string> looks;
    if (shadow.length() == 0) return looks;
    for (const fs::path& study : folders_in(folder.root.parent_path())) {
        std::error_code error;
        const auto champion = read_champion(champion_path({study}));
        if (champion && *champion && trading::overlap((*champion)->shadow, shadow) && !fs::equivalent(study, folder.root, error)) {
            looks.push_back("selection of study " + study.filename().string());
        }
    }
    for (const fs::path& model : folders_in(folder.root)) {
        for (const fs::path& run : folders_in(model)) {
            if (ran_over(run / "metrics.json", shadow)) looks.push_back((model.filename() / run.filename()).string());
        }
    }
    return looks;
}

}  // namespace sofia::pipeline

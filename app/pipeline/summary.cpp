#include "app/pipeline/summary.hpp"

#include <nlohmann/json.hpp>

#include "backtest/figures.hpp"
#include "base/files.hpp"
#include "features/catalogue.hpp"

namespace sofia::pipeline {

Json window_json(trading::Window window) { return {{"from", format_time(window.from)}, {"to", format_time(window.to)}}; }

Json refusals_json(const trading::RefusalCounts& refused) {
    Json json = Json::object();
    for (std::size_t i = 0; i < refused.size(); ++i) json[std::string(trading::name(static_cast<trading::Refusal>(i)))] = refused[i];
    return json;
}

Json features_json(const std::vector<features::FeatureSpec>& columns) {
    Json names = Json::array();
    for (const features::FeatureSpec& column : columns) names.push_back(column.name);
    return {{"names", std::move(names)}, {"hash", features::feature_hash(columns)}};
}

namespace {

/// The part of the resolved settings under `prefix.`, as JSON texts.
Json section_json(const Settings& settings, const std::string& prefix) {
    Settings copy = settings;
    const config::Keys keys = keys_of(copy);
    Json json = Json::object();
    for (const config::Key& key : keys.all()) {
        if (key.path.starts_with(prefix + ".")) json[key.path.substr(prefix.size() + 1)] = key.get();
    }
    return json;
}

Json fold_json(const FoldOutcome& outcome) {
    Json json = Json::object();
    json["index"] = outcome.fold.index;
    json["train_from"] = format_time(outcome.fold.train.from);
    json["train_to"] = format_time(outcome.fold.train.to);
    json["from"] = format_time(outcome.fold.validation.from);
    json["to"] = format_time(outcome.fold.validation.to);
    json["train_rows"] = outcome.train_rows;
    json["positives"] = outcome.positives;
    json["best_iteration"] = outcome.best_iteration;
    json["trades"] = outcome.score.trades;
    json["net_r"] = json_number(outcome.score.net_r);
    json["gross_r"] = json_number(outcome.gross_r);
    json["score"] = json_number(outcome.score.score);
    json["expected_win_r"] = json_number(outcome.ev.win);
    json["expected_loss_r"] = json_number(outcome.ev.loss);
    json["timeout_share"] = json_number(outcome.ev.timeouts);
    json["refusals"] = refusals_json(outcome.refused);
    json["unfilled"] = outcome.unfilled;
    if (!outcome.note.empty()) json["note"] = outcome.note;
    return json;
}

Json daily_json(const TuningSummary& summary) {
    Json days = Json::array();
    for (const FoldOutcome& outcome : summary.folds) {
        for (const double value : backtest::daily_net_r(outcome.trades, outcome.fold.validation)) days.push_back(json_number(value));
    }
    return days;
}

}  // namespace

Result<void> write_summary(const std::filesystem::path& path, const TuningSummary& summary) {
    Settings settings;
    config::Keys keys = keys_of(settings);
    SOFIA_CHECK(config::load_text(summary.config, "the trial's configuration", keys));
    Json json = Json::object();
    json["schema"] = 1;
    json["study"] = summary.study;
    json["trial"] = summary.trial;
    json["state"] = summary.state;
    json["status"] = "not_evaluated";
    json["reason"] = summary.score.feasible ? "" : "too many folds have fewer trades than score.min_trades";
    json["robust_score"] = json_number(summary.score.value);
    json["value"] = json_number(summary.value);
    json["feasible"] = summary.score.feasible;
    json["thin_folds"] = summary.score.thin_folds;
    json["interquartile"] = json_number(summary.score.interquartile);
    json["mean_score"] = json_number(summary.score.mean);
    json["mean_score_lower"] = json_number(summary.score.mean_lower);
    json["params"] = Json::object();
    for (const auto& [name, value] : summary.params) json["params"][name] = value;
    json["folds"] = Json::array();
    for (const FoldOutcome& outcome : summary.folds) json["folds"].push_back(fold_json(outcome));
    json["daily_net_r"] = daily_json(summary);
    for (const char* section : {"gate", "costs", "position", "barriers", "execution", "sizing"}) json[section] = section_json(settings, section);
    json["features"] = features_json(summary.columns);
    json["splits"] = {
        {"tuning", window_json(summary.splits.tuning)}, {"test", window_json(summary.splits.test)}, {"shadow", window_json(summary.splits.shadow)}};
    json["class_balance"] = {{"labeled", summary.labeled}, {"positives", summary.positives}};
    json["largest_hold_bars"] = summary.largest_hold_bars;
    json["seed"] = summary.seed;
    json["seeds"] = Json::array({summary.seed});
    json["symbol"] = summary.symbol;
    json["simulated"] = summary.simulated;
    json["data_dir"] = summary.data_dir.string();
    json["config"] = summary.config;
    return write_file(path, format_json(json));
}

Result<Json> read_json_file(const std::filesystem::path& path, std::int64_t schema) {
    SOFIA_TRY(const std::string text, read_file(path));
    SOFIA_TRY(Json json, parse_json(text, path.string()));
    if (!json.is_object() || !json.contains("schema") || json["schema"] != schema) {
        return fail(ErrorCode::data, path.string() + ": not a file of schema " + std::to_string(schema), "was it written by this version of sofia?");
    }
    return json;
}

namespace {

template <class T>
Result<T> member(const Json& json, const char* name, const std::filesystem::path& path) {
    try {
        return json.at(name).get<T>();
    } catch (const nlohmann::json::exception&) {
        return fail(ErrorCode::data, path.string() + ": \"" + name + "\" is missing or of the wrong type", "write the file again with sofia tune");
    }
}

}  // namespace

Result<SummaryHead> read_summary(const std::filesystem::path& path) {
    SOFIA_TRY(const Json json, read_json_file(path, 1));
    SummaryHead head;
    SOFIA_TRY(head.study, member<std::string>(json, "study", path));
    SOFIA_TRY(head.trial, member<std::int64_t>(json, "trial", path));
    SOFIA_TRY(head.seed, member<std::uint64_t>(json, "seed", path));
    SOFIA_TRY(head.data_dir, member<std::string>(json, "data_dir", path));
    SOFIA_TRY(head.symbol, member<std::string>(json, "symbol", path));
    SOFIA_TRY(head.config, member<std::string>(json, "config", path));
    SOFIA_TRY(head.largest_hold_bars, member<std::int64_t>(json, "largest_hold_bars", path));
    SOFIA_TRY(const Json features, member<Json>(json, "features", path));
    SOFIA_TRY(head.features_hash, member<std::string>(features, "hash", path));
    return head;
}

}  // namespace sofia::pipeline

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

void warn_of_symbol(const std::filesystem::path& artifact, const std::string& made_with, const std::string& used, const Context& context) {
    if (made_with != used) context.log.warning(artifact.string() + " was made with data of " + made_with + ", this is " + used);
}

Result<store::DataFolder> open_data_of(const std::filesystem::path& asked, const std::filesystem::path& made_from) {
    auto folder = store::DataFolder::open(asked.empty() ? made_from : asked);
    if (!folder && asked.empty() && folder.error().code == ErrorCode::io) {
        folder.error().hint = "it is the data that was tuned on; say with --data-dir where it is now";
    }
    return folder;
}

const Json* Members::find(const char* name) const {
    if (!json_.is_object()) return nullptr;
    const auto at = json_.find(name);
    return at == json_.end() ? nullptr : &*at;
}

std::unexpected<Error> Members::error(const char* name) const {
    return fail(ErrorCode::data, path_.string() + ": \"" + name + "\" is missing or of the wrong type",
                std::string("write the file again with sofia ") + writer_);
}

Result<std::string> Members::text(const char* name) const {
    const Json* value = find(name);
    if (value == nullptr || !value->is_string()) return error(name);
    return value->get<std::string>();
}

Result<std::int64_t> Members::count(const char* name, std::int64_t most) const {
    SOFIA_TRY(const std::uint64_t value, seed(name));
    if (value > static_cast<std::uint64_t>(most)) return error(name);
    return static_cast<std::int64_t>(value);
}

Result<std::uint64_t> Members::seed(const char* name) const {
    const Json* value = find(name);
    if (value == nullptr || !value->is_number_unsigned()) return error(name);
    return value->get<std::uint64_t>();
}

Result<double> Members::number(const char* name) const {
    const Json* value = find(name);
    if (value == nullptr || !(value->is_number() || value->is_null())) return error(name);
    return value->is_null() ? std::numeric_limits<double>::quiet_NaN() : value->get<double>();
}

Result<Members> Members::object(const char* name) const {
    const Json* value = find(name);
    if (value == nullptr || !value->is_object()) return error(name);
    return Members(*value, path_, writer_);
}

Result<SummaryHead> read_summary(const std::filesystem::path& path) {
    SOFIA_TRY(const Json json, read_json_file(path, 1));
    const Members members(json, path, "tune");
    SummaryHead head;
    SOFIA_TRY(head.study, members.text("study"));
    SOFIA_TRY(head.trial, members.count("trial"));
    SOFIA_TRY(head.seed, members.seed("seed"));
    SOFIA_TRY(head.data_dir, members.text("data_dir"));
    SOFIA_TRY(head.symbol, members.text("symbol"));
    SOFIA_TRY(head.config, members.text("config"));
    SOFIA_TRY(head.largest_hold_bars, members.count("largest_hold_bars", trading::hold_bars_max));
    SOFIA_TRY(const Members features, members.object("features"));
    SOFIA_TRY(head.features_hash, features.text("hash"));
    SOFIA_TRY(const Members splits, members.object("splits"));
    SOFIA_TRY(const Members tuning, splits.object("tuning"));
    SOFIA_TRY(head.tuned_from, tuning.text("from"));
    SOFIA_TRY(head.tuned_to, tuning.text("to"));
    return head;
}

}  // namespace sofia::pipeline

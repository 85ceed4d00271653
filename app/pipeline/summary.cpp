#include "app/pipeline/summary.hpp"

#include <nlohmann/json.hpp>

#include "app/pipeline/audit_columns.hpp"
#include "app/pipeline/trades_csv.hpp"
#include "backtest/figures.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {

Json window_json(trading::Window window) { return {{"from", format_time(window.from)}, {"to", format_time(window.to)}}; }

Json refusals_json(const trading::RefusalCounts& refused) {
    Json json = Json::object();
    for (std::size_t i = 0; i < refused.size(); ++i) json[std::string(trading::name(static_cast<trading::Refusal>(i)))] = refused[i];
    return json;
}

Json features_json(const std::vector<models::FeatureId>& features) {
    Json names = Json::array();
    Json versions = Json::array();
    for (const models::FeatureId& feature : features) {
        names.push_back(feature.name);
        versions.push_back(parse_int(feature.version).value_or(1));
    }
    return {{"names", std::move(names)}, {"versions", std::move(versions)}, {"hash", models::feature_hash(features)}};
}

Json features_json(const std::vector<features::FeatureSpec>& columns) { return features_json(feature_ids(columns)); }

Result<std::vector<models::FeatureId>> features_from(const Members& features) {
    SOFIA_TRY(const std::vector<std::string> names, features.texts("names"));
    SOFIA_TRY(const std::vector<std::int64_t> versions, features.counts("versions"));
    if (versions.size() != names.size()) return features.error("versions");
    std::vector<models::FeatureId> ids;
    for (std::size_t i = 0; i < names.size(); ++i) ids.push_back({names[i], std::to_string(versions[i])});
    SOFIA_TRY(const std::string hash, features.text("hash"));
    if (models::feature_hash(ids) != hash) return features.error("hash");
    return ids;
}

std::int64_t SummaryHead::trades() const {
    std::int64_t sum = 0;
    for (const FoldHead& fold : folds) sum += fold.trades;
    return sum;
}

namespace {

/// The part of the resolved settings under `prefix.`, as JSON texts.
Json section_json(const config::Keys& keys, const std::string& prefix) {
    Json json = Json::object();
    for (const config::Key& key : keys.all()) {
        if (key.path.starts_with(prefix + ".")) json[key.path.substr(prefix.size() + 1)] = key.get();
    }
    return json;
}

Json fold_json(const FoldOutcome& outcome, const std::vector<std::string>& timeframes) {
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
    json["gate_headroom"] = json_number(outcome.gate_headroom);
    json["refusals"] = refusals_json(outcome.refused);
    json["unfilled"] = outcome.unfilled;
    json["trades_sha256"] = trades_hash(outcome.trades, timeframes);
    json["trade_net_r"] = Json::array();
    for (const trading::ClosedTrade& trade : outcome.trades) json["trade_net_r"].push_back(json_number(trade.net_r));
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

Json daily_trades_json(const TuningSummary& summary) {
    Json days = Json::array();
    for (const FoldOutcome& outcome : summary.folds) {
        for (const std::int64_t count : backtest::daily_trades(outcome.trades, outcome.fold.validation)) days.push_back(count);
    }
    return days;
}

/// How the trial's parameters were found: drawn without a look at earlier results, or by a sampler that had learnt.
const char* origin_of(const TuneConfig& tune, std::int64_t trial) {
    const bool learns = tune.sampler != "random" && tune.sampler != "qmc" && tune.sampler != "grid";
    return !learns || (tune.sampler.starts_with("tpe") && trial < tune.startup_trials) ? "startup" : "sampled";
}

}  // namespace

Result<void> write_summary(const std::filesystem::path& path, const TuningSummary& summary, Settings settings) {
    const config::Keys keys = keys_of(settings);
    Json json = Json::object();
    json["schema"] = TuningSummary::schema;
    json["study"] = summary.study;
    json["trial"] = summary.trial;
    json["state"] = summary.state;
    json["status"] = name(Status::not_evaluated);
    json["reason"] = summary.score.feasible ? "" : "too many folds have fewer trades than score.min_trades";
    json["selection"] = nullptr;
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
    for (const FoldOutcome& outcome : summary.folds) json["folds"].push_back(fold_json(outcome, settings.decision.touch.timeframes));
    json["origin"] = origin_of(settings.tune, summary.trial);
    json["daily_net_r"] = daily_json(summary);
    json["daily_trades"] = daily_trades_json(summary);
    for (const char* section : {"gate", "costs", "position", "barriers", "execution", "sizing"}) json[section] = section_json(keys, section);
    json["features"] = features_json(summary.columns);
    json["splits"] = {
        {"tuning", window_json(summary.splits.tuning)}, {"test", window_json(summary.splits.test)}, {"shadow", window_json(summary.splits.shadow)}};
    json["tuning_bars_sha256"] = summary.tuning_bars_sha256;
    json["class_balance"] = {{"labeled", summary.labeled}, {"positives", summary.positives}};
    json["largest_hold_bars"] = summary.largest_hold_bars;
    json["seed"] = summary.seed;
    json["seeds"] = settings.fit.seeds;
    json["symbol"] = summary.symbol;
    json["simulated"] = summary.simulated;
    json["data_dir"] = summary.data_dir.string();
    json["config"] = config::show(keys);
    return write_file(path, format_json(json));
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

namespace {

Result<backtest::RobustScore> score_from(const Members& members) {
    backtest::RobustScore score;
    SOFIA_TRY(score.value, members.number("robust_score"));
    SOFIA_TRY(score.feasible, members.flag("feasible"));
    SOFIA_TRY(score.thin_folds, members.count("thin_folds"));
    SOFIA_TRY(score.interquartile, members.number("interquartile"));
    SOFIA_TRY(score.mean, members.number("mean_score"));
    SOFIA_TRY(score.mean_lower, members.number("mean_score_lower"));
    return score;
}

Result<labels::Splits> splits_from(const Members& members) {
    labels::Splits splits;
    for (const auto& [name, target] : {std::pair{"tuning", &splits.tuning}, {"test", &splits.test}, {"shadow", &splits.shadow}}) {
        SOFIA_TRY(const Members window, members.object(name));
        SOFIA_TRY(*target, window.window());
    }
    return splits;
}

Result<std::vector<FoldHead>> folds_from(const Members& members) {
    SOFIA_TRY(const std::vector<Members> list, members.objects("folds"));
    std::vector<FoldHead> folds;
    for (const Members& one : list) {
        FoldHead fold;
        SOFIA_TRY(fold.index, one.count("index"));
        SOFIA_TRY(fold.trades, one.count("trades"));
        SOFIA_TRY(fold.trades_sha256, one.text("trades_sha256"));
        if (const auto note = one.text("note")) fold.note = *note;
        folds.push_back(std::move(fold));
    }
    return folds;
}

}  // namespace

Result<SummaryHead> read_summary(const std::filesystem::path& path) {
    SOFIA_TRY(const Json json, read_json_file(path, TuningSummary::schema));
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
    SOFIA_TRY(head.features, features_from(features));
    SOFIA_TRY(const Members splits, members.object("splits"));
    SOFIA_TRY(head.splits, splits_from(splits));
    SOFIA_TRY(head.tuning_bars_sha256, members.text("tuning_bars_sha256"));
    SOFIA_TRY(head.state, members.text("state"));
    SOFIA_TRY(head.score, score_from(members));
    SOFIA_TRY(head.folds, folds_from(members));
    SOFIA_TRY(head.verdict, read_verdict(members));
    return head;
}

}  // namespace sofia::pipeline

#include "app/pipeline/direction_card.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/manifest.hpp"
#include "app/pipeline/summary.hpp"
#include "base/text.hpp"
#include "math/statistics.hpp"

namespace sofia::pipeline {
namespace {

/// A matrix with one column in another order of rows (Fisher, Yates).
std::vector<double> shuffled(const DirectionSample& sample, std::size_t column, RandomStream random) {
    std::vector<double> values = sample.features;
    for (std::size_t i = sample.rows(); i-- > 1;) {
        const auto other = static_cast<std::size_t>(random.below(i + 1));
        std::swap(values[i * sample.width + column], values[other * sample.width + column]);
    }
    return values;
}

Json features_of(const DirectionCard& card) {
    Json json = features_json(card.columns);
    json["columns"] = Json::array();
    for (std::size_t i = 0; i < card.columns.size(); ++i) {
        const features::FeatureSpec& column = card.columns[i];
        json["columns"].push_back({{"name", column.name},
                                   {"formula", column.formula},
                                   {"unit", column.unit},
                                   {"train_least", json_number(card.ranges[i].first)},
                                   {"train_most", json_number(card.ranges[i].second)}});
    }
    return json;
}

Json data_of(const DirectionCard& card) {
    Json json = {{"symbol", card.trial.symbol}, {"simulated", card.trial.simulated}, {"files", Json::array()}};
    for (const InputFile& file : card.files) json["files"].push_back({{"file", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
    json["bars"] = window_json(card.bars);
    json["bars_sha256"] = card.bars_sha256;
    json["rows_sha256"] = card.rows_sha256;
    json["windows"] = Json::object();
    for (const auto& [name, sample] : card.samples) {
        Json window = window_json(sample->window);
        window["rows"] = sample->rows();
        window["purged"] = sample->purged;
        window["unlabeled"] = sample->unlabeled;
        json["windows"][name] = window;
    }
    return json;
}

Json balance_of(const DirectionCard& card) {
    Json json = Json::object();
    for (const auto& [name, sample] : card.samples) {
        const double ups = sample->ups();
        const double rows = static_cast<double>(sample->rows());
        json[name] = {{"up", std::llround(ups)}, {"not_up", std::llround(rows - ups)}, {"up_share", json_number(ups / rows)}};
    }
    return json;
}

Json figures_of(const CardFigures& figures) {
    Json json = scores_json(figures.model);
    json["reliability"] = Json::array();
    for (const models::ReliabilityBin& bin : figures.reliability) {
        json["reliability"].push_back({{"low", bin.low},
                                       {"high", bin.high},
                                       {"rows", bin.count},
                                       {"predicted", json_number(bin.predicted)},
                                       {"observed", json_number(bin.observed)}});
    }
    return json;
}

Json baselines_of(const CardFigures& figures) {
    Json json = Json::object();
    for (const BaselineScores& baseline : figures.baselines) json[baseline.name] = scores_json(baseline);
    return json;
}

Json importance_of(const DirectionCard& card) {
    Json json = Json::array();
    for (const ColumnImportance& one : card.importance) {
        json.push_back({{"name", one.name},
                        {"gain", json_number(one.gain)},
                        {"splits", json_number(one.splits)},
                        {"permutation",
                         {{"log_loss", json_number(one.log_loss.value)},
                          {"log_loss_least", json_number(one.log_loss.lower)},
                          {"log_loss_most", json_number(one.log_loss.upper)},
                          {"accuracy", json_number(one.accuracy)}}}});
    }
    return json;
}

}  // namespace

Result<std::vector<ColumnImportance>> column_importance(const FittedModel& model, const std::vector<features::FeatureSpec>& columns,
                                                        const DirectionSample& sample, std::size_t repeats, const RandomStream& random,
                                                        std::size_t threads) {
    SOFIA_TRY(const std::vector<double> whole, model.predict(sample.matrix(), threads));
    const double loss = models::log_loss(whole, sample.y);
    const double accuracy = models::accuracy(whole, sample.y);
    const std::vector<double> gain = model.gain_importance();
    const std::vector<double> splits = model.split_importance();
    std::vector<ColumnImportance> out;
    for (std::size_t c = 0; c < sample.width; ++c) {
        ColumnImportance one{.name = columns[c].name, .gain = gain[c], .splits = splits[c]};
        std::vector<double> worse;
        std::vector<double> lost;
        for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
            const std::vector<double> values = shuffled(sample, c, random.split(one.name).split(repeat));
            SOFIA_TRY(const std::vector<double> p, model.predict({values, sample.rows(), sample.width}, threads));
            worse.push_back(models::log_loss(p, sample.y) - loss);
            lost.push_back(accuracy - models::accuracy(p, sample.y));
        }
        one.log_loss = {math::mean(worse), *std::ranges::min_element(worse), *std::ranges::max_element(worse)};
        one.accuracy = math::mean(lost);
        out.push_back(std::move(one));
    }
    return out;
}

std::vector<std::string> limits_of_use(const DirectionCard& card) {
    std::vector<std::string> limits;
    if (card.trial.simulated) limits.push_back("Fitted on simulated data: nobody ever traded at these prices.");
    if (card.label.name == "higher") {
        limits.push_back(fmt::format(
            "Says how likely the close of {} is higher {} minutes later; nothing of how far it goes, and nothing of costs: an accuracy is no profit.",
            card.trial.symbol, card.horizon));
    } else {
        limits.push_back(fmt::format("Says how likely the label {} of {} is 1 ({}), nothing of costs: an accuracy is no profit.", card.label.name,
                                     card.trial.symbol, card.label.formula.empty() ? "without a description" : card.label.formula));
    }
    const auto custom = [&](const char* kind) { return std::ranges::count(card.trial.custom, kind, &CustomPart::kind) > 0; };
    if (custom("feature")) {
        limits.push_back(
            "Some columns are computed by code that was registered in Python and is not part of this folder: the model can be asked where that "
            "code has made them.");
    }
    limits.push_back(
        fmt::format("Validation figures are those of the best of {} trials, chosen on the same rows, and flatter the model. Test was looked "
                    "at for this card only.",
                    card.trials));
    limits.push_back(fmt::format("Learnt from {} to {}. Markets change: look at drift, and train again.",
                                 format_date(card.samples.front().second->window.from), format_date(card.samples.front().second->window.to)));
    limits.push_back(
        fmt::format("Columns in units of price (close, sma20_gap, sma50_gap) keep their meaning near the prices of training only, {} to {}: "
                    "trees say beyond them what they say at the edge.",
                    format_double(card.ranges.front().first), format_double(card.ranges.front().second)));
    for (const BaselineScores& baseline : card.test.baselines) {
        if (baseline.accuracy_gain.lower > 0.0) continue;
        limits.push_back(
            fmt::format("On test its accuracy is not told apart from that of the baseline {} ({} % interval of the difference: {:+.4f} to {:+.4f}).",
                        baseline.name, 95, baseline.accuracy_gain.lower, baseline.accuracy_gain.upper));
    }
    if (card.simulation != nullptr) {
        for (const Kpi& kpi : card.simulation->whole.kpis) {
            if (kpi.name != "net_bps" || kpi.estimate.lower > 0.0) continue;
            limits.push_back(fmt::format("Traded by the rule of its simulation it has not been shown to earn its costs ({} bps a trade after costs).",
                                         std::isnan(kpi.estimate.value) ? "no trade, so nothing" : fmt::format("{:.2f}", kpi.estimate.value)));
        }
    }
    const auto weighted = [&](const char* name, const char* plain) {
        const auto found = card.parameters.find(name);
        return found != card.parameters.end() && found->second != plain;
    };
    if (weighted("is_unbalance", "false") || weighted("scale_pos_weight", "1")) {
        limits.push_back("The classes were weighted: the probabilities are shifted towards the rarer class and are no frequencies.");
    }
    return limits;
}

Json card_json(const DirectionCard& card) {
    Json json = Json::object();
    json["schema"] = DirectionCard::schema;
    json["kind"] = "direction";
    json["symbol"] = card.trial.symbol;
    json["simulated"] = card.trial.simulated;
    json["horizon_minutes"] = card.horizon;
    json["label"] = {{"name", card.label.name}, {"version", card.label.version}, {"formula", card.label.formula}};
    json["model"] = {{"file", card.model_file},
                     {"sha256", card.model_sha256},
                     {"bytes", card.model_bytes},
                     {"trees", card.trees},
                     {"best_iteration", card.trial.best_iteration},
                     {"output", card.label.name == "higher" ? "probability that the close is higher after the horizon" : "probability of the label"}};
    if (card.learner) json["model"]["learner"] = {{"name", card.learner->name}, {"version", card.learner->version}};
    if (!card.trial.custom.empty()) json["custom"] = custom_json(card.trial.custom);
    json["data"] = data_of(card);
    json["features"] = features_of(card);
    json["parameters"] = Json::object();
    for (const auto& [name, value] : card.parameters) json["parameters"][name] = value;
    json["search"] = {{"study", card.trial.study},
                      {"trial", card.trial.trial},
                      {"trials", card.trials},
                      {"metric", card.trial.metric},
                      {"value", json_number(card.trial.value)},
                      {"params", card.trial.params}};
    json["metrics"] = {{"confidence", 0.95}, {"validation", figures_of(card.validation)}, {"test", figures_of(card.test)}};
    json["baselines"] = {{"validation", baselines_of(card.validation)}, {"test", baselines_of(card.test)}};
    json["class_balance"] = balance_of(card);
    json["importance"] = importance_of(card);
    json["simulation"] = card.simulation_json ? *card.simulation_json : Json();
    json["kpi_gate"] = Json();
    if (card.kpi_gate) {
        json["kpi_gate"] = {{"accepted", card.kpi_gate->accepted},
                            {"regression", any_regression(card.kpi_gate->checks)},
                            {"checks", checks_json(card.kpi_gate->checks)}};
    }
    json["promotion"] = promotion_json(card.promotion);
    json["limits"] = card.limits;
    json["seed"] = card.seed;
    json["versions"] = library_versions();
    json["config"] = card.trial.config;
    return json;
}

}  // namespace sofia::pipeline

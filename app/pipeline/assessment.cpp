#include "app/pipeline/assessment.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/trade_path_tables.hpp"
#include "math/statistics.hpp"

namespace sofia::pipeline {
namespace {

using trading::ClosedTrade;

math::MeanInterval interval_of(std::vector<double> values, const RandomStream& random, ThreadPool& pool) {
    return math::mean_interval(values, {}, random, pool);
}

template <class ValueOf>
std::vector<double> values_of(std::span<const ClosedTrade> trades, ValueOf value_of) {
    std::vector<double> values;
    for (const ClosedTrade& trade : trades) values.push_back(value_of(trade));
    return values;
}

ModelFigures model_figures(const AssessmentInputs& inputs, const RandomStream& random) {
    std::map<TouchKey, bool> traded;
    for (const ClosedTrade& trade : inputs.core.trades()) traded[key_of(trade)] = true;
    std::vector<double> probabilities;
    std::vector<double> outcomes;
    std::vector<double> traded_probabilities;
    std::vector<double> traded_outcomes;
    for (std::size_t i = 0; i < inputs.which.size(); ++i) {
        const labels::Label& label = inputs.data.labeled.labels[inputs.which[i]];
        if (!label.labeled() || label.end_time > inputs.figures.window.to) continue;
        probabilities.push_back(inputs.signals[i].probability);
        outcomes.push_back(label.y);
        if (!traded.contains(key_of(label.touch))) continue;
        traded_probabilities.push_back(inputs.signals[i].probability);
        traded_outcomes.push_back(label.y);
    }
    return {.labeled = outcomes.size(),
            .positives = math::mean(outcomes),
            .auc = models::auc(probabilities, outcomes),
            .log_loss = models::log_loss(probabilities, outcomes),
            .brier = models::brier_score(probabilities, outcomes),
            .calibration_error = models::calibration_error(probabilities, outcomes),
            .calibration_error_95 = models::calibration_error_by_chance(probabilities, 0.95, random),
            .line = models::calibration_line(probabilities, outcomes),
            .traded = traded_outcomes.size(),
            .traded_line = models::calibration_line(traded_probabilities, traded_outcomes),
            .reliability = models::reliability(probabilities, outcomes)};
}

/// Limits from what was over before the window, as a model's training would have them.
labels::RegimeLimits limits_before(std::span<const labels::ForwardMove> moves, TimeNs from, const labels::RegimeConfig& config) {
    std::vector<labels::ForwardMove> earlier;
    for (const labels::ForwardMove& move : moves) {
        if (move.known() && move.end_time <= from) earlier.push_back(move);
    }
    return labels::regime_limits(earlier, config);
}

Result<std::vector<backtest::GroupFigures>> by_regime(const AssessmentInputs& inputs) {
    const Settings& settings = inputs.data.settings;
    const std::vector<trading::Touch>& touches = inputs.data.candidates.touches;
    SOFIA_TRY(const auto columns, touch_columns(inputs.data.history, settings.decision.touch));
    const std::vector<labels::ForwardMove> moves = labels::forward_moves(touches, columns, settings.regime.horizon_bars);
    const labels::RegimeLimits limits = limits_before(moves, inputs.figures.window.from, settings.regime);
    std::map<TouchKey, std::size_t> places;
    for (const std::size_t index : inputs.which) places[key_of(touches[index])] = index;
    std::vector<std::vector<ClosedTrade>> groups(labels::regimes + 1);
    for (const ClosedTrade& trade : inputs.core.trades()) {
        const auto place = places.find(key_of(trade));
        const bool known = place != places.end() && moves[place->second].known() && !std::isnan(limits.efficiency);
        groups[known ? static_cast<std::size_t>(labels::regime_of(moves[place->second], limits)) : labels::regimes].push_back(trade);
    }
    std::vector<backtest::GroupFigures> out;
    for (std::size_t i = 0; i < labels::regimes; ++i) {
        out.push_back(backtest::group_figures(std::string(labels::name(static_cast<labels::Regime>(i))), groups[i]));
    }
    if (!groups.back().empty()) out.push_back(backtest::group_figures("unknown", groups.back()));
    return out;
}

std::vector<backtest::GroupFigures> by_expected_value(std::span<const ClosedTrade> trades) {
    constexpr std::size_t parts = 5;
    std::vector<ClosedTrade> sorted;
    std::ranges::copy_if(trades, std::back_inserter(sorted), [](const ClosedTrade& trade) { return !std::isnan(trade.expected_value); });
    std::ranges::stable_sort(sorted, {}, &ClosedTrade::expected_value);
    std::vector<backtest::GroupFigures> out;
    if (sorted.size() < parts) return out;
    for (std::size_t i = 0; i < parts; ++i) {
        const std::size_t first = i * sorted.size() / parts;
        const auto part = std::span<const ClosedTrade>(sorted).subspan(first, (i + 1) * sorted.size() / parts - first);
        out.push_back(backtest::group_figures(fmt::format("{:.3f} to {:.3f} R", part.front().expected_value, part.back().expected_value), part));
    }
    return out;
}

std::optional<Luck> try_luck(const AssessmentInputs& inputs, const Context& context, ThreadPool& pool) {
    if (inputs.study == nullptr) return std::nullopt;
    const StudyPlace& study = *inputs.study;
    auto luck = luck_of(study.folder, study.trial, inputs.figures.daily_net_r, study.tuned, inputs.seed, context, pool);
    if (luck) return *std::move(luck);
    context.log.warning(fmt::format("no figures on the luck of the choice: {}", luck.error().message));
    return std::nullopt;
}

}  // namespace

Result<Assessment> assess(const AssessmentInputs& inputs, const Context& context) {
    ThreadPool pool(context.threads);
    const RandomStream random = RandomStream(inputs.seed).split("assessment");
    const std::vector<ClosedTrade>& trades = inputs.core.trades();
    Assessment out;
    out.expectancy = interval_of(values_of(trades, [](const ClosedTrade& t) { return t.net_r; }), random.split("expectancy"), pool);
    out.gross_expectancy = interval_of(values_of(trades, [](const ClosedTrade& t) { return t.gross_r; }), random.split("gross expectancy"), pool);
    out.daily = interval_of(inputs.figures.daily_net_r, random.split("daily"), pool);
    out.model = model_figures(inputs, random.split("calibration"));
    SOFIA_TRY(out.by_regime, by_regime(inputs));
    out.by_expected_value = by_expected_value(trades);
    out.funding_coverage = backtest::funding_coverage(inputs.data.history.funding, inputs.figures.window);
    SOFIA_CHECK(context.go_on());
    SOFIA_TRY(out.benchmarks, benchmarks_of(inputs.data, inputs.which, inputs.core, inputs.figures, random.split("benchmarks"), pool));
    out.paths = backtest::trade_paths(backtest::path_trades(trades), out.path_options, random.split("paths"), pool);
    SOFIA_CHECK(context.go_on());
    out.luck = try_luck(inputs, context, pool);
    return out;
}

namespace {

Json interval_json(const math::MeanInterval& interval) {
    return {{"mean", json_number(interval.mean)},
            {"standard_error", json_number(interval.standard_error)},
            {"lower", json_number(interval.lower)},
            {"upper", json_number(interval.upper)},
            {"block_length", interval.block_length}};
}

Json line_json(const models::CalibrationLine& line) { return {{"slope", json_number(line.slope)}, {"intercept", json_number(line.intercept)}}; }

Json model_json(const ModelFigures& model) {
    Json json = {{"labeled", model.labeled},
                 {"positives", json_number(model.positives)},
                 {"auc", json_number(model.auc)},
                 {"log_loss", json_number(model.log_loss)},
                 {"brier", json_number(model.brier)},
                 {"calibration_error", json_number(model.calibration_error)},
                 {"calibration_error_95", json_number(model.calibration_error_95)},
                 {"calibration", line_json(model.line)},
                 {"traded", model.traded},
                 {"calibration_traded", line_json(model.traded_line)}};
    json["reliability"] = Json::array();
    for (const models::ReliabilityBin& bin : model.reliability) {
        if (bin.count == 0) continue;
        json["reliability"].push_back({{"predicted", json_number(bin.predicted)}, {"observed", json_number(bin.observed)}, {"count", bin.count}});
    }
    return json;
}

}  // namespace

Json to_json(const Assessment& assessment, std::int64_t trial) {
    Json json = Json::object();
    json["intervals"] = {{"confidence", math::IntervalOptions{}.confidence},
                         {"expectancy_r", interval_json(assessment.expectancy)},
                         {"gross_expectancy_r", interval_json(assessment.gross_expectancy)},
                         {"daily_net_r", interval_json(assessment.daily)}};
    json["by_regime"] = backtest::to_json(assessment.by_regime);
    json["by_expected_value"] = backtest::to_json(assessment.by_expected_value);
    json["model"] = model_json(assessment.model);
    json["benchmarks"] = to_json(assessment.benchmarks);
    json["trade_paths"] = paths_json(assessment.paths, assessment.path_options);
    json["luck"] = assessment.luck ? to_json(*assessment.luck, trial) : Json();
    return json;
}

}  // namespace sofia::pipeline

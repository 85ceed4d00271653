#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/audit_market.hpp"
#include "backtest/null_test.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"

namespace sofia::pipeline {
namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr double rho_upper_max = 1.05;

/// The least that the lower bound of rho may be.
double rho_lower_min(double edge) { return edge >= 1.0 ? 0.7 : 0.5; }

std::string number(double value, int decimals) { return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, decimals); }

double sum(const std::vector<double>& values) {
    double total = 0.0;
    for (const double value : values) total += value;
    return total;
}

/// What a seed's line and its JSON entry have in common.
struct SeedLine {
    std::vector<std::string> cells;
    Json json;
};

SeedLine common_line(const SeedResult& seed) {
    SeedLine line;
    line.cells = {std::to_string(seed.seed), std::to_string(seed.trial), seed.feasible ? number(seed.robust_score, 4) : "infeasible"};
    line.json = {{"seed", seed.seed}, {"champion", seed.trial}, {"feasible", seed.feasible}};
    line.json["robust_score"] = json_number(seed.robust_score);
    line.json["trades"] = seed.trades;
    line.json["gross_r"] = json_number(seed.own_gross_r);
    line.json["net_r"] = json_number(seed.own_net_r);
    line.json["selection"] = seed.selection;
    if (!seed.note.empty()) line.json["note"] = seed.note;
    return line;
}

SeedLine null_line(const SeedResult& seed) {
    SeedLine line = common_line(seed);
    const double every = sum(seed.gross_r);
    const double favoured = sum(seed.favoured_r);
    for (std::string cell : {std::to_string(seed.gross_r.size()), number(every, 1), std::to_string(seed.favoured_r.size()), number(favoured, 1),
                             number(seed.deflated_sharpe, 3), std::to_string(seed.trades), number(seed.own_net_r, 1), seed.selection}) {
        line.cells.push_back(std::move(cell));
    }
    line.json["every_touch"] = {{"trades", seed.gross_r.size()}, {"gross_r", json_number(every)}, {"z", json_number(backtest::null_z(seed.gross_r))}};
    line.json["favoured"] = {
        {"trades", seed.favoured_r.size()}, {"gross_r", json_number(favoured)}, {"z", json_number(backtest::null_z(seed.favoured_r))}};
    line.json["deflated_sharpe"] = json_number(seed.deflated_sharpe);
    return line;
}

SeedLine recovery_line(const SeedResult& seed) {
    SeedLine line = common_line(seed);
    for (std::string cell :
         {std::to_string(seed.trades), number(seed.own_net_r, 1), std::to_string(seed.oracle_trades), number(seed.oracle_net_r, 1), seed.selection}) {
        line.cells.push_back(std::move(cell));
    }
    line.json["oracle"] = {{"trades", seed.oracle_trades}, {"net_r", json_number(seed.oracle_net_r)}};
    return line;
}

/// One check of the null test: a figure, what it may be, and how often it is more without an edge.
struct Check {
    const char* key;
    std::string what;
    std::string figure;
    std::string limit;
    double chance;
    bool alarm;
};

std::vector<Check> checks_of(const backtest::NullTest& test, double level) {
    const auto count = [&](std::int64_t found) { return fmt::format("{} of {}", found, test.seeds); };
    const auto least = [&](std::int64_t limit) { return limit > test.seeds ? std::string("none") : fmt::format("{} or more", limit); };
    const std::string above = fmt::format("above {:.3f}", test.z_limit);
    return {
        {"every_touch", "Z of every touch, gates ignored", number(test.z, 3), above, level, test.z_alarm},
        {"favoured", "Z of what the models favour, costs ignored", number(test.favoured_z, 3), above, level, test.favoured_alarm},
        {"positive", "seeds that gain, gates ignored", count(test.positive), least(test.positive_limit), test.positive_chance, test.positive_alarm},
        {"deflated", "seeds with a deflated Sharpe above 0.95", count(test.deflated), least(test.deflated_limit), test.deflated_chance,
         test.deflated_alarm}};
}

/// Figures of the champions with their own gates and costs: no check, but what users ask next.
struct OwnFigures {
    std::int64_t trades = 0;
    double gross_r = 0.0;
    double net_r = 0.0;
    std::int64_t selected = 0;
    std::int64_t feasible = 0;
    std::int64_t without_models = 0;
};

OwnFigures own_figures(const std::vector<SeedResult>& seeds) {
    OwnFigures own;
    for (const SeedResult& seed : seeds) {
        own.trades += seed.trades;
        own.gross_r += seed.own_gross_r;
        own.net_r += seed.own_net_r;
        own.selected += seed.selection == "selected" ? 1 : 0;
        own.feasible += seed.feasible ? 1 : 0;
        own.without_models += seed.note.empty() ? 0 : 1;
    }
    return own;
}

Json own_json(const OwnFigures& own) {
    const auto each = [&](double total) { return json_number(own.trades > 0 ? total / static_cast<double>(own.trades) : std::nan("")); };
    return {{"trades", own.trades},     {"gross_r_a_trade", each(own.gross_r)}, {"net_r_a_trade", each(own.net_r)}, {"selected", own.selected},
            {"feasible", own.feasible}, {"without_models", own.without_models}};
}

std::string own_text(const OwnFigures& own, std::size_t seeds) {
    std::string text = fmt::format("with their own gates and costs the champions made {} trades", own.trades);
    if (own.trades > 0) {
        const auto trades = static_cast<double>(own.trades);
        text += fmt::format(": {:+.4f} R each before costs, {:+.4f} R after", own.gross_r / trades, own.net_r / trades);
    }
    text += fmt::format("\nstudies with a feasible trial: {} of {}; selected by sofia select: {}\n", own.feasible, seeds, own.selected);
    if (own.without_models > 0) text += fmt::format("seeds without models: {} (too few touches to learn from)\n", own.without_models);
    return text;
}

AuditVerdict verdict_of(std::vector<std::string> reasons, std::string text, Json json) {
    AuditVerdict verdict{.passed = reasons.empty(), .reasons = std::move(reasons), .output = {}};
    json["passed"] = verdict.passed;
    json["reasons"] = verdict.reasons;
    for (const std::string& reason : verdict.reasons) text += "FAILED: " + reason + "\n";
    verdict.output = make_output(std::move(text), std::move(json));
    if (!verdict.passed) verdict.output.exit = exit_code(ErrorCode::blocked);
    return verdict;
}

}  // namespace

Result<AuditVerdict> judge_null(const std::vector<SeedResult>& seeds) {
    std::vector<backtest::NullSeed> samples;
    Json lines = Json::array();
    Rows rows;
    for (const SeedResult& seed : seeds) {
        samples.push_back({.gross_r = seed.gross_r, .favoured_r = seed.favoured_r, .deflated_sharpe = seed.deflated_sharpe});
        SeedLine line = null_line(seed);
        lines.push_back(std::move(line.json));
        rows.push_back(std::move(line.cells));
    }
    const backtest::NullTestOptions options;
    const backtest::NullTest test = backtest::null_test(samples, options);
    if (std::isnan(test.z)) {
        return fail(ErrorCode::data, "not one trade on test and shadow of any seed: nothing can be said",
                    "simulate more --days, or look for more touches");
    }
    Json checks = Json::array();
    Rows verdicts;
    std::vector<std::string> reasons;
    for (const Check& check : checks_of(test, options.level)) {
        checks.push_back(
            {{"check", check.key}, {"figure", check.figure}, {"alarm_at", check.limit}, {"chance", check.chance}, {"alarm", check.alarm}});
        verdicts.push_back({check.what, check.figure, check.limit, fmt::format("{:.2f} %", 100.0 * check.chance), check.alarm ? "ALARM" : "no"});
        if (check.alarm)
            reasons.push_back(
                fmt::format("{}: {}, an alarm is {}: the pipeline finds an edge where there is none", check.what, check.figure, check.limit));
    }
    const OwnFigures own = own_figures(seeds);
    Json json = {{"schema", 1}, {"audit", "null"}, {"simulated", true}, {"checks", std::move(checks)}};
    json["false_alarm_max"] = test.false_alarm_max;
    json["every_touch"] = {{"trades", test.trades},
                           {"gross_r", json_number(test.sum_r)},
                           {"z", json_number(test.z)},
                           {"p_value", json_number(test.p_value)},
                           {"detectable_r", json_number(test.detectable_r)}};
    json["favoured"] = {{"trades", test.favoured_trades},
                        {"gross_r", json_number(test.favoured_sum_r)},
                        {"z", json_number(test.favoured_z)},
                        {"p_value", json_number(test.favoured_p_value)},
                        {"detectable_r", json_number(test.favoured_detectable_r)}};
    json["positive"] = test.positive;
    json["deflated"] = test.deflated;
    json["own"] = own_json(own);
    json["seeds"] = std::move(lines);
    const std::vector<std::string> header = {"seed",    "champion",        "robust score", "every touch", "gross R",  "favoured",
                                             "gross R", "deflated Sharpe", "own trades",   "net R",       "selection"};
    const std::vector<std::string> verdict_header = {"check", "found", "alarm", "by chance", "raised"};
    std::string text = "simulated: true\n" + format_table(header, rows) + "\n" + format_table(verdict_header, verdicts) + "\n";
    text += fmt::format("{} trades of every touch betray {} R each with 80 % power, {} favoured ones {} R\n", test.trades,
                        number(test.detectable_r, 4), test.favoured_trades, number(test.favoured_detectable_r, 4));
    text += own_text(own, seeds.size());
    text += fmt::format("a sound pipeline raises an alarm in at most {:.1f} % of such audits\n", 100.0 * test.false_alarm_max);
    if (reasons.empty()) text += "passed: no alarm\n";
    return verdict_of(std::move(reasons), std::move(text), std::move(json));
}

Result<AuditVerdict> judge_recovery(const std::vector<SeedResult>& seeds, double edge, const Context& context) {
    std::vector<backtest::RecoverySeed> samples;
    Json lines = Json::array();
    Rows rows;
    for (const SeedResult& seed : seeds) {
        samples.push_back({.model_r = seed.own_net_r, .oracle_r = seed.oracle_net_r});
        SeedLine line = recovery_line(seed);
        lines.push_back(std::move(line.json));
        rows.push_back(std::move(line.cells));
    }
    ThreadPool pool(context.threads);
    const backtest::RecoveryOptions options;
    const backtest::Recovery found = backtest::recovery(samples, options, RandomStream(context.seed).split("recovery"), pool);
    if (std::isnan(found.rho)) {
        return fail(ErrorCode::data, fmt::format("{} seeds, and nothing that the oracles could earn: rho does not exist", seeds.size()),
                    "take more seeds, more --days, or lower costs");
    }
    const double least = rho_lower_min(edge);
    std::vector<std::string> reasons;
    if (!(found.lower >= least)) {
        reasons.push_back(fmt::format("rho's lower bound {:.3f} is below {}: the pipeline misses the planted edge", found.lower, least));
    }
    if (!(found.upper <= rho_upper_max)) {
        reasons.push_back(fmt::format("rho's upper bound {:.3f} is above {}: the pipeline earns more than there is", found.upper, rho_upper_max));
    }
    const OwnFigures own = own_figures(seeds);
    Json json = {{"schema", 1}, {"audit", "recovery"}, {"simulated", true}, {"edge", edge}};
    json["rho"] = json_number(found.rho);
    json["lower"] = json_number(found.lower);
    json["upper"] = json_number(found.upper);
    json["lower_min"] = least;
    json["upper_max"] = rho_upper_max;
    json["confidence"] = options.confidence;
    json["own"] = own_json(own);
    json["seeds"] = std::move(lines);
    const std::vector<std::string> header = {"seed", "champion", "robust score", "trades", "net R", "oracle's trades", "net R", "selection"};
    std::string text = "simulated: true\n" + format_table(header, rows) + "\n";
    text +=
        fmt::format("rho = R of the champions / R of the oracles = {:.3f}, 90 % interval {:.3f} to {:.3f}\n", found.rho, found.lower, found.upper);
    text += own_text(own, seeds.size());
    if (reasons.empty()) text += fmt::format("passed: the lower bound is at least {}, the upper one at most {}\n", least, rho_upper_max);
    return verdict_of(std::move(reasons), std::move(text), std::move(json));
}

}  // namespace sofia::pipeline

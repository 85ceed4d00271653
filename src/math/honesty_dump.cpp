// The native half of tests/peers/test_honesty.py: a list of cases as JSON on stdin, the list of what comes of them on stdout.
//   {"ask": "sharpe", "returns": [...], "trials": [Sharpe ratios]}
//   {"ask": "blocks", "values": [...]}
//   {"ask": "overfitting", "series": [[...], ...], "blocks": 16, "ranking": "mean" or "sharpe"}
//   {"ask": "superiority", "series": [[...], ...], "block_length": b, "scale": "none" or "deviation", "stepwise": "consistent" or "upper",
//    "draws": [[indices], ...] or "seed": n with "replications": n}
#include <iostream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "base/json.hpp"
#include "math/overfitting.hpp"
#include "math/sharpe.hpp"
#include "math/statistics.hpp"
#include "math/superiority.hpp"

namespace sofia::math {
namespace {

using Series = std::vector<std::vector<double>>;

Json sharpe(const Json& in) {
    const auto returns = in.at("returns").get<std::vector<double>>();
    const auto trials = in.at("trials").get<std::vector<double>>();
    const SharpeSample sample = sharpe_sample(returns);
    const double spread = variance(trials);
    const auto count = static_cast<double>(trials.size());
    return {{"sharpe", json_number(sample.sharpe)},
            {"psr", json_number(probabilistic_sharpe(sample, 0.0))},
            {"expected_best", json_number(expected_best_sharpe(spread, count))},
            {"dsr", json_number(deflated_sharpe(sample, spread, count))},
            {"min_track_record", json_number(min_track_record(sample, 0.0))}};
}

Json blocks(const Json& in) {
    const BlockLength length = optimal_block_length(in.at("values").get<std::vector<double>>());
    return {{"stationary", length.stationary}, {"circular", length.circular}};
}

Json overfitting(const Json& in, ThreadPool& pool) {
    const auto series = in.at("series").get<Series>();
    const auto count = in.at("blocks").get<std::size_t>();
    const Ranking ranking = in.at("ranking") == "mean" ? Ranking::mean : Ranking::sharpe;
    const Overfitting found = overfitting_of(series.size(), count, ranking_rule(series, count, ranking), pool);
    return {{"probability", json_number(found.probability)},
            {"probability_of_loss", json_number(found.probability_of_loss)},
            {"slope", json_number(found.slope)},
            {"intercept", json_number(found.intercept)},
            {"r_squared", json_number(found.r_squared)},
            {"chosen", found.chosen},
            {"relative_ranks", found.relative_ranks},
            {"logits", found.logits},
            {"inside", found.inside},
            {"outside", found.outside}};
}

Superiority superiority_with(const Series& series, SuperiorityOptions options, const Json& in, ThreadPool& pool) {
    if (in.contains("seed")) {
        options.replications = in.at("replications").get<std::size_t>();
        return superiority_of(series, options, RandomStream(in.at("seed").get<std::uint64_t>()), pool);
    }
    const auto draws = in.at("draws").get<std::vector<std::vector<std::uint32_t>>>();
    options.replications = draws.size();
    const Resampler given = [&](std::size_t replication, std::span<std::uint32_t> out) { std::ranges::copy(draws[replication], out.begin()); };
    return superiority_of(series, options, given, pool);
}

Json superiority(const Json& in, ThreadPool& pool) {
    SuperiorityOptions options;
    options.block_length = in.at("block_length").get<double>();
    options.scale = in.at("scale") == "none" ? Scale::none : Scale::deviation;
    options.stepwise = in.at("stepwise") == "consistent" ? Recentring::consistent : Recentring::upper;
    const Superiority found = superiority_with(in.at("series").get<Series>(), options, in, pool);
    return {{"best", found.best},
            {"lower", json_number(found.p_lower)},
            {"consistent", json_number(found.p_consistent)},
            {"upper", json_number(found.p_upper)},
            {"statistics", found.statistics},
            {"adjusted", found.adjusted}};
}

Json answer(const Json& in, ThreadPool& pool) {
    const auto ask = in.at("ask").get<std::string>();
    if (ask == "sharpe") return sharpe(in);
    if (ask == "blocks") return blocks(in);
    if (ask == "overfitting") return overfitting(in, pool);
    return superiority(in, pool);
}

}  // namespace
}  // namespace sofia::math

int main() {
    const std::string text((std::istreambuf_iterator<char>(std::cin)), {});
    const auto cases = sofia::parse_json(text, "stdin");
    if (!cases) {
        std::cerr << cases.error().message << "\n";
        return 1;
    }
    sofia::ThreadPool pool(2);
    sofia::Json answers = sofia::Json::array();
    for (const sofia::Json& one : *cases) answers.push_back(sofia::math::answer(one, pool));
    std::cout << answers.dump() << "\n";
    return 0;
}

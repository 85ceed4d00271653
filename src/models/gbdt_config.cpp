#include "models/gbdt_config.hpp"

#include <set>

#include "base/text.hpp"
#include "models/gbdt_parameters.hpp"

namespace sofia::models {

void GbdtConfig::describe(config::Keys& keys) {
    constexpr double many = 1e9;
    keys.text("objective", objective, "What is fitted: binary, regression, multiclass, quantile, … (LightGBM's objective).");
    keys.choice("boosting", boosting, {"gbdt", "dart", "rf"}, "Kind of boosting; dart is never stopped early.");
    keys.text("metric", metric, "Metric of early stopping, such as auc or binary_logloss; empty takes the objective's own.");
    keys.number("learning_rate", learning_rate, {1e-6, 10.0}, "Shrinkage of each tree.");
    keys.integer("num_leaves", num_leaves, {2, 131072}, "Most leaves of a tree.");
    keys.integer("max_depth", max_depth, {-1, 1000}, "Most splits from root to leaf; -1 is no limit.");
    keys.integer("min_data_in_leaf", min_data_in_leaf, {0, many}, "Fewest rows of a leaf.");
    keys.number("feature_fraction", feature_fraction, {1e-6, 1.0}, "Share of columns each tree may use.");
    keys.number("bagging_fraction", bagging_fraction, {1e-6, 1.0}, "Share of rows drawn for each tree.");
    keys.integer("bagging_freq", bagging_freq, {0, many}, "Rounds between draws of rows; 0 uses all rows.");
    keys.number("lambda_l1", lambda_l1, {0.0, many}, "L1 penalty of leaf values.");
    keys.number("lambda_l2", lambda_l2, {0.0, many}, "L2 penalty of leaf values.");
    keys.number("min_gain_to_split", min_gain_to_split, {0.0, many}, "Smallest gain that justifies a split.");
    keys.number("min_sum_hessian_in_leaf", min_sum_hessian_in_leaf, {0.0, many}, "Smallest sum of second derivatives of a leaf.");
    keys.integer("max_bin", max_bin, {2, 65535}, "Most bins of a column.");
    keys.boolean("is_unbalance", is_unbalance, "Weigh the rarer class up (binary); probabilities then need calibration.");
    keys.integer("rounds", rounds, {1, 1e6}, "Most boosting rounds.");
    keys.integer("early_stopping_rounds", early_stopping_rounds, {0, 1e6}, "Rounds without a better metric before stopping; 0 never stops.");
    keys.map("params", params, "Any other LightGBM parameter by name or alias; wins over the keys above.");
}

Result<std::map<std::string, std::string>> GbdtConfig::resolved() const {
    if (rounds < 1) return fail(ErrorCode::config, "rounds: " + std::to_string(rounds) + " is not >= 1");
    if (early_stopping_rounds < 0) {
        return fail(ErrorCode::config, "early_stopping_rounds: " + std::to_string(early_stopping_rounds) + " is not >= 0");
    }
    const auto flag = [](bool value) { return std::string(value ? "true" : "false"); };
    std::map<std::string, std::string> members = {
        {"objective", objective},
        {"boosting", boosting},
        {"learning_rate", format_double(learning_rate)},
        {"num_leaves", std::to_string(num_leaves)},
        {"max_depth", std::to_string(max_depth)},
        {"min_data_in_leaf", std::to_string(min_data_in_leaf)},
        {"feature_fraction", format_double(feature_fraction)},
        {"bagging_fraction", format_double(bagging_fraction)},
        {"bagging_freq", std::to_string(bagging_freq)},
        {"lambda_l1", format_double(lambda_l1)},
        {"lambda_l2", format_double(lambda_l2)},
        {"min_gain_to_split", format_double(min_gain_to_split)},
        {"min_sum_hessian_in_leaf", format_double(min_sum_hessian_in_leaf)},
        {"max_bin", std::to_string(max_bin)},
        {"is_unbalance", flag(is_unbalance)},
        {"data_random_seed", "1"},
    };
    if (!metric.empty()) members["metric"] = metric;

    std::map<std::string, std::string> given;  // canonical name -> the name people wrote
    for (const auto& [name, value] : params) {
        SOFIA_TRY(const std::string canonical, canonical_parameter(name));
        SOFIA_CHECK(check_settable(canonical));
        const auto [at, fresh] = given.emplace(canonical, name);
        if (!fresh) return fail(ErrorCode::config, "LightGBM parameter " + canonical + " is given twice: as " + at->second + " and as " + name);
        members[canonical] = value;
    }
    for (auto& [name, value] : members) {
        SOFIA_TRY(value, parameter_value(name, value));
    }
    SOFIA_CHECK(check_combination(members));
    members["deterministic"] = "true";
    members["force_row_wise"] = "true";
    members["feature_pre_filter"] = "false";
    members["verbosity"] = "0";
    return members;
}

Result<void> GbdtConfig::validate() const {
    SOFIA_CHECK(resolved());
    return {};
}

Result<std::string> GbdtConfig::dataset_key() const {
    SOFIA_TRY(auto parameters, resolved());
    return shaping_text(std::move(parameters));
}

}  // namespace sofia::models

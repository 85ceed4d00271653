#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/config.hpp"
#include "base/result.hpp"

namespace sofia::models {

/// How gradient boosting is fitted. The members are the parameters people tune most; `params` takes any other LightGBM parameter by name or
/// alias and wins over the members. What determinism rests on (`deterministic`, `force_row_wise`, `seed`, `num_threads`, `verbosity`)
/// and what the room does itself (`num_iterations`, `early_stopping_round`, `data`, `task`, …) is refused there by name.
struct GbdtConfig {
    std::string objective = "binary";
    std::string boosting = "gbdt";
    std::string metric;                     ///< empty: the objective's own
    double learning_rate = 0.05;
    std::int64_t num_leaves = 31;
    std::int64_t max_depth = -1;            ///< -1: no limit
    std::int64_t min_data_in_leaf = 50;
    double feature_fraction = 0.8;
    double bagging_fraction = 0.8;
    std::int64_t bagging_freq = 1;
    double lambda_l1 = 0.0;
    double lambda_l2 = 0.0;
    double min_gain_to_split = 0.0;
    double min_sum_hessian_in_leaf = 1e-3;
    std::int64_t max_bin = 255;
    bool is_unbalance = false;
    std::int64_t rounds = 500;
    std::int64_t early_stopping_rounds = 50;  ///< 0: never
    std::map<std::string, std::string> params;

    void describe(config::Keys& keys);

    /// Every parameter is known to LightGBM, has the right type and lies in its range; none is given twice under two names.
    /// Error: config, naming the parameter, its value and the nearest known name.
    [[nodiscard]] Result<void> validate() const;

    /// All parameters under LightGBM's own names with LightGBM's spelling of the values, without `seed`. Error: as `validate`.
    [[nodiscard]] Result<std::map<std::string, std::string>> resolved() const;

    /// The part of `resolved` that a built Dataset depends on, as text: configs with equal keys can share one Dataset. Error: as `validate`.
    [[nodiscard]] Result<std::string> dataset_key() const;
};

}  // namespace sofia::models

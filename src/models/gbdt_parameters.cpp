#include "models/gbdt_parameters.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "models/lightgbm_api.hpp"

namespace sofia::models {

namespace {

enum class Kind : std::uint8_t { integer, number, boolean, text, choice, integers, numbers };

constexpr double any = std::numeric_limits<double>::infinity();

/// LightGBM's documented type and limits. `above` and `below` are exclusive limits, `low` and `high` inclusive ones.
struct Parameter {
    std::string_view name;
    Kind kind;
    double low = -any;
    double high = any;
    double above = -any;
    double below = any;
};

constexpr Parameter whole(std::string_view name, double low = -any, double high = any) { return {name, Kind::integer, low, high}; }
constexpr Parameter at_least(std::string_view name, double low, double high = any) { return {name, Kind::number, low, high}; }
constexpr Parameter over(std::string_view name, double above, double high = any) { return {name, Kind::number, -any, high, above}; }
constexpr Parameter flag(std::string_view name) { return {name, Kind::boolean}; }
constexpr Parameter of(std::string_view name, Kind kind) { return {name, kind}; }

constexpr std::array known = {
    of("objective", Kind::choice),
    of("boosting", Kind::choice),
    of("data_sample_strategy", Kind::choice),
    of("monotone_constraints_method", Kind::choice),
    of("metric", Kind::text),
    over("learning_rate", 0.0),
    whole("num_leaves", 2, 131072),
    over("histogram_pool_size", -any),
    whole("max_depth"),
    whole("min_data_in_leaf", 0),
    at_least("min_sum_hessian_in_leaf", 0.0),
    over("bagging_fraction", 0.0, 1.0),
    over("pos_bagging_fraction", 0.0, 1.0),
    over("neg_bagging_fraction", 0.0, 1.0),
    whole("bagging_freq"),
    whole("bagging_seed"),
    over("feature_fraction", 0.0, 1.0),
    over("feature_fraction_bynode", 0.0, 1.0),
    whole("feature_fraction_seed"),
    flag("extra_trees"),
    whole("extra_seed"),
    at_least("early_stopping_min_delta", 0.0),
    over("max_delta_step", -any),
    at_least("lambda_l1", 0.0),
    at_least("lambda_l2", 0.0),
    at_least("linear_lambda", 0.0),
    at_least("min_gain_to_split", 0.0),
    at_least("drop_rate", 0.0, 1.0),
    whole("max_drop"),
    at_least("skip_drop", 0.0, 1.0),
    flag("xgboost_dart_mode"),
    flag("uniform_drop"),
    whole("drop_seed"),
    at_least("top_rate", 0.0, 1.0),
    at_least("other_rate", 0.0, 1.0),
    whole("min_data_per_group", 1),
    whole("max_cat_threshold", 1),
    at_least("cat_l2", 0.0),
    at_least("cat_smooth", 0.0),
    whole("max_cat_to_onehot", 1),
    of("monotone_constraints", Kind::integers),
    at_least("monotone_penalty", 0.0),
    of("feature_contri", Kind::numbers),
    of("forcedsplits_filename", Kind::text),
    at_least("cegb_tradeoff", 0.0),
    at_least("cegb_penalty_split", 0.0),
    of("cegb_penalty_feature_lazy", Kind::numbers),
    of("cegb_penalty_feature_coupled", Kind::numbers),
    at_least("path_smooth", 0.0),
    of("interaction_constraints", Kind::text),
    flag("use_quantized_grad"),
    whole("num_grad_quant_bins", 2),
    flag("quant_train_renew_leaf"),
    flag("stochastic_rounding"),
    flag("linear_tree"),
    whole("max_bin", 2),
    of("max_bin_by_feature", Kind::integers),
    whole("min_data_in_bin", 1),
    whole("bin_construct_sample_cnt", 1),
    whole("data_random_seed"),
    flag("is_enable_sparse"),
    flag("enable_bundle"),
    flag("use_missing"),
    flag("zero_as_missing"),
    of("forcedbins_filename", Kind::text),
    whole("objective_seed"),
    whole("num_class", 1),
    flag("is_unbalance"),
    over("scale_pos_weight", 0.0),
    over("sigmoid", 0.0),
    flag("boost_from_average"),
    flag("reg_sqrt"),
    over("alpha", 0.0),
    over("fair_c", 0.0),
    over("poisson_max_delta_step", 0.0),
    Parameter{"tweedie_variance_power", Kind::number, 1.0, any, -any, 2.0},
    whole("multi_error_top_k", 1),
    of("auc_mu_weights", Kind::numbers),
    whole("saved_feature_importance_type", 0, 1),
};

struct Reserved {
    std::string_view name;
    std::string_view instead;
};

constexpr std::string_view fixed = "it is fixed, so that equal seeds give equal models";
constexpr std::array reserved = {
    Reserved{"num_iterations", "set `rounds`"},
    Reserved{"early_stopping_round", "set `early_stopping_rounds`"},
    Reserved{"seed", "set the run's seed (--seed)"},
    Reserved{"num_threads", "set the run's threads (--threads)"},
    Reserved{"verbosity", "the run's log level decides"},
    Reserved{"deterministic", fixed},
    Reserved{"force_row_wise", fixed},
    Reserved{"force_col_wise", fixed},
    Reserved{"feature_pre_filter", "it is off, so that trials can share their bins"},
    Reserved{"categorical_feature", "the feature set names its categorical columns"},
    Reserved{"first_metric_only", "early stopping always looks at the first metric"},
};

constexpr std::array objectives = {"binary", "regression", "regression_l1", "huber",      "fair",          "poisson",       "quantile",
                                   "mape",   "gamma",      "tweedie",       "multiclass", "multiclassova", "cross_entropy", "cross_entropy_lambda"};

/// Other spellings of objectives that LightGBM accepts.
constexpr std::array<std::pair<std::string_view, std::string_view>, 17> objective_aliases = {{
    {"regression_l2", "regression"},
    {"mean_squared_error", "regression"},
    {"mse", "regression"},
    {"l2", "regression"},
    {"l2_root", "regression"},
    {"root_mean_squared_error", "regression"},
    {"rmse", "regression"},
    {"mean_absolute_error", "regression_l1"},
    {"l1", "regression_l1"},
    {"mae", "regression_l1"},
    {"softmax", "multiclass"},
    {"multiclass_ova", "multiclassova"},
    {"ova", "multiclassova"},
    {"ovr", "multiclassova"},
    {"xentropy", "cross_entropy"},
    {"xentlambda", "cross_entropy_lambda"},
    {"mean_absolute_percentage_error", "mape"},
}};

constexpr std::array metrics = {"l1",
                                "l2",
                                "rmse",
                                "r2",
                                "quantile",
                                "mape",
                                "huber",
                                "fair",
                                "poisson",
                                "gamma",
                                "gamma_deviance",
                                "tweedie",
                                "auc",
                                "average_precision",
                                "binary_logloss",
                                "binary_error",
                                "auc_mu",
                                "multi_logloss",
                                "multi_error",
                                "cross_entropy",
                                "cross_entropy_lambda",
                                "kullback_leibler",
                                "binary",
                                "regression",
                                "regression_l1",
                                "regression_l2",
                                "mean_absolute_error",
                                "mae",
                                "mean_squared_error",
                                "mse",
                                "root_mean_squared_error",
                                "l2_root",
                                "mean_absolute_percentage_error",
                                "multiclass",
                                "softmax",
                                "multiclassova",
                                "multiclass_ova",
                                "ova",
                                "ovr",
                                "xentropy",
                                "xentlambda",
                                "kldiv"};

template <std::size_t N>
std::vector<std::string> texts(const std::array<const char*, N>& names) {
    return {names.begin(), names.end()};
}

std::vector<std::string> choices_of(std::string_view name) {
    if (name == "objective") return texts(objectives);
    if (name == "boosting") return {"gbdt", "dart", "rf"};
    if (name == "data_sample_strategy") return {"bagging", "goss"};
    return {"basic", "intermediate", "advanced"};
}

const Parameter* find(std::string_view name) {
    const auto* at = std::ranges::find(known, name, &Parameter::name);
    return at == known.end() ? nullptr : at;
}

std::string allowed_text(const Parameter& parameter) {
    std::string text = parameter.kind == Kind::integer ? "an integer" : "a number";
    if (parameter.low > -any) text += " >= " + format_double(parameter.low);
    if (parameter.above > -any) text += " > " + format_double(parameter.above);
    if (parameter.high < any) text += " and <= " + format_double(parameter.high);
    if (parameter.below < any) text += " and < " + format_double(parameter.below);
    return text;
}

auto refuse(std::string_view name, const std::string& value, const std::string& allowed) {
    return fail(ErrorCode::config, "LightGBM parameter " + std::string(name) + ": \"" + value + "\" is not " + allowed);
}

/// Strips YAML's quotes and a list's outer brackets; blanks around the items of a list go too.
std::string plain(const std::string& yaml) {
    std::string text(trim(yaml));
    const auto wrapped = [&](char open, char close) { return text.size() >= 2 && text.front() == open && text.back() == close; };
    if (wrapped('"', '"') || wrapped('\'', '\'')) return text.substr(1, text.size() - 2);
    if (!wrapped('[', ']')) return text;
    text = text.substr(1, text.size() - 2);
    std::erase_if(text, [](char c) { return c == ' ' || c == '"' || c == '\''; });
    return text;
}

Result<std::string> number_value(const Parameter& parameter, const std::string& value) {
    if (parameter.kind == Kind::integer) {
        const auto number = parse_int(value);
        constexpr std::int64_t limit = std::numeric_limits<std::int32_t>::max();
        if (!number || *number < -limit || *number > limit || static_cast<double>(*number) < parameter.low ||
            static_cast<double>(*number) > parameter.high) {
            return refuse(parameter.name, value, allowed_text(parameter));
        }
        return std::to_string(*number);
    }
    const auto number = parse_double(value);
    const bool inside = number && std::isfinite(*number) && *number >= parameter.low && *number <= parameter.high && *number > parameter.above &&
                        *number < parameter.below;
    if (!inside) return refuse(parameter.name, value, allowed_text(parameter));
    return format_double(*number);
}

Result<std::string> boolean_value(const Parameter& parameter, const std::string& value) {
    const std::string text = lower(value);
    if (text == "true" || text == "yes" || text == "on" || text == "1" || text == "+") return std::string("true");
    if (text == "false" || text == "no" || text == "off" || text == "0" || text == "-") return std::string("false");
    return refuse(parameter.name, value, "true or false");
}

Result<std::string> choice_value(const Parameter& parameter, const std::string& value) {
    std::string text = lower(value);
    const std::vector<std::string> choices = choices_of(parameter.name);
    if (std::ranges::find(choices, text) != choices.end()) return text;
    if (parameter.name == "objective") {
        const auto* alias = std::ranges::find(objective_aliases, text, &std::pair<std::string_view, std::string_view>::first);
        if (alias != objective_aliases.end()) return std::string(alias->second);
        if (text == "lambdarank" || text == "rank_xendcg") {
            return fail(ErrorCode::config, "LightGBM parameter objective: " + text + " needs query groups, which our data do not have");
        }
    }
    return fail(ErrorCode::config,
                with_suggestion("LightGBM parameter " + std::string(parameter.name) + ": \"" + value + "\" is not one of " + join(choices, ", "),
                                text, choices));
}

Result<std::string> list_value(const Parameter& parameter, const std::string& value) {
    const bool integers = parameter.kind == Kind::integers;
    std::vector<std::string> items = split(value, ',');
    for (std::string& item : items) {
        item = std::string(trim(item));
        const bool good = integers ? parse_int(item).has_value() : parse_double(item).has_value();
        if (!good) return refuse(parameter.name, value, integers ? "a list of integers" : "a list of numbers");
    }
    return join(items, ",");
}

Result<std::string> text_value(const Parameter& parameter, const std::string& value) {
    if (value.find_first_of(" \t\r\n=") != std::string::npos) return refuse(parameter.name, value, "text without blanks and =");
    if (parameter.name != "metric") return value;
    for (const std::string& metric : split(value, ',')) {
        if (std::ranges::find(metrics, metric) == metrics.end()) {
            return fail(ErrorCode::config,
                        with_suggestion("LightGBM parameter metric: \"" + metric + "\" is no metric for our data", metric, texts(metrics)));
        }
    }
    return value;
}

std::string value_or(const std::map<std::string, std::string>& parameters, const std::string& name, const std::string& otherwise) {
    const auto at = parameters.find(name);
    return at == parameters.end() ? otherwise : at->second;
}

Result<void> check_random_forest(const std::map<std::string, std::string>& parameters) {
    const double rows = parse_double(value_or(parameters, "bagging_fraction", "1")).value_or(1.0);
    const double columns = parse_double(value_or(parameters, "feature_fraction", "1")).value_or(1.0);
    const bool bagging = value_or(parameters, "bagging_freq", "0") != "0" && rows < 1.0;
    if (bagging || columns < 1.0) return {};
    return fail(ErrorCode::config, "LightGBM parameter boosting: rf needs bagging_freq > 0 with bagging_fraction < 1, or feature_fraction < 1");
}

}  // namespace

Result<std::string> canonical_parameter(const std::string& name) {
    SOFIA_TRY(const auto names, parameter_names());
    const auto at = names.find(name);
    if (at != names.end()) return at->second;
    std::vector<std::string> candidates;
    for (const auto& [alias, canonical] : names) {
        if (find(canonical) != nullptr) candidates.push_back(alias);
    }
    return fail(ErrorCode::config, with_suggestion("unknown LightGBM parameter " + name, name, candidates));
}

Result<void> check_settable(const std::string& canonical) {
    if (find(canonical) != nullptr) return {};
    const auto* at = std::ranges::find(reserved, canonical, &Reserved::name);
    const std::string why =
        at != reserved.end() ? std::string(at->instead) : "it concerns files, devices, ranking or machines that are not used here";
    return fail(ErrorCode::config, "LightGBM parameter " + canonical + " cannot be set: " + why);
}

Result<std::string> parameter_value(const std::string& canonical, const std::string& yaml) {
    const Parameter* parameter = find(canonical);
    if (parameter == nullptr) return fail(ErrorCode::config, "LightGBM parameter " + canonical + " cannot be set");
    const std::string value = plain(yaml);
    if (value.empty()) return refuse(canonical, value, "a value");
    switch (parameter->kind) {
        case Kind::integer:
        case Kind::number: return number_value(*parameter, value);
        case Kind::boolean: return boolean_value(*parameter, value);
        case Kind::choice: return choice_value(*parameter, value);
        case Kind::integers:
        case Kind::numbers: return list_value(*parameter, value);
        case Kind::text: break;
    }
    return text_value(*parameter, value);
}

Result<void> check_combination(const std::map<std::string, std::string>& parameters) {
    const std::string objective = value_or(parameters, "objective", "regression");
    const bool multiclass = objective.starts_with("multiclass");
    const bool classes = value_or(parameters, "num_class", "1") != "1";
    if (multiclass != classes) {
        return fail(ErrorCode::config, multiclass ? "LightGBM parameter num_class: objective " + objective + " needs at least 2 classes"
                                                  : "LightGBM parameter num_class: objective " + objective + " has one output");
    }
    for (const std::string& metric : split(value_or(parameters, "metric", ""), ',')) {
        const bool for_classes = metric.starts_with("multi") || metric == "auc_mu" || metric == "softmax" || metric == "ova" || metric == "ovr";
        if (!metric.empty() && for_classes != multiclass) {
            return fail(ErrorCode::config, "LightGBM parameter metric: " + metric + " does not fit objective " + objective);
        }
    }
    if (value_or(parameters, "is_unbalance", "false") == "true" && parse_double(value_or(parameters, "scale_pos_weight", "1")) != 1.0) {
        return fail(ErrorCode::config, "LightGBM parameters is_unbalance and scale_pos_weight exclude each other");
    }
    if (value_or(parameters, "linear_tree", "false") == "true" &&
        (value_or(parameters, "zero_as_missing", "false") == "true" || objective == "regression_l1")) {
        return fail(ErrorCode::config, "LightGBM parameter linear_tree: does not go with zero_as_missing or objective regression_l1");
    }
    if (value_or(parameters, "boosting", "gbdt") == "rf") return check_random_forest(parameters);
    return {};
}

bool shapes_dataset(const std::string& canonical) {
    // Labels are checked against the objective when a Dataset is built; the rest is what LightGBM's binning reads.
    static constexpr std::array<std::string_view, 14> shaping = {
        "objective",        "num_class",           "max_bin",       "max_bin_by_feature", "min_data_in_bin", "bin_construct_sample_cnt",
        "data_random_seed", "is_enable_sparse",    "enable_bundle", "use_missing",        "zero_as_missing", "forcedbins_filename",
        "linear_tree",      "monotone_constraints"};
    return std::ranges::find(shaping, canonical) != shaping.end();
}

std::string shaping_text(std::map<std::string, std::string> parameters) {
    std::erase_if(parameters, [](const auto& entry) { return !shapes_dataset(entry.first); });
    return parameter_text(parameters);
}

std::string parameter_text(const std::map<std::string, std::string>& parameters) {
    std::string text;
    for (const auto& [name, value] : parameters) {
        if (!text.empty()) text += ' ';
        text += name + '=' + value;
    }
    return text;
}

}  // namespace sofia::models

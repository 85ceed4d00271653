#include "models/dataset.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/text.hpp"
#include "models/dataset_state.hpp"
#include "models/gbdt_parameters.hpp"
#include "models/lightgbm_api.hpp"

namespace sofia::models {

namespace {

auto bad(const std::string& message) { return fail(ErrorCode::data, "training data: " + message); }

Result<void> check_counts(std::size_t rows, std::span<const double> labels, std::span<const double> weights) {
    if (labels.size() != rows) return bad(std::to_string(labels.size()) + " labels for " + std::to_string(rows) + " rows");
    if (!weights.empty() && weights.size() != rows) return bad(std::to_string(weights.size()) + " weights for " + std::to_string(rows) + " rows");
    return {};
}

Result<void> check_shape(const TrainingData& data) {
    const auto& x = data.features;
    const auto count = [](std::size_t n) { return std::to_string(n); };
    if (x.rows == 0 || x.columns == 0) return bad(count(x.rows) + " rows and " + count(x.columns) + " columns: nothing to learn from");
    if (x.values.size() != x.rows * x.columns) {
        return bad(count(x.values.size()) + " values are not " + count(x.rows) + " rows of " + count(x.columns) + " columns");
    }
    constexpr std::size_t limit = std::numeric_limits<std::int32_t>::max();
    if (x.rows > limit || x.columns > limit) return bad("more rows or columns than LightGBM can count");
    SOFIA_CHECK(check_counts(x.rows, data.labels, data.weights));
    if (data.feature_names.size() != x.columns) {
        return bad(count(data.feature_names.size()) + " feature names for " + count(x.columns) + " columns");
    }
    return {};
}

Result<void> check_names(const TrainingData& data) {
    std::set<std::string> seen;
    for (const std::string& name : data.feature_names) {
        const bool plain = !name.empty() && std::ranges::all_of(name, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
        });
        if (!plain) return bad("feature name \"" + name + "\" has other characters than letters, digits, _ . and -");
        if (!seen.insert(name).second) return bad("feature name \"" + name + "\" appears twice");
    }
    for (const std::string& name : data.categorical) {
        if (!seen.contains(name)) return bad("categorical feature \"" + name + "\" is no column");
    }
    return {};
}

/// 0/1 for `binary`, a class number for `multiclass`, a share for cross entropy; finite for all.
Result<void> check_labels(std::span<const double> labels, const std::map<std::string, std::string>& parameters) {
    const std::string& objective = parameters.at("objective");
    const bool classes = objective.starts_with("multiclass");
    const double top = classes ? parse_double(parameters.at("num_class")).value_or(1.0) - 1.0 : 1.0;
    const bool whole = classes || objective == "binary";
    const bool bounded = whole || objective.starts_with("cross_entropy");
    const bool positive = objective == "poisson" || objective == "gamma" || objective == "tweedie";
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const double y = labels[i];
        const bool good = std::isfinite(y) && std::abs(y) <= std::numeric_limits<float>::max() && (!whole || y == std::floor(y)) &&
                          (!bounded || (y >= 0.0 && y <= top)) && (!positive || y >= 0.0);
        if (!good) return bad("row " + std::to_string(i) + ": label " + format_double(y) + " does not suit objective " + objective);
    }
    if (positive && std::ranges::all_of(labels, [](double y) { return y == 0.0; })) return bad("all labels are 0, objective " + objective);
    return {};
}

Result<void> check_weights(std::span<const double> weights) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (!std::isfinite(weights[i]) || weights[i] < 0.0 || weights[i] > std::numeric_limits<float>::max()) {
            return bad("row " + std::to_string(i) + ": weight " + format_double(weights[i]) + " is not a finite number >= 0");
        }
    }
    return {};
}

std::string column_indices(const TrainingData& data) {
    std::vector<std::string> indices;
    for (std::size_t i = 0; i < data.feature_names.size(); ++i) {
        if (std::ranges::find(data.categorical, data.feature_names[i]) != data.categorical.end()) indices.push_back(std::to_string(i));
    }
    return join(indices, ",");
}

Result<void> set_field(DatasetHandle handle, const char* name, std::span<const double> values) {
    std::vector<float> floats(values.size());
    std::ranges::transform(values, floats.begin(), [](double v) { return static_cast<float>(v); });
    const int code = LGBM_DatasetSetField(handle, name, floats.data(), static_cast<int>(floats.size()), C_API_DTYPE_FLOAT32);
    return lightgbm_result(code, ErrorCode::data, std::string("setting the ") + name + "s of training data");
}

Result<void> fill(DatasetHandle handle, const TrainingData& data) {
    SOFIA_CHECK(set_field(handle, "label", data.labels));
    SOFIA_CHECK(set_field(handle, "weight", data.weights));  // no value: all 1
    std::vector<const char*> names(data.feature_names.size());
    std::ranges::transform(data.feature_names, names.begin(), [](const std::string& name) { return name.c_str(); });
    return lightgbm_result(LGBM_DatasetSetFeatureNames(handle, names.data(), static_cast<int>(names.size())), ErrorCode::data,
                           "naming the columns of training data");
}

}  // namespace

Dataset::Dataset(std::unique_ptr<State> state) : state_(std::move(state)) {}
Dataset::~Dataset() = default;
Dataset::Dataset(Dataset&&) noexcept = default;
Dataset& Dataset::operator=(Dataset&&) noexcept = default;

std::size_t Dataset::rows() const { return state_->rows; }
const std::vector<std::string>& Dataset::feature_names() const { return state_->feature_names; }

namespace {

Result<DatasetHandle> create(const TrainingData& data, const std::map<std::string, std::string>& parameters, DatasetHandle reference) {
    auto given = parameters;
    if (!data.categorical.empty()) given["categorical_feature"] = column_indices(data);
    DatasetHandle handle = nullptr;
    const int code =
        LGBM_DatasetCreateFromMat(data.features.values.data(), C_API_DTYPE_FLOAT64, static_cast<std::int32_t>(data.features.rows),
                                  static_cast<std::int32_t>(data.features.columns), 1, parameter_text(given).c_str(), reference, &handle);
    SOFIA_CHECK(lightgbm_result(code, ErrorCode::data, "binning training data"));
    if (auto filled = fill(handle, data); !filled) {
        LGBM_DatasetFree(handle);
        return std::unexpected(filled.error());
    }
    return handle;
}

}  // namespace

Result<Dataset> Dataset::make(const TrainingData& data, const GbdtConfig& config, std::size_t threads, const Logger& logger) {
    SOFIA_CHECK(config.validate());
    auto state = std::make_unique<State>();
    SOFIA_TRY(state->parameters, config.resolved());
    SOFIA_TRY(state->key, config.dataset_key());
    SOFIA_CHECK(check_shape(data));
    SOFIA_CHECK(check_names(data));
    SOFIA_CHECK(check_labels(data.labels, state->parameters));
    SOFIA_CHECK(check_weights(data.weights));
    const LightgbmCall call(threads, logger);
    SOFIA_TRY(state->handle, create(data, state->parameters, nullptr));
    state->feature_names = data.feature_names;
    state->categorical = data.categorical;
    state->rows = data.features.rows;
    return Dataset(std::move(state));
}

Result<Dataset> Dataset::make_aligned(const TrainingData& data, const Dataset& reference, std::size_t threads, const Logger& logger) {
    auto state = std::make_unique<State>();
    state->parameters = reference.state_->parameters;
    state->key = reference.state_->key;
    SOFIA_CHECK(check_shape(data));
    if (data.feature_names != reference.state_->feature_names || data.categorical != reference.state_->categorical) {
        return bad("validation columns are not the training columns");
    }
    SOFIA_CHECK(check_labels(data.labels, state->parameters));
    SOFIA_CHECK(check_weights(data.weights));
    const LightgbmCall call(threads, logger);
    SOFIA_TRY(state->handle, create(data, state->parameters, reference.state_->handle));
    state->feature_names = data.feature_names;
    state->categorical = data.categorical;
    state->rows = data.features.rows;
    return Dataset(std::move(state));
}

Result<void> Dataset::relabel(std::span<const double> labels, std::span<const double> weights, const Logger& logger) {
    SOFIA_CHECK(check_counts(state_->rows, labels, weights));
    SOFIA_CHECK(check_labels(labels, state_->parameters));
    SOFIA_CHECK(check_weights(weights));
    const LightgbmCall call(logger);
    SOFIA_CHECK(set_field(state_->handle, "label", labels));
    return set_field(state_->handle, "weight", weights);
}

Result<void> Dataset::check(const GbdtConfig& config) const {
    SOFIA_TRY(const auto parameters, config.resolved());
    return check(parameters);
}

Result<void> Dataset::check(const std::map<std::string, std::string>& parameters) const {
    if (const std::string key = shaping_text(parameters); key != state_->key) {
        return fail(ErrorCode::config, "the Dataset was binned with other parameters: \"" + state_->key + "\", now asked for \"" + key + "\"",
                    "build a Dataset for this configuration");
    }
    // Our own list of binning parameters is checked by LightGBM's. It refuses forced bins whenever they are named. What it has let differ once may
    // differ again, since no parameter that it compares by value is left: only a pre-filter would make it look at `min_data_in_leaf`.
    auto built = state_->parameters;
    auto asked = parameters;
    for (auto* one : {&built, &asked}) one->erase("forcedbins_filename");
    std::set<std::string> differing;
    for (const auto& [from, to] : {std::pair{&built, &asked}, {&asked, &built}}) {
        for (const auto& [name, value] : *from) {
            const auto at = to->find(name);
            if ((at == to->end() || at->second != value) && !state_->harmless.contains(name)) differing.insert(name);
        }
    }
    if (differing.empty()) return {};
    const LightgbmCall call{Logger()};
    SOFIA_CHECK(lightgbm_result(LGBM_DatasetUpdateParamChecking(parameter_text(built).c_str(), parameter_text(asked).c_str()), ErrorCode::config,
                                "reusing a Dataset"));
    state_->harmless.merge(differing);
    return {};
}

}  // namespace sofia::models

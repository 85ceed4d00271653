#include "app/pipeline/direction_fit.hpp"

#include <cassert>
#include <cmath>

#include "app/pipeline/classifier.hpp"
#include "models/metrics.hpp"

namespace sofia::pipeline {
namespace {

models::TrainingData training_data(const DirectionFit& fit, const DirectionSample& sample) {
    models::TrainingData data{.features = sample.matrix(), .labels = sample.y, .weights = {}, .feature_names = {}, .categorical = {}};
    for (const features::FeatureSpec& column : fit.columns) data.feature_names.push_back(column.name);
    return data;
}

/// Training and validation as LightGBM bins them, from the cache where it has them. Without a cache they are nobody else's.
Result<DatasetCache::Loan> binned_rows(const DirectionFit& fit, const models::GbdtConfig& config) {
    const StageTimer timer(fit.clock, TimeStage::datasets);
    std::string key;
    if (fit.datasets != nullptr) {
        // All fits are of the same rows: only the parameters differ.
        SOFIA_TRY(key, config.dataset_key());
        if (auto loan = fit.datasets->borrow(key)) return *std::move(loan);
    }
    SOFIA_TRY(models::Dataset train, models::Dataset::make(training_data(fit, fit.samples.train), config, fit.threads));
    BinnedRows binned{.train = std::move(train), .judge = std::nullopt};
    SOFIA_TRY(binned.judge, models::Dataset::make_aligned(training_data(fit, fit.samples.validation), binned.train, fit.threads));
    const std::size_t bytes = 2 * (fit.samples.train.rows() + fit.samples.validation.rows()) * fit.samples.train.width;
    if (fit.datasets == nullptr) return DatasetCache::Loan(nullptr, {}, 0, std::move(binned));
    return fit.datasets->lend(std::move(key), bytes, std::move(binned));
}

void count_time(const DirectionFit& fit, const models::FitReport& report) {
    if (fit.clock == nullptr) return;
    fit.clock->add_seconds(TimeStage::fit, report.training_seconds);
    fit.clock->add_seconds(TimeStage::models, report.seconds - report.training_seconds);
}

}  // namespace

Result<models::Booster> fit_direction(const DirectionFit& fit, const models::GbdtConfig& config, const StopFlag& stop) {
    SOFIA_TRY(DatasetCache::Loan rows, binned_rows(fit, config));
    SOFIA_TRY(models::Booster booster, models::Booster::fit(config, rows->train, &*rows->judge, fit_seed(fit.seed, "direction"), fit.threads, stop));
    count_time(fit, booster.report());
    return booster;
}

Result<DirectionValue> direction_value(const DirectionFit& fit, const models::GbdtConfig& config, const std::string& metric, const StopFlag& stop) {
    SOFIA_TRY(DatasetCache::Loan rows, binned_rows(fit, config));
    SOFIA_TRY(const auto parameters, config.resolved());
    const auto named = parameters.find("metric");
    const bool measured = metric == "log_loss" && (named == parameters.end() || named->second == "binary_logloss");
    const models::MatrixView asked = measured ? models::MatrixView{{}, 0, fit.samples.validation.width} : fit.samples.validation.matrix();
    SOFIA_TRY(const models::Booster::Forecast forecast,
              models::Booster::fit_predict(config, rows->train, &*rows->judge, fit_seed(fit.seed, "direction"), fit.threads, stop, asked));
    count_time(fit, forecast.report);
    DirectionValue out{.best_iteration = static_cast<std::int64_t>(forecast.report.best_iteration),
                       .rounds = static_cast<std::int64_t>(forecast.report.rounds)};
    if (out.rounds == 0) {
        return fail(ErrorCode::data, "LightGBM found nothing to split: no leaf can be as large as is asked for", "lower min_data_in_leaf");
    }
    out.value = measured ? forecast.report.best_value : metric_of(metric, forecast.values, fit.samples.validation.y);
    return out;
}

double metric_of(const std::string& metric, std::span<const double> probabilities, std::span<const double> labels) {
    if (metric == "log_loss") return models::log_loss(probabilities, labels);
    if (metric == "brier") return models::brier_score(probabilities, labels);
    if (metric == "auc") return models::auc(probabilities, labels);
    if (metric == "accuracy") return models::accuracy(probabilities, labels);
    assert(metric == "balanced_accuracy");
    return models::balanced_accuracy(probabilities, labels);
}

}  // namespace sofia::pipeline

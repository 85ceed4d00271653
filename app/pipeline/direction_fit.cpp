#include "app/pipeline/direction_fit.hpp"

#include <cassert>
#include <cmath>

#include "app/pipeline/classifier.hpp"
#include "app/pipeline/direction_promote.hpp"
#include "base/files.hpp"
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

/// A registered learner has to be there where the settings name one, and only there.
Result<void> check_learner(const DirectionFit& fit, const DirectionSettings& settings) {
    if (settings.learner.registered() == (fit.learner != nullptr)) return {};
    return fail(ErrorCode::internal, "learner.name: the fit has not been given the learner " + settings.learner.name);
}

/// What a registered learner makes of training and validation.
Result<std::unique_ptr<models::LearntModel>> learn(const DirectionFit& fit, const DirectionSettings& settings, const StopFlag& stop) {
    if (stop.requested()) return fail(ErrorCode::interrupted, "interrupted");
    const StageTimer timer(fit.clock, TimeStage::fit);
    std::vector<std::string> names;
    for (const features::FeatureSpec& column : fit.columns) names.push_back(column.name);
    return fit.learner->fit({.train = fit.samples.train.matrix(),
                             .y = fit.samples.train.y,
                             .validation = fit.samples.validation.matrix(),
                             .validation_y = fit.samples.validation.y,
                             .columns = names,
                             .parameters = settings.learner.params,
                             .seed = fit_seed(fit.seed, "direction")});
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

FittedModel::FittedModel(models::Booster booster) : booster_(std::move(booster)) {}

Result<FittedModel> FittedModel::learnt(std::unique_ptr<models::LearntModel> model, const models::Learner& learner, std::size_t columns) {
    FittedModel out;
    SOFIA_TRY(out.bytes_, model->bytes());
    out.learnt_ = std::move(model);
    out.learner_ = &learner;
    out.columns_ = columns;
    return out;
}

Result<std::vector<double>> FittedModel::predict(models::MatrixView rows, std::size_t threads) const {
    if (booster_) return booster_->predict(rows, threads);
    return models::learnt_probabilities(*learnt_, rows, learner_->spec().name);
}

const std::string& FittedModel::bytes() const { return booster_ ? booster_->text() : bytes_; }

std::string FittedModel::file() const { return booster_ ? model_text_file : learner_->spec().file; }

std::size_t FittedModel::trees() const { return booster_ ? booster_->trees() : 0; }

std::size_t FittedModel::best_iteration() const { return booster_ ? booster_->report().best_iteration : 0; }

std::vector<double> FittedModel::gain_importance() const {
    return booster_ ? booster_->gain_importance() : std::vector<double>(columns_, std::nan(""));
}

std::vector<double> FittedModel::split_importance() const {
    return booster_ ? booster_->split_importance() : std::vector<double>(columns_, std::nan(""));
}

Result<FittedModel> fit_model(const DirectionFit& fit, const DirectionSettings& settings, const StopFlag& stop) {
    SOFIA_CHECK(check_learner(fit, settings));
    if (fit.learner == nullptr) {
        SOFIA_TRY(models::Booster booster, fit_direction(fit, settings.model, stop));
        return FittedModel(std::move(booster));
    }
    SOFIA_TRY(auto model, learn(fit, settings, stop));
    return FittedModel::learnt(std::move(model), *fit.learner, fit.columns.size());
}

Result<FittedModel> load_model(const std::filesystem::path& file, const models::Learner* learner, std::size_t columns) {
    if (learner == nullptr) {
        SOFIA_TRY(models::Booster booster, models::Booster::load(file));
        return FittedModel(std::move(booster));
    }
    SOFIA_TRY(const std::string bytes, read_file(file, std::size_t{1} << 34U));
    SOFIA_TRY(auto model, learner->load(bytes, file.string()));
    return FittedModel::learnt(std::move(model), *learner, columns);
}

Result<DirectionValue> model_value(const DirectionFit& fit, const DirectionSettings& settings, const StopFlag& stop) {
    SOFIA_CHECK(check_learner(fit, settings));
    if (fit.learner == nullptr) return direction_value(fit, settings.model, settings.score.metric, stop);
    SOFIA_TRY(const auto model, learn(fit, settings, stop));
    SOFIA_TRY(const std::vector<double> probabilities,
              models::learnt_probabilities(*model, fit.samples.validation.matrix(), fit.learner->spec().name));
    return DirectionValue{.value = metric_of(settings.score.metric, probabilities, fit.samples.validation.y)};
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

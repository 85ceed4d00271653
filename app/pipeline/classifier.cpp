#include "app/pipeline/classifier.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>

#include <fmt/format.h>

#include "base/random.hpp"

namespace sofia::pipeline {

std::uint64_t fit_seed(std::uint64_t seed, std::string_view purpose) {
    // LightGBM takes 31 bits.
    return RandomStream(seed).split("fit").split(purpose).seed() & 0x7fffffffu;
}

std::vector<double> feature_matrix(const History& history, const Candidates& candidates, std::span<const std::size_t> which) {
    std::vector<double> matrix;
    matrix.reserve(which.size() * history.rows.width());
    for (const std::size_t index : which) {
        const std::span<const double> row = history.rows.row(candidates.rows[index]);
        matrix.insert(matrix.end(), row.begin(), row.end());
    }
    return matrix;
}

namespace {

/// Calibration needs some of both outcomes to say anything.
constexpr std::size_t calibration_rows_min = 50;
constexpr std::size_t isotonic_rows_min = 1000;

/// Rows of a task, labelled and weighed.
struct Batch {
    std::vector<std::size_t> rows;       ///< candidates
    std::vector<std::size_t> positions;  ///< into the task
    std::vector<double> labels;
    std::vector<double> weights;
};

/// `rows` are candidates, a subset of the task's.
Batch make_batch(const ClassifierTask& task, std::span<const std::size_t> rows) {
    Batch batch{.rows = {rows.begin(), rows.end()}};
    std::vector<labels::Interval> intervals;
    for (const std::size_t row : rows) {
        const auto at = static_cast<std::size_t>(std::ranges::lower_bound(task.rows, row) - task.rows.begin());
        batch.positions.push_back(at);
        batch.labels.push_back(task.labels[at]);
        intervals.push_back(task.intervals[at]);
    }
    batch.weights = labels::average_uniqueness(intervals);
    return batch;
}

models::TrainingData training_data(const FitInputs& inputs, const Batch& batch, std::span<const double> matrix) {
    return {.features = {matrix, batch.rows.size(), inputs.history.rows.width()},
            .labels = batch.labels,
            .weights = batch.weights,
            .feature_names = inputs.history.rows.columns(),
            .categorical = {}};
}

Result<BinnedRows> bin_rows(const FitInputs& inputs, const models::GbdtConfig& config, const Batch& train, const Batch* judge, std::size_t threads) {
    const std::vector<double> matrix = feature_matrix(inputs.history, inputs.candidates, train.rows);
    SOFIA_TRY(models::Dataset set, models::Dataset::make(training_data(inputs, train, matrix), config, threads));
    BinnedRows binned{.train = std::move(set), .judge = std::nullopt};
    if (judge != nullptr) {
        const std::vector<double> judged = feature_matrix(inputs.history, inputs.candidates, judge->rows);
        SOFIA_TRY(binned.judge, models::Dataset::make_aligned(training_data(inputs, *judge, judged), binned.train, threads));
    }
    return binned;
}

std::vector<std::size_t> history_rows(const FitInputs& inputs, const Batch* batch) {
    std::vector<std::size_t> rows;
    if (batch == nullptr) return rows;
    for (const std::size_t row : batch->rows) rows.push_back(inputs.candidates.rows[row]);
    return rows;
}

/// The rows of `train` and `judge` (null: none), binned and labelled: from the cache where there is one and it has them. Without a
/// cache they are nobody else's.
Result<DatasetCache::Loan> binned_rows(const FitInputs& inputs, const models::GbdtConfig& config, const Batch& train, const Batch* judge,
                                       std::size_t threads) {
    const StageTimer timer(inputs.tools.clock, TimeStage::datasets);
    DatasetCache* cache = inputs.tools.datasets;
    if (cache == nullptr) {
        SOFIA_TRY(BinnedRows own, bin_rows(inputs, config, train, judge, threads));
        return DatasetCache::Loan(nullptr, {}, 0, std::move(own));
    }
    SOFIA_TRY(const std::string parameters, config.dataset_key());
    std::string key = binned_key(parameters, history_rows(inputs, &train), history_rows(inputs, judge));
    if (auto loan = cache->borrow(key)) {
        SOFIA_CHECK((*loan)->train.relabel(train.labels, train.weights));
        if (judge != nullptr) SOFIA_CHECK((*loan)->judge->relabel(judge->labels, judge->weights));
        return *std::move(loan);
    }
    SOFIA_TRY(BinnedRows made, bin_rows(inputs, config, train, judge, threads));
    // A bin takes one byte up to 256 bins, and two above; LightGBM keeps some columns twice.
    const std::size_t rows = train.rows.size() + (judge == nullptr ? 0 : judge->rows.size());
    return cache->lend(std::move(key), 2 * rows * inputs.history.rows.width(), std::move(made));
}

bool of_one_class(std::span<const double> labels) { return std::ranges::adjacent_find(labels, std::ranges::not_equal_to{}) == labels.end(); }

/// What is asked of a binary model fits a model of several classes as far as it can.
models::GbdtConfig config_for(const models::GbdtConfig& config, std::size_t classes) {
    models::GbdtConfig out = config;
    if (classes == 2) return out;
    out.objective = "multiclass";
    out.metric.clear();
    out.is_unbalance = false;
    for (const char* binary : {"scale_pos_weight", "metric", "objective", "is_unbalance"}) out.params.erase(binary);
    out.params["num_class"] = std::to_string(classes);
    return out;
}

/// The probability of class `asked` for row `row` of a model's outputs.
double asked_probability(std::span<const double> outputs, std::size_t row, std::size_t classes, std::size_t asked) {
    if (classes > 2) return outputs[row * classes + asked];
    return asked == 0 ? 1.0 - outputs[row] : outputs[row];
}

/// Out-of-sample probabilities and whether what was asked for came.
struct Forecasts {
    std::vector<double> probabilities;
    std::vector<double> came;
};

void count_time(const FitInputs& inputs, const models::FitReport& report) {
    if (StageClock* clock = inputs.tools.clock) {
        clock->add_seconds(TimeStage::fit, report.training_seconds);
        clock->add_seconds(TimeStage::models, report.seconds - report.training_seconds);
    }
}

Result<void> add_block(const FitInputs& inputs, const ClassifierTask& task, const labels::Block& block, const models::GbdtConfig& config,
                       std::uint64_t seed, std::size_t threads, const StopFlag& stop, Forecasts& forecasts) {
    const Batch train = make_batch(task, block.train);
    if (train.labels.empty() || of_one_class(train.labels)) return {};
    const std::vector<double> matrix = feature_matrix(inputs.history, inputs.candidates, block.judged);
    const models::MatrixView judged{matrix, block.judged.size(), inputs.history.rows.width()};
    SOFIA_TRY(DatasetCache::Loan rows, binned_rows(inputs, config, train, nullptr, threads));
    SOFIA_TRY(const models::Booster::Forecast forecast, models::Booster::fit_predict(config, rows->train, nullptr, seed, threads, stop, judged));
    count_time(inputs, forecast.report);
    for (std::size_t i = 0; i < block.judged.size(); ++i) {
        const auto at = static_cast<std::size_t>(std::ranges::lower_bound(task.rows, block.judged[i]) - task.rows.begin());
        forecasts.probabilities.push_back(asked_probability(forecast.values, i, task.classes, task.asked[at]));
        forecasts.came.push_back(task.labels[at] == static_cast<double>(task.asked[at]) ? 1.0 : 0.0);
    }
    return {};
}

struct Calibration {
    models::Calibrator calibrator;
    std::size_t rows = 0;  ///< predictions that it was fitted on
};

/// `rounds`: those that the first booster has.
Result<Calibration> calibrate(const FitInputs& inputs, const ClassifierTask& task, std::size_t rounds, std::uint64_t seed, std::size_t threads,
                              const StopFlag& stop) {
    const FitConfig& fit = inputs.settings.fit;
    Calibration out;
    if (fit.calibration == "none") return out;
    models::GbdtConfig config = config_for(inputs.settings.model, task.classes);
    config.rounds = static_cast<std::int64_t>(std::max<std::size_t>(rounds, 1));
    config.early_stopping_rounds = 0;
    Forecasts forecasts;
    const auto blocks =
        labels::forward_blocks(inputs.samples, task.rows, static_cast<std::size_t>(fit.calibration_blocks), inputs.settings.split.embargo());
    const std::uint64_t calibration_seed = fit_seed(seed, task.purpose + " calibration");
    for (const labels::Block& block : blocks) {
        SOFIA_CHECK(add_block(inputs, task, block, config, calibration_seed, threads, stop, forecasts));
    }
    const std::size_t count = forecasts.came.size();
    if (count < calibration_rows_min || of_one_class(forecasts.came)) return out;
    const StageTimer timer(inputs.tools.clock, TimeStage::models);
    const std::string kind = fit.calibration != "auto" ? fit.calibration : count < isotonic_rows_min ? "platt" : "isotonic";
    SOFIA_TRY(out.calibrator, models::Calibrator::fit(kind, forecasts.probabilities, forecasts.came));
    out.rows = count;
    return out;
}

/// Hands the rows that all boosters of a classifier are fitted on, and each booster's seed, to `member`, one after the other.
template <class Member>
Result<void> each_member(const FitInputs& inputs, const ClassifierTask& task, std::uint64_t seed, std::size_t threads, const Member& member) {
    assert(task.labels.size() == task.rows.size() && task.asked.size() == task.rows.size() && task.intervals.size() == task.rows.size());
    const auto blocks = labels::forward_blocks(inputs.samples, task.rows, static_cast<std::size_t>(inputs.settings.fit.early_stopping_blocks),
                                               inputs.settings.split.embargo());
    if (blocks.empty() || blocks.back().train.empty()) {
        return fail(ErrorCode::data, "no touch is left to fit on after purging", "use more data or a shorter hold");
    }
    const models::GbdtConfig config = config_for(inputs.settings.model, task.classes);
    const Batch train = make_batch(task, blocks.back().train);
    if (of_one_class(train.labels)) {
        return fail(ErrorCode::data, "all touches to fit on have the same outcome", "use more data or other barriers");
    }
    const Batch judge = make_batch(task, blocks.back().judged);
    SOFIA_TRY(DatasetCache::Loan rows, binned_rows(inputs, config, train, &judge, threads));
    for (const std::int64_t name : inputs.settings.fit.seeds) {
        SOFIA_CHECK(member(config, *rows, fit_seed(seed, fmt::format("{} {}", task.purpose, name))));
    }
    return {};
}

}  // namespace

Result<Classifier> fit_classifier(const FitInputs& inputs, const ClassifierTask& task, std::uint64_t seed, std::size_t threads,
                                  const StopFlag& stop) {
    Classifier out;
    out.classes = task.classes;
    out.rows = task.rows.size();
    const auto fit = [&](const models::GbdtConfig& config, const BinnedRows& rows, std::uint64_t member_seed) -> Result<void> {
        SOFIA_TRY(models::Booster booster, models::Booster::fit(config, rows.train, &*rows.judge, member_seed, threads, stop));
        count_time(inputs, booster.report());
        out.members.push_back(std::move(booster));
        return {};
    };
    SOFIA_CHECK(each_member(inputs, task, seed, threads, fit));
    SOFIA_TRY(Calibration calibration, calibrate(inputs, task, out.members.front().report().best_iteration, seed, threads, stop));
    out.calibrator = std::move(calibration.calibrator);
    out.calibration_rows = calibration.rows;
    return out;
}

Result<Forecast> forecast_asked(const FitInputs& inputs, const ClassifierTask& task, std::span<const std::size_t> which,
                                std::span<const std::size_t> asked, std::uint64_t seed, std::size_t threads, const StopFlag& stop) {
    assert(which.size() == asked.size());
    const std::vector<double> matrix = feature_matrix(inputs.history, inputs.candidates, which);
    Forecast out{.probabilities = std::vector<double>(which.size(), 0.0)};
    std::size_t members = 0;
    const auto fit = [&](const models::GbdtConfig& config, const BinnedRows& rows, std::uint64_t member_seed) -> Result<void> {
        const models::MatrixView view{matrix, which.size(), inputs.history.rows.width()};
        SOFIA_TRY(const models::Booster::Forecast one,
                  models::Booster::fit_predict(config, rows.train, &*rows.judge, member_seed, threads, stop, view));
        count_time(inputs, one.report);
        if (members++ == 0) out.best_iteration = one.report.best_iteration;
        for (std::size_t i = 0; i < which.size(); ++i) out.probabilities[i] += asked_probability(one.values, i, task.classes, asked[i]);
        return {};
    };
    SOFIA_CHECK(each_member(inputs, task, seed, threads, fit));
    SOFIA_TRY(const Calibration calibration, calibrate(inputs, task, out.best_iteration, seed, threads, stop));
    for (double& p : out.probabilities) p = calibration.calibrator.apply(p / static_cast<double>(members));
    return out;
}

Result<std::vector<double>> predict_asked(const Classifier& classifier, const History& history, const Candidates& candidates,
                                          std::span<const std::size_t> which, std::span<const std::size_t> asked) {
    assert(which.size() == asked.size() && !classifier.members.empty());
    std::vector<double> probabilities(which.size(), 0.0);
    if (which.empty()) return probabilities;
    const std::vector<double> matrix = feature_matrix(history, candidates, which);
    for (const models::Booster& booster : classifier.members) {
        SOFIA_TRY(const std::vector<double> outputs, booster.predict({matrix, which.size(), history.rows.width()}));
        for (std::size_t i = 0; i < which.size(); ++i) probabilities[i] += asked_probability(outputs, i, classifier.classes, asked[i]);
    }
    const double members = static_cast<double>(classifier.members.size());
    for (double& p : probabilities) p = classifier.calibrator.apply(p / members);
    return probabilities;
}

}  // namespace sofia::pipeline

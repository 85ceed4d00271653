#include "models/booster.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include <LightGBM/c_api.h>

#include "base/files.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "models/dataset_state.hpp"
#include "models/gbdt_parameters.hpp"
#include "models/lightgbm_api.hpp"
#include "models/model_text.hpp"

namespace sofia::models {

namespace {

/// A LightGBM booster handle that frees itself.
class Handle {
public:
    Handle() = default;
    Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() {
        if (handle_ != nullptr) LGBM_BoosterFree(handle_);
    }
    [[nodiscard]] BoosterHandle get() const { return handle_; }
    BoosterHandle* out() { return &handle_; }

private:
    BoosterHandle handle_ = nullptr;
};

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

auto fitting(int code) { return lightgbm_result(code, ErrorCode::internal, "fitting"); }

bool higher_is_better(const std::string& metric) { return metric.starts_with("auc") || metric.starts_with("average_precision") || metric == "r2"; }

/// The names of the metrics LightGBM computes on validation data.
Result<std::vector<std::string>> metric_names(BoosterHandle handle) {
    int count = 0;
    SOFIA_CHECK(fitting(LGBM_BoosterGetEvalCounts(handle, &count)));
    constexpr std::size_t width = 128;
    std::vector<std::vector<char>> buffers(static_cast<std::size_t>(count), std::vector<char>(width, '\0'));
    std::vector<char*> pointers;
    for (auto& buffer : buffers) pointers.push_back(buffer.data());
    int written = 0;
    std::size_t needed = 0;
    if (count > 0) SOFIA_CHECK(fitting(LGBM_BoosterGetEvalNames(handle, count, &written, width, &needed, pointers.data())));
    std::vector<std::string> names;
    for (const char* pointer : pointers) names.emplace_back(pointer);
    return names;
}

/// Watches the first metric on validation data and says when to stop.
class EarlyStopping {
public:
    EarlyStopping(const GbdtConfig& config, const std::map<std::string, std::string>& parameters, FitReport& report)
        : report_(report), sign_(higher_is_better(report.metric) ? 1.0 : -1.0) {
        if (parameters.at("boosting") != "dart") patience_ = static_cast<std::size_t>(config.early_stopping_rounds);
        if (const auto at = parameters.find("early_stopping_min_delta"); at != parameters.end()) {
            least_gain_ = parse_double(at->second).value_or(0.0);
        }
    }

    /// Whether `value` after round `round` (1, 2, …) was the last one needed.
    bool stops_after(std::size_t round, double value) {
        report_.history.push_back(value);
        const bool better = std::isnan(best_) || sign_ * value > sign_ * best_ + least_gain_;
        if (better) {
            best_ = value;
            best_round_ = round;
        }
        return patience_ > 0 && round - best_round_ >= patience_;
    }

    /// The round to cut the model at, of `rounds`.
    [[nodiscard]] std::size_t keep(std::size_t rounds) const { return patience_ > 0 && best_round_ > 0 ? best_round_ : rounds; }

private:
    FitReport& report_;
    double sign_;
    double least_gain_ = 0.0;
    double best_ = nan;
    std::size_t best_round_ = 0;
    std::size_t patience_ = 0;
};

Result<double> first_metric(BoosterHandle handle, std::vector<double>& buffer) {
    int count = 0;
    SOFIA_CHECK(fitting(LGBM_BoosterGetEval(handle, 1, &count, buffer.data())));
    return buffer.front();
}

Result<std::string> model_text(BoosterHandle handle, std::size_t iterations) {
    std::int64_t length = 0;
    const auto save = [&](std::string& buffer) {
        return LGBM_BoosterSaveModelToString(handle, 0, static_cast<int>(iterations), C_API_FEATURE_IMPORTANCE_GAIN,
                                             static_cast<std::int64_t>(buffer.size()), &length, buffer.data());
    };
    // Pages of it that LightGBM does not write are never touched, so it can be large enough for almost every model: a second call writes anew.
    std::string text;
    const auto untouched = [](char*, std::size_t size) { return size; };
    text.resize_and_overwrite(std::size_t{1} << 20U, untouched);
    SOFIA_CHECK(fitting(save(text)));
    if (static_cast<std::size_t>(length) > text.size()) {
        text.resize_and_overwrite(static_cast<std::size_t>(length), untouched);
        SOFIA_CHECK(fitting(save(text)));
    }
    text.resize(static_cast<std::size_t>(length) - 1);  // without the final zero
    text.shrink_to_fit();
    return text;
}

/// LightGBM seeds are 31 bits.
std::string lightgbm_seed(std::uint64_t seed) { return std::to_string((seed ^ (seed >> 31U)) & 0x7fffffffU); }

/// Trains round by round; the report gets rounds, history and the round to keep.
Result<void> train_rounds(BoosterHandle handle, const GbdtConfig& config, const std::map<std::string, std::string>& parameters, bool validated,
                          const StopFlag& stop, FitReport& report) {
    SOFIA_TRY(const auto metrics, metric_names(handle));
    if (validated && !metrics.empty()) report.metric = metrics.front();
    std::vector<double> values(std::max<std::size_t>(metrics.size(), 1));
    EarlyStopping early(config, parameters, report);
    bool done = false;
    while (!done && report.rounds < static_cast<std::size_t>(config.rounds)) {
        if (stop.requested()) return fail(ErrorCode::interrupted, "fitting stopped after " + std::to_string(report.rounds) + " rounds");
        int finished = 0;
        SOFIA_CHECK(fitting(LGBM_BoosterUpdateOneIter(handle, &finished)));
        if (finished != 0) break;  // nothing left to split
        ++report.rounds;
        if (report.metric.empty()) continue;
        SOFIA_TRY(const double value, first_metric(handle, values));
        done = early.stops_after(report.rounds, value);
    }
    report.best_iteration = early.keep(report.rounds);
    const bool measured = report.best_iteration > 0 && report.best_iteration <= report.history.size();
    report.best_value = measured ? report.history[report.best_iteration - 1] : nan;
    return {};
}

}  // namespace

struct Booster::State {
    Handle handle;
    std::string text;
    std::vector<std::string> feature_names;
    std::size_t outputs = 1;
    std::size_t trees = 0;
    FitReport report;
    mutable std::mutex mutex;  // LightGBM sets up its predictor in the booster itself

    [[nodiscard]] Result<std::vector<double>> predict(MatrixView features, std::size_t threads, int kind) const;
    [[nodiscard]] std::vector<double> importance(int kind) const;
};

Booster::Booster(std::unique_ptr<State> state) : state_(std::move(state)) {}
Booster::~Booster() = default;
Booster::Booster(Booster&&) noexcept = default;
Booster& Booster::operator=(Booster&&) noexcept = default;

namespace {

double seconds_since(DurationNs begin) { return static_cast<double>(steady_now() - begin) / static_cast<double>(ns_per_second); }

/// With the first `iterations` of the model; 0: all.
Result<std::vector<double>> predict_with(BoosterHandle handle, MatrixView features, std::size_t columns, std::size_t width, int kind,
                                         std::size_t iterations = 0) {
    if (features.columns != columns || features.values.size() != features.rows * columns) {
        return fail(ErrorCode::usage, "predicting: " + std::to_string(features.values.size()) + " values in " + std::to_string(features.rows) +
                                          " rows of " + std::to_string(features.columns) + " columns; the model has " + std::to_string(columns) +
                                          " columns");
    }
    constexpr std::size_t limit = std::numeric_limits<std::int32_t>::max();
    if (features.rows > limit) return fail(ErrorCode::usage, "predicting: more rows than LightGBM can count");
    std::vector<double> out(features.rows * width);
    if (features.rows == 0) return out;
    std::int64_t length = 0;
    const int code = LGBM_BoosterPredictForMat(handle, features.values.data(), C_API_DTYPE_FLOAT64, static_cast<std::int32_t>(features.rows),
                                               static_cast<std::int32_t>(columns), 1, kind, 0, iterations == 0 ? -1 : static_cast<int>(iterations),
                                               "verbosity=0", &length, out.data());
    SOFIA_CHECK(lightgbm_result(code, ErrorCode::internal, "predicting"));
    return out;
}

}  // namespace

/// A booster that has been trained and still holds what training needs; the caller keeps a LightgbmCall.
struct Booster::Trained {
    Handle handle;
    FitReport report;

    static Result<Trained> make(const GbdtConfig& config, const std::map<std::string, std::string>& parameters, const Dataset& train,
                                const Dataset* validation, const StopFlag& stop) {
        const DurationNs begin = steady_now();
        Trained out;
        SOFIA_CHECK(fitting(LGBM_BoosterCreate(train.state_->handle, parameter_text(parameters).c_str(), out.handle.out())));
        if (validation != nullptr) SOFIA_CHECK(fitting(LGBM_BoosterAddValidData(out.handle.get(), validation->state_->handle)));
        SOFIA_CHECK(train_rounds(out.handle.get(), config, parameters, validation != nullptr, stop, out.report));
        out.report.training_seconds = seconds_since(begin);
        return out;
    }
};

Result<std::map<std::string, std::string>> Booster::checked_parameters(const GbdtConfig& config, const Dataset& train, const Dataset* validation,
                                                                       std::uint64_t seed) {
    SOFIA_TRY(auto parameters, config.resolved());
    SOFIA_CHECK(train.check(parameters));
    if (validation != nullptr) SOFIA_CHECK(validation->check(parameters));
    parameters["seed"] = lightgbm_seed(seed);
    return parameters;
}

Result<Booster> Booster::fit(const GbdtConfig& config, const Dataset& train, const Dataset* validation, std::uint64_t seed, std::size_t threads,
                             const StopFlag& stop, const Logger& logger) {
    const DurationNs begin = steady_now();
    SOFIA_TRY(const auto parameters, checked_parameters(config, train, validation, seed));
    FitReport report;
    std::string text;
    {
        const LightgbmCall call(threads, logger);
        SOFIA_TRY(Trained trained, Trained::make(config, parameters, train, validation, stop));
        SOFIA_TRY(text, model_text(trained.handle.get(), trained.report.best_iteration));
        report = std::move(trained.report);
    }
    // Going through the text makes a fitted model the same thing as a loaded one, and lets the training state go.
    SOFIA_TRY(Booster booster, from_text(text, "fitted model"));
    report.seconds = seconds_since(begin);
    booster.state_->report = std::move(report);
    return booster;
}

Result<Booster::Forecast> Booster::fit_predict(const GbdtConfig& config, const Dataset& train, const Dataset* validation, std::uint64_t seed,
                                               std::size_t threads, const StopFlag& stop, MatrixView rows, const Logger& logger) {
    const DurationNs begin = steady_now();
    SOFIA_TRY(const auto parameters, checked_parameters(config, train, validation, seed));
    const LightgbmCall call(threads, logger);
    SOFIA_TRY(Trained trained, Trained::make(config, parameters, train, validation, stop));
    int classes = 1;
    SOFIA_CHECK(fitting(LGBM_BoosterGetNumClasses(trained.handle.get(), &classes)));
    Forecast out;
    SOFIA_TRY(out.values, predict_with(trained.handle.get(), rows, train.feature_names().size(), static_cast<std::size_t>(classes),
                                       C_API_PREDICT_NORMAL, trained.report.best_iteration));
    out.report = std::move(trained.report);
    out.report.seconds = seconds_since(begin);
    return out;
}

Result<Booster> Booster::load(const std::filesystem::path& path) {
    SOFIA_TRY(const std::string text, read_file(path));
    return from_text(text, path.string());
}

Result<Booster> Booster::from_text(const std::string& text, const std::string& name) {
    // LightGBM's own reader runs past the end of damaged text.
    SOFIA_TRY(const ModelText model, parse_model_text(text, name));
    auto state = std::make_unique<State>();
    const LightgbmCall call{Logger()};
    int iterations = 0;
    SOFIA_CHECK(lightgbm_result(LGBM_BoosterLoadModelFromString(text.c_str(), &iterations, state->handle.out()), ErrorCode::data, name));
    state->text = text;
    state->feature_names = model.feature_names;
    state->outputs = model.classes;
    state->trees = model.trees.size();
    return Booster(std::move(state));
}

const FitReport& Booster::report() const { return state_->report; }
const std::vector<std::string>& Booster::feature_names() const { return state_->feature_names; }
std::size_t Booster::outputs() const { return state_->outputs; }
std::size_t Booster::trees() const { return state_->trees; }
const std::string& Booster::text() const { return state_->text; }

Result<std::vector<double>> Booster::State::predict(MatrixView features, std::size_t threads, int kind) const {
    // The number of threads changes no prediction, so none has to wait for fits that use another.
    const LightgbmCall call(threads, Logger(), LightgbmCall::Wish::or_what_runs);
    const std::scoped_lock lock(mutex);
    const std::size_t columns = feature_names.size();
    return predict_with(handle.get(), features, columns, outputs * (kind == C_API_PREDICT_CONTRIB ? columns + 1 : 1), kind);
}

Result<std::vector<double>> Booster::predict(MatrixView features, std::size_t threads) const {
    return state_->predict(features, threads, C_API_PREDICT_NORMAL);
}

Result<std::vector<double>> Booster::predict_raw(MatrixView features, std::size_t threads) const {
    return state_->predict(features, threads, C_API_PREDICT_RAW_SCORE);
}

Result<std::vector<double>> Booster::contributions(MatrixView features, std::size_t threads) const {
    return state_->predict(features, threads, C_API_PREDICT_CONTRIB);
}

std::vector<double> Booster::State::importance(int kind) const {
    std::vector<double> out(feature_names.size(), 0.0);
    const std::scoped_lock lock(mutex);
    // Fails only for another kind than the two there are.
    if (LGBM_BoosterFeatureImportance(handle.get(), 0, kind, out.data()) != 0) std::ranges::fill(out, nan);
    return out;
}

std::vector<double> Booster::gain_importance() const { return state_->importance(C_API_FEATURE_IMPORTANCE_GAIN); }
std::vector<double> Booster::split_importance() const { return state_->importance(C_API_FEATURE_IMPORTANCE_SPLIT); }

Result<void> Booster::save(const std::filesystem::path& path) const { return write_file(path, state_->text); }

}  // namespace sofia::models

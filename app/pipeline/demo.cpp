#include "app/pipeline/demo.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/backtest.hpp"
#include "app/pipeline/data_stage.hpp"
#include "app/pipeline/train.hpp"
#include "app/pipeline/tune.hpp"
#include "base/files.hpp"

namespace sofia::pipeline {
namespace {

/// Folders with this file were made by the demo, so the demo may make them again.
constexpr const char* marker = "made-by-sofia-demo";

Result<void> clear_earlier(const std::filesystem::path& out) {
    std::error_code error;
    if (!std::filesystem::exists(out, error) || std::filesystem::is_empty(out, error)) return {};
    if (!std::filesystem::exists(out / marker, error)) {
        return fail(ErrorCode::usage, fmt::format("{} is not empty and was not made by the demo", out.string()), "choose another --out");
    }
    for (const char* part : {"data", "models"}) std::filesystem::remove_all(out / part, error);
    return {};
}

/// A search small enough for a minute. The simulated market pays more than its noise only at touches of the 15-minute average.
std::vector<std::string> demo_settings() {
    return {"touch.timeframes=15m",
            "touch.ema_length=20",
            "split.folds=4",
            "score.min_trades=5",
            "fit.min_train_rows=40",
            "costs.fee_percent=0.01",
            "costs.maker_fee_percent=0.01",
            "features.columns=m5.*,m15.*,h1.*",
            "model.rounds=200",
            "model.min_data_in_leaf=20",
            "search={learning_rate: {type: float, low: 0.01, high: 0.15, log: true}, num_leaves: {type: int, low: 4, high: 31, log: true},"
            " min_data_in_leaf: {type: int, low: 10, high: 60, log: true}, feature_fraction: {type: float, low: 0.5, high: 1},"
            " bagging_fraction: {type: float, low: 0.5, high: 1}, lambda_l1: {type: float, low: 1e-6, high: 10, log: true},"
            " lambda_l2: {type: float, low: 1e-6, high: 10, log: true}, stop_atr: {type: float, low: 1.5, high: 2.5},"
            " target_r: {type: float, low: 0.8, high: 1.5}, max_hold_bars: {type: int, low: 24, high: 96, log: true}}"};
}

}  // namespace

Result<Output> demo(const DemoRequest& request, const Context& context) {
    SOFIA_CHECK(clear_earlier(request.out));
    SOFIA_CHECK(make_folder(request.out));
    SOFIA_CHECK(write_file(request.out / marker, "sofia demo may delete data/ and models/ beside this file.\n"));
    SimulateRequest simulation{.config = {}, .kind = SimulationKind::trades, .out = request.out / "data"};
    simulation.config.days = request.days;
    simulation.config.trades = request.prints;
    simulation.config.edge = request.edge;
    SOFIA_TRY(const Output simulated, simulate_data(simulation, context));
    const std::string symbol = simulation.config.symbol;
    TuneRequest tuning;
    tuning.config_file = request.config_file;
    if (request.config_file.empty()) tuning.sets = demo_settings();
    tuning.data_dir = request.out / "data" / symbol;
    tuning.model_dir = request.out / "models" / symbol;
    tuning.study = "demo";
    tuning.trials = request.trials;
    SOFIA_TRY(const TuneResult tuned, tune(tuning, context));
    if (tuned.best_trial < 0) return fail(ErrorCode::data, "no trial of the demo was completed", "use more --trades or --days");
    SOFIA_TRY(const TrainResult trained, train({.summary = tuned.best_summary}, context));
    SOFIA_TRY(const BacktestResult tested, backtest({.train_config = trained.train_config}, context));
    const Output figures = describe(tested);
    Json json = {{"simulated", *simulated.json}, {"tune", *describe(tuned).json}, {"train", *describe(trained).json}, {"backtest", *figures.json}};
    json["report"] = (tested.folder / "report.html").string();
    return make_output(simulated.text + "\n" + describe(tuned).text + "\n" + describe(trained).text + "\n" + figures.text, std::move(json));
}

}  // namespace sofia::pipeline

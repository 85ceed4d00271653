// The touch strategy over trade events: bars, features, touches, model and decision core, from prints in memory to closed trades, on one thread.
//
//   replay_bench CONFIG             a small simulated tape (seconds; what `make test` runs)
//   replay_bench CONFIG DATA_DIR    the trades of a data folder
//
// The model is fitted beforehand on another simulated market. Prints one line of JSON: prints, seconds of each stage and in all, what was traded.
// Exit 1 when a stage fails or no trade was closed, so that a benchmark of nothing does not pass.
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/pipeline/history.hpp"
#include "app/pipeline/strategy.hpp"
#include "labels/splits.hpp"
#include "store/folder.hpp"
#include "synth/simulate.hpp"

namespace {

using namespace sofia;
using namespace sofia::pipeline;
using Clock = std::chrono::steady_clock;

struct Size {
    synth::SimulationConfig training;
    synth::SimulationConfig tape;  ///< played when no data folder is named
    std::vector<std::string> sets;
};

Size small_size() {
    Size size;
    size.training = {.days = 40, .trades = 200'000, .edge = 1.0};
    size.tape = {.days = 20, .trades = 200'000, .edge = 1.0};
    size.sets = {"fit.min_train_rows=20", "model.rounds=30", "model.min_data_in_leaf=5"};
    return size;
}

Size full_size() {
    Size size;
    size.training = {.days = 700, .trades = 7'000'000, .edge = 1.0};
    return size;
}

Result<MarketData> simulate(const synth::SimulationConfig& config, std::uint64_t seed) {
    MarketData data;
    data.symbol = config.symbol;
    data.instrument = synth::simulated_instrument(config);
    data.kind = store::DataKind::trades;
    SOFIA_TRY(data.session, data.instrument.session());
    SOFIA_CHECK(synth::simulate_trades(config, RandomStream(seed), [&](std::span<const market::Trade> trades) -> Result<void> {
        data.trades.insert(data.trades.end(), trades.begin(), trades.end());
        return {};
    }));
    return data;
}

/// As `sofia train` does it, over the whole of `history`.
Result<StrategyModels> fit(const History& history, const Settings& settings) {
    SOFIA_TRY(const Candidates candidates, find_candidates(history, settings.decision.touch));
    SOFIA_TRY(const LabeledCandidates labeled, label_candidates(history, candidates, settings, settings.decision.barriers.max_hold_bars));
    const StrategyData data{history, settings, candidates, labeled};
    const trading::Window window = history.window();
    const auto rows = labels::train_rows(labeled.samples, window, window.to, settings.split.embargo());
    const StopFlag stop;
    return fit_models(data, rows, "bench", 1, 1, stop);
}

/// Seconds of the stages of one replay.
struct Timing {
    double history = 0.0;     ///< prints to bars and features
    double candidates = 0.0;  ///< touches among the bars
    double predictions = 0.0;
    double core = 0.0;        ///< prints to trades
    [[nodiscard]] double total() const { return history + candidates + predictions + core; }
};

class Lap {
public:
    double seconds() {
        const Clock::time_point now = Clock::now();
        const double passed = std::chrono::duration<double>(now - begin_).count();
        begin_ = now;
        return passed;
    }

private:
    Clock::time_point begin_ = Clock::now();
};

Result<void> replay(MarketData data, const Settings& settings, market::Timeframe row_timeframe, const StrategyModels& model, const Context& context) {
    const std::size_t prints = data.trades.size();
    Timing timing;
    Lap lap;
    SOFIA_TRY(const History history, build_history(std::move(data), settings, row_timeframe, context));
    timing.history = lap.seconds();
    SOFIA_TRY(const Candidates candidates, find_candidates(history, settings.decision.touch));
    timing.candidates = lap.seconds();
    std::vector<std::size_t> all(candidates.touches.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    SOFIA_TRY(const auto signals, signals_of(model, history, candidates, all));
    timing.predictions = lap.seconds();
    SOFIA_TRY(const trading::DecisionCore core, run_core(history, settings, signals, model.ev, history.window()));
    timing.core = lap.seconds();
    if (core.trades().empty()) return fail(ErrorCode::data, "the replay closed no trade", "use a longer tape");
    fmt::print(
        "{{\"events\": {}, \"seconds\": {:.6f}, \"history_seconds\": {:.6f}, \"candidates_seconds\": {:.6f}, \"predictions_seconds\": {:.6f}, "
        "\"core_seconds\": {:.6f}, \"minutes\": {}, \"columns\": {}, \"rows\": {}, \"trees\": {}, \"signals\": {}, \"trades\": {}, \"equity\": "
        "{:.8f}}}\n",
        prints, timing.total(), timing.history, timing.candidates, timing.predictions, timing.core, history.bars.front().size(),
        history.columns.size(), history.rows.rows(), model.entry.members.front().trees(), all.size(), core.trades().size(), market::to_double(core.equity()));
    return {};
}

Result<void> run(const std::string& config_file, const std::optional<std::string>& data_dir) {
    const Size size = data_dir ? full_size() : small_size();
    StopFlag stop;
    Context context;
    context.stop = &stop;
    SOFIA_TRY(MarketData training, simulate(size.training, 1));
    SOFIA_TRY(const Settings settings,
              load_settings({.instrument = training.instrument, .instrument_file = true, .file = config_file, .sets = size.sets}));
    SOFIA_TRY(const auto touch_timeframes, market::parse_timeframes(settings.decision.touch.timeframes));
    const market::Timeframe row_timeframe = touch_timeframes.front();
    std::optional<StrategyModels> model;
    {
        SOFIA_TRY(const History history, build_history(std::move(training), settings, row_timeframe, context));
        SOFIA_TRY(model, fit(history, settings));
    }
    if (!data_dir) {
        SOFIA_TRY(MarketData tape, simulate(size.tape, 2));
        return replay(std::move(tape), settings, row_timeframe, *model, context);
    }
    SOFIA_TRY(const store::DataFolder folder, store::DataFolder::open(*data_dir));
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(settings.bars.timeframes));
    store::ReadOptions options;
    options.stop = &stop;
    SOFIA_TRY(MarketData tape, load_market_data(folder, timeframes.front(), options, context));
    if (tape.kind != store::DataKind::trades) return fail(ErrorCode::data, *data_dir + " holds bars", "name a folder of trades");
    return replay(std::move(tape), settings, row_timeframe, *model, context);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2 && argc != 3) {
        fmt::print(stderr, "replay_bench CONFIG [DATA_DIR]\n");
        return 2;
    }
    const auto done = run(argv[1], argc == 3 ? std::optional<std::string>(argv[2]) : std::nullopt);
    if (!done) {
        fmt::print(stderr, "replay_bench: {}\n", done.error().message);
        return 1;
    }
    return 0;
}

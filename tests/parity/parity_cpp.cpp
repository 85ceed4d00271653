// The C++ library from outside: a program on its headers alone, for tests/parity/test_parity.py.
//
//   parity_cpp predict MODEL < rows.csv                a probability a line, with 17 digits; the CSV's header names the features
//   parity_cpp bars DATA_DIR SMALLEST TIMEFRAME        a table
//   parity_cpp minutes DATA_DIR HORIZON                a table
//   parity_cpp features DATA_DIR PATTERN...            a table
//   parity_cpp labels DATA_DIR CONFIG                  a table
//   parity_cpp backtest TRAIN_CONFIG                   the document of `sofia backtest --json`
//
// A table is a line with the names of its columns, then rows of 8 bytes a cell: doubles, and for the names of times whole nanoseconds.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/pipeline/backtest.hpp"
#include "app/pipeline/history.hpp"
#include "app/pipeline/settings.hpp"
#include "bars/cascade.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "features/batch.hpp"
#include "features/minute.hpp"
#include "models/direction_model.hpp"
#include "store/bars.hpp"
#include "store/folder.hpp"
#include "store/trades.hpp"

namespace {

using namespace sofia;
using Words = std::span<const std::string>;

class Table {
public:
    explicit Table(const std::vector<std::string>& columns) { std::cout << join(columns, ",") << '\n'; }

    void row(std::span<const TimeNs> times, std::span<const double> numbers) {
        for (const TimeNs time : times) cell(std::bit_cast<std::uint64_t>(time));
        for (const double number : numbers) cell(std::bit_cast<std::uint64_t>(number));
    }

private:
    static void cell(std::uint64_t bits) { std::cout.write(reinterpret_cast<const char*>(&bits), sizeof bits); }
};

/// An empty field is NaN.
double number_of(const std::string& field) { return field.empty() ? std::numeric_limits<double>::quiet_NaN() : std::strtod(field.c_str(), nullptr); }

Result<void> predict(Words words) {
    const models::DirectionModel model(words[0]);
    std::string line;
    std::getline(std::cin, line);
    const std::vector<std::string> names = split(line, ',');
    while (std::getline(std::cin, line)) {
        const std::vector<std::string> fields = split(line, ',');
        std::vector<std::pair<std::string_view, double>> row;
        for (std::size_t i = 0; i < names.size(); ++i) row.emplace_back(names[i], number_of(fields.at(i)));
        SOFIA_TRY(const double probability, model.predict_proba_up(row));
        std::printf("%.17g\n", probability);
    }
    return {};
}

/// The bars of each timeframe, out of trades or of bars.
Result<std::vector<std::vector<market::Bar>>> bars_of(const std::string& data_dir, const std::vector<std::string>& names) {
    SOFIA_TRY(const store::DataFolder folder, store::DataFolder::open(data_dir));
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(names));
    SOFIA_TRY(const market::Session session, folder.instrument().session());
    SOFIA_TRY(bars::Cascade cascade, bars::Cascade::make(timeframes, session));
    std::vector<std::vector<market::Bar>> out(timeframes.size());
    const auto keep = [&](std::size_t timeframe, const market::Bar& bar) { out[timeframe].push_back(bar); };
    if (folder.kind() == store::DataKind::bars) {
        SOFIA_TRY(const store::BarData data, store::read_bars(folder, {}));
        for (const market::Bar& bar : data.bars) cascade.on_base_bar(bar, keep);
        return out;
    }
    std::vector<market::Trade> trades;
    const store::TradeSink sink{.restart = [&] { trades.clear(); },
                                .block = [&](std::span<const market::Trade> block) { trades.insert(trades.end(), block.begin(), block.end()); }};
    const auto report = store::read_trades(folder, {}, sink);
    if (!report) return std::unexpected(report.error());
    cascade.on_trades(trades, keep);
    return out;
}

Result<void> print_bars(Words words) {
    std::vector<std::string> names = {words[1]};
    if (words[2] != words[1]) names.push_back(words[2]);
    SOFIA_TRY(const auto series, bars_of(words[0], names));
    Table table({"open_time", "close_time", "open", "high", "low", "close", "volume", "vwap", "trades", "buy_volume", "sell_volume", "plus_ticks",
                 "minus_ticks"});
    for (const market::Bar& bar : series.back()) {
        table.row(std::vector{bar.open_time, bar.close_time}, std::vector{bar.open, bar.high, bar.low, bar.close, bar.volume, bar.vwap, bar.trades,
                                                                          bar.buy_volume, bar.sell_volume, bar.plus_ticks, bar.minus_ticks});
    }
    return {};
}

Result<void> minutes(Words words) {
    SOFIA_TRY(const auto series, bars_of(words[0], {"1m"}));
    SOFIA_TRY(const features::MinuteTable made, features::minute_features(series.front(), std::atoi(words[1].c_str())));
    std::vector<std::string> names = {"ts", "known_at"};
    names.insert(names.end(), made.features.columns().begin(), made.features.columns().end());
    names.emplace_back("y");
    Table table(names);
    for (std::size_t i = 0; i < made.rows(); ++i) {
        std::vector<double> numbers(made.features.row(i).begin(), made.features.row(i).end());
        numbers.push_back(made.y[i]);
        table.row(std::vector{made.ts[i], made.features.known_at()[i]}, numbers);
    }
    return {};
}

Result<void> features_of(Words words) {
    const std::vector<std::string> names = {"1m", "5m", "15m", "1h", "4h"};
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(names));
    SOFIA_TRY(const auto series, bars_of(words[0], names));
    features::FeaturesConfig config;
    config.columns.assign(words.begin() + 1, words.end());
    SOFIA_TRY(const market::Table made, features::compute(config, timeframes, {.bars = series}));
    std::vector<std::string> columns = {"known_at"};
    columns.insert(columns.end(), made.columns().begin(), made.columns().end());
    Table table(columns);
    for (std::size_t i = 0; i < made.rows(); ++i) table.row(std::vector{made.known_at()[i]}, made.row(i));
    return {};
}

Result<void> labels_of(Words words) {
    SOFIA_TRY(const store::DataFolder folder, store::DataFolder::open(words[0]));
    SOFIA_TRY(const pipeline::Settings settings,
              pipeline::load_settings(
                  {.instrument = folder.instrument(), .instrument_file = false, .file = words[1], .resolved = {}, .values = {}, .sets = {}}));
    SOFIA_TRY(const pipeline::History history, pipeline::load_history(folder, settings, {}));
    SOFIA_TRY(const pipeline::Candidates candidates, pipeline::find_candidates(history, settings.decision.touch));
    SOFIA_TRY(const pipeline::LabeledCandidates made,
              pipeline::label_candidates(history, candidates, settings, settings.decision.barriers.max_hold_bars));
    Table table({"known_at", "entry_time", "end_time", "close", "ema", "atr", "y", "gross_r", "net_r", "mae_r", "mfe_r"});
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    for (const labels::Label& label : made.labels) {
        table.row(std::vector{label.touch.known_at, label.entry_time, label.end_time},
                  std::vector{label.touch.close, label.touch.ema, label.touch.atr, label.labeled() ? static_cast<double>(label.y) : nan,
                              label.gross_r, label.labeled() ? label.net_r() : nan, label.mae_r, label.mfe_r});
    }
    return {};
}

Result<void> backtest(Words words) {
    StopFlag stop;
    pipeline::Context context;
    context.stop = &stop;
    pipeline::BacktestRequest request;
    request.train_config = words[0];
    SOFIA_TRY(const pipeline::BacktestResult result, pipeline::backtest(request, context));
    std::cout << format_json(*pipeline::describe(result).json);
    return {};
}

Result<void> run(std::string_view what, Words words) {
    if (what == "predict" && words.size() == 1) return predict(words);
    if (what == "bars" && words.size() == 3) return print_bars(words);
    if (what == "minutes" && words.size() == 2) return minutes(words);
    if (what == "features" && words.size() > 1) return features_of(words);
    if (what == "labels" && words.size() == 2) return labels_of(words);
    if (what == "backtest" && words.size() == 1) return backtest(words);
    return fail(ErrorCode::usage, "see the head of parity_cpp.cpp");
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const auto done = run(words.empty() ? "" : words[0], Words(words).subspan(words.empty() ? 0 : 1));
    if (!done) std::cerr << done.error().message << '\n';
    return done ? 0 : 1;
}

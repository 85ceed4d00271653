#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "base/random.hpp"
#include "store/csv_trades.hpp"
#include "store/trades.hpp"
#include "store/trades_csv.hpp"

namespace {

using namespace sofia;

// Trades as an exchange prints them: milliseconds, a price with one decimal, sizes with up to three.
std::vector<market::Trade> make_trades(std::size_t count) {
    RandomStream rng(11);
    std::vector<market::Trade> trades(count);
    TimeNs ts = TimeNs{1'704'067'200'123} * ns_per_ms;
    std::int64_t price = 420'000;
    auto tick = market::TickDirection::zero_plus;
    for (market::Trade& trade : trades) {
        const auto move = static_cast<std::int64_t>(rng.below(3)) - 1;
        price += move;
        ts += static_cast<TimeNs>(rng.below(200)) * ns_per_ms;
        if (move != 0) tick = move > 0 ? market::TickDirection::plus : market::TickDirection::minus;
        if (move == 0) tick = is_up(tick) ? market::TickDirection::zero_plus : market::TickDirection::zero_minus;
        trade = {ts, static_cast<double>(price) / 10.0, static_cast<double>(1 + rng.below(5000)) / 1000.0,
                 rng.below(2) == 0 ? market::Side::buy : market::Side::sell, tick};
    }
    return trades;
}

class CsvFolder {
public:
    explicit CsvFolder(std::size_t rows) : path_(std::filesystem::temp_directory_path() / ("sofia-store-bench-" + std::to_string(getpid()))) {
        auto writer = store::TradesCsvWriter::create(path_ / "X" / "trades.csv").value();
        constexpr std::size_t piece = 1'000'000;
        const std::vector<market::Trade> trades = make_trades(std::min(rows, piece));
        const DurationNs span = trades.back().ts - trades.front().ts + ns_per_ms;
        std::vector<market::Trade> shifted = trades;
        for (std::size_t done = 0; done < rows; done += trades.size()) {
            if (!writer.append(shifted).has_value()) std::abort();
            for (market::Trade& trade : shifted) trade.ts += span;
        }
        if (!writer.close().has_value()) std::abort();
    }
    ~CsvFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    CsvFolder(const CsvFolder&) = delete;
    CsvFolder& operator=(const CsvFolder&) = delete;

    [[nodiscard]] std::filesystem::path data() const { return path_ / "X"; }
    [[nodiscard]] std::size_t bytes() const { return std::filesystem::file_size(data() / "trades.csv"); }

private:
    std::filesystem::path path_;
};

store::TextChunk make_chunk(const std::string& text) {
    store::TextChunk chunk;
    chunk.memory.assign(text.size() + 2 * store::chunk_padding, ' ');
    std::memcpy(chunk.memory.data() + store::chunk_padding, text.data(), text.size());
    chunk.size = text.size();
    return chunk;
}

enum class Way { fast, plain };

// One chunk of text in memory to trades on one core: bytes a second are those of the parser alone.
void parse_chunk(benchmark::State& state, std::size_t rows, Way way) {
    const CsvFolder folder(rows);
    std::ifstream file(folder.data() / "trades.csv");
    std::string header;
    std::getline(file, header);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const store::TextChunk chunk = make_chunk(text);
    const std::vector<std::string> names = {"timestamp", "price", "size", "side", "tickDirection"};
    const auto layout = store::trade_layout(names).value();
    store::TradeParser parser;
    store::TradeBlock block;
    for (auto _ : state) {
        if (way == Way::fast) {
            store::parse_trades(chunk, layout, store::BadRows::refuse, parser, block);
        } else {
            store::parse_trades_plain(chunk, layout, store::BadRows::refuse, parser, block);
        }
        benchmark::DoNotOptimize(block.storage.data());
    }
    if (block.count != rows) state.SkipWithError("rows were lost");
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows));
}
// clang-format off: it takes the slash of a name for a division
BENCHMARK_CAPTURE(parse_chunk, plain/small, 100, Way::plain);
BENCHMARK_CAPTURE(parse_chunk, fast/small, 100, Way::fast);
BENCHMARK_CAPTURE(parse_chunk, plain/large, 5'000, Way::plain);
BENCHMARK_CAPTURE(parse_chunk, fast/large, 5'000, Way::fast);
// clang-format on

// A file to blocks of trades, from the system's cache.
void read_file(benchmark::State& state, std::size_t rows, std::size_t threads) {
    const CsvFolder files(rows);
    const auto folder = store::DataFolder::open(files.data()).value();
    for (auto _ : state) {
        double volume = 0.0;
        const store::TradeSink sink{[] {}, [&](std::span<const market::Trade> block) { volume += block.front().size; }};
        store::ReadOptions options;
        options.threads = threads;
        const auto report = store::read_trades(folder, options, sink);
        if (!report || report->rows != rows) state.SkipWithError("rows were lost");
        benchmark::DoNotOptimize(volume);
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(files.bytes()));
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows));
}
// clang-format off: it takes the slash of a name for a division
BENCHMARK_CAPTURE(read_file, one_thread/small, 1'000, 1)->UseRealTime();
BENCHMARK_CAPTURE(read_file, two_threads/small, 1'000, 2)->UseRealTime();
BENCHMARK_CAPTURE(read_file, one_thread/large, 10'000'000, 1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_file, two_threads/large, 10'000'000, 2)->UseRealTime()->Unit(benchmark::kMillisecond);
// clang-format on

}  // namespace

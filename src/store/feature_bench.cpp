// A year of minutes with ten columns into a new store, and out of it.
#include <filesystem>
#include <string>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "base/random.hpp"
#include "store/feature_store.hpp"

namespace {

using namespace sofia;

constexpr std::size_t columns = 10;

store::FeatureRows make_rows(std::size_t count) {
    RandomStream random(5);
    store::FeatureRows rows;
    for (std::size_t i = 0; i < count; ++i) {
        rows.ts.push_back(19'723 * ns_per_day + static_cast<TimeNs>(i) * ns_per_minute);
        rows.known_at.push_back(rows.ts.back() + ns_per_minute);
    }
    for (std::size_t c = 0; c < columns; ++c) {
        store::FeatureColumn& column = rows.columns.emplace_back(store::make_column("f" + std::to_string(c), store::ColumnType::float64));
        for (std::size_t i = 0; i < count; ++i) column.numbers.push_back(random.normal());
    }
    return rows;
}

class Folder {
public:
    Folder() : path_(std::filesystem::temp_directory_path() / ("sofia-feature-bench-" + std::to_string(getpid()))) {}
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] store::FeatureStore open() const { return store::FeatureStore::open(path_.string()).value(); }
    void clear() const { std::filesystem::remove_all(path_); }

private:
    std::filesystem::path path_;
};

void append_features(benchmark::State& state, std::size_t count) {
    const Folder folder;
    const store::FeatureRows rows = make_rows(count);
    for (auto _ : state) {
        if (!folder.open().append("S", rows)) state.SkipWithError("not appended");
        state.PauseTiming();
        folder.clear();
        state.ResumeTiming();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}

void read_features(benchmark::State& state, std::size_t count) {
    const Folder folder;
    if (!folder.open().append("S", make_rows(count))) state.SkipWithError("not appended");
    for (auto _ : state) {
        const auto rows = folder.open().read("S");
        if (!rows || rows->rows() != count) state.SkipWithError("rows were lost");
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}
// clang-format off: it takes the slash of a name for a division
BENCHMARK_CAPTURE(append_features, day/small, 1'440)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(append_features, year, 527'040)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_features, day/small, 1'440)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_features, year, 527'040)->UseRealTime()->Unit(benchmark::kMillisecond);
// clang-format on

}  // namespace

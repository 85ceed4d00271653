// One prediction after the other, as live code asks for them: DirectionModel by names, another row each time.
//
//   single_bench MODEL ROWS.csv COUNT      the header of the CSV names the features
//   single_bench                           a small model and rows of its own: shows that it runs
//
// Prints a line of JSON: p50_us, p99_us and p999_us of single calls, the clock's own time included, and `sum`, of the first round through the rows,
// which the peer has to make as well.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/result.hpp"
#include "base/text.hpp"
#include "models/booster.hpp"
#include "models/direction_model.hpp"
#include "models/test_data.hpp"

namespace {

using namespace sofia;
using Clock = std::chrono::steady_clock;

struct Rows {
    std::vector<std::string> names;
    std::vector<std::vector<double>> values;
};

Result<Rows> read_rows(const std::filesystem::path& file) {
    std::ifstream in(file);
    Rows rows;
    std::string line;
    std::getline(in, line);
    rows.names = split(line, ',');
    while (std::getline(in, line)) {
        std::vector<double>& row = rows.values.emplace_back();
        for (const std::string& field : split(line, ',')) {
            const auto value = parse_double(field);
            if (!value) return fail(ErrorCode::data, file.string() + ": " + field + " is no number");
            row.push_back(*value);
        }
    }
    if (rows.values.empty()) return fail(ErrorCode::data, file.string() + " has no rows");
    return rows;
}

/// Twenty trees and a hundred rows, in a folder of their own.
Result<std::pair<std::filesystem::path, Rows>> small_case() {
    const models::testing::Rows train = models::testing::make_rows(51, 2'000, 5, models::testing::Gaps::some);
    models::GbdtConfig config;
    config.rounds = 20;
    config.num_leaves = 15;
    const StopFlag stop;
    SOFIA_TRY(const models::Dataset data, models::Dataset::make(train.data(), config, 1));
    SOFIA_TRY(const models::Booster booster, models::Booster::fit(config, data, nullptr, 1, 1, stop));
    const std::filesystem::path file =
        std::filesystem::temp_directory_path() / fmt::format("sofia_single_{}.txt", Clock::now().time_since_epoch().count());
    SOFIA_CHECK(booster.save(file));
    Rows rows;
    SOFIA_TRY(const auto loaded, models::DirectionModel(file).loaded());
    rows.names = loaded->trees.feature_names();
    for (std::size_t i = 0; i < 100; ++i) {
        const auto row = train.view().row(i);
        rows.values.emplace_back(row.begin(), row.end());
    }
    return std::pair{file, rows};
}

Result<std::string> measure(const std::filesystem::path& file, const Rows& rows, std::size_t count) {
    const models::DirectionModel model(file);
    std::vector<std::vector<std::pair<std::string_view, double>>> named;
    for (const auto& row : rows.values) {
        auto& one = named.emplace_back();
        for (std::size_t i = 0; i < row.size(); ++i) one.emplace_back(rows.names.at(i), row[i]);
    }
    double sum = 0.0;
    for (const auto& row : named) {
        SOFIA_TRY(const double probability, model.predict_proba_up(row));
        sum += probability;
    }
    std::vector<double> times(count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto begin = Clock::now();
        const auto probability = model.predict_proba_up(named[i % named.size()]);
        times[i] = std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
        if (!probability) return std::unexpected(probability.error());
    }
    std::ranges::sort(times);
    const auto at = [&](std::size_t per_mille) { return times[std::min(count - 1, count * per_mille / 1000)]; };
    return fmt::format(R"({{"p50_us": {}, "p99_us": {}, "p999_us": {}, "sum": {}}})", at(500), at(990), at(999), format_double(sum));
}

Result<std::string> run(const std::vector<std::string>& words) {
    if (words.empty()) {
        SOFIA_TRY(const auto made, small_case());
        auto said = measure(made.first, made.second, 1000);
        std::filesystem::remove(made.first);
        return said;
    }
    if (words.size() != 3) return fail(ErrorCode::usage, "single_bench MODEL ROWS.csv COUNT");
    const auto count = parse_int(words[2]);
    if (!count || *count < 1) return fail(ErrorCode::usage, words[2] + " is no count");
    SOFIA_TRY(const Rows rows, read_rows(words[1]));
    return measure(words[0], rows, static_cast<std::size_t>(*count));
}

}  // namespace

int main(int argc, char** argv) {
    const auto said = run({argv + 1, argv + argc});
    if (said) std::puts(said->c_str());
    if (!said) std::fprintf(stderr, "%s\n", said.error().message.c_str());
    return said ? 0 : 1;
}

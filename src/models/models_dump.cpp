// Fits a model of each kind on random rows and writes it with rows and predictions, for tests/peers/test_lightgbm.py:
// FOLDER/<kind>.txt, FOLDER/<kind>.csv (the columns, then our prediction by LightGBM's C API and by FlatTrees).
#include <cstdio>
#include <fstream>

#include "base/text.hpp"
#include "models/booster.hpp"
#include "models/flat_trees.hpp"
#include "models/test_data.hpp"

namespace {

using namespace sofia;
using namespace sofia::models;

Result<void> dump(const std::string& folder, const std::string& kind, const GbdtConfig& config, std::size_t categories) {
    const testing::Rows train = testing::make_rows(41, 2000, 10, testing::Gaps::some, categories);
    const testing::Rows test = testing::make_rows(42, 300, 10, testing::Gaps::some, categories);
    const StopFlag stop;
    SOFIA_TRY(const Dataset data, Dataset::make(train.data(), config, 1));
    SOFIA_TRY(const Booster booster, Booster::fit(config, data, nullptr, 3, 1, stop));
    SOFIA_CHECK(booster.save(folder + "/" + kind + ".txt"));
    SOFIA_TRY(const FlatTrees flat, FlatTrees::from_text(booster.text()));
    SOFIA_TRY(const auto predictions, booster.predict(test.view()));
    std::ofstream out(folder + "/" + kind + ".csv");
    for (std::size_t i = 0; i < test.rows; ++i) {
        for (const double value : test.view().row(i)) out << format_double(value) << ',';
        out << format_double(predictions[i]) << ',' << format_double(flat.predict(test.view().row(i))) << '\n';
    }
    return {};
}

Result<void> dump_all(const std::string& folder) {
    GbdtConfig config;
    config.rounds = 60;
    config.min_data_in_leaf = 5;
    SOFIA_CHECK(dump(folder, "gbdt", config, 0));
    SOFIA_CHECK(dump(folder, "categorical", config, 2));
    config.boosting = "dart";
    SOFIA_CHECK(dump(folder, "dart", config, 1));
    config.boosting = "gbdt";
    config.objective = "regression";
    return dump(folder, "regression", config, 0);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const auto done = dump_all(argv[1]);
    if (!done) std::fprintf(stderr, "%s\n", done.error().message.c_str());
    return done ? 0 : 1;
}

#pragma once

// For the room's tests and benchmark: learnable random rows.

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "models/dataset.hpp"

namespace sofia::models::testing {

/// Rows whose label depends on the first columns. With `gaps`, a tenth of the values is NaN and a tenth exactly zero. The last `categories`
/// columns hold small integers.
struct Rows {
    std::size_t rows = 0;
    std::size_t columns = 0;
    std::vector<double> values;
    std::vector<double> labels;
    std::vector<double> targets;  // continuous, positive
    std::vector<std::string> names;
    std::vector<std::string> categorical;

    [[nodiscard]] MatrixView view() const { return {values, rows, columns}; }
    [[nodiscard]] TrainingData data() const { return {view(), labels, {}, names, categorical}; }
};

enum class Gaps : std::uint8_t { none, some };

inline Rows make_rows(std::uint64_t seed, std::size_t rows, std::size_t columns, Gaps gaps = Gaps::none, std::size_t categories = 0) {
    RandomStream random(seed);
    Rows out;
    out.rows = rows;
    out.columns = columns;
    for (std::size_t j = 0; j < columns; ++j) out.names.push_back("m1.f" + std::to_string(j));
    for (std::size_t j = columns - categories; j < columns; ++j) out.categorical.push_back(out.names[j]);
    for (std::size_t i = 0; i < rows; ++i) {
        double signal = 0.0;
        for (std::size_t j = 0; j < columns; ++j) {
            double x = j >= columns - categories ? static_cast<double>(random.below(40)) : random.normal();
            const double chance = random.uniform();
            if (gaps == Gaps::some && chance < 0.1) x = std::numeric_limits<double>::quiet_NaN();
            if (gaps == Gaps::some && chance >= 0.1 && chance < 0.2) x = 0.0;
            if (j < 4) signal += std::isnan(x) ? 0.7 : std::sin(1.5 * x);
            if (j >= columns - categories && !std::isnan(x)) signal += std::fmod(x * 7.0, 5.0) < 2.0 ? 0.8 : -0.4;
            out.values.push_back(x);
        }
        signal += 0.5 * random.normal();
        out.labels.push_back(signal > 0.0 ? 1.0 : 0.0);
        out.targets.push_back(std::exp(0.4 * signal));
    }
    return out;
}

}  // namespace sofia::models::testing

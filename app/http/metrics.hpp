#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "base/time.hpp"

namespace sofia::http {

/// Counts and times of a service in the text format of Prometheus (version 0.0.4). Thread-safe.
class Metrics {
public:
    /// A request that was answered. `route` is one of the service's own paths, never what a client made up: labels must not grow without end.
    void request(const std::string& route, const std::string& method, int status, DurationNs took);

    /// Rows that were judged by a symbol's model.
    void predictions(const std::string& symbol, std::size_t rows);

    /// The counters and histograms as they stand, a line each with HELP and TYPE.
    [[nodiscard]] std::string text() const;

private:
    static constexpr std::array<double, 12> bounds = {1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.5, 1.0};  // seconds
    struct Times {
        std::array<std::uint64_t, bounds.size() + 1> counts{};
        std::uint64_t count = 0;
        double sum = 0.0;
    };

    mutable std::mutex mutex_;
    std::map<std::tuple<std::string, std::string, int>, std::uint64_t> requests_;
    std::map<std::string, Times> times_;
    std::map<std::string, std::uint64_t> predictions_;
};

/// A label's value, escaped.
[[nodiscard]] std::string label_value(const std::string& text);

}  // namespace sofia::http

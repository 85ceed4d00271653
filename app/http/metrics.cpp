#include "app/http/metrics.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace sofia::http {

std::string label_value(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\' || c == '"') out += '\\';
        out += c == '\n' ? std::string("\\n") : std::string(1, c);
    }
    return out;
}

void Metrics::request(const std::string& route, const std::string& method, int status, DurationNs took) {
    const double seconds = static_cast<double>(took) / static_cast<double>(ns_per_second);
    const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(bounds, seconds) - bounds.begin());
    const std::lock_guard lock(mutex_);
    ++requests_[{route, method, status}];
    Times& times = times_[route];
    ++times.counts[bucket];
    ++times.count;
    times.sum += seconds;
}

void Metrics::predictions(const std::string& symbol, std::size_t rows) {
    const std::lock_guard lock(mutex_);
    predictions_[symbol] += rows;
}

std::string Metrics::text() const {
    const std::lock_guard lock(mutex_);
    std::string out =
        "# HELP sofia_http_requests_total Requests that were answered.\n"
        "# TYPE sofia_http_requests_total counter\n";
    for (const auto& [key, count] : requests_) {
        const auto& [route, method, status] = key;
        out += fmt::format("sofia_http_requests_total{{route=\"{}\",method=\"{}\",status=\"{}\"}} {}\n", label_value(route), label_value(method),
                           status, count);
    }
    out +=
        "# HELP sofia_http_request_seconds Time from a whole request to its answer.\n"
        "# TYPE sofia_http_request_seconds histogram\n";
    for (const auto& [route, times] : times_) {
        std::uint64_t below = 0;
        for (std::size_t i = 0; i < bounds.size(); ++i) {
            below += times.counts[i];
            out += fmt::format("sofia_http_request_seconds_bucket{{route=\"{}\",le=\"{}\"}} {}\n", label_value(route), bounds[i], below);
        }
        out += fmt::format("sofia_http_request_seconds_bucket{{route=\"{}\",le=\"+Inf\"}} {}\n", label_value(route), times.count);
        out += fmt::format("sofia_http_request_seconds_sum{{route=\"{}\"}} {}\n", label_value(route), times.sum);
        out += fmt::format("sofia_http_request_seconds_count{{route=\"{}\"}} {}\n", label_value(route), times.count);
    }
    out +=
        "# HELP sofia_predictions_total Rows that were judged.\n"
        "# TYPE sofia_predictions_total counter\n";
    for (const auto& [symbol, rows] : predictions_) out += fmt::format("sofia_predictions_total{{symbol=\"{}\"}} {}\n", label_value(symbol), rows);
    return out;
}

}  // namespace sofia::http

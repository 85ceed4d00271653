#include "labels/uniqueness.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace sofia::labels {

std::vector<double> average_uniqueness(std::span<const Interval> intervals) {
    struct Edge {
        TimeNs time;
        std::int64_t change;
    };
    const auto end_of = [](const Interval& interval) { return std::max(interval.to, interval.from + 1); };
    std::vector<Edge> edges;
    edges.reserve(2 * intervals.size());
    for (const Interval& interval : intervals) {
        edges.push_back({interval.from, 1});
        edges.push_back({end_of(interval), -1});
    }
    std::ranges::sort(edges, {}, &Edge::time);

    // shared[i]: the integral of 1 / (number alive) up to times[i], in nanoseconds.
    std::vector<TimeNs> times;
    std::vector<double> shared;
    double integral = 0.0;
    std::int64_t alive = 0;
    for (std::size_t i = 0; i < edges.size();) {
        const TimeNs time = edges[i].time;
        if (alive > 0) integral += static_cast<double>(time - times.back()) / static_cast<double>(alive);
        for (; i < edges.size() && edges[i].time == time; ++i) alive += edges[i].change;
        times.push_back(time);
        shared.push_back(integral);
    }

    const auto integral_at = [&](TimeNs time) { return shared[static_cast<std::size_t>(std::ranges::lower_bound(times, time) - times.begin())]; };
    std::vector<double> uniqueness;
    uniqueness.reserve(intervals.size());
    for (const Interval& interval : intervals) {
        const TimeNs end = end_of(interval);
        uniqueness.push_back((integral_at(end) - integral_at(interval.from)) / static_cast<double>(end - interval.from));
    }
    return uniqueness;
}

}  // namespace sofia::labels

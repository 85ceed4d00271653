#include "app/pipeline/stage_clock.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sofia::pipeline {
namespace {

double in_seconds(DurationNs time) { return static_cast<double>(time) / static_cast<double>(ns_per_second); }

/// The parts of a time use that are not nothing, by name.
std::vector<std::pair<std::string, double>> parts(const TimeUse& use) {
    std::vector<std::pair<std::string, double>> out;
    for (std::size_t i = 0; i < stages; ++i) out.emplace_back(name(static_cast<TimeStage>(i)), use.seconds[i]);
    out.emplace_back("other", use.other_seconds);
    out.emplace_back("waiting", use.waiting_seconds);
    return out;
}

}  // namespace

std::string_view name(TimeStage stage) {
    switch (stage) {
        case TimeStage::features: return "features";
        case TimeStage::labels: return "labels";
        case TimeStage::datasets: return "datasets";
        case TimeStage::fit: return "fit";
        case TimeStage::models: return "models";
        case TimeStage::decide: return "decide";
        case TimeStage::storage: return "storage";
    }
    return "";
}

void StageClock::add_seconds(TimeStage stage, double seconds) { add(stage, std::llround(seconds * static_cast<double>(ns_per_second))); }

StageTimer::StageTimer(StageClock* clock, TimeStage stage) : clock_(clock), stage_(stage), begun_(clock == nullptr ? 0 : steady_now()) {}

StageTimer::~StageTimer() {
    if (clock_ != nullptr) clock_->add(stage_, steady_now() - begun_);
}

double TimeUse::wall_over_fit() const {
    const double fit = seconds[static_cast<std::size_t>(TimeStage::fit)];
    return fit > 0.0 ? static_cast<double>(workers) * wall_seconds / fit : std::numeric_limits<double>::quiet_NaN();
}

TimeUse time_use(const StageClock& clock, std::size_t workers, DurationNs wall, DurationNs busy) {
    TimeUse use{.workers = workers, .wall_seconds = in_seconds(wall)};
    for (std::size_t i = 0; i < stages; ++i) use.seconds[i] = in_seconds(clock.spent(static_cast<TimeStage>(i)));
    double outside = 0.0;
    for (const TimeStage stage : {TimeStage::features, TimeStage::storage}) outside += use.seconds[static_cast<std::size_t>(stage)];
    const double all = std::accumulate(use.seconds.begin(), use.seconds.end(), 0.0);
    use.other_seconds = std::max(0.0, in_seconds(busy) - (all - outside));
    use.waiting_seconds = std::max(0.0, static_cast<double>(workers) * use.wall_seconds - all - use.other_seconds);
    return use;
}

Json time_json(const TimeUse& use) {
    Json json = {{"workers", use.workers}, {"wall_seconds", use.wall_seconds}, {"wall_over_fit", json_number(use.wall_over_fit())}};
    const double all = static_cast<double>(use.workers) * use.wall_seconds;
    for (const auto& [part, seconds] : parts(use)) {
        json["seconds"][part] = seconds;
        json["share"][part] = all > 0.0 ? seconds / all : 0.0;
    }
    return json;
}

std::string time_text(const TimeUse& use) {
    const double all = static_cast<double>(use.workers) * use.wall_seconds;
    std::string text = fmt::format("{:.1f} s with {} {}:", use.wall_seconds, use.workers, use.workers == 1 ? "worker" : "workers");
    const char* separator = " ";
    for (const auto& [part, seconds] : parts(use)) {
        if (all <= 0.0) break;
        text += fmt::format("{}{} {:.1f} s ({:.1f} %)", separator, part, seconds, 100.0 * seconds / all);
        separator = ", ";
    }
    if (const double ratio = use.wall_over_fit(); !std::isnan(ratio)) text += fmt::format("; wall / time in LightGBM's training {:.3f}", ratio);
    return text;
}

}  // namespace sofia::pipeline

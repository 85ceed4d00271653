#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/time.hpp"

namespace sofia::pipeline {

/// What the time of a search goes into. The stages exclude each other.
enum class TimeStage : std::uint8_t {
    features,  ///< reading the data, bars, feature rows; touches
    labels,    ///< barrier walks and forward moves of the touches
    datasets,  ///< feature rows gathered, weighed and binned for LightGBM
    fit,       ///< inside LightGBM's training calls: booster, validation data, rounds, their metrics
    models,    ///< model texts, predictions, calibration
    decide,    ///< the decision core over a fold's validation
    storage,   ///< asking the sampler, the study's database, the trials' summaries
};
inline constexpr std::size_t stages = 7;
[[nodiscard]] std::string_view name(TimeStage stage);

/// Sums of wall time by stage. Thread-safe.
class StageClock {
public:
    void add(TimeStage stage, DurationNs time) { spent_[static_cast<std::size_t>(stage)] += time; }
    void add_seconds(TimeStage stage, double seconds);
    [[nodiscard]] DurationNs spent(TimeStage stage) const { return spent_[static_cast<std::size_t>(stage)]; }

private:
    std::array<std::atomic<DurationNs>, stages> spent_{};
};

/// Adds the time that it lives to a stage; to nothing where `clock` is null.
class StageTimer {
public:
    StageTimer(StageClock* clock, TimeStage stage);
    ~StageTimer();
    StageTimer(const StageTimer&) = delete;
    StageTimer& operator=(const StageTimer&) = delete;

private:
    StageClock* clock_;
    TimeStage stage_;
    DurationNs begun_;
};

/// Where the time of a call went: stages, `other_seconds` and `waiting_seconds` sum up to `workers` × `wall_seconds`, and to more where trials are
/// reported and summed up while all workers fit. Outside every promise of reproducibility.
struct TimeUse {
    std::size_t workers = 1;
    double wall_seconds = 0.0;
    std::array<double, stages> seconds{};  ///< by TimeStage
    double other_seconds = 0.0;            ///< busy, with none of them
    double waiting_seconds = 0.0;          ///< workers without a job: while data is read, the study is asked or told, or a batch ends

    /// workers × wall / time inside LightGBM's training calls: 1 would be nothing but fitting. NaN when nothing was fitted.
    [[nodiscard]] double wall_over_fit() const;
};

/// From what `clock` counted while `workers` were busy for `busy` together. Reading data and asking the study happen outside them.
[[nodiscard]] TimeUse time_use(const StageClock& clock, std::size_t workers, DurationNs wall, DurationNs busy);

[[nodiscard]] Json time_json(const TimeUse& use);

/// One line: `12.3 s with 2 workers: fit 93.1 %, datasets 2.2 %, …; wall / fit 1.07`.
[[nodiscard]] std::string time_text(const TimeUse& use);

}  // namespace sofia::pipeline

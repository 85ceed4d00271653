#pragma once

#include <cstdint>
#include <optional>

#include "base/result.hpp"
#include "base/time.hpp"

namespace sofia::tune {

/// How the workers of a study notice that one of them has died, as Optuna's RDBStorage does it (heartbeat_interval, grace_period,
/// RetryHeartbeatStaleTrialCallback); Optuna's workers and ours may share a study.
///
/// While a study is open, a thread of its own writes for each running trial that was asked here, every `interval`, that its worker is alive.
/// Whoever asks for a trial fails those of others whose last beat is older than `grace` by the database's clock, with the reason in the user
/// attribute `error`, and logs it. A worker whose process hangs for longer than that, but lives, finds its trial finished: telling it is a conflict.
struct Heartbeat {
    DurationNs interval = 0;  ///< 0: no heartbeats, and nobody's trials are failed
    DurationNs grace = 0;     ///< 0: twice the interval
    /// How often a trial whose worker died is put into the queue again, with its parameters and attributes, `failed_trial` and
    /// `retry_history`; none: without end.
    std::optional<std::int64_t> max_retry = 0;

    [[nodiscard]] DurationNs grace_period() const { return grace > 0 ? grace : 2 * interval; }
    [[nodiscard]] Result<void> validate() const;
};

/// Whether the trial of a dead worker is run again.
enum class Repeat : std::uint8_t { as_heartbeat_says, never };

}  // namespace sofia::tune

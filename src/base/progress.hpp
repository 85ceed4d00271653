#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/time.hpp"

namespace sofia {

/// Set by Ctrl-C (or a caller); long work asks it between steps and stops cleanly with ErrorCode::interrupted. Thread- and signal-safe.
class StopFlag {
public:
    StopFlag() = default;

    /// Also requested when `outer` is; null for none. `outer` must outlive it.
    explicit StopFlag(const StopFlag* outer) : outer_(outer) {}

    void request() { stop_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool requested() const { return stop_.load(std::memory_order_relaxed) || (outer_ != nullptr && outer_->requested()); }

private:
    std::atomic<bool> stop_{false};
    const StopFlag* outer_ = nullptr;
};

/// The text of a progress line: `tune 30/200 trials, 2.5/s, 1m08s left, best 0.61`; without a total `read 30 rows, 2.5/s`. Rate and time left
/// follow from `done` in `elapsed`; both are left out while nothing is done.
[[nodiscard]] std::string progress_line(const std::string& title, const std::string& unit, std::uint64_t done, std::uint64_t total,
                                        DurationNs elapsed, const std::string& note);

/// A progress line on stderr with rate and time left, drawn at most ten times a second and only when stderr is a terminal.
/// Thread-safe `advance`. The line is ended by the destructor.
class Progress {
public:
    /// A silent one.
    Progress();

    /// `total` 0 means unknown: only count and rate are shown. `unit` is a plural noun (`trials`, `rows`).
    [[nodiscard]] static Progress on_terminal(std::string title, std::string unit, std::uint64_t total);

    ~Progress();
    Progress(Progress&&) noexcept;
    Progress& operator=(Progress&&) noexcept;

    void advance(std::uint64_t count = 1);

    /// Text after the rate, for instance the best value so far.
    void note(std::string text);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sofia

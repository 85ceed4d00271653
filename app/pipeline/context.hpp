#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

struct Extensions;  // custom.hpp

enum class ProgressMode : std::uint8_t { terminal, silent };

/// What every verb is handed: where to log, when to stop, how much to use. Nothing of it changes a result, but the seed and what
/// the settings name of the extensions.
struct Context {
    Logger log;
    StopFlag* stop = nullptr;  ///< never null once a verb runs; owned by the caller
    std::uint64_t seed = 42;
    std::size_t threads = 0;  ///< 0 = the cores this process may use
    ProgressMode progress = ProgressMode::silent;
    std::vector<std::string> command;  ///< as typed, for the manifest
    const Extensions* extensions = nullptr;  ///< what Python has registered; null: nothing. Owned by the caller

    /// Error interrupted once the stop flag is set.
    [[nodiscard]] Result<void> go_on() const {
        if (stop != nullptr && stop->requested()) return fail(ErrorCode::interrupted, "interrupted");
        return {};
    }

    [[nodiscard]] Progress bar(std::string title, std::string unit, std::uint64_t total) const {
        if (progress == ProgressMode::silent) return Progress();
        return Progress::on_terminal(std::move(title), std::move(unit), total);
    }
};

}  // namespace sofia::pipeline

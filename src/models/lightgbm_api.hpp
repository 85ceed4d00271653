#pragma once

// Internal to the room: LightGBM's C API made safe. Everything of it that is wide as the process or the thread is handled here.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"

namespace sofia::models {

/// While it lives LightGBM uses `threads` threads (0: one) and logs to `logger`, a warning only once. Several may live at the same time in
/// several threads when they want the same number; one that wants another number waits, or takes that of the calls under way. Not to be nested in
/// one thread.
class LightgbmCall {
public:
    enum class Wish : std::uint8_t { exactly, or_what_runs };
    LightgbmCall(std::size_t threads, const Logger& logger, Wish wish = Wish::exactly);

    /// For calls that use one thread anyhow: never waits.
    explicit LightgbmCall(const Logger& logger);

    ~LightgbmCall();
    LightgbmCall(const LightgbmCall&) = delete;
    LightgbmCall& operator=(const LightgbmCall&) = delete;

private:
    std::size_t threads_ = 0;  // 0: takes no part in the thread count
};

/// The return code of a C call as a Result; `what` (`fitting`, `reading model.txt`) begins the message.
[[nodiscard]] Result<void> lightgbm_result(int code, ErrorCode error, const std::string& what);

/// Every name and alias of a parameter, and LightGBM's own name for it.
[[nodiscard]] Result<std::map<std::string, std::string>> parameter_names();

}  // namespace sofia::models

#pragma once

#include <string>
#include <vector>

#include "base/config.hpp"
#include "base/result.hpp"

namespace sofia::bars {

/// Section `bars` of the configuration.
struct BarsConfig {
    std::vector<std::string> timeframes{"1m", "5m", "15m", "1h", "4h"};

    void describe(config::Keys& keys);

    /// Each divides a day, none twice, at least one, all multiples of the smallest. Error: config.
    [[nodiscard]] Result<void> validate() const;
};

}  // namespace sofia::bars

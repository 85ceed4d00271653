#include "bars/config.hpp"

#include "bars/cascade.hpp"
#include "market/timeframe.hpp"

namespace sofia::bars {

void BarsConfig::describe(config::Keys& keys) {
    keys.list("timeframes", timeframes, "Lengths of the bars; each divides a day and is a multiple of the smallest, which is built from trades.");
}

Result<void> BarsConfig::validate() const {
    SOFIA_TRY(auto parsed, market::parse_timeframes(timeframes));
    SOFIA_CHECK(Cascade::make(std::move(parsed), market::Session()));
    return {};
}

}  // namespace sofia::bars

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace sofia::market {

/// The length of a bar: divides a day, at least one second, aligned to the UTC epoch.
class Timeframe {
public:
    /// `30s`, `1m`, `15m`, `4h`, `1d`. Error: config, when it is no duration or does not divide a day.
    [[nodiscard]] static Result<Timeframe> parse(std::string_view text);

    [[nodiscard]] DurationNs length() const { return length_; }
    [[nodiscard]] TimeNs open_of(TimeNs time) const { return floor_time(time, length_); }

    [[nodiscard]] std::string name() const;    ///< `15m`, as in configuration and file names
    [[nodiscard]] std::string prefix() const;  ///< `m15`, as in column names

    friend bool operator==(Timeframe, Timeframe) = default;
    friend auto operator<=>(Timeframe, Timeframe) = default;

private:
    explicit Timeframe(DurationNs length) : length_(length) {}
    DurationNs length_;
};

[[nodiscard]] Timeframe one_minute();

/// Parses each, refuses doubles, sorts ascending. Error: config.
[[nodiscard]] Result<std::vector<Timeframe>> parse_timeframes(const std::vector<std::string>& texts);

}  // namespace sofia::market

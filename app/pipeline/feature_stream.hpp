#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/feature_rows.hpp"
#include "app/pipeline/history.hpp"
#include "app/pipeline/settings.hpp"
#include "bars/cascade.hpp"
#include "base/result.hpp"
#include "market/trade.hpp"
#include "trading/touch.hpp"

namespace sofia::pipeline {

/// What a stream is made by: everything that decides what a feature row or a touch is, and nothing else.
struct FeatureStreamConfig {
    bars::BarsConfig bars;
    features::FeaturesConfig features;
    trading::TouchConfig touch;
    market::Session session;

    void describe(config::Keys& keys);  ///< all but the session, under the paths that they have in Settings
};

/// The same as YAML that `load_settings` takes as `resolved`.
[[nodiscard]] std::string show(FeatureStreamConfig config);

/// The part of `settings` that a stream is made by. Error: config.
[[nodiscard]] Result<FeatureStreamConfig> stream_config(const Settings& settings);

/// Everything that stands between raw input and a feature row or a touch, one print or base bar at a time: bars on their way, features, touch
/// detectors. Its rows and touches are those of a History of the same input, to the last bit. A value type: copy it to branch a stream. Not
/// thread-safe.
class FeatureStream {
public:
    /// Whom to tell; either may be empty. A moment's row comes before its touches, both once everything that closes at that moment has been taken.
    struct Sinks {
        FeatureRows::Sink row;
        std::function<void(const trading::Touch& touch)> touch;
    };

    /// Error: config.
    [[nodiscard]] static Result<FeatureStream> make(const FeatureStreamConfig& config, RowTimeframes at = {});

    [[nodiscard]] const FeatureStreamConfig& config() const { return config_; }
    [[nodiscard]] const std::vector<features::FeatureSpec>& columns() const { return rows_.columns(); }

    /// The last print taken, by which a feed without tick directions goes on (store::ReadOptions::before).
    [[nodiscard]] const std::optional<market::Trade>& last_print() const { return last_print_; }

    /// Prints, or finished bars of the first timeframe, in time order; as of bars::Cascade.
    void on_trades(std::span<const market::Trade> trades, const Sinks& sinks);
    void on_base_bar(const market::Bar& bar, const Sinks& sinks);

    /// A published rate, not before an earlier one.
    void on_funding(const trading::Funding& funding) { rows_.on_funding(funding); }

    /// Time has reached `now`, and everything before it has been taken: hands out what has closed by then, the row and touches of `now` included.
    void advance_to(TimeNs now, const Sinks& sinks);

    /// Hands out the row and touches that wait, where no clock says that their moment has passed: to be called after the last input.
    void flush(const Sinks& sinks);

    /// The whole state as of the last `advance_to` (base/state.hpp), for a stream of the same configuration.
    template <class Archive>
    void visit_state(Archive& archive);

private:
    FeatureStream(FeatureStreamConfig config, bars::Cascade cascade, FeatureRows rows, trading::TouchScanner scanner);
    void take_bar(std::size_t timeframe, const market::Bar& bar, const Sinks& sinks);

    FeatureStreamConfig config_;
    bars::Cascade cascade_;
    FeatureRows rows_;
    trading::TouchScanner scanner_;
    std::vector<std::optional<std::size_t>> touch_timeframe_;  // of each of the cascade's
    std::optional<TimeNs> moment_;  // of the last close, while its touches may wait
    std::optional<market::Trade> last_print_;
};

/// A stream that has taken all of `history` that was known at `as_of`, and nothing else. Errors: config, interrupted.
[[nodiscard]] Result<FeatureStream> stream_until(const History& history, const Settings& settings, TimeNs as_of, const Context& context);

}  // namespace sofia::pipeline

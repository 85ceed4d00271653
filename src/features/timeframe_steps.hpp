#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <tuple>
#include <vector>

#include "features/units.hpp"

namespace sofia::features {

/// All columns of one timeframe: its units side by side, their values in one row. A value type; `update` does not allocate.
class TimeframeSteps {
public:
    /// `config` has passed validate.
    explicit TimeframeSteps(const FeaturesConfig& config);

    /// Every column, chosen or not, in the order of `values`; names without the timeframe's prefix.
    [[nodiscard]] Specs describe() const;

    /// From now on only units with a wanted column are made. `wanted` has one flag a column.
    void keep(const std::vector<bool>& wanted);

    void update(const market::Bar& bar);

    /// The state of the units that are kept, each under the name of its first column. `values` are made anew by the next bar.
    template <class Archive>
    void visit_state(Archive& archive);

    /// The columns as of the last bar; NaN before warm-up. Values of units that are not kept are NaN.
    [[nodiscard]] std::span<const double> values() const { return values_; }

private:
    using Units = std::tuple<Returns, EmaColumns, SmaColumns, RsiColumn, AtrColumn, DirectionalColumns, MacdColumns, BollingerColumns,
                             StochasticColumns, CciColumn, WilliamsColumn, MfiColumn, ObvColumn, DonchianColumn, VolumeColumn, VolatilityColumns,
                             EfficiencyColumn, VwapColumn, FlowColumns>;
    static constexpr std::size_t unit_count = std::tuple_size_v<Units>;

    math::Atr scale_;
    Units units_;
    std::array<std::size_t, unit_count + 1> offset_{};  // of each unit's first column
    std::array<bool, unit_count> kept_{};
    std::vector<double> values_;
    TimeNs last_close_;

    friend class Engine;
};

}  // namespace sofia::features

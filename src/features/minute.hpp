#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "features/catalogue.hpp"
#include "market/bar.hpp"
#include "market/table.hpp"
#include "math/window.hpp"

// The few columns of the direction strategy: one row a minute, and whether the close is higher some minutes later.
namespace sofia::features {

/// A series that others publish: on-chain figures, funding rates. Each value counts from the moment at which it was known until the next one.
struct AsOfSeries {
    std::string name;              ///< of its column
    std::vector<TimeNs> known_at;  ///< ascending; of equal moments the last one counts
    std::vector<double> values;    ///< one a moment; NaN: known to be missing
    DurationNs age_max = 0;        ///< an older value is missing; 0: none is too old
};

/// Which columns there are beside the five.
struct MinuteColumns {
    enum class OrderFlow : std::uint8_t { off, on };
    OrderFlow order_flow = OrderFlow::off;
    struct Joined {
        std::string name;
        DurationNs age_max = 0;  ///< as of AsOfSeries
    };
    std::vector<Joined> joined;
};

/// The five columns, then `flow` and `flow20` where asked for, then the joined ones:
///   close                     the bar's close
///   ret1                      close / close of the bar before - 1
///   sma20_gap, sma50_gap      close - mean of the last 20 (50) closes
///   vol_z                     (volume - mean) / standard deviation of the last 50 volumes, divisor n - 1 (pandas' `std`); 0 where all are equal
///   flow, flow20              (buy - sell) / (buy + sell) of the bar, and of the sums over 20 bars; 0 without volume; NaN where bars do not carry it
[[nodiscard]] std::vector<FeatureSpec> minute_specs(const MinuteColumns& columns = {});

/// Makes the rows bar by bar; `minute_features` runs the same steps. A value type: copy it to branch a stream. Not thread-safe.
class MinuteSteps {
public:
    explicit MinuteSteps(const MinuteColumns& columns = {});

    /// A value of joined column `series` (its place in `MinuteColumns::joined`) that was known at `known_at`: to be told before the first bar that
    /// closes at or after that moment, in order of time.
    void learn(std::size_t series, TimeNs known_at, double value);

    /// The next closed bar; returns its row, valid until the next call. NaN before warm-up (50 bars for all five to be numbers).
    std::span<const double> step(const market::Bar& bar);

    /// Everything that `step` and `learn` change (base/state.hpp).
    template <class Archive>
    void visit_state(Archive& archive) {
        archive("last_close", last_close_);
        archive("close20", close20_);
        archive("close50", close50_);
        archive("volume50", volume50_);
        archive("net20", net20_);
        archive("both20", both20_);
        archive.each("joined", joined_);
    }

private:
    struct Latest {
        DurationNs age_max = 0;
        TimeNs known_at = 0;
        double value = math::missing;

        template <class Archive>
        void visit_state(Archive& archive) {
            archive.time("known_at", known_at);
            archive("value", value);
        }
    };
    bool order_flow_;
    double last_close_ = math::missing;
    math::RollingMoments close20_;
    math::RollingMoments close50_;
    math::RollingMoments volume50_;
    math::RollingSum net20_;
    math::RollingSum both20_;
    std::vector<Latest> joined_;
    std::vector<double> row_;
};

/// Bars until all five columns are numbers.
inline constexpr std::size_t minute_warm_up = 50;

/// One row a bar.
struct MinuteTable {
    std::vector<TimeNs> ts;  ///< start of the bar; ascending
    market::Table features{{}};  ///< `known_at`, the bar's close, and the columns of `minute_specs`
    std::vector<double> y;  ///< 1: the close `horizon` minutes later is higher; 0: it is not; NaN: there is no such close
    DurationNs horizon = 0;

    [[nodiscard]] std::size_t rows() const { return ts.size(); }

    /// When `y` of a row is known, whether it is missing or not.
    [[nodiscard]] TimeNs end_time(std::size_t row) const { return features.known_at()[row] + horizon; }
};

/// Rows of 1-minute bars, ascending. `horizon` in minutes, 1 to 10,080. `series` are joined as of each row's `known_at`.
/// `y` goes by time, not by rows: the close of the bar that closes exactly `horizon` minutes after this one. A minute without a print is a bar that
/// carries the last close on (`filled`), and counts like any other. Where no bar closes at that moment (the end of the data, a hole in the bars,
/// the market is closed) y is missing. Rolling columns run over the bars that there are, whatever time lies between them: bars of a file with
/// holes are to be filled beforehand, as `bars::Cascade` does.
/// Errors: usage (horizon, a series whose times descend); data (a bar that is not one minute long or not after the one before, with its time).
[[nodiscard]] Result<MinuteTable> minute_features(std::span<const market::Bar> bars, std::int64_t horizon);
[[nodiscard]] Result<MinuteTable> minute_features(std::span<const market::Bar> bars, std::int64_t horizon, MinuteColumns::OrderFlow order_flow,
                                                  std::span<const AsOfSeries> series);

/// Where the rows of a table are cut: training are those with ts < train_end, validation those with ts >= validation_begin. What lies between has a
/// label that ends in validation.
struct MinuteCut {
    TimeNs train_end = 0;
    TimeNs validation_begin = 0;
};

/// The rule of `time_based_split` on times alone, which may stand in any order. `end`: the last row's close. Errors: as time_based_split; usage
/// (`horizon`, in minutes, as for minute_features).
[[nodiscard]] Result<MinuteCut> cut_minutes(std::span<const TimeNs> ts, TimeNs end, double val_days, std::int64_t horizon);

struct MinuteSplit {
    MinuteTable train;
    MinuteTable validation;
};

/// Validation: the rows of the last `val_days` days, counted back from the last row's close. Training: the rows before whose label has ended before
/// the first row of validation begins (purged), so that `guard_no_future_leak` lets them pass. Errors: usage (`val_days` not above 0), data (one of
/// the two is empty).
[[nodiscard]] Result<MinuteSplit> time_based_split(const MinuteTable& table, double val_days);

/// Refuses what could let training see validation: the last `ts` of training plus `horizon` minutes has to lie before the first of validation. Times
/// may stand in any order. Errors: blocked, with both times; data, when one of the two is empty.
[[nodiscard]] Result<void> guard_no_future_leak(std::span<const TimeNs> train_ts, std::span<const TimeNs> validation_ts, std::int64_t horizon);

}  // namespace sofia::features

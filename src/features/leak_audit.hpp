#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "market/bar.hpp"
#include "market/table.hpp"

namespace sofia::features {

/// Makes rows from base bars: the thing under audit. The same bars must give the same table. Rows may be fewer than bars.
using Producer = std::function<market::Table(std::span<const market::Bar> base_bars)>;

/// What an audit does. It runs the producer twice a moment, over half the bars on average.
struct LeakAuditOptions {
    std::size_t cuts = 48;          ///< moments at which the data is cut and its future changed, at least 1
    std::uint64_t seed = 1;         ///< of the moments and of the changed futures
    Producer stream;                ///< optional: the same columns made bar by bar, to be equal to the last bit
    const StopFlag* stop = nullptr; ///< asked between the moments; then the error is `interrupted`
};

/// The first place where a column broke a rule.
struct Leak {
    TimeNs known_at = 0;   ///< of the offending row
    TimeNs moment = 0;     ///< where the data was cut or its future began to differ
    double expected = 0.0; ///< with what was known then
    double found = 0.0;    ///< in the whole table, or in the stream
};

/// One column. Empty where the rule holds.
struct ColumnAudit {
    std::string column;
    std::optional<Leak> cut;     ///< a row changes when later bars are cut off: it was made with them
    std::optional<Leak> future;  ///< a row changes when later bars are changed
    std::optional<Leak> stream;  ///< batch and stream differ in at least one bit

    [[nodiscard]] bool passed() const { return !cut && !future && !stream; }
};

struct LeakReport {
    std::vector<ColumnAudit> columns;         ///< in the table's order
    std::vector<std::string> order_problems;  ///< rows that claim to be known before the bars they need, vanish, or are out of order
    std::size_t cuts = 0;
    std::size_t rows = 0;

    [[nodiscard]] bool passed() const;
};

/// Audits every column of every row before each moment, bit for bit (NaN equals NaN):
///  - cut: the rows with known_at <= t made from the bars closed by t are those of the whole table;
///  - future: the same when the bars after t are replaced by others (other prices, volumes, flows, and fewer of them);
///  - stream: `options.stream` gives the same table;
///  - order: known_at ascends strictly, is the close of a base bar, and the same rows are there after a cut.
/// Moments: the first bars one by one and the last two, then in turn geometrically spaced, next to the boundaries of hours, four hours and days,
/// where larger bars close, and at random. Errors: data (fewer than 8 bars), usage (bars not in time order, a producer whose columns change),
/// interrupted.
[[nodiscard]] Result<LeakReport> audit_leaks(std::span<const market::Bar> base_bars, const Producer& producer, const LeakAuditOptions& options = {});

/// The report for people: one line a failing column with the first offending row, or one line that all passed.
[[nodiscard]] std::string format(const LeakReport& report);

/// Values that become known at moments of their own, one a bar: labels.
struct Outcomes {
    std::vector<double> values;    ///< NaN: none
    std::vector<TimeNs> end_time;  ///< when the row's value is known; of rows without a value nothing is asked
};

/// Makes outcomes from base bars, as many as there are bars. The same bars must give the same outcomes.
using OutcomeProducer = std::function<Outcomes(std::span<const market::Bar> base_bars)>;

/// The first row whose outcome was made with bars after its end.
struct EarlyEnd {
    TimeNs known_at = 0;     ///< of the row
    TimeNs moment = 0;       ///< where the data was cut or its future began to differ
    double expected = 0.0;   ///< with what was known then, and when that says that it ends
    TimeNs expected_end = 0;
    double found = 0.0;      ///< in the whole data
    TimeNs found_end = 0;
};

struct OutcomeReport {
    std::optional<EarlyEnd> cut;     ///< an outcome that says that it has ended changes when later bars are cut off
    std::optional<EarlyEnd> future;  ///< the same when later bars are changed
    std::size_t cuts = 0;
    std::size_t rows = 0;            ///< with an outcome

    [[nodiscard]] bool passed() const { return !cut && !future; }
};

/// The same audit of what is known late: each outcome whose end_time is t or before, made from the bars closed by t, alone or with another future
/// behind them, is that of the whole data, end and value. What a purge between training and validation relies on. `options.stream` is not used.
/// Errors: data (fewer than 8 bars), usage (bars not in time order, not an outcome a bar), interrupted.
[[nodiscard]] Result<OutcomeReport> audit_outcomes(std::span<const market::Bar> base_bars, const OutcomeProducer& producer,
                                                   const LeakAuditOptions& options = {});

[[nodiscard]] std::string format(const OutcomeReport& report);

/// One cut alone: the first row that has ended by the close of bar `kept` - 1, in the whole data or in `other` (from the bars before `kept` > 0), and
/// is not the same in both.
[[nodiscard]] std::optional<EarlyEnd> first_early_end(std::span<const market::Bar> base_bars, const Outcomes& whole, const Outcomes& other,
                                                      std::size_t kept);

[[nodiscard]] std::string format(const EarlyEnd& early);

}  // namespace sofia::features

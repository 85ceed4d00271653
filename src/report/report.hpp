#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "market/bar.hpp"

namespace sofia::report {

/// One figure. A number is written with `decimals` places and its unit (`%`, `R`, `bars`, empty); NaN as a dash.
struct Figure {
    std::string name;
    std::variant<double, std::string> value;
    std::string unit;
    int decimals = 2;
    std::string note;  ///< one sentence: what it is, shown small beside it
};

struct FigureTable {
    std::string title;
    std::vector<Figure> figures;
};

/// A table of rows that readers can sort by any column. Each row has one cell a column (checked).
struct Column {
    std::string name;
    std::string unit;
    int decimals = 2;  ///< of its numbers
};
struct Table {
    std::string title;
    std::string note;
    std::vector<Column> columns;
    std::vector<std::vector<std::variant<double, std::string>>> rows;
};

struct Point {
    TimeNs time = 0;
    double value = 0.0;
};

/// A line over time, ascending (checked).
struct Series {
    std::string name;
    std::string unit;
    std::vector<Point> points;
};

enum class MarkerKind : std::uint8_t { entry_long, entry_short, exit_win, exit_loss };

/// Something that happened on the candles.
struct Marker {
    TimeNs time = 0;
    double price = 0.0;
    MarkerKind kind = MarkerKind::entry_long;
    std::string text;
};

/// One closed trade, for the list whose rows lead to the candles.
struct TradeRow {
    TimeNs entry_time = 0;
    TimeNs exit_time = 0;
    std::string direction;  ///< `long`, `short`
    double quantity = 0.0;
    double entry_price = 0.0;
    double exit_price = 0.0;
    double net_profit = 0.0;                                  ///< settlement coin
    double net_r = std::numeric_limits<double>::quiet_NaN();  ///< net profit over the risk taken
    std::string exit_reason;
};

/// Two markers a trade (entry with its direction, exit with its result), in order of time.
[[nodiscard]] std::vector<Marker> trade_markers(std::span<const TradeRow> trades);

/// The return of one calendar month (UTC).
struct MonthReturn {
    int year = 1970;
    int month = 1;  ///< 1..12
    double percent = 0.0;
};

/// Returns by month from an equity line: last value of the month over the last one before it (the first point for the first month).
[[nodiscard]] std::vector<MonthReturn> monthly_returns(const Series& equity);

/// Percent below the highest value so far, zero or negative, at every point.
[[nodiscard]] Series drawdown_of(const Series& equity);

struct Importance {
    std::string feature;
    double gain = 0.0;
};

/// The mean size of a feature's SHAP contributions, and the correlation of its value with its contribution (-1..1, NaN unknown).
struct ShapSummary {
    std::string feature;
    double mean_absolute = 0.0;
    double direction = std::numeric_limits<double>::quiet_NaN();
};

struct FoldScore {
    std::string name;
    double value = 0.0;
    std::string note;  ///< for instance the number of trades
};

/// A step from gross to net: fees, slippage, funding are negative.
struct WaterfallStep {
    std::string name;
    double value = 0.0;
};

struct ReliabilityPoint {
    double predicted = 0.0;
    double observed = 0.0;
    std::size_t count = 0;
};

/// Values whose distribution is drawn: R multiples, holding times.
struct Distribution {
    std::string title;
    std::string unit;
    std::vector<double> values;  ///< NaN left out
};

/// Values by two things, each in classes from low to high. All rows have the same length (checked).
struct HeatMap {
    std::string title;
    std::string note;
    std::string unit;
    std::string x_name;
    std::string y_name;
    std::vector<std::string> x_classes;
    std::vector<std::string> y_classes;
    std::vector<std::vector<double>> values;  ///< a row a class of y; NaN: nothing there
    std::vector<std::vector<std::size_t>> counts;
    std::size_t marked_x = 0;                 ///< the cell with a frame
    std::size_t marked_y = 0;
};

/// A section of its own. What is left empty is left out; without anything there is no section.
struct Part {
    std::string title;
    std::string note;
    std::vector<FigureTable> figures;
    std::vector<Table> tables;
    std::vector<Distribution> distributions;
    std::vector<HeatMap> heat_maps = {};
};

/// Everything a report shows. Parts left empty are left out. Nothing is computed from anything but this.
struct ReportData {
    std::string title;
    std::string subtitle;
    bool simulated = false;             ///< then `simulated: true` is the first line
    std::vector<std::string> warnings;  ///< lines above everything else: `in-sample: …`

    std::vector<Figure> headline;  ///< four to eight that matter most, shown large
    std::vector<FigureTable> figures;
    std::string tables_title = "Splits";
    std::vector<Table> tables;

    std::string symbol;
    std::string price_unit;
    int price_decimals = -1;              ///< of the bars' prices; -1: as many as they need, at most 8
    std::span<const market::Bar> bars;    ///< of one timeframe, ascending (checked); must outlive the call
    std::vector<Marker> markers;          ///< any order
    std::vector<TradeRow> trades;
    Series equity;
    Series drawdown;                      ///< percent, <= 0; left empty: taken from `equity`
    std::vector<Series> benchmarks;       ///< in the unit of `equity`
    std::vector<MonthReturn> months;

    std::vector<Importance> importance;   ///< any order; the thirty largest are drawn
    std::vector<ShapSummary> shap;
    std::string fold_metric;              ///< what the fold scores measure, with its unit
    std::vector<FoldScore> folds;
    std::string waterfall_unit;
    std::vector<WaterfallStep> waterfall;
    std::vector<ReliabilityPoint> reliability;
    std::vector<Distribution> distributions;
    std::vector<Part> parts;              ///< in their order, after where the result comes from

    std::vector<std::string> notes;       ///< paragraphs at the end
    std::vector<Figure> provenance;       ///< seed, revision, data hash, config: small print
};

/// How many candles a report carries at most; more are joined into longer ones. Readers choose among the timeframes from there up.
inline constexpr std::size_t candles_max = 40'000;

/// One self-contained page, written atomically, the same bytes for the same data: no network, dark or light with the reader's system, made
/// to be printed too. All text is escaped. Errors: usage (a table row, bars or series that break the rules above); io.
[[nodiscard]] Result<void> write_html(const std::filesystem::path& path, const ReportData& data);

/// The same page as text.
[[nodiscard]] Result<std::string> html(const ReportData& data);

/// Equity over time with the drawdown below it, drawn by gnuplot. Errors: unavailable, when gnuplot is not installed; usage (no points); io;
/// internal.
[[nodiscard]] Result<void> write_png(const std::filesystem::path& path, const ReportData& data);

}  // namespace sofia::report

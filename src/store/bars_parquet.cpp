#include <array>
#include <cmath>
#include <utility>

#include "store/csv_bars.hpp"
#include "store/csv_file.hpp"
#include "store/parquet_file.hpp"
#include "store/parquet_time.hpp"

namespace sofia::store {

namespace {

using market::Bar;

// The columns in the order in which they are selected: start, open, high, low, close, volume, then what there is of order flow, filled.
struct Selection {
    std::vector<std::size_t> columns;
    std::array<std::size_t, 6> flow{};
    std::size_t filled = no_column;
};

Result<Selection> select_columns(const ParquetReader& reader, const BarLayout& layout) {
    Selection out;
    const auto take = [&](std::size_t column) {
        out.columns.push_back(column);
        return out.columns.size() - 1;
    };
    take(layout.start);
    for (const std::size_t column : layout.ohlcv) take(column);
    for (std::size_t i = 0; i < layout.flow.size(); ++i) out.flow[i] = layout.flow[i] == no_column ? no_column : take(layout.flow[i]);
    if (layout.filled != no_column) out.filled = take(layout.filled);
    for (std::size_t i = 0; i < out.columns.size(); ++i) {
        const ParquetColumn& column = reader.columns()[out.columns[i]];
        const bool number = column.kind == ParquetKind::number || column.kind == ParquetKind::integer;
        const bool fits = i == 0 ? number || column.kind == ParquetKind::time : number || (i == out.filled && column.kind == ParquetKind::boolean);
        if (!fits) return fail(ErrorCode::data, "column \"" + column.name + "\" holds no " + (i == 0 ? "times" : "numbers"));
    }
    return out;
}

Reason take_row(const std::vector<ParquetValues>& values, const Selection& selection, const ParquetTime& time, std::size_t row, Bar& out,
                std::uint64_t& widened) {
    constexpr std::string_view names[] = {"open", "high", "low", "close", "volume"};
    Bar bar;
    if (Reason reason = time.read(values[0], row, bar.open_time)) return reason;
    double* const targets[] = {&bar.open, &bar.high, &bar.low, &bar.close, &bar.volume};
    for (std::size_t i = 0; i < 5; ++i) {
        if (values[i + 1].valid[row] == 0) return std::string(names[i]) + " is empty";
        *targets[i] = values[i + 1].numbers[row];
    }
    double* const flow[] = {&bar.trades, &bar.vwap, &bar.buy_volume, &bar.sell_volume, &bar.plus_ticks, &bar.minus_ticks};
    for (std::size_t i = 0; i < selection.flow.size(); ++i) {
        if (selection.flow[i] != no_column) *flow[i] = values[selection.flow[i]].numbers[row];
    }
    if (selection.filled != no_column) bar.filled = values[selection.filled].numbers[row] > 0.0;
    if (Reason reason = complete_bar(bar, selection.filled != no_column, widened)) return reason;
    out = bar;
    return {};
}

}  // namespace

Result<BarBlock> read_parquet_bars(const std::filesystem::path& path, BadRows bad_rows, BarLayout& layout) {
    SOFIA_TRY(ParquetReader reader, ParquetReader::open(path));
    auto found = bar_layout(reader.names());
    if (!found) return std::unexpected(at_line(path, 0, std::move(found).error()));
    layout = *found;
    auto selection = select_columns(reader, layout);
    if (!selection) return std::unexpected(at_line(path, 0, std::move(selection).error()));
    reader.select(selection->columns);
    BarBlock block;
    block.bars.reserve(static_cast<std::size_t>(reader.rows()));
    ParquetTime time;
    std::vector<ParquetValues> values;
    while (true) {
        SOFIA_TRY(const bool more, reader.next(values));
        if (!more) break;
        time.learn(values.front());
        for (std::size_t row = 0; row < values.front().rows; ++row) {
            Bar bar;
            ++block.lines;
            const Reason reason = take_row(values, *selection, time, row, bar, block.widened);
            if (!reason) {
                block.bars.push_back(bar);
                continue;
            }
            ++block.bad_rows;
            const std::string text = "row " + std::to_string(block.lines) + ": " + *reason;
            if (bad_rows == BadRows::refuse) {
                return fail(ErrorCode::data, path.string() + " " + text, "--skip-bad-rows leaves such rows out");
            }
            if (block.bad.size() < bad_listed_max) block.bad.push_back({0, text});
        }
    }
    layout.unit = time.unit();
    return block;
}

}  // namespace sofia::store

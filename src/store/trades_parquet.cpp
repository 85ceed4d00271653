#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "store/columns.hpp"
#include "store/csv_file.hpp"
#include "store/parquet_file.hpp"
#include "store/parquet_time.hpp"
#include "store/trade_file.hpp"

namespace sofia::store {

namespace {

using market::Trade;

// Positions in the file, and in what is selected of it.
struct ParquetLayout {
    std::vector<std::size_t> selected;
    std::size_t timestamp = 0;
    std::size_t price = 1;
    std::size_t size = 2;
    std::size_t side = 3;
    std::size_t tick = no_column;
    std::size_t id = no_column;
};

Result<ParquetLayout> find_layout(const ParquetReader& reader) {
    const std::vector<std::string> names = reader.names();
    SOFIA_TRY(const TradeLayout found, trade_layout(names));
    ParquetLayout layout;
    const auto kind_is = [&](std::size_t column, auto... kinds) { return ((reader.columns()[column].kind == kinds) || ...); };
    const auto wrong = [&](std::size_t column, std::string_view wanted) {
        return fail(ErrorCode::data, "column \"" + names[column] + "\" holds no " + std::string(wanted));
    };
    if (!kind_is(found.timestamp, ParquetKind::time, ParquetKind::integer, ParquetKind::number)) return wrong(found.timestamp, "times");
    if (!kind_is(found.price, ParquetKind::number, ParquetKind::integer)) return wrong(found.price, "numbers");
    if (!kind_is(found.size, ParquetKind::number, ParquetKind::integer)) return wrong(found.size, "numbers");
    if (!kind_is(found.side, ParquetKind::text)) return wrong(found.side, "text");
    layout.selected = {found.timestamp, found.price, found.size, found.side};
    if (found.tick != no_column) {
        if (!kind_is(found.tick, ParquetKind::text)) return wrong(found.tick, "text");
        layout.tick = layout.selected.size();
        layout.selected.push_back(found.tick);
    }
    if (found.id != no_column) {
        if (!kind_is(found.id, ParquetKind::text)) return wrong(found.id, "text");
        layout.id = layout.selected.size();
        layout.selected.push_back(found.id);
    }
    return layout;
}

Reason take_row(const std::vector<ParquetValues>& values, const ParquetLayout& layout, const ParquetTime& time, std::size_t row, Trade& out) {
    Trade trade;
    if (Reason reason = time.read(values[layout.timestamp], row, trade.ts)) return reason;
    if (values[layout.price].valid[row] == 0) return "price is empty";
    if (values[layout.size].valid[row] == 0) return "size is empty";
    trade.price = values[layout.price].numbers[row];
    trade.size = values[layout.size].numbers[row];
    if (Reason reason = check_positive(trade.price, "price")) return reason;
    if (Reason reason = check_not_negative(trade.size, "size")) return reason;
    if (Reason reason = read_side(values[layout.side].texts[row], trade.side)) return reason;
    if (layout.tick != no_column) {
        if (Reason reason = read_tick(values[layout.tick].texts[row], trade.tick)) return reason;
    }
    out = trade;
    return {};
}

class ParquetTradeFile final : public TradeFile {
public:
    ParquetTradeFile(std::filesystem::path path, ParquetReader reader, ParquetLayout layout, BadRows bad_rows)
        : path_(std::move(path)), reader_(std::move(reader)), layout_(std::move(layout)), bad_rows_(bad_rows) {
        reader_.select(layout_.selected);
    }

    Result<TradeBlock*> next() override {
        SOFIA_TRY(const bool more, reader_.next(values_));
        if (!more) return nullptr;
        time_.learn(values_[layout_.timestamp]);
        const std::size_t rows = values_.front().rows;
        block_.storage.resize(std::max(block_.storage.size(), rows));
        block_.count = 0;
        block_.ids.clear();
        block_.bad_rows = 0;
        block_.bad.clear();
        for (std::size_t row = 0; row < rows; ++row) {
            ++rows_before_;
            Reason reason = take_row(values_, layout_, time_, row, block_.storage[block_.count]);
            if (!reason) {
                ++block_.count;
                if (layout_.id != no_column) block_.ids.push_back(trade_id(values_[layout_.id].texts[row]));
                continue;
            }
            const std::string text = "row " + std::to_string(rows_before_) + ": " + *reason;
            if (bad_rows_ == BadRows::refuse) {
                return fail(ErrorCode::data, path_.string() + " " + text, "--skip-bad-rows leaves such rows out");
            }
            ++block_.bad_rows;
            if (block_.bad.size() < bad_listed_max) block_.bad.push_back({0, text});
        }
        count_order(block_);
        return &block_;
    }

private:
    std::filesystem::path path_;
    ParquetReader reader_;
    ParquetLayout layout_;
    BadRows bad_rows_;
    ParquetTime time_;
    std::uint64_t rows_before_ = 0;
    std::vector<ParquetValues> values_;
    TradeBlock block_;
};

Result<std::unique_ptr<ParquetTradeFile>> open_file(const std::filesystem::path& path, BadRows bad_rows, TradeLayout& shape) {
    SOFIA_TRY(ParquetReader reader, ParquetReader::open(path));
    auto layout = find_layout(reader);
    if (!layout) return std::unexpected(at_line(path, 0, std::move(layout).error()));
    shape.tick = layout->tick;
    shape.id = layout->id;
    return std::make_unique<ParquetTradeFile>(path, std::move(reader), std::move(*layout), bad_rows);
}

}  // namespace

Result<TradeFilePlan> plan_parquet_trades(const std::filesystem::path& path) {
    TradeFilePlan plan;
    plan.path = path;
    plan.parquet = true;
    SOFIA_TRY(const auto file, open_file(path, BadRows::skip, plan.layout));
    SOFIA_TRY(TradeBlock* const block, file->next());
    if (block != nullptr && block->count > 0) {
        plan.first = block->storage.front().ts;
        plan.falls_early = block->falls > 0;
    }
    return plan;
}

Result<std::unique_ptr<TradeFile>> open_parquet_trades(const TradeFilePlan& plan, BadRows bad_rows) {
    TradeLayout shape;
    SOFIA_TRY(std::unique_ptr<TradeFile> file, open_file(plan.path, bad_rows, shape));
    return file;
}

}  // namespace sofia::store

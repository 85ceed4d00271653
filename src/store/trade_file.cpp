#include "store/trade_file.hpp"

#include <utility>

#include "store/csv_file.hpp"
#include "store/ordered_chunks.hpp"

namespace sofia::store {

namespace {

// Small enough for text and trades to stay in a core's second-level cache.
constexpr std::size_t chunk_bytes = std::size_t{1} << 18U;
constexpr std::size_t plan_bytes = std::size_t{1} << 16U;

class CsvTradeFile final : public TradeFile {
public:
    CsvTradeFile(std::filesystem::path path, LineChunks lines, const TradeLayout& layout, BadRows bad_rows, std::size_t threads)
        : path_(std::move(path)),
          bad_rows_(bad_rows),
          chunks_(
              std::move(lines),
              [layout, bad_rows](const TextChunk& chunk, TradeParser& parser, TradeBlock& out) {
                  parse_trades(chunk, layout, bad_rows, parser, out);
              },
              threads) {}

    Result<TradeBlock*> next() override {
        auto block = chunks_.next();
        if (!block) return std::unexpected(at_line(path_, lines_before_ + 1, std::move(block).error()));
        if (*block == nullptr) return nullptr;
        TradeBlock& out = **block;
        for (LocalBadRow& bad : out.bad) bad.line += lines_before_ + 1;
        if (bad_rows_ == BadRows::refuse && !out.bad.empty()) {
            return std::unexpected(
                at_line(path_, out.bad.front().line, {ErrorCode::data, out.bad.front().reason, "--skip-bad-rows leaves such rows out"}));
        }
        lines_before_ += out.lines;
        return &out;
    }

private:
    std::filesystem::path path_;
    BadRows bad_rows_;
    std::uint64_t lines_before_ = 1;  // the header
    OrderedChunks<TradeBlock, TradeParser> chunks_;
};

Result<CsvFile> open_with_layout(const std::filesystem::path& path, std::size_t bytes, TradeLayout& layout) {
    SOFIA_TRY(CsvFile file, open_csv(path, bytes));
    auto found = trade_layout(file.header);
    if (!found) return std::unexpected(at_line(path, 1, std::move(found).error()));
    layout = *found;
    return file;
}

// The unit shows in the first timestamp that is one.
TimeUnit find_unit(std::string_view text, const TradeLayout& layout) {
    RowFields fields;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1);
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.size() > line_bytes_max || fields.split(line) || fields.size() != layout.columns) continue;
        if (const auto unit = unit_of(fields[layout.timestamp])) return *unit;
    }
    return TimeUnit::seconds;
}

}  // namespace

Result<TradeFilePlan> plan_trade_file(const std::filesystem::path& path) {
    if (path.extension() == ".parquet") return plan_parquet_trades(path);
    TradeFilePlan plan;
    plan.path = path;
    SOFIA_TRY(CsvFile file, open_with_layout(path, plan_bytes, plan.layout));
    TextChunk chunk;
    const auto more = file.lines.next(chunk);
    if (!more) return std::unexpected(at_line(path, 2, more.error()));
    plan.layout.unit = find_unit(chunk.text(), plan.layout);
    TradeParser parser;
    TradeBlock block;
    parse_trades(chunk, plan.layout, BadRows::skip, parser, block);
    if (block.count > 0) plan.first = block.storage.front().ts;
    plan.falls_early = block.falls > 0;
    return plan;
}

Result<std::unique_ptr<TradeFile>> open_trade_file(const TradeFilePlan& plan, BadRows bad_rows, std::size_t threads) {
    if (plan.parquet) return open_parquet_trades(plan, bad_rows);
    TradeLayout layout;
    SOFIA_TRY(CsvFile file, open_with_layout(plan.path, chunk_bytes, layout));
    layout.unit = plan.layout.unit;
    return std::make_unique<CsvTradeFile>(plan.path, std::move(file.lines), layout, bad_rows, threads);
}

}  // namespace sofia::store

#include "store/csv_trades.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "base/text.hpp"
#include "store/trade_rows.hpp"

namespace sofia::store {

namespace {

using market::Side;
using market::TickDirection;
using market::Trade;

Result<void> place_column(std::span<const std::string> header, std::string_view name, std::size_t& out) {
    const std::string plain = plain_name(name);
    for (std::size_t i = 0; i < header.size(); ++i) {
        if (plain_name(header[i]) != plain) continue;
        if (out != no_column) return fail(ErrorCode::data, "column \"" + std::string(name) + "\" stands twice in the header");
        out = i;
    }
    return {};
}

__extension__ using Wide = unsigned __int128;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

// Nanoseconds in the last digit of a timestamp, by the zeros of that number.
constexpr std::array<std::uint64_t, 10> scale_of = {1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

constexpr std::array<std::uint64_t, 10> digits_end_of = [] {
    std::array<std::uint64_t, 10> ends{};
    for (std::size_t i = 0; i < ends.size(); ++i) ends[i] = static_cast<std::uint64_t>(time_end) / scale_of[i];
    return ends;
}();

constexpr std::uint64_t lower_bits = 0x20 * scan::ones;

// The four words of tickDirection by their length: first and last eight characters, in lower case.
struct TickWord {
    std::uint64_t first = 0;
    std::uint64_t last = 1;  // differs from what a field can hold, whose bits 0x20 are set
    TickDirection tick = TickDirection::plus;
};

constexpr std::array<TickWord, 16> tick_words = [] {
    std::array<TickWord, 16> words{};
    words[8] = {scan::word_of("plustick"), scan::word_of("plustick"), TickDirection::plus};
    words[9] = {scan::word_of("minustic"), scan::word_of("inustick"), TickDirection::minus};
    words[12] = {scan::word_of("zeroplus"), scan::word_of("plustick"), TickDirection::zero_plus};
    words[13] = {scan::word_of("zerominu"), scan::word_of("inustick"), TickDirection::zero_minus};
    return words;
}();

// The order of columns in which Sofia and its simulator write, known when this is compiled.
struct UsualColumns {
    explicit UsualColumns(const TradeLayout&) {}
    static constexpr std::size_t columns = 5;
    static constexpr std::size_t timestamp = 0;
    static constexpr std::size_t price = 1;
    static constexpr std::size_t size = 2;
    static constexpr std::size_t side = 3;
    static constexpr std::size_t tick = 4;
    static constexpr std::size_t id = no_column;

    static bool is(const TradeLayout& layout) {
        return layout.columns == columns && layout.timestamp == timestamp && layout.price == price && layout.size == size && layout.side == side &&
               layout.tick == tick && layout.id == id;
    }
};

// One row between delimiters found ahead: d[-1] ends the row before, d[0] .. d[columns-1] end its fields, of which the last must be a
// line feed. That no other is, shows at the end of the chunk by their number. Everything is read without asking and judged
// once; whatever is not plain is left to parse_trade_row. `Columns` is a TradeLayout or UsualColumns.
template <class Columns>
class FastRow {
public:
    FastRow(const char* text, const TradeLayout& layout)
        : text_(text),
          layout_(layout),
          exponent_(9 - 3 * static_cast<int>(layout.unit)),
          time_begin_(layout.unit == TimeUnit::seconds ? 0 : static_cast<std::uint64_t>(scaled_time_begin)) {}

    [[gnu::always_inline]] inline bool parse(const std::uint32_t* d, Trade& trade) {
        const char* feed = text_ + d[layout_.columns - 1];
        last_end_ = feed - (feed[-1] == '\r' ? 1 : 0);
        const bool has_time = time(d, trade);
        const bool has_amounts = amounts(d, trade);
        const bool has_side = side(d, trade);
        const bool has_tick = tick(d, trade);
        return (*feed == '\n') & has_time & has_amounts & has_side & has_tick;
    }

    [[nodiscard]] std::string_view id(const std::uint32_t* d) const {
        const char* to = text_ + d[layout_.id];
        return {begin(d, layout_.id), *to == '\n' && to[-1] == '\r' ? to - 1 : to};
    }

private:
    [[nodiscard, gnu::always_inline]] inline const char* begin(const std::uint32_t* d, std::size_t column) const {
        return text_ + static_cast<std::uint32_t>(*(d + column - 1) + 1U);
    }

    // The last field's end leaves out the CR of a CRLF.
    [[nodiscard, gnu::always_inline]] inline const char* end(const std::uint32_t* d, std::size_t column) const {
        return column == layout_.columns - 1 ? last_end_ : text_ + d[column];
    }

    [[gnu::always_inline]] inline bool time(const std::uint32_t* d, Trade& trade) {
        const Decimal decimal = times_.scan(begin(d, layout_.timestamp), end(d, layout_.timestamp));
        const int exponent = exponent_ - static_cast<int>(decimal.decimals);
        const std::uint64_t scale = scale_of[static_cast<std::size_t>(exponent < 0 ? 0 : exponent)];
        const std::uint64_t time = decimal.digits * scale;  // may wrap; then digits are above their end
        trade.ts = static_cast<TimeNs>(time);
        const std::uint64_t digits_end = digits_end_of[static_cast<std::size_t>(exponent < 0 ? 0 : exponent)];
        return decimal.plain & (exponent >= 0) & (time >= time_begin_) & (decimal.digits < digits_end);
    }

    [[gnu::always_inline]] inline bool amounts(const std::uint32_t* d, Trade& trade) const {
        const Decimal price = scan_decimal(begin(d, layout_.price), end(d, layout_.price));
        const Decimal size = scan_decimal(begin(d, layout_.size), end(d, layout_.size));
        // Both divisions at once: one takes longer than all else of a row.
        using Pair = double __attribute__((vector_size(16)));
        const Pair both =
            Pair{static_cast<double>(static_cast<std::int64_t>(price.digits)), static_cast<double>(static_cast<std::int64_t>(size.digits))} /
            Pair{power_of_ten[price.decimals], power_of_ten[size.decimals]};
        trade.price = both[0];
        trade.size = both[1];
        return price.plain & size.plain & (price.digits - 1 < exact_digits_max) & (size.digits <= exact_digits_max);
    }

    [[gnu::always_inline]] inline bool side(const std::uint32_t* d, Trade& trade) const {
        constexpr std::uint32_t buy = 'b' | 'u' << 8 | 'y' << 16;
        constexpr std::uint32_t sell = 's' | 'e' << 8 | 'l' << 16 | 'l' << 24;
        const char* from = begin(d, layout_.side);
        const auto length = end(d, layout_.side) - from;
        const std::uint32_t word = scan::load4(from) | 0x20202020U;
        const bool is_sell = (length == 4) & (word == sell);
        const bool is_buy = (length == 3) & ((word & 0x00FFFFFFU) == buy);
        trade.side = static_cast<Side>(is_sell);
        return is_sell | is_buy;
    }

    [[gnu::always_inline]] inline bool tick(const std::uint32_t* d, Trade& trade) const {
        if (layout_.tick == no_column) return true;
        const char* from = begin(d, layout_.tick);
        const char* to = end(d, layout_.tick);
        const auto length = static_cast<std::size_t>(to - from);
        const TickWord& expected = tick_words[length & 15U];
        trade.tick = expected.tick;
        const std::uint64_t first = (scan::load8(from) | lower_bits) ^ expected.first;
        const std::uint64_t last = (scan::load8(to - 8) | lower_bits) ^ expected.last;
        return (length < 16) & ((first | last) == 0);
    }

    const char* text_;
    Columns layout_;
    int exponent_;
    std::uint64_t time_begin_;
    const char* last_end_ = nullptr;
    PrefixDecimal times_;
};

// Rows of a chunk one after another, by either way.
class ChunkRows {
public:
    ChunkRows(const TextChunk& chunk, const TradeLayout& layout, BadRows bad_rows, TradeParser& parser, TradeBlock& out)
        : text_(chunk.text()), layout_(layout), refuse_(bad_rows == BadRows::refuse), parser_(parser), out_(out) {
        start();
    }

    void start() {
        out_.count = 0;
        out_.ids.clear();
        out_.lines = 0;
        out_.bad_rows = 0;
        out_.bad.clear();
    }

    // The line that begins at `at`; returns the position after it, or the text's end to stop.
    std::size_t plain_row(std::size_t at) {
        std::size_t end = text_.find('\n', at);
        if (end == std::string_view::npos) end = text_.size();
        std::string_view line = text_.substr(at, end - at);
        const std::uint64_t number = out_.lines++;
        Trade trade;
        TradeId id;
        Reason reason;
        if (line.size() > line_bytes_max) {
            reason = "the line is longer than 1 MiB";
        } else {
            if (line.ends_with('\r')) line.remove_suffix(1);
            if (line.empty()) return end + 1;
            reason = parse_trade_row(line, layout_, parser_.fields, trade, id);
        }
        if (reason) return bad_row(number, std::move(*reason)) ? text_.size() : end + 1;
        if (out_.count == out_.storage.size()) out_.storage.resize(2 * out_.storage.size() + 64);
        out_.storage[out_.count++] = trade;
        if (layout_.id != no_column) out_.ids.push_back(id);
        return end + 1;
    }

    void plain_rows() {
        for (std::size_t at = 0; at < text_.size();) at = plain_row(at);
    }

    void fast_rows() {
        if (UsualColumns::is(layout_)) {
            fast_rows_of<UsualColumns>();
        } else {
            fast_rows_of<TradeLayout>();
        }
        // Else a line feed stood where a comma belongs, as in two short rows that together look like one; or reading stopped at a bad
        // row, before which that may have happened.
        if (out_.lines == parser_.index.feeds && (!refuse_ || out_.bad.empty())) return;
        start();
        plain_rows();
    }

private:
    template <class Columns>
    void fast_rows_of() {
        FastRow<Columns> row(text_.data(), layout_);
        const std::size_t columns = layout_.columns;
        const std::uint32_t* d = parser_.index.first();
        const std::uint32_t* const end = d + parser_.index.count;
        const std::size_t room = parser_.index.count / columns + 1;
        if (out_.storage.size() < room) out_.storage.resize(room);
        bool fours = can_parse_fours(layout_);
        std::size_t odd_fours = 0;
        while (d < end) {
            // Plain rows follow each other: no more than the delimiters allow, so there is room for them.
            const std::uint32_t* const start = d;
            Trade* to = out_.storage.data() + out_.count;
            bool plain = true;
            while (plain && static_cast<std::size_t>(end - d) >= columns) {
                if (fours) {
                    const std::size_t count = parse_fours(text_.data(), layout_, d, static_cast<std::size_t>(end - d) / columns, to);
                    take_ids(row, d, count);
                    to += count;
                    d += count * columns;
                    odd_fours = count > 0 ? 0 : odd_fours + 1;
                    fours = odd_fours < odd_fours_max;
                }
                // Then some rows one at a time, till the next four are tried.
                const std::uint32_t* const stop = fours ? d + std::min<std::ptrdiff_t>(end - d, 4 * static_cast<std::ptrdiff_t>(columns)) : end;
                while (static_cast<std::size_t>(stop - d) >= columns) {
                    plain = row.parse(d, *to);
                    if (!plain) break;
                    take_ids(row, d, 1);
                    ++to;
                    d += columns;
                }
            }
            const auto rows = static_cast<std::size_t>(d - start) / columns;
            out_.count += rows;
            out_.lines += rows;
            if (d == end) return;
            const std::size_t after = plain_row(static_cast<std::uint32_t>(d[-1] + 1U));
            if (after >= text_.size()) return;
            while (d < end && *d < after) ++d;
            const std::size_t left = static_cast<std::size_t>(end - d) / columns + 1;
            if (out_.storage.size() < out_.count + left) out_.storage.resize(out_.count + left);
        }
    }

    template <class Row>
    [[gnu::always_inline]] inline void take_ids(const Row& row, const std::uint32_t* d, std::size_t rows) {
        if (layout_.id == no_column) return;
        for (std::size_t i = 0; i < rows; ++i) out_.ids.push_back(trade_id(row.id(d + i * layout_.columns)));
    }

    // Whether to stop.
    bool bad_row(std::uint64_t line, std::string reason) {
        ++out_.bad_rows;
        if (out_.bad.size() < bad_listed_max) out_.bad.push_back({line, std::move(reason)});
        return refuse_;
    }

    std::string_view text_;
    const TradeLayout& layout_;
    bool refuse_;
    TradeParser& parser_;
    TradeBlock& out_;

    static constexpr std::size_t odd_fours_max = 16;  ///< after so many in a row the rest of the chunk goes row by row
};

}  // namespace

Result<TradeLayout> trade_layout(std::span<const std::string> header) {
    TradeLayout layout;
    layout.columns = header.size();
    SOFIA_CHECK(place_column(header, "timestamp", layout.timestamp));
    SOFIA_CHECK(place_column(header, "price", layout.price));
    SOFIA_CHECK(place_column(header, "size", layout.size));
    SOFIA_CHECK(place_column(header, "side", layout.side));
    SOFIA_CHECK(place_column(header, "tickDirection", layout.tick));
    SOFIA_CHECK(place_column(header, "trdMatchID", layout.id));
    const auto missing = [&](std::string_view name) {
        return fail(ErrorCode::data, "column \"" + std::string(name) + "\" is missing: the header has " + shown(join(header, ",")),
                    "trade files need timestamp, price, size, side");
    };
    if (layout.timestamp == no_column) return missing("timestamp");
    if (layout.price == no_column) return missing("price");
    if (layout.size == no_column) return missing("size");
    if (layout.side == no_column) return missing("side");
    return layout;
}

TradeId trade_id(std::string_view text) {
    if (text.empty()) return {};
    constexpr std::uint64_t a = 0x9E3779B97F4A7C15ULL;
    constexpr std::uint64_t b = 0xD6E8FEB86659FD93ULL;
    TradeId id{a ^ text.size(), b + text.size()};
    while (!text.empty()) {
        const std::size_t count = std::min<std::size_t>(8, text.size());
        std::uint64_t word = 0;
        std::memcpy(&word, text.data(), count);
        id = {mix(id.low ^ word, a), mix(id.high + std::rotl(word, 29), b) ^ word};
        text.remove_prefix(count);
    }
    id.low |= 1U;  // never the id of a row without one
    return id;
}

Reason parse_trade_row(std::string_view line, const TradeLayout& layout, RowFields& fields, Trade& trade, TradeId& id) {
    if (!is_utf8(line)) return "the row has bytes that are no UTF-8: " + shown(line);
    if (Reason reason = fields.split(line)) return reason;
    if (fields.size() != layout.columns) {
        return "the row has " + std::to_string(fields.size()) + (fields.size() == 1 ? " field" : " fields") + ", the header has " +
               std::to_string(layout.columns);
    }
    Trade read;
    if (Reason reason = read_time(fields[layout.timestamp], layout.unit, read.ts)) return reason;
    if (Reason reason = read_positive(fields[layout.price], "price", read.price)) return reason;
    if (Reason reason = read_not_negative(fields[layout.size], "size", read.size)) return reason;
    if (Reason reason = read_side(fields[layout.side], read.side)) return reason;
    if (layout.tick != no_column) {
        if (Reason reason = read_tick(fields[layout.tick], read.tick)) return reason;
    }
    trade = read;
    if (layout.id != no_column) id = trade_id(fields[layout.id]);
    return {};
}

void count_order(TradeBlock& block) {
    block.falls = 0;
    block.rises = 0;
    TimeNs before = block.count > 0 ? block.storage.front().ts : 0;
    for (const Trade& trade : block.trades()) {
        block.falls += trade.ts < before ? 1U : 0U;
        block.rises += trade.ts > before ? 1U : 0U;
        before = trade.ts;
    }
}

void parse_trades(const TextChunk& chunk, const TradeLayout& layout, BadRows bad_rows, TradeParser& parser, TradeBlock& out) {
    ChunkRows rows(chunk, layout, bad_rows, parser, out);
    index_delimiters(chunk.text(), parser.index);
    if (parser.index.special || chunk.has_overlong) {
        rows.plain_rows();
    } else {
        rows.fast_rows();
    }
    count_order(out);
}

void parse_trades_plain(const TextChunk& chunk, const TradeLayout& layout, BadRows bad_rows, TradeParser& parser, TradeBlock& out) {
    ChunkRows rows(chunk, layout, bad_rows, parser, out);
    rows.plain_rows();
    count_order(out);
}

}  // namespace sofia::store

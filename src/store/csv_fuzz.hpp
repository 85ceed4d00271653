#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "store/csv_bars.hpp"
#include "store/csv_trades.hpp"

namespace sofia::store {

/// What must hold for any bytes, shared by the fuzz target and the test that runs its corpus. The first line is the header; the rest is
/// rows of trades and of bars. Returns what is wrong; empty when nothing is.
inline std::string fuzz_csv(std::string_view bytes) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const auto header = read_header(bytes.substr(0, end));
    if (!header) return "";
    std::string text(bytes.substr(std::min(end + 1, bytes.size())));
    if (!text.empty() && text.back() != '\n') text += '\n';
    TextChunk chunk;
    chunk.memory.assign(text.size() + 2 * chunk_padding, '\0');
    if (!text.empty()) std::memcpy(chunk.memory.data() + chunk_padding, text.data(), text.size());
    chunk.size = text.size();
    for (const BadRows bad_rows : {BadRows::refuse, BadRows::skip}) {
        if (auto layout = trade_layout(*header)) {
            for (const TimeUnit unit : {TimeUnit::seconds, TimeUnit::milliseconds, TimeUnit::nanoseconds}) {
                layout->unit = unit;
                TradeParser fast_parser;
                TradeParser plain_parser;
                TradeBlock fast;
                TradeBlock plain;
                parse_trades(chunk, *layout, bad_rows, fast_parser, fast);
                parse_trades_plain(chunk, *layout, bad_rows, plain_parser, plain);
                if (fast.count != plain.count || fast.lines != plain.lines || fast.bad_rows != plain.bad_rows) return "counts differ";
                if (fast.ids != plain.ids) return "ids differ";
                for (std::size_t i = 0; i < fast.count; ++i) {
                    market::Trade a = fast.storage[i];
                    market::Trade b = plain.storage[i];
                    if (layout->tick == no_column) a.tick = b.tick;
                    if (!(a == b)) return "trades differ";
                    if (!(b.price > 0.0) || !(b.size >= 0.0) || b.ts < 0 || b.ts >= time_end) return "an impossible trade was taken";
                }
                for (std::size_t i = 0; i < fast.bad.size(); ++i) {
                    if (fast.bad[i].line != plain.bad[i].line || fast.bad[i].reason != plain.bad[i].reason) return "reasons differ";
                    if (!is_utf8(fast.bad[i].reason)) return "a reason is no UTF-8";
                }
            }
        }
        if (const auto layout = bar_layout(*header)) {
            RowFields fields;
            BarBlock block;
            parse_bars(chunk, *layout, bad_rows, fields, block);
            for (const market::Bar& bar : block.bars) {
                if (!(bar.low > 0.0) || bar.low > bar.open || bar.low > bar.close || bar.high < bar.open || bar.high < bar.close) {
                    return "an impossible bar was taken";
                }
            }
        }
    }
    return "";
}

}  // namespace sofia::store

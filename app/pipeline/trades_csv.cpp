#include "app/pipeline/trades_csv.hpp"

#include "base/hash.hpp"
#include "report/csv.hpp"

namespace sofia::pipeline {
namespace {

const std::vector<report::CsvValue>& header() {
    static const std::vector<report::CsvValue> names = {
        "signal_time", "entry_time", "exit_time", "timeframe", "direction",    "contracts",   "entry_price",
        "exit_price",  "stop",       "target",    "reason",    "ambiguous",    "probability", "expected_value_r",
        "gross_r",     "fee_r",      "slip_r",    "funding_r", "ops_r",        "net_r",       "pnl",
        "fees",        "funding",    "ops",       "net",       "equity_after", "mae_r",       "mfe_r"};
    return names;
}

std::vector<report::CsvValue> row_of(const trading::ClosedTrade& trade, std::span<const std::string> timeframes) {
    return {report::CsvTime{trade.signal_time},
            report::CsvTime{trade.entry_time},
            report::CsvTime{trade.exit_time},
            timeframes[trade.timeframe],
            std::string(trading::name(trade.direction)),
            trade.contracts,
            trade.entry_price,
            trade.exit_price,
            trade.stop,
            trade.target,
            std::string(trading::name(trade.reason)),
            std::int64_t{trade.ambiguous ? 1 : 0},
            trade.probability,
            trade.expected_value,
            trade.gross_r,
            trade.fee_r,
            trade.slip_r,
            trade.funding_r,
            trade.ops_r,
            trade.net_r,
            market::to_double(trade.pnl),
            market::to_double(trade.fees),
            market::to_double(trade.funding),
            market::to_double(trade.ops),
            market::to_double(trade.net),
            market::to_double(trade.equity_after),
            trade.mae_r,
            trade.mfe_r};
}

}  // namespace

std::string trades_csv(std::span<const trading::ClosedTrade> trades, std::span<const std::string> timeframes) {
    std::string text = report::csv_line(header());
    for (const trading::ClosedTrade& trade : trades) text += report::csv_line(row_of(trade, timeframes));
    return text;
}

std::string trades_hash(std::span<const trading::ClosedTrade> trades, std::span<const std::string> timeframes) {
    return sha256_hex(trades_csv(trades, timeframes));
}

}  // namespace sofia::pipeline

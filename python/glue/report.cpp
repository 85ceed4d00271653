#include <array>
#include <cmath>
#include <utility>

#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "app/pipeline/trade_report.hpp"
#include "bar_columns.hpp"
#include "base/text.hpp"
#include "glue.hpp"
#include "long_call.hpp"

// Figures and reports of a table of trades.
namespace sofia::python {
namespace {

using trading::ClosedTrade;

struct NumberField {
    const char* name;
    double ClosedTrade::* member;
};
constexpr std::array<NumberField, 15> number_fields{{{"contracts", &ClosedTrade::contracts},
                                                     {"entry_price", &ClosedTrade::entry_price},
                                                     {"exit_price", &ClosedTrade::exit_price},
                                                     {"stop", &ClosedTrade::stop},
                                                     {"target", &ClosedTrade::target},
                                                     {"gross_r", &ClosedTrade::gross_r},
                                                     {"fee_r", &ClosedTrade::fee_r},
                                                     {"slip_r", &ClosedTrade::slip_r},
                                                     {"funding_r", &ClosedTrade::funding_r},
                                                     {"ops_r", &ClosedTrade::ops_r},
                                                     {"net_r", &ClosedTrade::net_r},
                                                     {"probability", &ClosedTrade::probability},
                                                     {"expected_value_r", &ClosedTrade::expected_value},
                                                     {"mae_r", &ClosedTrade::mae_r},
                                                     {"mfe_r", &ClosedTrade::mfe_r}}};
struct MoneyField {
    const char* name;
    market::Money ClosedTrade::* member;
};
constexpr std::array<MoneyField, 5> money_fields{{{"pnl", &ClosedTrade::pnl},
                                                  {"fees", &ClosedTrade::fees},
                                                  {"funding", &ClosedTrade::funding},
                                                  {"ops", &ClosedTrade::ops},
                                                  {"net", &ClosedTrade::net}}};
constexpr double money_max = 1e9;  // as the decision core has it

/// Columns by name: entry_time, exit_time and net_r, net (float64) in any case; direction (0 long, 1 short), reason (place in `exit_reasons`),
/// timeframe (place in the names), ambiguous as uint8; further numbers where there are any.
std::vector<ClosedTrade> trades_of(const nb::dict& columns) {
    const auto entry = nb::cast<Times>(columns["entry_time"]);
    const auto exit = nb::cast<Times>(columns["exit_time"]);
    std::vector<ClosedTrade> trades(entry.shape(0));
    const auto each = [&]<class T>(const char* name, const auto& set) {
        if (!columns.contains(name)) return;
        const auto column = nb::cast<ColumnOf<T>>(columns[name]);
        for (std::size_t i = 0; i < trades.size(); ++i) set(trades[i], column.data()[i], i);
    };
    for (std::size_t i = 0; i < trades.size(); ++i) {
        trades[i].signal_time = trades[i].entry_time = entry.data()[i];
        trades[i].exit_time = exit.data()[i];
    }
    for (const NumberField& field : number_fields)
        each.template operator()<double>(field.name, [&](ClosedTrade& trade, double value, std::size_t) { trade.*field.member = value; });
    for (const MoneyField& field : money_fields) {
        each.template operator()<double>(field.name, [&](ClosedTrade& trade, double value, std::size_t row) {
            if (!(std::fabs(value) <= money_max))
                throw Failure({ErrorCode::data, "trades: row " + std::to_string(row) + " has " + field.name + " " + format_double(value),
                               "amounts are numbers up to 1e9"});
            trade.*field.member = market::to_money(value);
        });
    }
    each.template operator()<std::uint8_t>("direction", [](ClosedTrade& trade, std::uint8_t code, std::size_t) {
        trade.direction = code == 0 ? trading::Direction::long_side : trading::Direction::short_side;
    });
    each.template operator()<std::uint8_t>(
        "reason", [](ClosedTrade& trade, std::uint8_t code, std::size_t) { trade.reason = static_cast<trading::ExitReason>(code); });
    each.template operator()<std::uint8_t>("timeframe", [](ClosedTrade& trade, std::uint8_t code, std::size_t) { trade.timeframe = code; });
    each.template operator()<std::uint8_t>("ambiguous", [](ClosedTrade& trade, std::uint8_t code, std::size_t) { trade.ambiguous = code != 0; });
    each.template operator()<double>("notional", [](ClosedTrade& trade, double value, std::size_t) { trade.notional = value; });
    return trades;
}

pipeline::TradeList list_of(const nb::dict& columns, const std::vector<std::string>& timeframes, TimeNs from, TimeNs to, double starting_equity) {
    return {.trades = trades_of(columns), .timeframes = timeframes, .window = {from, to}, .starting_equity = starting_equity};
}

Answer figures(const CallOptions& options, const nb::dict& columns, const std::vector<std::string>& timeframes, TimeNs from, TimeNs to,
               double starting_equity) {
    const pipeline::TradeList list = list_of(columns, timeframes, from, to, starting_equity);
    return answer_of(options, "figures", [&](const pipeline::Context&) { return pipeline::trade_figures(list); });
}

Answer report(const CallOptions& options, const std::string& out, const nb::dict& columns, const std::vector<std::string>& timeframes, TimeNs from,
              TimeNs to, double starting_equity, const nb::dict& bars, const nb::dict& texts) {
    const auto text = [&](const char* name) { return nb::cast<std::string>(texts[name]); };
    const auto lines = [&](const char* name) { return nb::cast<std::vector<std::string>>(texts[name]); };
    pipeline::TradeReportRequest request{.list = list_of(columns, timeframes, from, to, starting_equity),
                                         .out = out,
                                         .title = text("title"),
                                         .subtitle = text("subtitle"),
                                         .symbol = text("symbol"),
                                         .bars = {},
                                         .simulated = nb::cast<bool>(texts["simulated"]),
                                         .warnings = lines("warnings"),
                                         .notes = lines("notes")};
    if (!bars.empty()) request.bars = bars_of(bars).bars;
    return answer_of(options, "report", [&](const pipeline::Context& context) { return pipeline::report_trades(request, context); });
}

}  // namespace

void bind_report(nb::module_& module) {
    module.def("figures", &figures, nb::arg("options"), nb::arg("columns"), nb::arg("timeframes"), nb::arg("start"), nb::arg("end"),
               nb::arg("starting_equity"));
    module.def("report", &report, nb::arg("options"), nb::arg("out"), nb::arg("columns"), nb::arg("timeframes"), nb::arg("start"), nb::arg("end"),
               nb::arg("starting_equity"), nb::arg("bars"), nb::arg("texts"));
    nb::list reasons;
    for (std::size_t i = 0; i < trading::exit_reasons; ++i) {
        const std::string_view name = trading::name(static_cast<trading::ExitReason>(i));
        reasons.append(nb::str(name.data(), name.size()));
    }
    module.attr("exit_reasons") = nb::tuple(reasons);
}

}  // namespace sofia::python

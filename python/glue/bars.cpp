#include <algorithm>

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "app/pipeline/market_data.hpp"
#include "bar_columns.hpp"
#include "bars/cascade.hpp"
#include "glue.hpp"
#include "long_call.hpp"
#include "market/instrument.hpp"
#include "store/folder.hpp"
#include "store/trades.hpp"
#include "trade_columns.hpp"

namespace sofia::python {
namespace {

using market::Timeframe;

/// The bars of each of `wanted`, in their order, from whatever `feed` gives the cascade.
template <class Feed>
std::vector<std::vector<market::Bar>> cascade_bars(const std::vector<Timeframe>& all, const std::string& session, const Feed& feed) {
    const market::Session open = value_of(market::Session::parse(session));
    bars::Cascade cascade = value_of(bars::Cascade::make(all, open));
    std::vector<std::vector<market::Bar>> series(all.size());
    feed(cascade, [&](std::size_t timeframe, const market::Bar& bar) { series[timeframe].push_back(bar); });
    return series;
}

nb::dict by_name(const std::vector<Timeframe>& timeframes, const std::vector<std::vector<market::Bar>>& series, std::size_t first) {
    nb::dict out;
    for (std::size_t i = first; i < timeframes.size(); ++i) out[nb::str(timeframes[i].name().c_str())] = columns_of(series[i]);
    return out;
}

nb::dict bars_from_trades(const nb::dict& columns, const std::vector<std::string>& timeframes, const std::string& session) {
    const std::vector<market::Trade> trades = trades_of(columns);
    std::vector<Timeframe> wanted;
    std::vector<std::vector<market::Bar>> series;
    {
        const nb::gil_scoped_release unlocked;
        wanted = value_of(market::parse_timeframes(timeframes));
        series = cascade_bars(wanted, session, [&](bars::Cascade& cascade, const auto& sink) { cascade.on_trades(trades, sink); });
    }
    return by_name(wanted, series, 0);
}

nb::dict bars_from_bars(const nb::dict& columns, const std::vector<std::string>& timeframes, const std::string& session) {
    const BarInput input = bars_of(columns);
    std::vector<Timeframe> all;
    std::vector<std::vector<market::Bar>> series;
    bool base_wanted = false;
    {
        const nb::gil_scoped_release unlocked;
        all = value_of(market::parse_timeframes(timeframes));
        base_wanted = std::ranges::find(all, input.timeframe) != all.end();
        if (!base_wanted) all.insert(all.begin(), input.timeframe);
        if (!std::ranges::is_sorted(all)) {
            value_of<void>(fail(ErrorCode::config, "bars of " + input.timeframe.name() + " cannot be cut into " + all[1].name(),
                                "ask for multiples of the table's own timeframe"));
        }
        series = cascade_bars(all, session, [&](bars::Cascade& cascade, const auto& sink) {
            for (const market::Bar& bar : input.bars) cascade.on_base_bar(bar, sink);
        });
    }
    return by_name(all, series, base_wanted ? 0 : 1);
}

nb::dict trades_in(const std::string& path, bool skip_bad_rows) {
    std::vector<market::Trade> trades;
    run_long({}, {"trades", path}, [&](const pipeline::Context& context) {
        const store::DataFolder folder = value_of(store::DataFolder::open(path));
        if (folder.kind() != store::DataKind::trades) {
            value_of<void>(fail(ErrorCode::usage, path + " holds no trades", "bars and rows are tables already: read their files"));
        }
        const store::TradeSink sink{.restart = [&] { trades.clear(); },
                                    .block = [&](std::span<const market::Trade> block) { trades.insert(trades.end(), block.begin(), block.end()); }};
        const store::BadRows bad = skip_bad_rows ? store::BadRows::skip : store::BadRows::refuse;
        pipeline::log_report(value_of(store::read_trades(folder, {.bad_rows = bad, .stop = context.stop}, sink)), context);
    });
    return columns_of(std::span<const market::Trade>(trades));
}

}  // namespace

void bind_bars(nb::module_& module) {
    module.def(
        "whole_bars", [](const nb::dict& columns) { return columns_of(bars_of(columns).bars); }, nb::arg("columns"),
        "The same bars, checked, with every column that bars can have: NaN where they have none.");
    module.def("trades_in", &trades_in, nb::arg("path"), nb::arg("skip_bad_rows"),
               "ts, price, size, side, tick of a data folder's trades, in time order.");
    module.def("bars_from_trades", &bars_from_trades, nb::arg("columns"), nb::arg("timeframes"), nb::arg("session"),
               "Timeframe -> columns of its closed bars. `columns`: ts, price, size, side and perhaps tick.");
    module.def("bars_from_bars", &bars_from_bars, nb::arg("columns"), nb::arg("timeframes"), nb::arg("session"),
               "Timeframe -> columns of its closed bars. `columns`: open_time, open, high, low, close, volume and perhaps more.");
}

}  // namespace sofia::python

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/files.hpp"
#include "report/assets.hpp"
#include "report/chart_data.hpp"
#include "report/figures.hpp"
#include "report/page_parts.hpp"
#include "report/page_text.hpp"
#include "report/report.hpp"

namespace sofia::report {

namespace {

// ---- what is checked before anything is written

template <class Rows, class TimeOf>
Result<void> check_ascending(const Rows& rows, TimeOf time_of, const std::string& what) {
    for (std::size_t i = 1; i < rows.size(); ++i) {
        if (time_of(rows[i]) > time_of(rows[i - 1])) continue;
        return fail(ErrorCode::usage,
                    "report: " + what + " " + std::to_string(i) + " at " + format_time(time_of(rows[i])) + " is not after the one before");
    }
    return {};
}

Result<void> check_tables(std::span<const Table> tables) {
    for (const Table& table : tables) {
        for (const auto& row : table.rows) {
            if (row.size() == table.columns.size()) continue;
            return fail(ErrorCode::usage, "report: a row of table \"" + table.title + "\" has " + std::to_string(row.size()) + " cells for " +
                                              std::to_string(table.columns.size()) + " columns");
        }
    }
    return {};
}

Result<void> check_map(const HeatMap& map) {
    const auto fits = [&](const auto& rows) {
        return rows.size() == map.y_classes.size() && std::ranges::all_of(rows, [&](const auto& row) { return row.size() == map.x_classes.size(); });
    };
    if (fits(map.values) && fits(map.counts)) return {};
    return fail(ErrorCode::usage, "report: heat map \"" + map.title + "\" has not one value and count for each pair of classes");
}

Result<void> check(const ReportData& data) {
    SOFIA_CHECK(check_tables(data.tables));
    for (const Part& part : data.parts) {
        SOFIA_CHECK(check_tables(part.tables));
        for (const HeatMap& map : part.heat_maps) SOFIA_CHECK(check_map(map));
    }
    SOFIA_CHECK(check_ascending(data.bars, [](const market::Bar& bar) { return bar.open_time; }, "bar"));
    std::vector<const Series*> lines = {&data.equity, &data.drawdown};
    for (const Series& series : data.benchmarks) lines.push_back(&series);
    for (const Series* series : lines) {
        SOFIA_CHECK(check_ascending(series->points, [](const Point& point) { return point.time; }, "point of series \"" + series->name + "\""));
    }
    for (const MonthReturn& month : data.months) {
        if (month.month < 1 || month.month > 12) return fail(ErrorCode::usage, "report: month " + std::to_string(month.month) + " is not 1..12");
    }
    return {};
}

// ---- pieces

std::string banners(const ReportData& data) {
    std::string out;
    if (data.simulated) out += "<p class=\"banner\">simulated: true <span>— every figure below comes from simulated data</span></p>\n";
    for (const std::string& warning : data.warnings) out += "<p class=\"banner\">" + escape(warning) + "</p>\n";
    return out;
}

std::string figure_table(const FigureTable& table) {
    std::string rows;
    for (const Figure& figure : table.figures) {
        rows += "<tr><td class=\"name\">" + escape(figure.name) +
                (figure.note.empty() ? "" : "<span class=\"note\">" + escape(figure.note) + "</span>") + "</td><td>" + value_text(figure) +
                unit_text(figure.unit) + "</td></tr>\n";
    }
    return panel(table.title, "<table><tbody>\n" + rows + "</tbody></table>");
}

std::string cell(const std::variant<double, std::string>& value, int decimals) {
    if (const auto* text = std::get_if<std::string>(&value)) return "<td class=\"text\">" + escape(*text) + "</td>";
    const double number = std::get<double>(value);
    return fmt::format("<td data-v=\"{}\">{}</td>", std::isnan(number) ? "" : script_number(number, 12), format_number(number, decimals));
}

std::string head_cell(const std::string& name, const std::string& unit, bool text) {
    return fmt::format("<th scope=\"col\"{}><button type=\"button\">{}{}</button></th>", text ? " class=\"text\"" : "", escape(name),
                       unit_text(unit));
}

std::string sortable_table(const Table& table) {
    std::string out = table.note.empty() ? "" : "<span class=\"note\">" + escape(table.note) + "</span>";
    out += std::string("<div class=\"scroll") + (table.rows.size() <= 15 ? " short" : "") + "\"><table class=\"sortable\"><thead><tr>";
    for (std::size_t j = 0; j < table.columns.size(); ++j) {
        const bool text = !table.rows.empty() && std::holds_alternative<std::string>(table.rows.front()[j]);
        out += head_cell(table.columns[j].name, table.columns[j].unit, text);
    }
    out += "</tr></thead><tbody>\n";
    for (const auto& row : table.rows) {
        out += "<tr>";
        for (std::size_t j = 0; j < row.size(); ++j) out += cell(row[j], table.columns[j].decimals);
        out += "</tr>\n";
    }
    return panel(table.title, out + "</tbody></table></div>");
}

std::string grid(const std::string& body, const char* style = "grid") {
    return body.empty() ? "" : std::string("<div class=\"") + style + "\">\n" + body + "</div>\n";
}

// ---- sections

std::string chart_section(const ReportData& data) {
    if (!has_chart(data)) return "";
    const bool candles = !data.bars.empty();
    std::string keys;
    if (!data.markers.empty() && candles) {
        keys =
            "<span class=\"keys\"><span><i class=\"up\"></i>long entry</span><span><i class=\"down\"></i>short entry</span>"
            "<span><i style=\"background:var(--gain)\"></i>exit with profit</span><span><i style=\"background:var(--loss)\"></i>exit with "
            "loss</span></span>";
    }
    const std::string title =
        candles ? data.symbol + " with entries, exits, equity and drawdown (times in UTC)" : "Equity and drawdown (times in UTC)";
    return "<section id=\"candles\"><h2>" + std::string(candles ? "Trades on the chart" : "Equity") +
           "</h2>\n<div class=\"panel\"><div class=\"chart-head\"><h3>" + escape(title) +
           "</h3><span class=\"choices\" id=\"timeframes\" role=\"group\" aria-label=\"timeframe\"></span>" + keys + "</div><div id=\"chart\"" +
           (candles ? "" : " class=\"lines\"") +
           "></div><noscript>The chart needs JavaScript; the figures below do not.</noscript></div></section>\n";
}

std::string month_cell(double percent, const char* style) {
    const double heat = std::min(1.0, std::abs(percent) / 12.0);
    const char* tone = percent > 0.0 ? "gain" : percent < 0.0 ? "loss" : "";
    return fmt::format("<td class=\"{}{}\" style=\"--heat:{:.3f}\">{}</td>", tone, style, std::isfinite(heat) ? heat : 0.0,
                       format_number(percent, 1));
}

std::string months_section(const ReportData& data) {
    if (data.months.empty()) return "";
    static constexpr std::array names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::string rows;
    std::set<int> years;
    for (const MonthReturn& month : data.months) years.insert(month.year);
    for (const int year : years) {
        rows += "<tr><th scope=\"row\">" + std::to_string(year) + "</th>";
        double growth = 1.0;
        for (int month = 1; month <= 12; ++month) {
            const auto at = std::ranges::find_if(data.months, [&](const MonthReturn& m) { return m.year == year && m.month == month; });
            if (at == data.months.end()) {
                rows += "<td></td>";
                continue;
            }
            growth *= 1.0 + (std::isnan(at->percent) ? 0.0 : at->percent) / 100.0;
            rows += month_cell(at->percent, "");
        }
        rows += month_cell(100.0 * (growth - 1.0), " total") + "</tr>\n";
    }
    std::string head;
    for (const char* name : names) head += std::string("<th scope=\"col\">") + name + "</th>";
    return section("Returns by month", "<div class=\"panel\"><table class=\"months\"><thead><tr><th scope=\"col\">%</th>" + head +
                                           "<th scope=\"col\">year</th></tr></thead><tbody>\n" + rows + "</tbody></table></div>\n");
}

std::string distribution_panels(std::span<const Distribution> distributions) {
    std::string body;
    for (const Distribution& distribution : distributions) {
        const std::string drawing = histogram(distribution);
        if (!drawing.empty()) body += panel(distribution.title, drawing);
    }
    return body;
}

constexpr std::size_t whole_width_columns = 6;

std::string part_section(const Part& part) {
    std::string figures;
    for (const FigureTable& table : part.figures) figures += figure_table(table);
    std::string wide;
    std::string widest;  // tables that need the page's whole width
    for (const Table& table : part.tables) (table.columns.size() > whole_width_columns ? widest : wide) += sortable_table(table);
    wide += distribution_panels(part.distributions);
    for (const HeatMap& map : part.heat_maps) {
        const std::string title = map.unit.empty() ? map.title : map.title + " (" + map.unit + ")";
        wide += panel(title, (map.note.empty() ? "" : "<span class=\"note\">" + escape(map.note) + "</span>") + heat_map(map));
    }
    const std::string body = grid(figures) + grid(widest, "whole") + grid(wide, "grid wide");
    if (body.empty()) return "";
    return section(part.title, (part.note.empty() ? "" : "<p class=\"subtitle\">" + escape(part.note) + "</p>\n") + body);
}

std::string results_section(const ReportData& data) {
    std::string body;
    if (!data.waterfall.empty()) body += panel("From gross to net", waterfall_chart(data.waterfall, data.waterfall_unit));
    body += distribution_panels(data.distributions);
    return section("Where the result comes from", grid(body, "grid wide"));
}

constexpr std::size_t features_shown = 30;

std::string importance_panel(const ReportData& data) {
    std::vector<Importance> sorted = data.importance;
    std::erase_if(sorted, [](const Importance& i) { return !(i.gain > 0.0); });
    if (sorted.empty()) return "";
    std::ranges::stable_sort(sorted, std::ranges::greater{}, &Importance::gain);
    double total = 0.0;
    for (const Importance& importance : sorted) total += importance.gain;
    std::vector<BarItem> items;
    for (const Importance& importance : std::span(sorted).first(std::min(features_shown, sorted.size()))) {
        const double share = 100.0 * importance.gain / total;
        items.push_back({importance.feature, share, "accent", format_number(share, 1) + " %"});
    }
    return panel("Importance by gain",
                 bar_list(items, fmt::format("share of the total gain of all splits (%), {} of {} features", items.size(), sorted.size())));
}

std::string shap_panel(const ReportData& data) {
    std::vector<ShapSummary> sorted = data.shap;
    std::erase_if(sorted, [](const ShapSummary& s) { return !(s.mean_absolute > 0.0); });
    if (sorted.empty()) return "";
    std::ranges::stable_sort(sorted, std::ranges::greater{}, &ShapSummary::mean_absolute);
    std::vector<BarItem> items;
    for (const ShapSummary& summary : std::span(sorted).first(std::min(features_shown, sorted.size()))) {
        const std::string tone = std::isnan(summary.direction) || std::abs(summary.direction) < 0.2 ? "muted"
                                 : summary.direction > 0.0                                          ? "accent"
                                                                                                    : "second";
        items.push_back({summary.feature, summary.mean_absolute, tone, format_number(summary.mean_absolute, 4)});
    }
    return panel("SHAP contributions",
                 bar_list(items, "mean size of the contribution to the raw prediction") +
                     "<p class=\"swatches\"><i class=\"accent\"></i>higher value, higher prediction<i class=\"second\"></i>higher value, "
                     "lower prediction<i class=\"muted\"></i>no clear direction</p>");
}

std::string model_section(const ReportData& data) {
    std::string body;
    if (!data.folds.empty()) body += panel("Fold scores", fold_columns(data.folds, data.fold_metric));
    if (!data.reliability.empty()) body += panel("Reliability: predicted against observed", reliability_chart(data.reliability));
    body += importance_panel(data) + shap_panel(data);
    return section("Model", grid(body, "grid wide"));
}

std::string tables_section(const ReportData& data) {
    std::string body;
    for (const Table& table : data.tables) body += sortable_table(table);
    return section(data.tables_title, grid(body, "grid wide"));
}

std::string trades_section(const ReportData& data) {
    if (data.trades.empty()) return "";
    const int decimals = price_decimals(data);
    const bool linked = !data.bars.empty();
    std::string out = linked ? "<span class=\"note\">A row leads to its candles. Times in UTC.</span>" : "<span class=\"note\">Times in UTC.</span>";
    out += "<div class=\"scroll\"><table class=\"sortable\" id=\"trades\"><thead><tr>";
    out += head_cell("#", "", false) + head_cell("entry", "", true) + head_cell("exit", "", true) + head_cell("direction", "", true) +
           head_cell("quantity", "", false) + head_cell("entry price", data.price_unit, false) + head_cell("exit price", data.price_unit, false) +
           head_cell("net profit", data.equity.unit, false) + head_cell("net", "R", false) + head_cell("reason", "", true);
    out += "</tr></thead><tbody>\n";
    const auto number = [](double value, int places, std::string_view style) {
        return fmt::format("<td data-v=\"{}\"{}>{}</td>", std::isnan(value) ? "" : script_number(value, 12), style, format_number(value, places));
    };
    for (std::size_t i = 0; i < data.trades.size(); ++i) {
        const TradeRow& trade = data.trades[i];
        const std::string_view tone = trade.net_profit < 0.0 ? " class=\"loss-text\"" : trade.net_profit > 0.0 ? " class=\"gain-text\"" : "";
        const auto time = [](TimeNs t) {
            return "<td class=\"text\">" + format_time(floor_time(t, ns_per_second)).replace(10, 1, " ").substr(0, 19) + "</td>";
        };
        out += fmt::format("<tr data-trade=\"{}\"><td data-v=\"{}\">{}</td>", i, i + 1, i + 1) + time(trade.entry_time) + time(trade.exit_time) +
               "<td class=\"text\">" + escape(trade.direction) + "</td>" + number(trade.quantity, 4, "") + number(trade.entry_price, decimals, "") +
               number(trade.exit_price, decimals, "") + number(trade.net_profit, std::abs(trade.net_profit) < 1.0 ? 6 : 2, tone) +
               number(trade.net_r, 2, tone) + "<td class=\"text\">" + escape(trade.exit_reason) + "</td></tr>\n";
    }
    return section("Trades (" + format_number(static_cast<double>(data.trades.size()), 0) + ")",
                   "<div class=\"panel\">" + out + "</tbody></table></div></div>\n");
}

std::string footer(const ReportData& data) {
    std::string out = "<footer>" + provenance_list(data.provenance);
    // The notice that the licence of the chart library asks for; its logo on the chart links to the maker's page.
    if (has_chart(data)) {
        out += "<p>Chart: TradingView Lightweight Charts™, Copyright © TradingView, Inc., www.tradingview.com, Apache License 2.0.</p>";
    }
    return out + "</footer>\n";
}

}  // namespace

Result<std::string> html(const ReportData& data) {
    SOFIA_CHECK(check(data));
    std::string out =
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
        escape(data.title) + "</title>\n<style>\n";
    out += style();
    out += "</style>\n</head>\n<body>\n" + banners(data) + "<main>\n<header><h1>" + escape(data.title) + "</h1>";
    if (!data.subtitle.empty()) out += "<p class=\"subtitle\">" + escape(data.subtitle) + "</p>";
    out += "</header>\n" + cards(data.headline) + chart_section(data);
    std::string tables;
    for (const FigureTable& table : data.figures) tables += figure_table(table);
    out += section("Figures", grid(tables)) + months_section(data) + results_section(data);
    for (const Part& part : data.parts) out += part_section(part);
    out += tables_section(data) + model_section(data) + trades_section(data) + notes_section(data.notes) + footer(data) + "</main>\n";
    if (has_chart(data)) {
        out += "<script type=\"application/json\" id=\"chart-data\">" + chart_json(data) + "</script>\n<script>\n";
        out += chart_library();
        out += "\n</script>\n";
    }
    out += "<script>\n";
    out += tables_script();
    out += page_script();
    return out + "</script>\n</body>\n</html>\n";
}

Result<void> write_html(const std::filesystem::path& path, const ReportData& data) {
    SOFIA_TRY(const std::string page, html(data));
    return write_file(path, page);
}

}  // namespace sofia::report

#include <cstdlib>
#include <filesystem>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "base/json.hpp"
#include "report/report.hpp"
#include "report/test_report.hpp"

extern "C" {
extern const char sofia_chart_library_begin[];
extern const char sofia_chart_library_end[];
}

namespace sofia::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// The page without the embedded chart library.
std::string own_part(std::string page) {
    const std::string library(sofia_chart_library_begin, sofia_chart_library_end);
    const std::size_t at = page.find(library);
    if (at != std::string::npos) page.erase(at, library.size());
    return page;
}

std::string page_of(const ReportData& data) {
    const auto page = html(data);
    EXPECT_TRUE(page.has_value()) << page.error().message;
    return page.value_or("");
}

Json chart_of(const std::string& page) {
    const std::string open = "id=\"chart-data\">";
    const std::size_t begin = page.find(open) + open.size();
    return parse_json(page.substr(begin, page.find("</script>", begin) - begin), "chart").value();
}

/// Checks that elements nest; void elements and the content of scripts and styles are left out.
void expect_well_formed(const std::string& page) {
    std::string text = std::regex_replace(page, std::regex("<!doctype html>"), "");
    for (const char* raw : {"script", "style"}) {
        for (std::size_t at = 0; (at = text.find("<" + std::string(raw), at)) != std::string::npos; ++at) {
            const std::size_t begin = text.find('>', at) + 1;
            text.erase(begin, text.find("</" + std::string(raw) + ">", begin) - begin);
        }
    }
    std::vector<std::string> open;
    const std::regex tag("<(/?)([a-zA-Z0-9]+)((?:\\s+[a-zA-Z0-9-]+(?:=\"[^\"<]*\")?)*)\\s*(/?)>");
    std::size_t tags = 0;
    for (std::sregex_iterator it(text.begin(), text.end(), tag); it != std::sregex_iterator(); ++it, ++tags) {
        const std::string name = (*it)[2];
        if (name == "meta" || name == "link" || (*it)[4] == "/") continue;
        if ((*it)[1].length() == 0) {
            open.push_back(name);
            continue;
        }
        ASSERT_FALSE(open.empty()) << "</" << name << "> closes nothing";
        ASSERT_EQ(open.back(), name);
        open.pop_back();
    }
    EXPECT_TRUE(open.empty());
    // Every < begins one of these tags: nothing was left unescaped.
    EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(text, '<')), tags);
}

class Page : public ::testing::Test {
protected:
    std::vector<market::Bar> bars_ = testing::walk(3000, 15 * ns_per_minute);
    ReportData data_ = testing::everything(bars_);
};

TEST_F(Page, ShowsTheFiguresAndIsWellFormed) {
    const std::string page = page_of(data_);
    expect_well_formed(page);
    for (const char* text : {"1,234.5", "18.3", "−7.3", "1,827.12", "profit factor", "–", "95 %: 0.01 to 0.15", "By exit", "m5.feature_0_gap",
                             "fold 3", "predicted probability", "from gross to net (R)", "seed", "9f2c51d2a7", "R a trade", "2020"}) {
        EXPECT_THAT(own_part(page), HasSubstr(text)) << text;
    }
    EXPECT_EQ(page, page_of(data_));
    // Kept for looking at it: SOFIA_KEEP=folder report_test.
    if (const char* keep = std::getenv("SOFIA_KEEP")) {
        ASSERT_TRUE(write_html(std::filesystem::path(keep) / "report.html", data_).has_value());
    }
}

TEST_F(Page, SimulatedIsTheFirstLineAndOnlyThere) {
    const std::string page = own_part(page_of(data_));
    const std::size_t body = page.find("<body>");
    EXPECT_EQ(page.find("simulated: true"), page.find("<p class=\"banner\">", body) + std::string("<p class=\"banner\">").size());
    EXPECT_LT(page.find("simulated: true", body), page.find("in-sample", body));
    EXPECT_LT(page.find("in-sample", body), page.find("<h1>"));
    data_.simulated = false;
    EXPECT_THAT(own_part(page_of(data_)), Not(HasSubstr("simulated: true")));
}

TEST_F(Page, PartsStandInTheirOrderAndEmptyOnesNowhere) {
    data_.parts = {
        {"First part", "what it is", {{"Its figures", {{"a figure", 2.5, "R", 1, ""}}}}, {}, {}},
        {"Empty part", "nothing in it", {}, {}, {}},
        {"Second part", "", {}, {{"Its table", "", {{"name", ""}, {"value", ""}}, {{std::string("row"), 1.0}}}}, {{"Its values", "R", {1.0, 2.0}}}}};
    const std::string page = own_part(page_of(data_));
    expect_well_formed(page_of(data_));
    EXPECT_LT(page.find("First part"), page.find("Its figures"));
    EXPECT_LT(page.find("Its figures"), page.find("Second part"));
    EXPECT_LT(page.find("Its table"), page.find("Its values"));
    EXPECT_THAT(page, HasSubstr("what it is"));
    EXPECT_THAT(page, Not(HasSubstr("Empty part")));
    data_.parts[2].tables[0].rows.push_back({1.0});
    EXPECT_EQ(html(data_).error().code, ErrorCode::usage);
}

TEST_F(Page, AHeatMapHasACellForEachPairThatWasSeen) {
    const double nothing = std::numeric_limits<double>::quiet_NaN();
    HeatMap map{.title = "Scores",
                .note = "",
                .unit = "R",
                .x_name = "width <m>",
                .y_name = "depth",
                .x_classes = {"low", "high"},
                .y_classes = {"flat", "deep"},
                .values = {{0.25, -0.5}, {nothing, 0.125}},
                .counts = {{3, 4}, {0, 5}},
                .marked_x = 1,
                .marked_y = 1};
    data_.parts = {{"Parameters", "", {}, {}, {}, {map}}};
    const std::string page = own_part(page_of(data_));
    expect_well_formed(page_of(data_));
    const std::string drawing = page.substr(page.find("Parameters"));
    const std::string svg = drawing.substr(0, drawing.find("</svg>"));
    std::size_t cells = 0;
    for (std::size_t at = svg.find("<rect"); at != std::string::npos; at = svg.find("<rect", at + 1)) ++cells;
    EXPECT_EQ(cells, 3U);
    EXPECT_THAT(svg, HasSubstr("class=\"loss\" fill-opacity=\"0.700\""));
    EXPECT_THAT(svg, HasSubstr("class=\"gain marked\""));
    EXPECT_THAT(svg, HasSubstr("width &lt;m&gt; high, depth deep: 0.125 of 5"));
    data_.parts[0].heat_maps[0].counts.pop_back();
    EXPECT_EQ(html(data_).error().code, ErrorCode::usage);
}

TEST_F(Page, AsksTheNetworkForNothing) {
    const std::string page = page_of(data_);
    const std::string own = own_part(page);
    EXPECT_THAT(own, Not(HasSubstr("http:")));
    EXPECT_THAT(own, Not(HasSubstr("https:")));
    for (const char* word :
         {"src=", "href=", "@import", "import(", "fetch(", "XMLHttpRequest", "url(", "WebSocket", "sendBeacon", "<link", "<iframe", "<img"}) {
        EXPECT_THAT(own, Not(HasSubstr(word))) << word;
    }
    // The library names addresses only in its licence, as an XML namespace, and as the link of its logo that a reader may follow.
    const std::string library(sofia_chart_library_begin, sofia_chart_library_end);
    for (const char* word : {"fetch(", "XMLHttpRequest", "import(", "WebSocket", "sendBeacon", "</script", "importScripts"}) {
        EXPECT_THAT(library, Not(HasSubstr(word))) << word;
    }
    EXPECT_GT(library.size(), 100'000U);
    EXPECT_NE(page.find(library), std::string::npos);
}

TEST_F(Page, EscapesEveryText) {
    const std::string evil = "</script><script>alert(1)</script>\"'&";
    data_.title = data_.subtitle = data_.symbol = data_.price_unit = data_.fold_metric = data_.waterfall_unit = evil;
    data_.warnings = data_.notes = {evil};
    for (Figure& figure : data_.headline) figure.name = figure.unit = figure.note = evil;
    data_.headline[0].value = evil;
    data_.figures[0].title = data_.figures[0].figures[0].name = evil;
    data_.tables[0].title = data_.tables[0].note = data_.tables[0].columns[0].name = data_.tables[0].columns[1].unit = evil;
    data_.tables[0].rows[0][0] = evil;
    for (Marker& marker : data_.markers) marker.text = evil;
    data_.trades[0].direction = data_.trades[0].exit_reason = evil;
    data_.equity.name = data_.equity.unit = data_.benchmarks[0].name = evil;
    data_.importance[0].feature = data_.shap[0].feature = data_.folds[0].name = data_.folds[1].note = data_.waterfall[0].name = evil;
    data_.distributions[0].title = data_.distributions[0].unit = evil;
    data_.provenance[0].name = evil;
    data_.parts = {{evil, evil, {{evil, {{evil, evil, evil, 2, evil}}}}, {{evil, evil, {{evil, evil}}, {{evil}}}}, {{evil, evil, {1.0, 2.0}}}}};
    const std::string page = page_of(data_);
    EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
    EXPECT_THAT(page, Not(HasSubstr("alert(1)</script>")));
    expect_well_formed(page);
    EXPECT_EQ(chart_of(page)["symbol"], evil);
}

TEST_F(Page, ChartHoldsTheBarsExactlyAndMarkersInOrder) {
    std::ranges::reverse(data_.markers);
    const Json chart = chart_of(page_of(data_));
    ASSERT_EQ(chart["times"].size(), bars_.size());
    ASSERT_EQ(chart["candles"].size(), 4 * bars_.size());
    EXPECT_EQ(chart["decimals"], 1);
    std::int64_t time = 0;
    std::int64_t close = 0;
    for (std::size_t i = 0; i < bars_.size(); ++i) {
        time += chart["times"][i].get<std::int64_t>() * chart["length"].get<std::int64_t>();
        const auto part = [&](std::size_t k) { return chart["candles"][4 * i + k].get<std::int64_t>(); };
        const std::int64_t open = close + part(0);
        close = open + part(1);
        ASSERT_EQ(time * ns_per_second, bars_[i].open_time);
        ASSERT_EQ(static_cast<double>(open) / 10.0, bars_[i].open);
        ASSERT_EQ(static_cast<double>(close) / 10.0, bars_[i].close);
        ASSERT_EQ(static_cast<double>(std::max(open, close) + part(2)) / 10.0, bars_[i].high);
        ASSERT_EQ(static_cast<double>(std::min(open, close) - part(3)) / 10.0, bars_[i].low);
    }
    ASSERT_EQ(chart["markers"].size(), data_.markers.size());
    for (std::size_t i = 1; i < chart["markers"].size(); ++i)
        EXPECT_LE(chart["markers"][i - 1][0].get<std::int64_t>(), chart["markers"][i][0].get<std::int64_t>());
    EXPECT_EQ(chart["trades"].size(), data_.trades.size());
    EXPECT_EQ(chart["equity"]["values"].size(), bars_.size());
    EXPECT_NEAR(chart["equity"]["values"].back().get<double>(), data_.equity.points.back().value, 1e-3);
}

TEST_F(Page, ManyBarsAreJoinedAndTheDeepestDrawdownStays) {
    const auto many = testing::walk(130'000, ns_per_minute);
    const ReportData data = testing::everything(many);
    if (const char* keep = std::getenv("SOFIA_KEEP")) {
        ASSERT_TRUE(write_html(std::filesystem::path(keep) / "report_many.html", data).has_value());
    }
    const Json chart = chart_of(page_of(data));
    EXPECT_EQ(chart["length"], 300);
    EXPECT_EQ(chart["times"].size(), 26'000U);
    double deepest = 0.0;
    for (const Point& point : drawdown_of(data.equity).points) deepest = std::min(deepest, point.value);
    double drawn = 0.0;
    for (const Json& value : chart["drawdown"]["values"]) drawn = std::min(drawn, value.is_null() ? 0.0 : value.get<double>());
    EXPECT_NEAR(drawn, deepest, 1e-6);
}

TEST_F(Page, PartsLeftEmptyAreLeftOut) {
    ReportData empty;
    empty.title = "nothing";
    const std::string page = page_of(empty);
    expect_well_formed(page);
    EXPECT_THAT(page, Not(HasSubstr("<h2>")));
    EXPECT_THAT(page, Not(HasSubstr("TradingView Lightweight Charts™ v5")));
    empty.equity = data_.equity;  // lines without candles
    const std::string lines = page_of(empty);
    expect_well_formed(lines);
    EXPECT_FALSE(chart_of(lines).contains("candles"));
    EXPECT_EQ(chart_of(lines)["equity"]["values"].size(), chart_of(lines)["times"].size());
}

TEST_F(Page, WhatBreaksTheRulesIsRefused) {
    ReportData data = data_;
    data.tables[0].rows[1].pop_back();
    EXPECT_THAT(html(data).error().message, HasSubstr("table \"By exit\" has 3 cells for 4 columns"));
    data = data_;
    std::swap(data.equity.points[1], data.equity.points[2]);
    EXPECT_EQ(html(data).error().code, ErrorCode::usage);
    std::swap(bars_[5], bars_[6]);
    EXPECT_THAT(html(data_).error().message, HasSubstr("bar 6"));
    data = data_;
    data.bars = {};
    data.months = {{2020, 13, 1.0}};
    EXPECT_EQ(html(data).error().code, ErrorCode::usage);
}

TEST_F(Page, IsWrittenWhole) {
    const auto folder = std::filesystem::temp_directory_path() / ("sofia_report_" + std::to_string(getpid()));
    ASSERT_TRUE(write_html(folder / "report.html", data_).has_value());
    EXPECT_EQ(read_file(folder / "report.html").value(), page_of(data_));
    EXPECT_EQ(list_files(folder)->size(), 1U);
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sofia::report

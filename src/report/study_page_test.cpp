#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/json.hpp"
#include "base/random.hpp"
#include "report/study.hpp"

namespace sofia::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

/// `count` trials of a quadratic over a number, a logarithm and a category; every seventh was pruned, every third reports.
StudyData quadratic(std::size_t count, std::size_t extra_parameters = 0) {
    StudyData data;
    data.title = "fit";
    data.objectives = {{"loss", Goal::minimize}};
    data.targets = {0};
    data.parameters = {
        {"x", Scale::linear, -5.0, 5.0, {}}, {"lr", Scale::log, 1e-4, 0.1, {}}, {"boost", Scale::category, 0.0, 0.0, {"gbdt", "dart"}}};
    for (std::size_t i = 0; i < extra_parameters; ++i) data.parameters.push_back({"p" + std::to_string(i), Scale::linear, 0.0, 1.0, {}});
    data.importance = {{{0, 0.75}, {2, 0.25}}};
    data.importance_method = "PED-ANOVA";
    RandomStream random(3);
    double least = inf;
    for (std::size_t i = 0; i < count; ++i) {
        StudyTrial trial;
        trial.number = static_cast<std::int64_t>(i);
        trial.end = i % 7 == 6 ? TrialEnd::pruned : TrialEnd::complete;
        trial.params = {10.0 * random.uniform() - 5.0, std::pow(10.0, -4.0 + 3.0 * random.uniform()), static_cast<double>(random.below(2))};
        for (std::size_t j = 0; j < extra_parameters; ++j) trial.params.push_back(random.uniform());
        trial.values = {trial.params[0] * trial.params[0] + trial.params[2]};
        if (i % 3 == 0) trial.reports = {{0, 9.0}, {1, trial.values[0]}};
        if (trial.end == TrialEnd::complete && trial.values[0] < least) {
            least = trial.values[0];
            data.best = {i};
        }
        data.trials.push_back(std::move(trial));
    }
    return data;
}

std::string page_of(const StudyData& data, const StudyLimits& limits = {}) {
    const auto page = study_html(data, limits);
    EXPECT_TRUE(page.has_value()) << page.error().message;
    return page.value_or("");
}

Json data_of(const std::string& page) {
    const std::string open = "id=\"study-data\">";
    const std::size_t begin = page.find(open) + open.size();
    return parse_json(page.substr(begin, page.find("</script>", begin) - begin), "study").value();
}

/// What stands between the last `<name>` and its end.
std::string content_of(const std::string& page, const std::string& name) {
    const std::size_t begin = page.rfind("<" + name + ">") + name.size() + 2;
    return page.substr(begin, page.find("</" + name + ">", begin) - begin);
}

TEST(StudyPage, CarriesTheTrialsAsTheyAre) {
    StudyData data = quadratic(20);
    data.trials[4].params[1] = nan;
    data.trials[1].values[0] = inf;
    data.trials[8].feasibility = Feasibility::infeasible;
    const Json json = data_of(page_of(data));
    EXPECT_EQ(json["total"], 20);
    EXPECT_EQ(json["counts"]["c"], 18);
    EXPECT_EQ(json["counts"]["p"], 2);
    EXPECT_EQ(json["trials"]["state"], "ccccccpccccccpcccccc");
    EXPECT_EQ(json["trials"]["feasible"], "11111111011111111111");
    EXPECT_TRUE(json["trials"]["values"][0][6].is_null()) << "the value of a pruned trial is only its last report";
    EXPECT_EQ(json["trials"]["values"][0][1], "Infinity");
    EXPECT_TRUE(json["trials"]["params"][1][4].is_null());
    EXPECT_NEAR(json["trials"]["params"][0][3].get<double>(), data.trials[3].params[0], 1e-5);
    const std::size_t best = data.best.front();
    EXPECT_EQ(json["trials"]["params"][0][best].get<double>(), data.trials[best].params[0]) << "the best one's parameters are exact";
    EXPECT_EQ(json["best"], Json::array({best}));
    EXPECT_EQ(json["targets"][0]["not_finite"], 1);
    EXPECT_EQ(json["targets"][0]["line"].back()[0], best);
    EXPECT_EQ(json["targets"][0]["importance"], Json::parse("[[0,0.75],[2,0.25]]"));
    EXPECT_EQ(json["reports"]["trials"], 7);
    EXPECT_EQ(page_of(data), page_of(data));
}

TEST(StudyPage, ContoursArePairsWithTheMostImportantFirst) {
    const Json json = data_of(page_of(quadratic(60)));
    EXPECT_EQ(json["contours"]["params"], Json::parse("[0,2,1]"));
    const Json& surfaces = json["contours"]["surfaces"][0];
    ASSERT_EQ(surfaces.size(), 3U);
    EXPECT_EQ(surfaces[0].get<std::string>().size(), 3U * 24 * 2);
    EXPECT_EQ(surfaces[1].get<std::string>().size(), 3U * 24 * 24);
}

TEST(StudyPage, ParametersThatNeverMeetOrNeverVaryHaveNoSurface) {
    StudyData data = quadratic(60);
    for (StudyTrial& trial : data.trials) {
        trial.params[2] = 0.0;
        trial.params[trial.number % 2 == 0 ? 0 : 1] = nan;
    }
    const Json json = data_of(page_of(data));
    EXPECT_EQ(json["contours"]["params"], Json::parse("[0,1]"));
    EXPECT_TRUE(json["contours"]["surfaces"][0][0].is_null());
}

TEST(StudyPage, NothingInNamesEndsTheScriptOrTheElement) {
    StudyData data = quadratic(5);
    const std::string evil = "</script><script>alert(1)</script><!-- \" ' \\ \u2028 😀 \u202e]]>";
    data.title = data.subtitle = evil;
    data.objectives[0].name = evil;
    data.parameters[0].name = evil;
    data.parameters[2].choices = {evil, std::string(5000, 'x')};
    data.importance_method = evil;
    data.notes = {evil};
    data.provenance = {{"from", evil, "", 0, ""}};
    data.headline = {{evil, evil, evil, 0, evil}};
    const std::string page = page_of(data);
    EXPECT_THAT(page, Not(HasSubstr("alert(1)</script>")));
    EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
    const Json json = data_of(page);
    EXPECT_EQ(json["parameters"][0]["name"], evil);
    EXPECT_EQ(json["parameters"][2]["choices"][0], evil);
    EXPECT_LT(json["parameters"][2]["choices"][1].get<std::string>().size(), 200U);
    EXPECT_EQ(json["objectives"][0]["name"], evil);
    // The data and the script itself: three elements end, one of them the style.
    std::size_t ends = 0;
    for (std::size_t at = 0; (at = page.find("</script", at)) != std::string::npos; ++at) ++ends;
    EXPECT_EQ(ends, 2U);
}

TEST(StudyPage, LongNamesAreCutBetweenCharacters) {
    StudyData data = quadratic(5);
    data.parameters[2].choices[0].clear();
    for (int i = 0; i < 100; ++i) data.parameters[2].choices[0] += "😀";
    const std::string shown = data_of(page_of(data))["parameters"][2]["choices"][0];
    EXPECT_EQ(shown.size() % 4, 3U) << "whole characters of four bytes, then an ellipsis of three";
}

TEST(StudyPage, ItsPolicyAllowsItsOwnScriptAndStyleOnly) {
    const std::string page = page_of(quadratic(5));
    const auto base64 = [](const std::string& hex) {
        constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        std::string bits;
        for (const char c : hex) {
            const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
            for (int bit = 3; bit >= 0; --bit) bits += (digit >> bit) % 2 == 1 ? '1' : '0';
        }
        bits += "00";
        std::string out;
        for (std::size_t i = 0; i < bits.size(); i += 6) out += letters[std::stoul(bits.substr(i, 6), nullptr, 2)];
        return out + "=";
    };
    EXPECT_THAT(page, HasSubstr("default-src 'none'; script-src 'sha256-" + base64(sha256_hex(content_of(page, "script"))) + "'; style-src 'sha256-" +
                                base64(sha256_hex(content_of(page, "style"))) + "'; img-src data:; base-uri 'none'; form-action 'none'\""));
    for (const char* word : {"src=", "href=", "@import", "import(", "fetch(", "XMLHttpRequest", "url(", "WebSocket", "sendBeacon", "<link", "<iframe",
                             "<img", "innerHTML", "eval(", " style=", "https:", " onclick"}) {
        EXPECT_THAT(page, Not(HasSubstr(word))) << word;
    }
}

TEST(StudyPage, IsThinnedToItsLimits) {
    StudyData data = quadratic(400, 7);
    for (StudyTrial& trial : data.trials) {
        trial.reports.clear();
        for (std::int64_t step = 0; step < 300; ++step) trial.reports.push_back({step, 1.0});
    }
    StudyLimits limits;
    limits.trials = 100;
    limits.report_trials = 10;
    limits.report_points = 20;
    limits.contour_bytes = 3 * 24 * 24 * 4;
    const Json json = data_of(page_of(data, limits));
    EXPECT_EQ(json["total"], 400);
    EXPECT_EQ(json["trials"]["number"].size(), 100U);
    EXPECT_THAT(json["trials"]["number"].get<std::vector<std::size_t>>(), ::testing::Contains(data.best.front()));
    for (const Json& step : json["targets"][0]["line"])
        EXPECT_THAT(json["trials"]["number"].get<std::vector<std::size_t>>(), ::testing::Contains(step[0].get<std::size_t>()));
    EXPECT_EQ(json["reports"]["trials"], 400);
    EXPECT_EQ(json["reports"]["curves"].size(), 10U);
    EXPECT_EQ(json["reports"]["curves"][0]["steps"].size(), 20U);
    EXPECT_EQ(json["contours"]["possible"], 10);
    EXPECT_LT(json["contours"]["params"].size(), 6U);
    std::size_t bytes = 0;
    for (const Json& surface : json["contours"]["surfaces"][0]) bytes += surface.get<std::string>().size();
    EXPECT_LE(bytes, limits.contour_bytes);
    limits.cells = 11 * 50;
    EXPECT_EQ(data_of(page_of(data, limits))["trials"]["number"].size(), 50U);
}

TEST(StudyPage, TenThousandTrialsOfThirtyParametersStayBelowFourMegabytes) {
    const std::string page = page_of(quadratic(10'000, 27));
    EXPECT_EQ(data_of(page)["trials"]["number"].size(), 10'000U);
    EXPECT_LT(page.size(), 4'500'000U);
}

TEST(StudyPage, RefusesWhatBreaksItsRules) {
    const auto error = [](auto change) {
        StudyData data = quadratic(5);
        change(data);
        const auto page = study_html(data);
        return page.has_value() ? "" : page.error().message;
    };
    EXPECT_EQ(error([](StudyData& d) { d.trials[2].params.pop_back(); }), "report: trial 2 has 2 parameters instead of 3");
    EXPECT_EQ(error([](StudyData& d) { d.trials[2].values = {1.0, 2.0}; }), "report: trial 2 has 2 values instead of 1");
    EXPECT_EQ(error([](StudyData& d) { d.trials[2].params[2] = 2.0; }), "report: trial 2: 2 is no index of a choice of boost");
    EXPECT_EQ(error([](StudyData& d) { d.trials[2].number = 1; }), "report: trial 1 stands behind trial 1");
    EXPECT_EQ(error([](StudyData& d) { d.targets = {1}; }), "report: there is no objective 1");
    EXPECT_EQ(error([](StudyData& d) { d.targets.clear(); }), "report: a study needs an objective to show");
    EXPECT_EQ(error([](StudyData& d) { d.best = {9}; }), "report: there is no trial at 9");
    EXPECT_EQ(error([](StudyData& d) { d.importance[0][0].parameter = 3; }), "report: there is no parameter 3");
    EXPECT_EQ(error([](StudyData& d) { d.importance.emplace_back(); }), "report: importances are one list a target");
}

TEST(StudyPage, IsWrittenAsAWholeFile) {
    const auto folder = std::filesystem::temp_directory_path() / ("sofia_study_page_" + std::to_string(::getpid()));
    const auto file = folder / "fit.html";
    ASSERT_TRUE(write_study_html(file, quadratic(5)).has_value());
    EXPECT_EQ(read_file(file).value(), page_of(quadratic(5)));
    EXPECT_FALSE(write_study_html(file / "below_a_file.html", quadratic(5)).has_value());
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sofia::report

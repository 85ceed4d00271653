#include "features/custom.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "features/leak_audit.hpp"
#include "features/minute.hpp"
#include "features/test_bars.hpp"

namespace sofia::features {
namespace {

using Bars = std::span<const market::Bar>;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// One column from a function, as a registered one is.
class OneColumn final : public Feature {
public:
    explicit OneColumn(std::function<double(Bars, std::size_t)> value, std::size_t warm_up = 1) : value_(std::move(value)) {
        columns_ = {{.name = "mine", .formula = "of a test", .unit = "none", .source = "test", .warm_up = warm_up}};
    }
    [[nodiscard]] const std::vector<FeatureSpec>& columns() const override { return columns_; }
    [[nodiscard]] std::string source_sha256() const override { return {}; }
    [[nodiscard]] Result<std::vector<double>> compute(Bars bars) const override {
        std::vector<double> out;
        for (std::size_t i = 0; i < bars.size(); ++i) out.push_back(value_(bars, i));
        return out;
    }

private:
    std::function<double(Bars, std::size_t)> value_;
    std::vector<FeatureSpec> columns_;
};

double close_ahead(Bars bars, std::size_t i, std::size_t ahead) { return i + ahead < bars.size() ? bars[i + ahead].close : nan; }

TEST(CustomFeature, WhatOnlyKnowsThePastIsTheColumn) {
    const auto bars = random_bars(3'000);
    const OneColumn ret1([](Bars given, std::size_t i) { return i == 0 ? nan : given[i].close / given[i - 1].close - 1.0; }, 2);
    const auto values = audited_values(ret1, bars).value();
    const MinuteTable table = minute_features(bars, 5).value();
    ASSERT_EQ(values.size(), bars.size());
    EXPECT_TRUE(std::isnan(values.front()));
    for (std::size_t i = 1; i < bars.size(); ++i) ASSERT_EQ(values[i], table.features.row(i)[1]);
}

TEST(CustomFeature, APeekIsRefusedWithItsRow) {
    const auto bars = random_bars(3'000);
    const auto refused = audited_values(OneColumn([](Bars given, std::size_t i) { return close_ahead(given, i, 1); }), bars);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::blocked);
    EXPECT_NE(refused.error().message.find("feature mine: cut: row known at 2020-01-01"), std::string::npos) << refused.error().message;
    const auto z_score = audited_values(OneColumn([](Bars given, std::size_t i) {
                                            const double sum =
                                                std::accumulate(given.begin(), given.end(), 0.0, [](double s, const auto& b) { return s + b.close; });
                                            return given[i].close - sum / static_cast<double>(given.size());
                                        }),
                                        random_bars(400));
    EXPECT_EQ(z_score.error().code, ErrorCode::blocked);
}

// Within the bars that the audit cuts such a column is missing everywhere: the cut of the whole data finds it.
TEST(CustomFeature, ALongPeekIsSeenInTheWhole) {
    const auto bars = random_bars(4'000);
    const OneColumn late([](Bars given, std::size_t i) { return close_ahead(given, i, 1'000); });
    const CustomAuditOptions options{.bars = 500};
    EXPECT_EQ(audited_bars(bars, 1, options).size(), 500U);
    EXPECT_EQ(audited_bars(bars, 400, options).size(), 1'200U);
    const auto refused = audited_values(late, bars, options);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::blocked);
    EXPECT_NE(refused.error().message.find("row known at " + format_time(bars[1'000].known_at())), std::string::npos) << refused.error().message;
}

// Neither the first bars nor a cut in the middle know of a peek that begins behind both.
TEST(CustomFeature, APeekThatBeginsLateIsSeen) {
    const auto bars = random_bars(4'000);
    for (const std::size_t begin : {2'100U, 2'900U, 3'600U}) {
        const OneColumn late([begin](Bars given, std::size_t i) { return i < begin ? 0.0 : close_ahead(given, i, 1); });
        const auto refused = audited_values(late, bars, {.bars = 500});
        ASSERT_FALSE(refused) << begin;
        EXPECT_EQ(refused.error().code, ErrorCode::blocked);
    }
}

TEST(CustomFeature, WhatIsNoColumnIsRefused) {
    const auto bars = random_bars(50);
    const auto infinite = feature_values(OneColumn([](Bars, std::size_t i) { return 1.0 / static_cast<double>(i); }), bars);
    EXPECT_EQ(infinite.error().code, ErrorCode::usage);
    EXPECT_NE(infinite.error().message.find("00:01:00"), std::string::npos) << infinite.error().message;

    class Short final : public Feature {
    public:
        [[nodiscard]] const std::vector<FeatureSpec>& columns() const override { return columns_; }
        [[nodiscard]] std::string source_sha256() const override { return {}; }
        [[nodiscard]] Result<std::vector<double>> compute(Bars) const override { return std::vector<double>(3); }

    private:
        std::vector<FeatureSpec> columns_ = {{.name = "short", .formula = {}, .unit = {}, .source = {}}};
    };
    const auto few = feature_values(Short(), bars);
    EXPECT_EQ(few.error().message, "feature short: 3 values for 50 bars and 1 column");
    EXPECT_EQ(audited_values(Short(), bars).error().message, few.error().message);
}

Outcomes higher(Bars bars, std::size_t ahead, DurationNs end_early) {
    Outcomes out;
    for (std::size_t i = 0; i < bars.size(); ++i) {
        const double later = close_ahead(bars, i, ahead);
        out.values.push_back(std::isnan(later) ? nan : (later > bars[i].close ? 1.0 : 0.0));
        out.end_time.push_back(bars[i].close_time + static_cast<DurationNs>(ahead) * ns_per_minute - end_early);
    }
    return out;
}

TEST(OutcomeAudit, AnHonestEndPassesAndALaterOneToo) {
    const auto bars = random_bars(2'000);
    for (const DurationNs early : {DurationNs{0}, -ns_per_hour}) {
        const OutcomeReport report = audit_outcomes(bars, [&](Bars given) { return higher(given, 5, early); }, {.cuts = 24, .stream = {}}).value();
        EXPECT_TRUE(report.passed()) << format(report);
        EXPECT_EQ(report.rows, 1'995U);
    }
}

TEST(OutcomeAudit, AnEndThatIsTooEarlyIsSeen) {
    const auto bars = random_bars(2'000);
    const OutcomeReport report = audit_outcomes(bars, [](Bars given) { return higher(given, 5, ns_per_minute); }, {.cuts = 24, .stream = {}}).value();
    ASSERT_TRUE(report.cut);
    EXPECT_TRUE(report.future);
    EXPECT_TRUE(std::isnan(report.cut->expected));
    EXPECT_EQ(report.cut->found_end, report.cut->known_at + 4 * ns_per_minute);
    EXPECT_LE(report.cut->found_end, report.cut->moment);
}

// Whether a row has a label at all may not depend on what comes after its end either.
TEST(OutcomeAudit, ChoosingRowsByTheFutureIsSeen) {
    const auto bars = random_bars(2'000);
    const auto chosen = [](Bars given) {
        Outcomes out = higher(given, 5, 0);
        for (std::size_t i = 0; i < given.size(); ++i) {
            if (i + 50 < given.size() && given[i + 50].close < given[i].close) out.values[i] = nan;
        }
        return out;
    };
    EXPECT_FALSE(audit_outcomes(bars, chosen, {.cuts = 24, .stream = {}}).value().passed());
    EXPECT_EQ(audit_outcomes(bars, [](Bars) { return Outcomes{}; }).error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace sofia::features

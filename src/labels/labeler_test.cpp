#include "labels/labeler.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace sofia::labels {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Says what it was told to say.
class Fixed final : public Labeler {
public:
    explicit Fixed(BarLabels labels) : labels_(std::move(labels)) {}
    [[nodiscard]] const LabelerSpec& spec() const override { return spec_; }
    [[nodiscard]] std::string source_sha256() const override { return {}; }
    [[nodiscard]] Result<BarLabels> compute(std::span<const market::Bar>, std::int64_t) const override { return labels_; }

private:
    LabelerSpec spec_{.name = "fixed", .formula = "as told"};
    BarLabels labels_;
};

std::vector<market::Bar> minutes(std::size_t count) {
    std::vector<market::Bar> bars(count);
    for (std::size_t i = 0; i < count; ++i) {
        bars[i].open_time = static_cast<TimeNs>(i) * ns_per_minute;
        bars[i].close_time = bars[i].open_time + ns_per_minute;
    }
    return bars;
}

TEST(Labeler, LabelsEndAfterTheirRowOrAreNone) {
    const auto bars = minutes(3);
    const BarLabels good{.y = {1.0, 0.0, nan}, .end_time = {2 * ns_per_minute, 3 * ns_per_minute, 0}};
    EXPECT_EQ(bar_labels(Fixed(good), bars, 1).value().end_time, good.end_time);
    BarLabels early = good;
    early.end_time[1] = 2 * ns_per_minute;  // the row's own close
    const auto refused = bar_labels(Fixed(early), bars, 1);
    EXPECT_EQ(refused.error().code, ErrorCode::blocked);
    EXPECT_NE(refused.error().message.find("label fixed: the row known at 1970-01-01T00:02:00"), std::string::npos) << refused.error().message;
}

TEST(Labeler, OtherNumbersAndOtherCountsAreRefused) {
    const auto bars = minutes(2);
    const std::vector<TimeNs> ends = {ns_per_hour, ns_per_hour};
    EXPECT_EQ(bar_labels(Fixed({.y = {1.0, -1.0}, .end_time = ends}), bars, 1).error().code, ErrorCode::usage);
    const auto few = bar_labels(Fixed({.y = {1.0}, .end_time = ends}), bars, 1);
    EXPECT_EQ(few.error().message, "label fixed: 1 label and 2 end times for 2 bars");
}

}  // namespace
}  // namespace sofia::labels

#include "models/learner.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace sofia::models {
namespace {

/// Says what it was told to say.
class Fixed final : public LearntModel {
public:
    explicit Fixed(std::vector<double> values) : values_(std::move(values)) {}
    [[nodiscard]] Result<std::vector<double>> predict(MatrixView) const override { return values_; }
    [[nodiscard]] Result<std::string> bytes() const override { return std::string("fixed"); }

private:
    std::vector<double> values_;
};

TEST(LearntModel, PredictsAProbabilityARow) {
    const std::vector<double> numbers(6, 1.0);
    const MatrixView rows{numbers, 3, 2};
    const std::vector<double> good = {0.0, 0.5, 1.0};
    EXPECT_EQ(learnt_probabilities(Fixed(good), rows, "mine").value(), good);
    EXPECT_EQ(learnt_probabilities(Fixed({0.5}), rows, "mine").error().message, "model mine: 1 prediction for 3 rows");
    for (const double wrong : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
        const auto refused = learnt_probabilities(Fixed({0.5, wrong, 0.5}), rows, "mine");
        ASSERT_FALSE(refused) << wrong;
        EXPECT_EQ(refused.error().code, ErrorCode::usage);
        EXPECT_NE(refused.error().message.find("row 1"), std::string::npos);
    }
}

}  // namespace
}  // namespace sofia::models

#include "models/ensemble.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.hpp"

namespace sofia::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Named = std::vector<std::pair<std::string_view, double>>;

/// Says what it is told to.
class Fixed final : public Predictor {
public:
    explicit Fixed(Result<double> says) : says_(std::move(says)) {}
    [[nodiscard]] Result<Answer> predict_proba(NamedValues) const override {
        if (!says_) return std::unexpected(says_.error());
        Answer answer;
        answer.probability = *says_;
        return answer;
    }

private:
    Result<double> says_;
};

EnsembleMember member(const std::string& name, Result<double> says, double weight = 1.0) {
    return {name, std::make_shared<Fixed>(std::move(says)), weight};
}

const Named row{{"close", 100.0}};

TEST(Ensemble, WeighsThoseThatAnswerAndNamesThem) {
    const auto all = EnsemblePredictor::make({member("a", 0.2, 3.0), member("b", 0.6, 1.0)}).value().predict_proba(row).value();
    EXPECT_DOUBLE_EQ(all.probability, 0.3);
    EXPECT_THAT(all.answered, ElementsAre("a", "b"));
    EXPECT_DOUBLE_EQ(all.spread, 0.4);
    const auto one = EnsemblePredictor::make({member("a", fail(ErrorCode::io, "gone")), member("b", 0.6)}).value().predict_proba(row).value();
    EXPECT_DOUBLE_EQ(one.probability, 0.6);
    EXPECT_THAT(one.answered, ElementsAre("b"));
    ASSERT_EQ(one.failed.size(), 1U);
    EXPECT_EQ(one.failed[0].first, "a");
    EXPECT_EQ(one.failed[0].second.message, "gone");
}

TEST(Ensemble, AbstainsWhereItsMembersDiffer) {
    const auto ask = [](double spread_max) {
        return EnsemblePredictor::make({member("a", 0.3), member("b", 0.7)}, {.spread_max = spread_max}).value().predict_proba(row).value();
    };
    EXPECT_FALSE(ask(0.5).abstained);
    const Answer answer = ask(0.3);
    EXPECT_TRUE(answer.abstained);
    EXPECT_TRUE(std::isnan(answer.probability));
    EXPECT_THAT(answer.answered, ElementsAre("a", "b"));
}

TEST(Ensemble, TooFewAnswersAreAnErrorAndAWrongRowIsTheCallers) {
    const auto alone =
        EnsemblePredictor::make({member("a", fail(ErrorCode::io, "gone")), member("b", 0.6)}, {.answers_min = 2}).value().predict_proba(row);
    ASSERT_FALSE(alone.has_value());
    EXPECT_EQ(alone.error().code, ErrorCode::unavailable);
    EXPECT_THAT(alone.error().message, HasSubstr("a: gone"));
    const auto wrong = EnsemblePredictor::make({member("a", 0.5), member("b", fail(ErrorCode::usage, "no such feature"))}).value().predict_proba(row);
    ASSERT_FALSE(wrong.has_value());
    EXPECT_EQ(wrong.error().code, ErrorCode::usage);
}

TEST(Ensemble, StacksLogOdds) {
    EnsembleConfig config{.combination = Combination::stacking, .intercept = 0.1, .coefficients = {2.0, -0.5}};
    const auto answer = EnsemblePredictor::make({member("a", 0.8), member("b", 0.5)}, config).value().predict_proba(row).value();
    EXPECT_NEAR(answer.probability, 1.0 / (1.0 + std::exp(-(0.1 + 2.0 * std::log(4.0)))), 1e-15);
    const auto lacking = EnsemblePredictor::make({member("a", 0.8), member("b", fail(ErrorCode::io, "gone"))}, config).value().predict_proba(row);
    ASSERT_FALSE(lacking.has_value());
    EXPECT_EQ(lacking.error().code, ErrorCode::unavailable);
}

TEST(Ensemble, RefusesWhatCannotBeCombined) {
    EXPECT_FALSE(EnsemblePredictor::make({}).has_value());
    EXPECT_FALSE(EnsemblePredictor::make({member("a", 0.5), member("a", 0.5)}).has_value());
    EXPECT_FALSE(EnsemblePredictor::make({member("a", 0.5, 0.0)}).has_value());
    EXPECT_FALSE(EnsemblePredictor::make({member("a", 0.5)}, {.answers_min = 2}).has_value());
    EXPECT_FALSE(EnsemblePredictor::make({member("a", 0.5)}, {.combination = Combination::stacking}).has_value());
    EXPECT_FALSE(EnsemblePredictor::make({member("a", 0.5)}, {.spread_max = NAN}).has_value());
}

// Of a member that knows the truth and one that guesses, the fit believes the first; its gradient is zero (checked by differences of the loss).
TEST(Stacking, FindsWhoKnows) {
    RandomStream random(5);
    std::vector<double> knows;
    std::vector<double> guesses;
    std::vector<double> outcomes;
    for (int i = 0; i < 5'000; ++i) {
        const double p = random.uniform(0.05, 0.95);
        knows.push_back(p);
        guesses.push_back(random.uniform(0.05, 0.95));
        outcomes.push_back(random.uniform() < p ? 1.0 : 0.0);
    }
    const std::vector<std::vector<double>> members{knows, guesses};
    const auto beta = fit_stacking(members, outcomes, 1.0).value();
    ASSERT_EQ(beta.size(), 3U);
    EXPECT_NEAR(beta[0], 0.0, 0.1);
    EXPECT_NEAR(beta[1], 1.0, 0.1);
    EXPECT_NEAR(beta[2], 0.0, 0.1);
    const auto loss = [&](const std::vector<double>& b) {
        double sum = 0.5e-6 * b[0] * b[0] + 0.5 * (std::pow(b[1] - 0.5, 2) + std::pow(b[2] - 0.5, 2));
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
            const double s = b[0] + b[1] * std::log(knows[i] / (1 - knows[i])) + b[2] * std::log(guesses[i] / (1 - guesses[i]));
            sum += std::log1p(std::exp(s)) - outcomes[i] * s;
        }
        return sum;
    };
    for (std::size_t k = 0; k < 3; ++k) {
        for (const double step : {-0.01, 0.01}) {
            auto other = beta;
            other[k] += step;
            EXPECT_GT(loss(other), loss(beta));
        }
    }
}

TEST(Stacking, WithoutEvidenceIsTheMeanOfLogOdds) {
    const std::vector<std::vector<double>> members{{0.5, 0.5}, {0.5, 0.5}};
    const auto beta = fit_stacking(members, std::vector<double>{0.0, 1.0}).value();
    EXPECT_NEAR(beta[1], 0.5, 1e-9);
    EXPECT_NEAR(beta[2], 0.5, 1e-9);
    EXPECT_FALSE(fit_stacking(members, std::vector<double>{1.0, 1.0}).has_value());
    EXPECT_FALSE(fit_stacking(members, std::vector<double>{0.0, 1.0, 1.0}).has_value());
}

}  // namespace
}  // namespace sofia::models

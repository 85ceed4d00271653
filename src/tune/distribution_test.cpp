#include "tune/distribution.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tune/json_text.hpp"

namespace sofia::tune {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Distribution made(Distribution::Kind kind) { return Distribution::make(std::move(kind)).value(); }
std::string refused(Distribution::Kind kind) { return Distribution::make(std::move(kind)).error().message; }

// The texts are what Optuna 5.0.0 stores for the same distributions.
TEST(Distribution, IsWrittenAsOptunaWritesIt) {
    EXPECT_EQ(made(FloatDistribution{1e-4, 1.0, true, 0.0}).json(),
              R"({"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 1.0, "log": true}})");
    EXPECT_EQ(made(FloatDistribution{0.0, 1.0, false, 0.1}).json(),
              R"({"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 1.0, "log": false}})");
    EXPECT_EQ(made(FloatDistribution{1e-5, 1e16, false, 0.0}).json(),
              R"({"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 1e+16, "log": false}})");
    EXPECT_EQ(made(IntDistribution{4, 256, false, 4}).json(),
              R"({"name": "IntDistribution", "attributes": {"log": false, "step": 4, "low": 4, "high": 256}})");
    EXPECT_EQ(made(CategoricalDistribution{{std::string("gbdt"), std::monostate{}, true, std::int64_t{1}, 1.5, std::string("é\n")}}).json(),
              R"({"name": "CategoricalDistribution", "attributes": {"choices": ["gbdt", null, true, 1, 1.5, "\u00e9\n"]}})");
}

TEST(Distribution, ReadsBackWhatItWrites) {
    for (const auto& d : {made(FloatDistribution{-1e300, 1e300, false, 0.0}), made(FloatDistribution{0.1, 0.7, false, 0.2}),
                          made(IntDistribution{1, 1000, true, 1}), made(IntDistribution{-7, 9, false, 3}),
                          made(CategoricalDistribution{{infinity, -infinity, std::nan(""), std::string("Infinity \"NaN\\"), false}})}) {
        EXPECT_EQ(Distribution::from_json(d.json()).value(), d) << d.json();
    }
}

TEST(Distribution, ReadsTheClassesOfOptuna2) {
    const auto read = [](const char* name, const char* attributes) {
        return Distribution::from_json(std::string(R"({"name": ")") + name + R"(", "attributes": )" + attributes + "}").value();
    };
    EXPECT_EQ(read("UniformDistribution", R"({"low": 0, "high": 2})"), made(FloatDistribution{0.0, 2.0, false, 0.0}));
    EXPECT_EQ(read("LogUniformDistribution", R"({"low": 0.1, "high": 2})"), made(FloatDistribution{0.1, 2.0, true, 0.0}));
    EXPECT_EQ(read("DiscreteUniformDistribution", R"({"low": 0, "high": 2, "q": 0.5})"), made(FloatDistribution{0.0, 2.0, false, 0.5}));
    EXPECT_EQ(read("IntUniformDistribution", R"({"low": 0, "high": 9, "step": 3})"), made(IntDistribution{0, 9, false, 3}));
    EXPECT_EQ(read("IntLogUniformDistribution", R"({"low": 1, "high": 9, "step": 1})"), made(IntDistribution{1, 9, true, 1}));
}

TEST(Distribution, BrokenRulesAreNamed) {
    EXPECT_NE(refused(FloatDistribution{2.0, 1.0, false, 0.0}).find("low 2 is above high 1"), std::string::npos);
    EXPECT_NE(refused(FloatDistribution{0.0, 1.0, true, 0.0}).find("not positive"), std::string::npos);
    EXPECT_NE(refused(FloatDistribution{0.1, 1.0, true, 0.1}).find("together"), std::string::npos);
    EXPECT_NE(refused(FloatDistribution{0.1, infinity, false, 0.0}).find("finite"), std::string::npos);
    EXPECT_NE(refused(IntDistribution{0, 5, true, 1}).find("below 1"), std::string::npos);
    EXPECT_NE(refused(IntDistribution{0, 5, false, 0}).find("step 0"), std::string::npos);
    EXPECT_NE(refused(CategoricalDistribution{}).find("empty"), std::string::npos);
    EXPECT_EQ(Distribution::from_json("{}").error().code, ErrorCode::data);
    EXPECT_EQ(Distribution::from_json("[").error().code, ErrorCode::data);
}

// In binary 0.7 - 0.1 is no multiple of 0.2; in decimal, which decides, it is.
TEST(Distribution, AStepLowersHighToTheGridInDecimal) {
    EXPECT_EQ(made(FloatDistribution{0.1, 0.7, false, 0.2}).as_float()->high, 0.7);
    EXPECT_EQ(made(FloatDistribution{0.0, 1.0, false, 0.3}).as_float()->high, 0.9);
    EXPECT_EQ(made(FloatDistribution{-1.05, 1.0, false, 0.5}).as_float()->high, 0.95);
    EXPECT_EQ(made(FloatDistribution{-1.0, -0.2, false, 0.5}).as_float()->high, -0.5);
    EXPECT_EQ(made(IntDistribution{1, 10, false, 4}).as_int()->high, 9);
    EXPECT_TRUE(made(FloatDistribution{0.0, 0.2, false, 0.3}).single());
    EXPECT_TRUE(made(IntDistribution{1, 3, false, 5}).single());
    EXPECT_FALSE(made(IntDistribution{1, 3, false, 2}).single());
}

RC_GTEST_PROP(Distribution, TheLoweredHighIsOnTheGridAndLessThanAStepBelow, ()) {
    const double low = static_cast<double>(*rc::gen::inRange(-5000, 5000)) / 100.0;
    const double step = static_cast<double>(*rc::gen::inRange(1, 500)) / 1000.0;
    const double high = low + static_cast<double>(*rc::gen::inRange(0, 100000)) / 1000.0;
    const auto d = made(FloatDistribution{low, high, false, step});
    const double top = d.as_float()->high;
    RC_ASSERT(top <= high);
    RC_ASSERT(high - top < step * (1.0 + 1e-9));
    RC_ASSERT(d.contains(top));
}

TEST(Distribution, ValuesGoInAndOut) {
    const auto c = made(CategoricalDistribution{{true, std::int64_t{1}, 1.5, std::monostate{}, std::string("1")}});
    for (std::size_t i = 0; i < 5; ++i) {
        // true and 1 are equal in Python; the exact type decides first.
        EXPECT_EQ(c.internal(c.value(static_cast<double>(i))).value(), static_cast<double>(i));
    }
    EXPECT_EQ(c.internal(ParamValue(1.0)).value(), 0.0);
    EXPECT_FALSE(c.internal(ParamValue(std::string("2"))));
    const auto i = made(IntDistribution{1, 10, true, 1});
    EXPECT_EQ(i.value(3.0), ParamValue(std::int64_t{3}));
    EXPECT_FALSE(i.internal(ParamValue(std::int64_t{0})));
    EXPECT_FALSE(i.internal(ParamValue(std::string("3"))));
    EXPECT_TRUE(i.contains(10.0));
    EXPECT_FALSE(i.contains(10.5));
    EXPECT_FALSE(i.contains(11.0));
}

TEST(Distribution, RangesMayChangeWithinAStudyButNotTheKind) {
    const auto base = made(FloatDistribution{0.1, 1.0, false, 0.0});
    EXPECT_TRUE(check_compatible("x", base, made(FloatDistribution{0.2, 9.0, false, 0.1})));
    EXPECT_FALSE(check_compatible("x", base, made(FloatDistribution{0.1, 1.0, true, 0.0})));
    EXPECT_FALSE(check_compatible("x", base, made(IntDistribution{0, 1, false, 1})));
    const auto one = made(CategoricalDistribution{{std::int64_t{1}, true}});
    EXPECT_TRUE(check_compatible("x", one, made(CategoricalDistribution{{1.0, std::int64_t{1}}})));  // equal in Python
    EXPECT_FALSE(check_compatible("x", one, made(CategoricalDistribution{{true}})));
    EXPECT_NE(check_compatible("rate", base, one).error().message.find("\"rate\""), std::string::npos);
}

// Expected texts from Python's repr.
TEST(PythonJson, DoublesAreWrittenAsReprDoes) {
    const std::vector<std::pair<double, std::string>> cases = {{0.0, "0.0"},
                                                               {-0.0, "-0.0"},
                                                               {1.0, "1.0"},
                                                               {0.1, "0.1"},
                                                               {1e-4, "0.0001"},
                                                               {9.999e-5, "9.999e-05"},
                                                               {1e15, "1000000000000000.0"},
                                                               {123456789012345680.0, "1.2345678901234568e+17"},
                                                               {1e16, "1e+16"},
                                                               {9007199254740993.0, "9007199254740992.0"},
                                                               {5e-324, "5e-324"},
                                                               {1.7976931348623157e308, "1.7976931348623157e+308"},
                                                               {infinity, "Infinity"},
                                                               {-infinity, "-Infinity"}};
    for (const auto& [value, text] : cases) EXPECT_EQ(python_json(value), text);
}

TEST(PythonJson, BareWordsOutsideStringsAreNumbers) {
    const auto read = object_of(R"({"a": Infinity, "b": "Infinity", "c": -Infinity, "d": NaN, "e\"": [1][0]})");
    EXPECT_FALSE(read);
    const auto good = object_of(R"({"a": Infinity, "b\"": "x Infinity", "c": -Infinity, "d": NaN, "e": 18446744073709551615})").value();
    EXPECT_EQ(good.at("a"), ParamValue(infinity));
    EXPECT_EQ(good.at("b\""), ParamValue(std::string("x Infinity")));
    EXPECT_EQ(good.at("c"), ParamValue(-infinity));
    EXPECT_TRUE(std::isnan(std::get<double>(good.at("d"))));
    EXPECT_EQ(good.at("e"), ParamValue(18446744073709551615.0));
}

}  // namespace
}  // namespace sofia::tune

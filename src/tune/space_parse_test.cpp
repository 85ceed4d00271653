#include <gtest/gtest.h>

#include "tune/distribution.hpp"

namespace sofia::tune {
namespace {

TEST(Space, TheThreeTypesAreRead) {
    EXPECT_EQ(*parse_distribution("{type: float, low: 1e-4, high: 0.1, log: true}").value().as_float(), (FloatDistribution{1e-4, 0.1, true, 0.0}));
    EXPECT_EQ(*parse_distribution("{type: float, low: 0, high: 1, step: 0.25}").value().as_float(), (FloatDistribution{0.0, 1.0, false, 0.25}));
    EXPECT_EQ(*parse_distribution("{type: int, low: 4, high: 256, step: 4}").value().as_int(), (IntDistribution{4, 256, false, 4}));
    EXPECT_EQ(*parse_distribution("{type: int, low: 1, high: 1e3, log: true}").value().as_int(), (IntDistribution{1, 1000, true, 1}));
}

TEST(Space, ChoicesKeepTheirTypes) {
    const auto d = parse_distribution("{type: categorical, choices: [gbdt, \"1\", 1, 1.5, true, ~, \"null\"]}").value();
    const std::vector<ParamValue> expected = {std::string("gbdt"), std::string("1"),   std::int64_t{1}, 1.5, true,
                                              std::monostate{},    std::string("null")};
    EXPECT_EQ(d.as_categorical()->choices, expected);
}

TEST(Space, ADocumentIsReadAndItsErrorsNameFileLineAndParameter) {
    const auto space =
        parse_space("lr: {type: float, low: 1e-4, high: 0.1, log: true}\nleaves:\n  type: int\n  low: 4\n  high: 256\n", "s.yaml").value();
    EXPECT_EQ(space.size(), 2U);
    const auto error = parse_space("a: {type: int, low: 1, high: 2}\nlr: {type: float, low: x, high: 1}\n", "s.yaml").error();
    EXPECT_EQ(error.message, "s.yaml line 2: parameter \"lr\": low: \"x\" is not a number");
    EXPECT_EQ(error.code, ErrorCode::config);
    EXPECT_NE(parse_space("", "s.yaml").error().message.find("no parameters"), std::string::npos);
    EXPECT_NE(parse_space("a: [", "s.yaml").error().message.find("not YAML"), std::string::npos);
    EXPECT_NE(parse_space("a: {type: int, low: 1, high: 2}\na: {type: int, low: 1, high: 2}\n", "s.yaml")
                  .error()
                  .message.find("line 2: parameter \"a\": stands twice"),
              std::string::npos);
}

TEST(Space, MistakesAreNamedWithTheNearestWord) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"{type: flaot, low: 1, high: 2}", "did you mean float"},
        {"{type: float, low: 1, hihg: 2}", "did you mean high"},
        {"{type: int, low: 1.5, high: 2}", "not an integer"},
        {"{type: float, low: 1}", "\"high\" is missing"},
        {"{low: 1, high: 2}", "\"type\" is missing"},
        {"{type: float, low: 3, high: 2}", "above high"},
        {"{type: float, low: 1, high: 2, log: maybe}", "neither true nor false"},
        {"{type: float, low: 1, high: 2, step: 0}", "step 0"},
        {"{type: float, low: .nan, high: 2}", "not finite"},
        {"{type: float, low: 0, high: inf}", "not finite"},
        {"{type: float, low: -1e308, high: 1e308}", "beyond the largest float"},
        {"{type: int, low: 0, high: 9223372036854775807}", "beyond 9e15"},
        {"{type: categorical, choices: [a, b, a]}", "choices: \"a\" stands twice"},
        {"{type: categorical, choices: gbdt}", "not a list"},
        {"{type: categorical, choices: []}", "empty"},
        {"{type: categorical, choices: [[1]]}", "not a single value"},
        {"{type: categorical, low: 1, choices: [a]}", "unknown key \"low\""},
        {"3", "not a map"},
        {"{", "not YAML"},
    };
    for (const auto& [yaml, expected] : cases) {
        const auto parsed = parse_distribution(yaml);
        ASSERT_FALSE(parsed) << yaml;
        EXPECT_NE(parsed.error().message.find(expected), std::string::npos) << yaml << " -> " << parsed.error().message;
    }
    EXPECT_EQ(parse_space({{"rate", "{type: int}"}}).error().message, "parameter \"rate\": \"low\" is missing");
    EXPECT_NE(parse_distribution("{type: real}").error().hint.find("types: float, int, categorical"), std::string::npos);
    EXPECT_TRUE(parse_distribution("{type: categorical, choices: [1, 1.0, true, \"1\"]}")) << "they are of different types";
}

TEST(Space, ANameThatCannotBeStoredIsRefused) {
    const auto named = [](const std::string& name) { return parse_space("\n\"" + name + "\": {type: int, low: 1, high: 2}\n", "s.yaml"); };
    EXPECT_TRUE(named("ünïcode 名前"));
    EXPECT_EQ(named("").error().message, "s.yaml line 2: a parameter's name is empty");
    EXPECT_EQ(named("").error().code, ErrorCode::config);
    EXPECT_TRUE(named(std::string(512, 'x')));
    EXPECT_EQ(named(std::string(513, 'x')).error().message, "s.yaml line 2: a parameter's name is longer than 512 bytes");
}

}  // namespace
}  // namespace sofia::tune

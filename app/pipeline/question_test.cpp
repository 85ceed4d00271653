#include "app/pipeline/question.hpp"

#include <bit>
#include <cmath>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/random.hpp"

namespace sofia::pipeline {
namespace {

ErrorCode refused(std::string_view text) {
    const auto question = read_question(text, 3);
    return question ? ErrorCode::internal : question.error().code;
}

TEST(Question, MembersComeInAnyOrder) {
    const Question question = read_question(R"({"rows": [[1, null], [2, 3]], "columns": ["b", "a"], "symbol": "X"})").value();
    EXPECT_EQ(question.symbol, "X");
    EXPECT_EQ(question.shape, Question::Shape::many);
    ASSERT_EQ(question.rows.size(), 2U);
    EXPECT_EQ(question.rows[0][0], (std::pair<std::string_view, double>{"b", 1.0}));
    EXPECT_TRUE(std::isnan(question.rows[0][1].second));
    EXPECT_EQ(question.rows[1][1], (std::pair<std::string_view, double>{"a", 3.0}));
}

TEST(Question, NamesOutliveAMove) {
    Question first = read_question(R"({"rows": [{"a": 1, "a name too long for the string itself": 2}, {"c": 3, "a": 4}]})").value();
    const Question second = std::move(first);
    EXPECT_EQ(second.rows[0][1].first, "a name too long for the string itself");
    EXPECT_EQ(second.rows[1][0].first, "c");
    EXPECT_EQ(second.rows[1][1].first, "a");
    EXPECT_EQ(read_question(R"({"features": {"\u00e4\"": 1}})").value().rows[0][0].first, "ä\"");
}

// Held to the bit against another parser, over all magnitudes.
TEST(Question, NumbersAreReadToTheLastBit) {
    RandomStream random(1);
    Json list = Json::array();
    for (int i = 0; i < 2000; ++i) {
        const double number = std::bit_cast<double>(random.below(0x7ff0'0000'0000'0000ULL));
        list.push_back(i % 2 == 0 ? number : -random.uniform());
    }
    list.push_back(std::int64_t{-9'223'372'036'854'775'807});
    Json columns = Json::array();
    for (std::size_t i = 0; i < list.size(); ++i) columns.push_back(std::to_string(i));
    const std::string text = Json{{"columns", columns}, {"rows", Json::array({list})}}.dump();
    const Question question = read_question(text).value();
    const nlohmann::json read = nlohmann::json::parse(text)["rows"][0];
    for (std::size_t i = 0; i < list.size(); ++i) {
        EXPECT_EQ(std::bit_cast<std::uint64_t>(question.rows[0][i].second), std::bit_cast<std::uint64_t>(read[i].get<double>())) << read[i];
    }
    // More digits than an integer of 64 bits holds are a number all the same.
    EXPECT_EQ(read_question(R"({"features": {"a": 100000000000000000000000, "b": -0}})").value().rows[0][0].second, 1e23);
}

TEST(Question, WhatIsNoJsonIsData) {
    for (const char* text :
         {"", " ", "nonsense", "{", R"({"features": {"a": 1})", R"({"features": {"a": 1}} x)", R"({"features": {"a": 1}}})",
          R"({"features": {"a": 01}})", R"({"features": {"a": 1.}})", R"({"features": {"a": .5}})", R"({"features": {"a": 1e999}})",
          R"({"features": {"a": nan}})", R"({"features": {"a": nul}})", R"({"features": {"a": 1,}})", R"({"rows": [[1] [2]], "columns": ["a"]})",
          "{\"features\": {\"\xff\": 1}}", R"({"features": {"a\q": 1}})"}) {
        EXPECT_EQ(refused(text), ErrorCode::data) << text;
    }
}

TEST(Question, JsonOfAnotherFormIsUsage) {
    for (const char* text : {"1",
                             "[]",
                             "null",
                             "{}",
                             R"({"x": 1})",
                             R"({"features": []})",
                             R"({"features": {"a": "1"}})",
                             R"({"features": {"a": [1]}})",
                             R"({"features": {"a": true}})",
                             R"({"rows": []})",
                             R"({"rows": {}})",
                             R"({"rows": [1]})",
                             R"({"rows": [[1]]})",
                             R"({"rows": [{"a": 1}], "columns": ["a"]})",
                             R"({"rows": [[1, 2]], "columns": ["a"]})",
                             R"({"rows": [[1]], "columns": [1]})",
                             R"({"rows": [[1]], "columns": "a"})",
                             R"({"features": {"a": 1}, "columns": ["a"]})",
                             R"({"features": {"a": 1}, "rows": [{"a": 1}]})",
                             R"({"features": {"a": 1}, "features": {"a": 2}})",
                             R"({"features": {"a": 1}, "symbol": ""})",
                             R"({"features": {"a": 1}, "symbol": 1})",
                             R"({"rows": [{"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}]})"}) {
        EXPECT_EQ(refused(text), ErrorCode::usage) << text;
    }
    // A name that comes twice in a row is for the model to refuse, with the others that are wrong.
    EXPECT_EQ(read_question(R"({"features": {"a": 1, "a": 2}})").value().rows[0].size(), 2U);
}

}  // namespace
}  // namespace sofia::pipeline

#include "base/json.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <nlohmann/json.hpp>

namespace sofia {
namespace {

TEST(Json, KeepsTheOrderOfKeysForPeople) {
    Json object;
    object["zeta"] = 1;
    object["alpha"] = json_number(0.1);
    EXPECT_EQ(format_json(object), "{\n  \"zeta\": 1,\n  \"alpha\": 0.1\n}\n");
}

TEST(JsonNumber, NothingThatIsNotFiniteGetsThrough) {
    EXPECT_EQ(json_number(std::nan("")), nullptr);
    EXPECT_EQ(json_number(std::numeric_limits<double>::infinity()), nullptr);
    EXPECT_EQ(json_number(1.5), 1.5);
}

TEST(CanonicalJson, SortsKeysAtEveryDepthAndEscapesToAscii) {
    const Json value = parse_json("{\"b\": [1, {\"d\": 1, \"c\": 2}], \"a\": \"é\"}", "x").value();
    EXPECT_EQ(canonical_json(value), "{\"a\":\"\\u00e9\",\"b\":[1,{\"c\":2,\"d\":1}]}");
}

TEST(CanonicalJson, DoesNotDependOnTheOrderOfKeys) {
    EXPECT_EQ(canonical_json(parse_json("{\"a\":1,\"b\":2}", "x").value()), canonical_json(parse_json("{\"b\":2,\"a\":1}", "x").value()));
}

TEST(FormatJson, BytesThatAreNoUtf8DoNotThrow) {
    EXPECT_EQ(format_json(Json("a\xff")), "\"a\xEF\xBF\xBD\"\n");
    EXPECT_EQ(canonical_json(Json("a\xff")), "\"a\\ufffd\"");
}

TEST(ParseJson, NamesFileLineAndColumn) {
    const Error error = parse_json("{\n  \"a\": 1,\n  \"b\": x\n}", "study.json").error();
    EXPECT_EQ(error.code, ErrorCode::data);
    EXPECT_TRUE(error.message.starts_with("study.json line 3 column 8: not valid JSON: ")) << error.message;
}

TEST(ParseJson, RefusesBadInputWithoutCrashing) {
    for (const std::string& bad :
         {std::string(), std::string("{"), std::string("[1,]"), std::string("nan"), std::string("1e999"), std::string("\"\xff\""),
          std::string("{} {}"), std::string("\0", 1), std::string(1'000'000, '['), std::string("[\"\\ud800\"]")}) {
        const auto result = parse_json(bad, "x");
        ASSERT_FALSE(result) << bad.substr(0, 20);
        EXPECT_EQ(result.error().code, ErrorCode::data);
    }
}

RC_GTEST_PROP(ParseJson, AnyBytesGiveAValueOrAnError, (const std::string& bytes)) {
    if (const auto value = parse_json(bytes, "x")) {
        RC_ASSERT(parse_json(format_json(*value), "x").value() == *value);
    }
}

RC_GTEST_PROP(ParseJson, DoublesReadBackExactly, (double number)) {
    RC_ASSERT(parse_json(format_json(json_number(number)), "x").value().get<double>() == number);
}

}  // namespace
}  // namespace sofia

#include "base/state_json.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <nlohmann/json.hpp>

namespace sofia {
namespace {

struct Inner {
    double mean = 0.0;
    std::size_t at = 0;

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("mean", mean);
        archive.index("at", at, 4);
    }
};

struct Outer {
    std::int64_t above = 0;
    std::size_t seen = 0;
    bool full = false;
    TimeNs last = 0;
    std::vector<double> ring = std::vector<double>(3);
    std::vector<Inner> parts = std::vector<Inner>(2);
    double half = 0.0;

    template <class Archive>
    void visit_state(Archive& archive) {
        archive("above", above);
        archive("seen", seen);
        archive("full", full);
        archive.time("last", last);
        archive("ring", ring);
        archive.each("parts", parts);
        archive.group("more", [&] { archive("half", half); });
    }
};

Result<Outer> read(const Json& json) {
    Outer outer;
    SOFIA_CHECK(read_state(json, outer));
    return outer;
}

std::string problem(const Json& json) {
    const auto outer = read(json);
    return outer ? "" : outer.error().message;
}

bool same(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

Outer some() {
    return {.above = -7, .seen = 12, .full = true, .last = 1'577'836'800'000'000'001, .ring = {1.5, -0.0, 3e-310}, .parts = {{0.1, 3}, {-2.0, 0}}};
}

// As text, too: what is shortest for people must still be the same number.
RC_GTEST_PROP(State, EveryNumberComesBackToTheLastBit, (std::uint64_t bits, std::int64_t above, std::uint64_t seen, bool full)) {
    Outer outer = some();
    outer.half = std::bit_cast<double>(bits);
    outer.ring[1] = std::bit_cast<double>(bits ^ (std::uint64_t{0x7ff} << 52U));
    outer.above = above;
    outer.seen = seen;
    outer.full = full;
    const auto back = read(parse_json(canonical_json(state_of(outer)), "state").value());
    RC_ASSERT(back.has_value());
    RC_ASSERT(same(back->half, outer.half));
    RC_ASSERT(same(back->ring[1], outer.ring[1]));
    RC_ASSERT(back->above == above && back->seen == seen && back->full == full && back->last == outer.last);
    RC_ASSERT(back->parts[0].mean == 0.1 && back->parts[0].at == 3 && back->parts[1].mean == -2.0);
    RC_ASSERT(state_of(*back) == state_of(outer));
}

TEST(State, WhatIsNoNumberComesBackToTheLastBit) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    for (const double value : {nan, -nan, infinity, -infinity, std::bit_cast<double>(std::uint64_t{0x7ff8000000000001}), 0.0, -0.0, 5.0, 5e-324}) {
        Outer outer = some();
        outer.half = value;
        const std::string text = canonical_json(state_of(outer));
        const auto back = read(parse_json(text, "state").value());
        ASSERT_TRUE(back.has_value());
        EXPECT_TRUE(same(back->half, value)) << text;
    }
    Outer outer = some();
    outer.half = nan;
    EXPECT_TRUE(state_of(outer)["more"]["half"].is_null());
    outer.half = -infinity;
    EXPECT_EQ(state_of(outer)["more"]["half"], "fff0000000000000");
}

TEST(State, WhatDoesNotFitIsNamed) {
    const Json whole = state_of(some());
    ASSERT_EQ(problem(whole), "");
    const auto with = [&](const char* place, const Json& value) {
        Json json = whole;
        json[Json::json_pointer(place)] = value;
        return problem(json);
    };
    EXPECT_EQ(with("/above", "x"), "above is no whole number of 64 bits");
    EXPECT_EQ(with("/above", 1e300), "above is no whole number of 64 bits");
    EXPECT_EQ(with("/above", std::numeric_limits<std::uint64_t>::max()), "above is no whole number of 64 bits");
    EXPECT_EQ(with("/seen", -1), "seen is no count");
    EXPECT_EQ(with("/full", 1), "full is neither true nor false");
    EXPECT_EQ(with("/last", std::numeric_limits<std::int64_t>::min()), "last is no time");
    EXPECT_EQ(with("/last", std::numeric_limits<std::int64_t>::max()), "last is no time");
    EXPECT_EQ(with("/ring", 1), "ring is no list");
    EXPECT_EQ(with("/ring", Json::array({1.0})), "ring has 1 values, not 3");
    EXPECT_EQ(with("/ring/2", false), "ring holds something that is no number");
    EXPECT_EQ(with("/ring/2", "7ff000000000000g"), "ring holds something that is no number");
    EXPECT_EQ(with("/more/half", "7ff0"), "more.half is no number");
    EXPECT_EQ(with("/parts/1/at", 4), "parts.1.at is 4, but the list has 4 places");
    EXPECT_EQ(with("/parts/1", 4), "parts.1 is no object");
    EXPECT_EQ(with("/parts/2", Json::object()), "parts holds more than this program knows of");
    EXPECT_EQ(with("/later", 1), "holds more than this program knows of");
    EXPECT_EQ(problem(Json::array()), "the state is no object");
    EXPECT_EQ(problem(Json::object()), "above is missing");
}

TEST(State, NoTimeLiesAfterItsMoment) {
    const Json json = {{"last", 100}, {"next", 200}};
    const auto problem_at = [&](TimeNs as_of) {
        TimeNs last = 0;
        TimeNs next = 0;
        StateReader reader(json, as_of);
        reader.time("last", last);
        reader.time_ahead("next", next);
        const auto read = reader.finish();
        return read ? std::string() : read.error().message;
    };
    EXPECT_EQ(problem_at(100), "");
    EXPECT_EQ(problem_at(99), "last lies after the moment of the state");
}

TEST(State, ACalculatorMayRefuseItself) {
    const Json json = {{"a", {{"x", 1.0}}}};
    StateReader reader(json);
    double x = 0.0;
    reader.group("a", [&] {
        reader("x", x);
        reader.expect(x == 2.0, "an x that is not two");
    });
    EXPECT_FALSE(reader.good());
    EXPECT_EQ(reader.finish().error().message, "a holds an x that is not two");
}

}  // namespace
}  // namespace sofia

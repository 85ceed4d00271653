#include "app/pipeline/store_put.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "store/feature_faults.hpp"
#include "store/feature_testing.hpp"

namespace sofia::pipeline {
namespace {

using store::FeatureRows;
using store::FeatureStore;
using store::ReadQuery;
using store::testing::by_minute;
using store::testing::day0;
using store::testing::minute_rows;
using store::testing::must;

FeatureStore in_memory() {
    store::StoreOptions options;
    options.threads = 1;
    return FeatureStore(std::make_shared<store::testing::MemoryFiles>(store::testing::MemoryFiles::Locks::kept), options);
}

std::uint64_t stored(const FeatureStore& store) {
    const auto about = must(store.describe("S"));
    return about.rows + about.duplicates;
}

FeatureRows any_rows() {
    FeatureRows rows = minute_rows({}, {});
    const int count = *rc::gen::inRange(1, 8);
    for (int i = 0; i < count; ++i) {
        rows.ts.push_back(day0 + *rc::gen::element<std::int64_t>(0, 1, 2, 1440, 1441) * ns_per_minute);
        rows.known_at.push_back(rows.ts.back() + *rc::gen::inRange<std::int64_t>(0, 4));
        rows.columns[0].numbers.push_back(*rc::gen::element(1.0, 2.0, store::testing::missing));
    }
    return rows;
}

// Every read gives what it would give after appends, and the same rows again leave nothing more.
RC_GTEST_PROP(PutRows, ReadsAsAppendAndKeepsNoRowTwice, ()) {
    const FeatureStore put = in_memory();
    const FeatureStore appended = in_memory();
    const int steps = *rc::gen::inRange(1, 5);
    for (int step = 0; step < steps; ++step) {
        const FeatureRows rows = any_rows();
        must(put_rows(put, "S", rows));
        must(appended.append("S", rows));
        const std::uint64_t before = stored(put);
        must(put_rows(put, "S", rows));
        RC_ASSERT(stored(put) == before);
    }
    for (const std::int64_t minute : {1, 1440}) {
        for (std::int64_t after = 0; after < 5; ++after) {
            ReadQuery query;
            query.as_of = day0 + minute * ns_per_minute + after;
            const FeatureRows ours = must(put.read("S", query));
            const FeatureRows theirs = must(appended.read("S", query));
            RC_ASSERT(ours.ts == theirs.ts);
            RC_ASSERT(ours.known_at == theirs.known_at);
            for (std::size_t i = 0; i < ours.rows(); ++i) {
                RC_ASSERT(ours.columns[0].missing(i) == theirs.columns[0].missing(i));
                RC_ASSERT(ours.columns[0].missing(i) || ours.columns[0].numbers[i] == theirs.columns[0].numbers[i]);
            }
        }
    }
}

TEST(PutRows, SaysWhatItLeftOutAndWhatItRewrote) {
    const FeatureStore store = in_memory();
    const FeatureRows rows = minute_rows({0, 1, 1440}, {1, 2, 3});
    EXPECT_EQ(must(put_rows(store, "S", rows)).appended.rows, 3U);
    const PutReport again = must(put_rows(store, "S", rows));
    EXPECT_EQ(again.unchanged, 3U);
    EXPECT_EQ(again.appended.rows, 0U);
    const PutReport changed = must(put_rows(store, "S", minute_rows({0, 1, 2}, {1, 7, 8})));
    EXPECT_EQ(changed.unchanged, 1U);
    EXPECT_EQ(changed.appended.rows, 2U);
    EXPECT_EQ(changed.days_rewritten, 1U);
    EXPECT_EQ(by_minute(must(store.read("S"))), (std::map<std::int64_t, double>{{0, 1.0}, {1, 7.0}, {2, 8.0}, {1440, 3.0}}));
    EXPECT_EQ(must(store.describe("S")).duplicates, 0U);
    // A column more: the rows are others, where it has a value.
    FeatureRows wider = minute_rows({0, 1440}, {1, 3});
    wider.columns.push_back(store::testing::numbers("b", {store::testing::missing, 5}));
    EXPECT_EQ(must(put_rows(store, "S", wider)).appended.rows, 1U);
    // What append refuses is refused.
    FeatureRows late = rows;
    late.known_at[0] = late.ts[0] - 1;
    EXPECT_EQ(put_rows(store, "S", late).error().code, ErrorCode::data);
    EXPECT_EQ(put_rows(store, "", rows).error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace sofia::pipeline

#include "store/feature_input.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.hpp"
#include "store/feature_files.hpp"
#include "store/feature_store.hpp"
#include "store/feature_testing.hpp"
#include "store/test_files.hpp"

namespace sofia::store {
namespace {

using testing::day0;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::minute_rows;
using testing::must;
using ::testing::Not;
using testing::numbers;
using testing::TemporaryFolder;

FeatureRows read_csv(const TemporaryFolder& files, const std::string& text, std::span<const Column> known = {}, FeatureFileOptions options = {}) {
    files.put("a.csv", text);
    return must(read_feature_file(files.data() / "a.csv", known, options));
}

std::string csv_error(const TemporaryFolder& files, const std::string& text, std::span<const Column> known = {}, FeatureFileOptions options = {}) {
    files.put("a.csv", text);
    const auto read = read_feature_file(files.data() / "a.csv", known, options);
    EXPECT_FALSE(read);
    return read ? "" : read.error().message + "|" + read.error().hint;
}

TEST(FeatureInput, FindsTheTypesOfACsv) {
    const TemporaryFolder files;
    const FeatureRows rows = read_csv(files,
                                      "ts,known_at,x,flag,when,word,none\r\n"
                                      "2024-01-01T00:00:00Z,2024-01-01 00:01:00+00:00,1.5,true,2024-01-02,\"a,\"\"b\"\"\",\n"
                                      "\n"
                                      "2024-01-01 00:01,2024-01-01T00:02Z,nan,,,,\n"
                                      "2024-01-01T00:02:00Z,2024-01-01T00:03:00Z,,FALSE,2024-01-03T01:00:00+00:00,1,");
    EXPECT_THAT(rows.ts, ElementsAre(day0, day0 + ns_per_minute, day0 + 2 * ns_per_minute));
    EXPECT_EQ(rows.known_at[0], day0 + ns_per_minute);
    ASSERT_EQ(rows.columns.size(), 5U);
    EXPECT_EQ(rows.columns[0].type, ColumnType::float64);
    EXPECT_EQ(rows.columns[0].numbers[0], 1.5);
    EXPECT_TRUE(rows.columns[0].missing(1) && rows.columns[0].missing(2));
    EXPECT_EQ(rows.columns[1].type, ColumnType::boolean);
    EXPECT_EQ(rows.columns[1].number(0), 1.0);
    EXPECT_TRUE(rows.columns[1].missing(1));
    EXPECT_EQ(rows.columns[1].number(2), 0.0);
    EXPECT_EQ(rows.columns[2].type, ColumnType::timestamp);
    EXPECT_THAT(rows.columns[2].integers, ElementsAre(day0 + ns_per_day, no_time, day0 + 2 * ns_per_day + ns_per_hour));
    EXPECT_EQ(rows.columns[3].type, ColumnType::text);
    EXPECT_EQ(rows.columns[3].texts[0], "a,\"b\"");
    EXPECT_TRUE(rows.columns[3].missing(1));
    EXPECT_EQ(rows.columns[4].type, ColumnType::float64);
}

TEST(FeatureInput, TakesTheTypesThatTheStoreHas) {
    const TemporaryFolder files;
    const std::vector<Column> known = {{"n", ColumnType::int64}, {"t", ColumnType::text}};
    const FeatureRows rows = read_csv(files, "ts,known_at,n,t\n100000000000,100000000001,7,8\n100000000001,100000000002,,9\n", known);
    EXPECT_EQ(rows.columns[0].integers[0], 7);
    EXPECT_TRUE(rows.columns[0].missing(1));
    EXPECT_EQ(rows.columns[1].texts[1], "9");
    EXPECT_EQ(rows.ts[0], 100'000'000 * ns_per_second);  // milliseconds, by their size
    EXPECT_THAT(csv_error(files, "ts,known_at,n\n1,2,7.5\n", known),
                HasSubstr("a.csv line 2: n \"7.5\" is not an integer, as the column is in the store"));
}

TEST(FeatureInput, NamesTheLineOfABadRow) {
    const TemporaryFolder files;
    const std::string head = "ts,known_at,x\n1,2,3\n";
    EXPECT_THAT(csv_error(files, head + "nan,2,3\n"), HasSubstr("a.csv line 3: ts: timestamp"));
    EXPECT_THAT(csv_error(files, head + ",2,3\n"), HasSubstr("a.csv line 3: ts: timestamp is empty"));
    EXPECT_THAT(csv_error(files, head + "-5,2,3\n"), HasSubstr("a.csv line 3: ts: "));
    EXPECT_THAT(csv_error(files, head + "1,2\n"), HasSubstr("a.csv line 3: the row has 2 fields, the header has 3"));
    EXPECT_THAT(csv_error(files, head + "1,2,\xff\n"), HasSubstr("a.csv line 3: the row has bytes that are no UTF-8"));
    EXPECT_THAT(csv_error(files, ""), HasSubstr("a.csv: the file is empty: expected a header with ts, known_at"));
    EXPECT_THAT(csv_error(files, "x,y\n1,2\n"), HasSubstr("a.csv: no column ts"));
    EXPECT_THAT(csv_error(files, "ts,x\n1,2\n"), HasSubstr("a.csv: no column known_at|--bar 1m says how long after ts a row is known"));
    EXPECT_EQ(read_csv(files, "ts,known_at,x\n").rows(), 0U);
}

TEST(FeatureInput, ABarGivesTheTimeThatIsNotThere) {
    const TemporaryFolder files;
    const FeatureFileOptions minute{ns_per_minute};
    EXPECT_EQ(read_csv(files, "ts,x\n120,1\n", {}, minute).known_at[0], 180 * ns_per_second);
    EXPECT_EQ(read_csv(files, "known_at,x\n120,1\n", {}, minute).ts[0], 60 * ns_per_second);
    EXPECT_EQ(read_csv(files, "open_time,close_time,x\n120,150,1\n", {}, minute).known_at[0], 150 * ns_per_second);
}

TEST(FeatureInput, WhatIsWrittenReadsBack) {
    const TemporaryFolder files;
    FeatureRows rows = minute_rows({0, 1, 2}, {0.1, testing::missing, -1e300});
    rows.written_at = {5, 6, 7};
    rows.columns.push_back(make_column("n", ColumnType::int64));
    rows.columns[1].integers = {1, 0, -9};
    rows.columns[1].valid = {1, 0, 1};
    rows.columns.push_back(make_column("t", ColumnType::text));
    rows.columns[2].texts = {"a", "", "\"q\",é"};
    rows.columns[2].valid = {1, 0, 1};
    std::vector<Column> known;
    for (const FeatureColumn& column : rows.columns) known.push_back({column.name, column.type});
    for (const char* name : {"o.csv", "o.parquet"}) {
        for (const WrittenAt written_at : {WrittenAt::leave_out, WrittenAt::keep}) {
            ASSERT_TRUE(write_feature_file(files.data() / name, rows, written_at));
            const FeatureRows back = must(read_feature_file(files.data() / name, known));
            EXPECT_EQ(back.ts, rows.ts);
            EXPECT_EQ(back.known_at, rows.known_at);
            ASSERT_EQ(back.columns.size(), 3U) << name;
            for (std::size_t row = 0; row < 3; ++row) {
                for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(back.columns[c].missing(row), rows.columns[c].missing(row)) << name << row << c;
            }
            EXPECT_EQ(back.columns[0].numbers[0], 0.1);
            EXPECT_EQ(back.columns[0].numbers[2], -1e300);
            EXPECT_EQ(back.columns[1].integers[2], -9);
            EXPECT_EQ(back.columns[2].texts[2], "\"q\",é");
        }
    }
}

TEST(FeatureInput, RefusesParquetThatIsNone) {
    const TemporaryFolder files;
    files.put("a.parquet", "PAR1 but no more");
    EXPECT_THAT(read_feature_file(files.data() / "a.parquet", {}).error().message, HasSubstr("a.parquet: not a readable Parquet file"));
    EXPECT_EQ(read_feature_file(files.data() / "none.parquet", {}).error().code, ErrorCode::io);
    FeatureRows texts = minute_rows({0}, {1});
    texts.columns.push_back(make_column("ts", ColumnType::text));
    texts.columns[1].texts = {"x"};
    std::vector<ColumnSlice> slices = {{{"ts", ColumnType::text}, {}, {}, {}, texts.columns[1].texts, {}}};
    files.put("t.parquet", must(encode_parquet(slices)));
    EXPECT_THAT(read_feature_file(files.data() / "t.parquet", {}, {ns_per_minute}).error().message, HasSubstr("t.parquet: column ts holds no times"));
    const std::vector<std::int64_t> times = {no_time};
    slices = {{{"ts", ColumnType::timestamp}, {}, times, {}, {}, {}}};
    files.put("n.parquet", must(encode_parquet(slices)));
    EXPECT_THAT(read_feature_file(files.data() / "n.parquet", {}, {ns_per_minute}).error().message,
                HasSubstr("n.parquet row 1: ts: timestamp is empty"));
}

TEST(FeatureUrls, KeysAreNeverShown) {
    const std::string url = "s3://AKIAKEY123:s%2Fecret@bucket/pre/fix?endpoint_override=127.0.0.1:1&scheme=http&connect_timeout=1";
    EXPECT_EQ(shown_url(url), "s3://bucket/pre/fix");
    EXPECT_EQ(shown_url("s3://key:a/b?c@bucket/x?region=y"), "s3://bucket/x");
    EXPECT_EQ(shown_url("folder/x?y"), "folder/x?y");
    EXPECT_TRUE(is_url("s3://b"));
    EXPECT_FALSE(is_url("a/b://c"));
    for (const std::string& bad : {std::string("nothing://AKIAKEY123:s%2Fecret@bucket/x"), std::string("s3://AKIAKEY123:s%2Fecret@bucket/x?no=such"),
                                   std::string("s3://AKIAKEY123:s%2Fecret@")}) {
        const auto opened = FeatureStore::open(bad);
        ASSERT_FALSE(opened) << bad;
        EXPECT_EQ(opened.error().code, ErrorCode::usage);
        EXPECT_THAT(opened.error().message + opened.error().hint, Not(::testing::AnyOf(HasSubstr("AKIAKEY"), HasSubstr("ecret"))));
    }
}

// Arrow's local file system stands for an object store: the same code but for the network.
TEST(FeatureUrls, AStoreWorksOverArrowsFileSystems) {
    const TemporaryFolder files;
    const FeatureStore store(must(object_files("file://" + files.path().string() + "/s")), {});
    must(store.append("BTC/USDT", minute_rows({0, 1440}, {1, 2})));
    must(store.append("BTC/USDT", minute_rows({0}, {3})));
    EXPECT_EQ(testing::by_minute(must(store.read("BTC/USDT"))), (std::map<std::int64_t, double>{{0, 3}, {1440, 2}}));
    EXPECT_EQ(must(store.compact("BTC/USDT")).days, 1U);
    EXPECT_EQ(must(store.symbols()), std::vector<std::string>{"BTC/USDT"});
    EXPECT_EQ(testing::by_minute(must(FeatureStore::open((files.path() / "s").string()).value().read("BTC/USDT"))),
              (std::map<std::int64_t, double>{{0, 3}, {1440, 2}}));
    must(store.retain("BTC/USDT", day0 + ns_per_day));
    EXPECT_EQ(must(store.read("BTC/USDT")).rows(), 1U);
    EXPECT_TRUE(must(store.check("BTC/USDT")).problems.empty());
}

}  // namespace
}  // namespace sofia::store

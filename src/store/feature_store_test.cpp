#include "store/feature_store.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "store/feature_faults.hpp"
#include "store/feature_testing.hpp"
#include "store/test_files.hpp"

namespace sofia::store {
namespace {

using ::testing::AllOf;
using testing::by_minute;
using testing::day0;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::minute_rows;
using testing::must;
using testing::numbers;
using testing::open_store;
using ::testing::Pair;
using testing::TemporaryFolder;
using ::testing::UnorderedElementsAre;
using testing::visible_parts;

constexpr std::int64_t minutes_a_day = 1440;

FeatureRows all_types() {
    FeatureRows rows;
    rows.ts = {day0 + 5, day0, day0 + ns_per_day};
    rows.known_at = {day0 + 6, day0, day0 + ns_per_day + 1};
    rows.columns = {numbers("x", {1.5, testing::missing, -0.0}), make_column("n", ColumnType::int64), make_column("b", ColumnType::boolean),
                    make_column("t", ColumnType::text), make_column("when", ColumnType::timestamp)};
    rows.columns[1].integers = {-7, 0, std::numeric_limits<std::int64_t>::max()};
    rows.columns[1].valid = {1, 0, 1};
    rows.columns[2].flags = {1, 0, 0};
    rows.columns[2].valid = {1, 1, 0};
    rows.columns[3].texts = {"up", "", "ü,\"x\"\n"};
    rows.columns[3].valid = {1, 0, 1};
    rows.columns[4].integers = {no_time, 5, -1};
    return rows;
}

TEST(FeatureStore, GivesBackWhatWasAppendedInOrderOfTime) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    const AppendReport report = must(store.append("BTC", all_types()));
    EXPECT_EQ(report.rows, 3U);
    EXPECT_EQ(report.days, 2U);
    EXPECT_THAT(report.new_columns, ElementsAre("x", "n", "b", "t", "when"));
    const FeatureRows read = must(store.read("BTC"));
    EXPECT_THAT(read.ts, ElementsAre(day0, day0 + 5, day0 + ns_per_day));
    EXPECT_THAT(read.known_at, ElementsAre(day0, day0 + 6, day0 + ns_per_day + 1));
    EXPECT_TRUE(read.columns[0].missing(0));
    EXPECT_EQ(read.columns[0].numbers[1], 1.5);
    EXPECT_TRUE(std::signbit(read.columns[0].numbers[2]));
    EXPECT_TRUE(read.columns[1].missing(0));
    EXPECT_EQ(read.columns[1].integers[1], -7);
    EXPECT_EQ(read.columns[1].integers[2], std::numeric_limits<std::int64_t>::max());
    EXPECT_FALSE(read.columns[2].missing(0));
    EXPECT_THAT(read.columns[2].flags, ElementsAre(0, 1, 0));
    EXPECT_TRUE(read.columns[2].missing(2));
    EXPECT_TRUE(read.columns[3].missing(0));
    EXPECT_EQ(read.columns[3].texts[1], "up");
    EXPECT_EQ(read.columns[3].texts[2], "ü,\"x\"\n");
    EXPECT_THAT(read.columns[4].integers, ElementsAre(5, no_time, -1));
    EXPECT_EQ(read.written_at, std::vector<TimeNs>(3, report.written_at));
}

TEST(FeatureStore, KeepsAFolderADayWithNothingElseBelowTheSymbol) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path() / "s");
    must(store.append("BTC", minute_rows({0, minutes_a_day - 1, minutes_a_day}, {1, 2, 3})));
    must(store.append("BTC", minute_rows({1}, {4})));
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(files.path() / "s" / "BTC")) {
        if (entry.is_regular_file()) names.push_back(std::filesystem::relative(entry.path(), files.path() / "s" / "BTC").string());
    }
    EXPECT_THAT(names, UnorderedElementsAre(::testing::MatchesRegex("date=2024-01-01/part-.*\\.parquet"),
                                            ::testing::MatchesRegex("date=2024-01-01/part-.*\\.parquet"),
                                            ::testing::MatchesRegex("date=2024-01-02/part-.*\\.parquet")));
    EXPECT_THAT(must(store.parts("BTC")), ::testing::UnorderedElementsAreArray(names));
}

TEST(FeatureStore, AppendingDoesNotTouchWhatIsThere) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    must(store.append("BTC", minute_rows({0}, {1})));
    const std::string part = visible_parts(files.path()).at(0);
    const std::string before = read_file(files.path() / part).value();
    const auto written = std::filesystem::last_write_time(files.path() / part);
    must(store.append("BTC", minute_rows({0, 1}, {2, 3})));
    EXPECT_EQ(read_file(files.path() / part).value(), before);
    EXPECT_EQ(std::filesystem::last_write_time(files.path() / part), written);
}

TEST(FeatureStore, ReadsOneRangeHalfOpenAndTheLastRowsAndSomeColumns) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    FeatureRows rows = minute_rows({0, 1, 2, minutes_a_day, 3 * minutes_a_day}, {0, 1, 2, 3, 4});
    rows.columns.push_back(numbers("b", {10, 11, 12, 13, 14}));
    must(store.append("BTC", rows));
    ReadQuery query;
    query.from = day0 + ns_per_minute;
    query.to = day0 + ns_per_day;
    EXPECT_THAT(by_minute(must(store.read("BTC", query))), ElementsAre(Pair(1, 1.0), Pair(2, 2.0)));
    ReadQuery last;
    last.last = 3;
    last.columns = {"b", "a"};
    const FeatureRows read = must(store.read("BTC", last));
    EXPECT_THAT(by_minute(read, "b"), ElementsAre(Pair(2, 12.0), Pair(minutes_a_day, 13.0), Pair(3 * minutes_a_day, 14.0)));
    EXPECT_EQ(read.columns[0].name, "b");
    EXPECT_EQ(read.columns.size(), 2U);
    last.last = 100;
    EXPECT_EQ(must(store.read("BTC", last)).rows(), 5U);
    last.last = 0;
    EXPECT_EQ(must(store.read("BTC", last)).rows(), 0U);
    query.from = query.to;
    query.to = *query.from;
    EXPECT_EQ(must(store.read("BTC", query)).rows(), 0U);
    query.columns = {"aa"};
    const auto unknown = store.read("BTC", query);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, ErrorCode::usage);
    EXPECT_EQ(unknown.error().message, "BTC has no column aa, did you mean a?");
}

TEST(FeatureStore, NewColumnsAreMissingInOldRows) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    must(store.append("BTC", minute_rows({0}, {1}, "a")));
    FeatureRows more = minute_rows({1}, {2}, "b");
    more.columns.push_back(make_column("n", ColumnType::int64));
    more.columns[1].integers = {3};
    const AppendReport report = must(store.append("BTC", more));
    EXPECT_THAT(report.new_columns, ElementsAre("b", "n"));
    for (int round = 0; round < 2; ++round) {
        const FeatureRows read = must(store.read("BTC"));
        EXPECT_EQ(by_minute(read, "a").at(0), 1.0);
        EXPECT_TRUE(std::isnan(by_minute(read, "a").at(1)));
        EXPECT_TRUE(std::isnan(by_minute(read, "b").at(0)));
        EXPECT_TRUE(read.find("n")->missing(0));
        EXPECT_EQ(read.find("n")->integers[1], 3);
        must(store.compact("BTC"));  // the second round reads one part
    }
}

TEST(FeatureStore, RefusesAChangedTypeAndNamesIt) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    must(store.append("BTC", minute_rows({0}, {1}, "close")));
    FeatureRows other = minute_rows({1}, {2}, "x");
    other.columns[0] = make_column("close", ColumnType::int64);
    other.columns[0].integers = {2};
    const auto refused = store.append("BTC", other);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::data);
    EXPECT_EQ(refused.error().message, "column close is int64, but float64 in the rows that BTC has");
    EXPECT_EQ(by_minute(must(store.read("BTC")), "close").size(), 1U);
    EXPECT_THAT(store.append("BTC", minute_rows({1}, {2}, "Close")).error().message, HasSubstr("BTC has it as close"));
    must(store.append("ETH", other));  // another symbol is another table
}

TEST(FeatureStore, RefusesRowsThatCannotBe) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    const auto why = [&](const std::function<void(FeatureRows&)>& change) {
        FeatureRows rows = minute_rows({0, 1}, {1, 2});
        change(rows);
        const auto done = store.append("BTC", rows);
        EXPECT_FALSE(done);
        return done ? "" : done.error().message;
    };
    EXPECT_EQ(why([](FeatureRows& r) { r.ts[1] = no_time; }), "row 2: ts is missing");
    EXPECT_EQ(why([](FeatureRows& r) { r.known_at[0] = no_time; }), "row 1: known_at is missing");
    EXPECT_EQ(why([](FeatureRows& r) { r.known_at[1] = r.ts[1] - 1; }),
              "row 2: known_at 2024-01-01T00:00:59.999999999Z is before ts 2024-01-01T00:01:00Z");
    EXPECT_THAT(why([](FeatureRows& r) { r.ts[0] = -1; }), HasSubstr("row 1: ts 1969-12-31T23:59:59.999999999Z is not in 1970 to 2200"));
    EXPECT_THAT(why([](FeatureRows& r) { r.known_at[0] = std::numeric_limits<TimeNs>::max(); }), HasSubstr("row 1: known_at"));
    EXPECT_THAT(why([](FeatureRows& r) { r.columns[0].numbers.pop_back(); }), HasSubstr("column a has 1 value, ts has 2"));
    EXPECT_THAT(why([](FeatureRows& r) { r.columns.clear(); }), HasSubstr("no column beside"));
    EXPECT_THAT(why([](FeatureRows& r) { r.columns[0].name = ""; }), HasSubstr("no name"));
    EXPECT_THAT(why([](FeatureRows& r) { r.columns[0].name = "date"; }), HasSubstr("the store itself has a column date"));
    EXPECT_THAT(why([](FeatureRows& r) { r.columns[0].name = "Known_At"; }), HasSubstr("the store itself has a column known_at"));
    EXPECT_THAT(why([](FeatureRows& r) { r.columns.push_back(r.columns[0]); }), HasSubstr("columns a and a have one name"));
    EXPECT_THAT(visible_parts(files.path()), IsEmpty());
}

TEST(FeatureStore, WithoutARowNothingIsWritten) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path() / "s");
    EXPECT_EQ(must(store.append("BTC", minute_rows({}, {}))).rows, 0U);
    EXPECT_FALSE(std::filesystem::exists(files.path() / "s"));
    const auto read = store.read("BTC");
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().message, HasSubstr("the store has no rows of BTC"));
}

TEST(FeatureStore, TheLastWrittenOfATimeCounts) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    must(store.append("BTC", minute_rows({0, 1}, {1, 2})));
    must(store.append("BTC", minute_rows({1, 2}, {20, 30})));
    EXPECT_THAT(by_minute(must(store.read("BTC"))), ElementsAre(Pair(0, 1.0), Pair(1, 20.0), Pair(2, 30.0)));
    const AppendReport report = must(store.append("BTC", minute_rows({5, 5, 5}, {1, 2, 3})));
    EXPECT_EQ(report.rows, 1U);
    EXPECT_EQ(report.repeated, 2U);
    EXPECT_EQ(by_minute(must(store.read("BTC"))).at(5), 3.0);
}

TEST(FeatureStore, AClockThatStandsOrFallsDoesNotChangeTheOrder) {
    const TemporaryFolder files;
    for (const TimeNs now : {TimeNs{500}, TimeNs{500}, TimeNs{3}}) {
        StoreOptions options;
        options.now = [now] { return now; };
        const FeatureStore store = open_store(files.path(), options);
        const double value = store.read("BTC") ? by_minute(must(store.read("BTC"))).at(0) + 1 : 0;
        must(store.append("BTC", minute_rows({0}, {value})));
    }
    EXPECT_EQ(by_minute(must(open_store(files.path()).read("BTC"))).at(0), 2.0);
}

TEST(FeatureStore, ALaterVersionDoesNotHideWhatWasKnown) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    FeatureRows first = minute_rows({0}, {1});
    FeatureRows second = minute_rows({0}, {2});
    first.known_at = {day0 + 10};
    second.known_at = {day0 + 20};
    must(store.append("BTC", first));
    must(store.append("BTC", second));
    const auto at = [&](TimeNs as_of) {
        ReadQuery query;
        query.as_of = as_of;
        return by_minute(must(store.read("BTC", query)));
    };
    for (int round = 0; round < 2; ++round) {
        EXPECT_THAT(at(day0 + 9), IsEmpty());
        EXPECT_THAT(at(day0 + 10), ElementsAre(Pair(0, 1.0)));
        EXPECT_THAT(at(day0 + 19), ElementsAre(Pair(0, 1.0)));
        EXPECT_THAT(at(day0 + 20), ElementsAre(Pair(0, 2.0)));
        must(store.compact("BTC"));
    }
    CompactOptions drop;
    drop.history = CompactOptions::History::drop;
    must(store.compact("BTC", drop));
    EXPECT_THAT(at(day0 + 19), IsEmpty());
    EXPECT_THAT(at(day0 + 20), ElementsAre(Pair(0, 2.0)));
}

// Any writes and compactions against the definition: of the rows known at T, the last written of each ts.
RC_GTEST_PROP(FeatureStore, ReadsAsOfAnyMomentWhatTheDefinitionSays, ()) {
    struct Write {
        std::int64_t minute;
        std::int64_t known;
        double value;
    };
    StoreOptions options;
    options.threads = 1;
    const FeatureStore store(std::make_shared<testing::MemoryFiles>(testing::MemoryFiles::Locks::kept), options);
    std::vector<Write> model;
    double next = 0;
    const int steps = *rc::gen::inRange(1, 6);
    for (int step = 0; step < steps; ++step) {
        FeatureRows rows = minute_rows({}, {});
        const int count = *rc::gen::inRange(1, 8);
        for (int i = 0; i < count; ++i) {
            const auto minute = *rc::gen::element<std::int64_t>(0, 1, 2, minutes_a_day, minutes_a_day + 1);
            const auto known = *rc::gen::inRange<std::int64_t>(0, 5);
            model.push_back({minute, known, next});
            rows.ts.push_back(day0 + minute * ns_per_minute);
            rows.known_at.push_back(rows.ts.back() + known);
            rows.columns[0].numbers.push_back(next++);
        }
        must(store.append("S", rows));
        if (*rc::gen::inRange(0, 3) == 0) must(store.compact("S"));
    }
    for (const std::int64_t start : {std::int64_t{0}, minutes_a_day}) {
        for (std::int64_t after = 0; after < 6; ++after) {
            ReadQuery query;
            query.as_of = day0 + start * ns_per_minute + after;
            std::map<std::int64_t, double> expected;
            for (const Write& write : model) {
                if (day0 + write.minute * ns_per_minute + write.known <= *query.as_of) expected[write.minute] = write.value;
            }
            RC_ASSERT(by_minute(must(store.read("S", query))) == expected);
        }
    }
}

TEST(FeatureStore, CompactionMakesOnePartADayAndChangesNoRead) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    for (int i = 0; i < 5; ++i) must(store.append("BTC", minute_rows({i, minutes_a_day + i, 0}, {1.0 * i, 10.0 * i, 0.5})));
    must(store.append("BTC", minute_rows({5 * minutes_a_day}, {7})));
    const auto before = by_minute(must(store.read("BTC")));
    EXPECT_EQ(visible_parts(files.path()).size(), 11U);
    CompactOptions old_days;
    old_days.before = day0 + ns_per_day + ns_per_hour;
    EXPECT_EQ(must(store.compact("BTC", old_days)).days, 1U);  // the day that holds the moment stays
    const CompactReport report = must(store.compact("BTC"));
    EXPECT_EQ(report.days, 1U);
    EXPECT_EQ(report.parts_before, 5U);
    EXPECT_EQ(report.rows_before, 5U);
    EXPECT_EQ(report.rows_after, 5U);
    EXPECT_EQ(visible_parts(files.path()).size(), 3U);
    EXPECT_EQ(by_minute(must(store.read("BTC"))), before);
    EXPECT_EQ(must(store.compact("BTC")).days, 0U);
    EXPECT_EQ(must(store.describe("BTC")).duplicates, 0U);
}

TEST(FeatureStore, RetentionDropsWholeDays) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    must(store.append("BTC", minute_rows({0, minutes_a_day, 2 * minutes_a_day}, {0, 1, 2})));
    EXPECT_EQ(must(store.retain("BTC", day0)).days, 0U);
    const RetainReport report = must(store.retain("BTC", day0 + ns_per_day + ns_per_hour));
    EXPECT_EQ(report.days, 1U);
    EXPECT_EQ(report.rows, 1U);
    EXPECT_THAT(by_minute(must(store.read("BTC"))), ElementsAre(Pair(minutes_a_day, 1.0), Pair(2 * minutes_a_day, 2.0)));
    EXPECT_FALSE(std::filesystem::exists(files.path() / "BTC" / "date=2024-01-01"));
    EXPECT_EQ(must(store.retain("BTC", day0 + 100 * ns_per_day)).days, 2U);
    EXPECT_EQ(must(store.read("BTC")).rows(), 0U);
    must(store.append("BTC", minute_rows({0}, {5})));
    EXPECT_EQ(must(store.read("BTC")).rows(), 1U);
}

TEST(FeatureStore, DescribesWhatItHolds) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    must(store.append("BTC", minute_rows({0, 1, minutes_a_day}, {3, testing::missing, -1})));
    must(store.append("BTC", minute_rows({0}, {4})));
    const StoreDescription about = must(store.describe("BTC"));
    EXPECT_EQ(about.rows, 3U);
    EXPECT_EQ(about.duplicates, 1U);
    EXPECT_EQ(about.days, 2U);
    EXPECT_EQ(about.parts, 3U);
    EXPECT_EQ(about.ts_first, day0);
    EXPECT_EQ(about.ts_last, day0 + ns_per_day);
    EXPECT_EQ(about.known_last, day0 + ns_per_day + ns_per_minute);
    ASSERT_EQ(about.columns.size(), 1U);
    EXPECT_EQ(about.columns[0].missing, 1U);
    EXPECT_EQ(about.columns[0].least, -1.0);
    EXPECT_EQ(about.columns[0].most, 4.0);
    std::uint64_t bytes = 0;
    for (const std::string& part : visible_parts(files.path())) bytes += std::filesystem::file_size(files.path() / part);
    EXPECT_EQ(about.bytes, bytes);
}

TEST(FeatureStore, TheLogStaysShortAndForgetsNothing) {
    const auto files = std::make_shared<testing::MemoryFiles>(testing::MemoryFiles::Locks::kept);
    const FeatureStore store(files, {});
    for (int i = 0; i < 150; ++i) {
        must(store.append("BTC", minute_rows({i}, {1.0 * i})));
        EXPECT_LE(must(files->list("_sofia/BTC/log")).size(), 64U);
    }
    EXPECT_EQ(must(store.read("BTC")).rows(), 150U);
}

TEST(FeatureStore, SymbolsWithOddCharactersStayInsideTheFolder) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path() / "s");
    const std::vector<std::string> symbols = {"../../etc",       "..",   ".",   "/root",   "_sofia", "BTC/USDT:USDT", "a b",
                                              "date=2024-01-01", "100%", "Ünï", "BTC_USDT"};
    for (const std::string& symbol : symbols) must(store.append(symbol, minute_rows({0}, {1})));
    EXPECT_THAT(must(store.symbols()), ::testing::UnorderedElementsAreArray(symbols));
    for (const std::string& symbol : symbols) EXPECT_EQ(must(store.read(symbol)).rows(), 1U) << symbol;
    std::vector<std::string> beside;
    for (const auto& entry : std::filesystem::directory_iterator(files.path())) beside.push_back(entry.path().filename().string());
    EXPECT_THAT(beside, UnorderedElementsAre("s", "X"));
    EXPECT_TRUE(std::filesystem::exists(files.path() / "s" / "BTC%2FUSDT%3AUSDT"));
    EXPECT_TRUE(std::filesystem::exists(files.path() / "s" / "BTC_USDT"));
    for (const std::string& bad : {std::string(), std::string("a\nb"), std::string("a\0b", 3), std::string("\xff"), std::string(101, 'a')}) {
        EXPECT_EQ(store.append(bad, minute_rows({0}, {1})).error().code, ErrorCode::usage);
        EXPECT_EQ(store.read(bad).error().code, ErrorCode::usage);
    }
}

}  // namespace
}  // namespace sofia::store

#include "store/csv_fields.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace sofia::store {
namespace {

std::vector<std::string> split(std::string_view line) {
    RowFields fields;
    EXPECT_FALSE(fields.split(line));
    std::vector<std::string> out;
    for (std::size_t i = 0; i < fields.size(); ++i) out.emplace_back(fields[i]);
    return out;
}

TEST(RowFields, SplitsAtCommasOutsideQuotes) {
    using Fields = std::vector<std::string>;
    EXPECT_EQ(split("a,b,c"), (Fields{"a", "b", "c"}));
    EXPECT_EQ(split(""), (Fields{""}));
    EXPECT_EQ(split(",a,"), (Fields{"", "a", ""}));
    EXPECT_EQ(split("\"a,b\",c"), (Fields{"a,b", "c"}));
    EXPECT_EQ(split("\"say \"\"no\"\"\",\"\""), (Fields{"say \"no\"", ""}));
    EXPECT_EQ(split("a\"b,c"), (Fields{"a\"b", "c"}));
}

TEST(RowFields, RefusesWhatAQuoteLeavesOpen) {
    RowFields fields;
    EXPECT_EQ(fields.split("\"abc"), "a quoted field does not end on its line");
    EXPECT_EQ(fields.split("\"abc\"d,e"), "text follows a closing quote: \"d,e\"");
}

// Writing fields by RFC 4180 and splitting them gives them back.
RC_GTEST_PROP(RowFields, ReadsBackWhatWasQuoted, ()) {
    const auto fields =
        *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab\",1 ")))));
    std::string line;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (i > 0) line += ',';
        line += '"';
        for (const char c : fields[i]) line += c == '"' ? std::string("\"\"") : std::string(1, c);
        line += '"';
    }
    RC_ASSERT(split(line) == fields);
}

TEST(Shown, KeepsATerminalSafe) {
    EXPECT_EQ(shown("abc"), "\"abc\"");
    EXPECT_EQ(shown("\x1b[31m\xff"), "\"\\x1b[31m\\xff\"");
    EXPECT_EQ(shown("ä"), "\"ä\"");
    EXPECT_EQ(shown(std::string(100, 'x')).size(), 40 + 2 + 3);
}

TEST(IsUtf8, FollowsTheStandardsTable) {
    for (const char* good : {"", "abc", "é", "€", "😀", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"}) EXPECT_TRUE(is_utf8(good)) << good;
    for (const char* bad :
         {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5", "\xE2\x82", "\xC3"}) {
        EXPECT_FALSE(is_utf8(bad));
    }
}

TEST(ReadTime, IsExactInEveryUnit) {
    TimeNs time = 0;
    const auto read = [&](const char* text, TimeUnit unit) {
        EXPECT_EQ(read_time(text, unit, time), std::nullopt) << text;
        return time;
    };
    EXPECT_EQ(read("1704067200.123", TimeUnit::seconds), 1704067200123000000);
    EXPECT_EQ(read("1704067200.123456789", TimeUnit::seconds), 1704067200123456789);
    EXPECT_EQ(read("1704067200.1234567899", TimeUnit::seconds), 1704067200123456789);  // cut, not rounded
    EXPECT_EQ(read("1704067200", TimeUnit::seconds), 1704067200000000000);
    EXPECT_EQ(read("1704067200123", TimeUnit::milliseconds), 1704067200123000000);
    EXPECT_EQ(read("1704067200123456", TimeUnit::microseconds), 1704067200123456000);
    EXPECT_EQ(read("1704067200123456789", TimeUnit::nanoseconds), 1704067200123456789);
    EXPECT_EQ(read("1.7040672e9", TimeUnit::seconds), 1704067200000000000);
    EXPECT_EQ(read(" 1704067200 ", TimeUnit::seconds), 1704067200000000000);
    EXPECT_EQ(read("0", TimeUnit::seconds), 0);
    EXPECT_EQ(read("2024-01-01T00:00:00Z", TimeUnit::seconds), 1704067200000000000);
}

TEST(ReadTime, RefusesWhatLiesOutsideItsRange) {
    TimeNs time = 77;
    for (const char* text : {"-1", "7258118400", "1704067200123", "1e300", "inf", "99999999999999999999999"}) {
        const Reason reason = read_time(text, TimeUnit::seconds, time);
        ASSERT_TRUE(reason) << text;
        EXPECT_NE(reason->find("is out of range: the file's times are unix seconds, 1970 to 2200"), std::string::npos) << *reason;
    }
    EXPECT_TRUE(read_time("1704067200", TimeUnit::milliseconds, time));  // a second among milliseconds
    for (const char* text : {"nan", "abc", "", "1.2.3", "12:30"}) EXPECT_TRUE(read_time(text, TimeUnit::seconds, time)) << text;
    EXPECT_EQ(time, 77);
}

TEST(UnitOf, GoesByMagnitude) {
    EXPECT_EQ(unit_of("0"), TimeUnit::seconds);
    EXPECT_EQ(unit_of("1704067200.5"), TimeUnit::seconds);
    EXPECT_EQ(unit_of("1704067200123"), TimeUnit::milliseconds);
    EXPECT_EQ(unit_of("1704067200123456"), TimeUnit::microseconds);
    EXPECT_EQ(unit_of("1704067200123456789"), TimeUnit::nanoseconds);
    EXPECT_EQ(unit_of("2024-01-01"), TimeUnit::seconds);
    EXPECT_EQ(unit_of("abc"), std::nullopt);
    EXPECT_EQ(unit_of("-5"), std::nullopt);
}

}  // namespace
}  // namespace sofia::store

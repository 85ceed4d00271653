#include "store/csv_scan.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "store/line_chunks.hpp"

namespace sofia::store {
namespace {

// A field with what stands around it in a file.
struct Padded {
    explicit Padded(const std::string& field) : text(std::string(20, '7') + "," + field + ",9999999999999999"), begin(21), size(field.size()) {}
    [[nodiscard]] const char* from() const { return text.data() + begin; }
    [[nodiscard]] const char* to() const { return from() + size; }
    std::string text;
    std::size_t begin;
    std::size_t size;
};

Decimal scan_text(const std::string& field) {
    const Padded padded(field);
    return scan_decimal(padded.from(), padded.to());
}

bool is_plain_decimal(const std::string& field) {
    std::size_t points = 0;
    std::size_t digits = 0;
    for (const char c : field) {
        points += c == '.' ? 1U : 0U;
        digits += c >= '0' && c <= '9' ? 1U : 0U;
    }
    return points <= 1 && digits >= 1 && points + digits == field.size() && field.size() <= 16;
}

TEST(ScanDecimal, ReadsDigitsAndTheirDecimals) {
    const auto expect = [](const char* field, std::uint64_t digits, std::uint32_t decimals) {
        const Decimal decimal = scan_text(field);
        EXPECT_TRUE(decimal.plain) << field;
        EXPECT_EQ(decimal.digits, digits) << field;
        EXPECT_EQ(decimal.decimals, decimals) << field;
    };
    expect("0", 0, 0);
    expect("7", 7, 0);
    expect("42000.5", 420005, 1);
    expect(".5", 5, 1);
    expect("5.", 5, 0);
    expect("12345678", 12345678, 0);
    expect("1234567.8", 12345678, 1);
    expect("1704067200.123", 1704067200123, 3);
    expect("9999999999999999", 9999999999999999, 0);
    expect("0.00000000000001", 1, 14);
}

TEST(ScanDecimal, LeavesEverythingElseToTheSlowRules) {
    for (const char* field : {"", ".", "-1", "+1", "1e5", "1.2.3", "..", "12a", "nan", " 1", "1 ", "12345678901234567", "1234.5678.9", "\xff", "1,2",
                              "123456789/", "123456789:"}) {
        EXPECT_FALSE(scan_text(field).plain) << field;
    }
}

// The oracle is std::from_chars, which gives the nearest double.
RC_GTEST_PROP(ScanDecimal, GivesTheNearestDoubleToTheLastBit, ()) {
    const auto whole = *rc::gen::inRange<std::uint64_t>(0, 10'000'000);
    const auto decimals = *rc::gen::inRange<int>(0, 9);
    std::string field = std::to_string(whole);
    if (decimals > 0) {
        field += '.';
        for (int i = 0; i < decimals; ++i) field += static_cast<char>('0' + *rc::gen::inRange<int>(0, 10));
    }
    if (field.size() > 16) field.resize(16);
    const Decimal decimal = scan_text(field);
    RC_ASSERT(decimal.plain);
    RC_PRE(decimal.digits <= exact_digits_max);
    double expected = 0.0;
    std::from_chars(field.data(), field.data() + field.size(), expected);
    RC_ASSERT(std::bit_cast<std::uint64_t>(to_double(decimal)) == std::bit_cast<std::uint64_t>(expected));
}

// Any short text from the characters that matter is plain exactly if it is digits with at most one point.
RC_GTEST_PROP(ScanDecimal, IsPlainExactlyForDigitsWithAtMostOnePoint, ()) {
    const auto field = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123456789..9-e/:\x80")));
    RC_ASSERT(scan_text(field).plain == is_plain_decimal(field));
}

// The column reader keeps the first eight characters from row to row: what it saw before must not matter.
/// What a field of 17 to 20 characters is, digit by digit: eight digits, then digits with at most one point, nineteen digits in all.
Decimal long_reference(const std::string& field) {
    Decimal found{0, 0, true};
    std::size_t digits = 0;
    std::size_t points = 0;
    for (std::size_t i = 0; i < field.size(); ++i) {
        if (field[i] == '.' && i >= 8) {
            ++points;
        } else if (field[i] >= '0' && field[i] <= '9' && digits < 19) {
            found.digits = found.digits * 10 + static_cast<std::uint64_t>(field[i] - '0');
            found.decimals += points > 0 ? 1U : 0U;
            ++digits;
        } else {
            return {};
        }
    }
    found.plain = points <= 1;
    return found;
}

RC_GTEST_PROP(PrefixDecimal, EqualsScanDecimalWhateverCameBefore, ()) {
    PrefixDecimal column;
    for (int row = 0; row < 20; ++row) {
        std::string field = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123456789012345678901234567890.x")));
        if (*rc::gen::inRange(0, 2) == 0) field = "17040672" + field;
        // Microseconds and nanoseconds, as exchanges write them.
        if (*rc::gen::inRange(0, 3) == 0) field = "1704067200." + std::to_string(*rc::gen::inRange(100'000, 999'999'999));
        const Padded padded(field);
        const bool longer = field.size() > 16 && field.size() <= 20;
        const Decimal expected = longer ? long_reference(field) : scan_decimal(padded.from(), padded.to());
        const Decimal got = column.scan(padded.from(), padded.to());
        RC_ASSERT(got.plain == expected.plain);
        if (!expected.plain) continue;
        RC_ASSERT(got.digits == expected.digits);
        RC_ASSERT(got.decimals == expected.decimals);
    }
}

RC_GTEST_PROP(IndexDelimiters, FastAndPlainFindTheSame, ()) {
    const auto text = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab,,,,\n1.5\"\xc3")));
    const auto repeat = *rc::gen::inRange(1, 30);
    std::string whole;
    for (int i = 0; i < repeat; ++i) whole += text;
    const std::size_t size = whole.size();
    whole += std::string(chunk_padding, ',');  // must not be found
    DelimiterIndex fast;
    DelimiterIndex plain;
    index_delimiters(std::string_view(whole).substr(0, size), fast);
    index_delimiters_plain(std::string_view(whole).substr(0, size), plain);
    RC_ASSERT(fast.count == plain.count);
    RC_ASSERT(fast.feeds == plain.feeds);
    RC_ASSERT(fast.special == plain.special);
    for (std::size_t i = 0; i <= fast.count; ++i) RC_ASSERT(fast.positions[i] == plain.positions[i]);
}

}  // namespace
}  // namespace sofia::store

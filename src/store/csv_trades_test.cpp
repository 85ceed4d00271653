#include "store/csv_trades.hpp"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <sstream>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/text.hpp"

namespace sofia::store {
namespace {

using market::Side;
using market::TickDirection;
using market::Trade;

TextChunk chunk_of(const std::string& text) {
    TextChunk chunk;
    chunk.memory.assign(text.size() + 2 * chunk_padding, '\0');
    if (!text.empty()) std::memcpy(chunk.memory.data() + chunk_padding, text.data(), text.size());
    chunk.size = text.size();
    return chunk;
}

TradeLayout layout_of(const std::vector<std::string>& header) { return trade_layout(header).value(); }

const std::vector<std::string> usual = {"timestamp", "price", "size", "side", "tickDirection"};

struct Parsed {
    std::vector<Trade> trades;
    std::vector<TradeId> ids;
    std::uint64_t lines = 0;
    std::uint64_t bad_rows = 0;
    std::vector<std::pair<std::uint64_t, std::string>> bad;
    friend bool operator==(const Parsed&, const Parsed&) = default;
};

using Parse = void (*)(const TextChunk&, const TradeLayout&, BadRows, TradeParser&, TradeBlock&);

Parsed run(Parse parse, const std::string& text, const TradeLayout& layout, BadRows bad_rows) {
    TradeParser parser;
    TradeBlock block;
    parse(chunk_of(text), layout, bad_rows, parser, block);
    Parsed out{{}, block.ids, block.lines, block.bad_rows, {}};
    for (Trade trade : block.trades()) {
        if (layout.tick == no_column) trade.tick = TickDirection::zero_plus;  // not the parser's to fill
        out.trades.push_back(trade);
    }
    for (const LocalBadRow& bad : block.bad) out.bad.emplace_back(bad.line, bad.reason);
    return out;
}

// A reader that shares nothing with the room: streams, strtod, whole strings. Nothing for a row it would not take.
std::optional<Trade> obvious(const std::string& row, std::size_t columns) {
    std::vector<std::string> fields;
    std::istringstream in(row + ",");
    for (std::string field; std::getline(in, field, ',');) fields.push_back(field);
    if (fields.size() != columns) return std::nullopt;
    const auto number = [](const std::string& text) -> std::optional<double> {
        if (text.empty() || text.find_first_not_of("0123456789.eE+-") != std::string::npos) return std::nullopt;
        char* end = nullptr;
        const double value = std::strtod(text.c_str(), &end);
        if (*end != '\0' || !std::isfinite(value)) return std::nullopt;
        return value;
    };
    const auto price = number(fields[1]);
    const auto size = number(fields[2]);
    if (!number(fields[0]) || !price || !size || !(*price > 0.0) || *size < 0.0) return std::nullopt;
    const std::size_t point = fields[0].find('.');
    std::string decimals = point == std::string::npos ? "" : fields[0].substr(point + 1);
    decimals.resize(9, '0');
    Trade trade;
    trade.ts = std::stoll(fields[0].substr(0, point)) * ns_per_second + std::stoll(decimals);
    trade.price = *price;
    trade.size = *size;
    if (lower(fields[3]) != "buy" && lower(fields[3]) != "sell") return std::nullopt;
    trade.side = lower(fields[3]) == "buy" ? Side::buy : Side::sell;
    const std::vector<std::string> ticks = {"plustick", "zeroplustick", "minustick", "zerominustick"};
    const auto tick = std::find(ticks.begin(), ticks.end(), lower(fields[4]));
    if (tick == ticks.end()) return std::nullopt;
    trade.tick = static_cast<TickDirection>(tick - ticks.begin());
    return trade;
}

std::string digits(int low, int high) {
    std::string out;
    const int count = *rc::gen::inRange(low, high + 1);
    for (int i = 0; i < count; ++i) out += static_cast<char>('0' + *rc::gen::inRange(0, 10));
    return out;
}

std::string any_case(std::string text) {
    if (*rc::gen::inRange(0, 4) != 0) return text;
    for (char& c : text) c = *rc::gen::inRange(0, 2) == 0 ? static_cast<char>(std::toupper(c)) : static_cast<char>(std::tolower(c));
    return text;
}

// Short ones are what rows are read four at a time for.
enum class Length { any, brief };

std::string amount(Length length) {
    std::string out = digits(1, length == Length::brief ? 4 : 9);
    if (*rc::gen::inRange(0, 4) != 0) out += "." + digits(1, length == Length::brief ? 3 : 10);
    return out;
}

std::string good_row(Length length = Length::any) {
    std::string time = "17" + digits(8, 8);
    if (*rc::gen::inRange(0, 5) != 0) time += "." + digits(1, length == Length::brief ? 7 : 9);
    const auto side = *rc::gen::element<std::string>("Buy", "Sell");
    const auto tick = *rc::gen::element<std::string>("PlusTick", "ZeroPlusTick", "MinusTick", "ZeroMinusTick");
    return time + "," + amount(length) + "," + amount(length) + "," + any_case(side) + "," + any_case(tick);
}

// A good row with some bytes changed, put in or taken out.
std::string damaged_row() {
    std::string row = good_row();
    const int changes = *rc::gen::inRange(1, 4);
    for (int i = 0; i < changes && !row.empty(); ++i) {
        const auto at = *rc::gen::inRange<std::size_t>(0, row.size());
        const char c = *rc::gen::elementOf(std::string(",,..\"\xff\xc3-+eE 0aBx\r;\t\x01"));
        const int what = *rc::gen::inRange(0, 3);
        if (what == 0) row[at] = c;
        if (what == 1) row.insert(at, 1, c);
        if (what == 2) row.erase(at, 1);
    }
    return row;
}

RC_GTEST_PROP(ParseTrades, EqualsTheObviousReaderToTheLastBit, ()) {
    const TradeLayout layout = layout_of(usual);
    std::string text;
    std::vector<Trade> expected;
    const int rows = *rc::gen::inRange(1, 40);
    const auto length = *rc::gen::element(Length::any, Length::brief);
    const int crlf = *rc::gen::inRange(0, 3);  // none, some, all
    for (int i = 0; i < rows; ++i) {
        const std::string row = good_row(length);
        text += row + (*rc::gen::inRange(0, 5) < crlf * crlf + crlf - 1 ? "\r\n" : "\n");
        const auto trade = obvious(row, 5);
        if (trade) expected.push_back(*trade);  // a price of 0.00 is refused by both
    }
    const Parsed got = run(parse_trades, text, layout, BadRows::skip);
    RC_ASSERT(got.trades.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        RC_ASSERT(got.trades[i].ts == expected[i].ts);
        RC_ASSERT(std::bit_cast<std::uint64_t>(got.trades[i].price) == std::bit_cast<std::uint64_t>(expected[i].price));
        RC_ASSERT(std::bit_cast<std::uint64_t>(got.trades[i].size) == std::bit_cast<std::uint64_t>(expected[i].size));
        RC_ASSERT(got.trades[i] == expected[i]);
    }
}

// Good rows, damaged rows, blank lines, in any mixture, with any layout and both ways with bad rows: the fast way and the row-by-row way
// agree in trades, lines and the reasons they give.
RC_GTEST_PROP(ParseTrades, FastEqualsRowByRowOnWhateverIsInTheFile, ()) {
    static const std::vector<std::vector<std::string>> headers = {
        usual,
        {"timestamp", "price", "size", "side"},
        {"side", "size", "price", "timestamp", "tickDirection"},
        {"timestamp", "symbol", "side", "size", "price", "tickDirection", "trdMatchID", "grossValue"},
        {"timestamp", "price", "size", "side", "trdMatchID"},
    };
    TradeLayout layout = layout_of(*rc::gen::elementOf(headers));
    layout.unit = *rc::gen::element(TimeUnit::seconds, TimeUnit::seconds, TimeUnit::milliseconds, TimeUnit::nanoseconds);
    std::string text;
    const int rows = *rc::gen::inRange(0, 60);
    const bool calm = *rc::gen::inRange(0, 2) == 0;
    const auto length = *rc::gen::element(Length::any, Length::brief);
    const std::string line_end = *rc::gen::element<std::string>("\n", "\r\n");
    for (int i = 0; i < rows; ++i) {
        const int what = *rc::gen::inRange(0, calm ? 40 : 4);
        if (what == 0) {
            text += damaged_row() + "\n";
            continue;
        }
        if (what == 1) {
            text += *rc::gen::element<std::string>("\n", "\r\n", "1,2\n", ",,,,\n", "a,b\nc,d,e\n");
            continue;
        }
        // The fields of a good row, put where this layout wants them.
        const std::vector<std::string> good = split(good_row(length), ',');
        std::vector<std::string> fields(layout.columns, "x");
        fields[layout.timestamp] = good[0];
        if (layout.unit == TimeUnit::milliseconds) fields[layout.timestamp] = good[0].substr(0, 10) + digits(3, 3);
        if (layout.unit == TimeUnit::nanoseconds) fields[layout.timestamp] = good[0].substr(0, 10) + digits(9, 9);
        fields[layout.price] = good[1];
        fields[layout.size] = good[2];
        fields[layout.side] = good[3];
        if (layout.tick != no_column) fields[layout.tick] = good[4];
        if (layout.id != no_column) fields[layout.id] = digits(0, 12);
        text += join(fields, ",") + line_end;
    }
    for (const BadRows bad_rows : {BadRows::refuse, BadRows::skip}) {
        const Parsed fast = run(parse_trades, text, layout, bad_rows);
        const Parsed plain = run(parse_trades_plain, text, layout, bad_rows);
        RC_ASSERT(fast == plain);
    }
}

// Each field in turn is the first of four rows that is not plain: one more digit than fits, no digit, a second point, another word.
TEST(ParseTrades, ReadsFourRowsAtATimeOnlyWhereAllArePlain) {
    const TradeLayout layout = layout_of(usual);
    const std::string plain = "1704067200.1234567,12345.67,0.12345,Sell,ZeroMinusTick\n";
    const std::vector<std::string> others = {"1704067200,1,1,Buy,PlusTick",
                                             "1704067200.12345678,1,1,Buy,PlusTick",
                                             "1704067200.1.2,1,1,Buy,PlusTick",
                                             "4294967296.5,1,1,Buy,PlusTick",
                                             "7258118400,1,1,Buy,PlusTick",
                                             "1704067200.,1,1,Buy,PlusTick",
                                             "170406720,1,1,Buy,PlusTick",
                                             "17040672001,1,1,Buy,PlusTick",
                                             "1704067200.5,123456789,1,Buy,PlusTick",
                                             "1704067200.5,0,1,Buy,PlusTick",
                                             "1704067200.5,.,1,Buy,PlusTick",
                                             "1704067200.5,.5,0,Buy,PlusTick",
                                             "1704067200.5,5.,1,Buy,PlusTick",
                                             "1704067200.5,1.2.3,1,Buy,PlusTick",
                                             "1704067200.5,,1,Buy,PlusTick",
                                             "1704067200.5,1,-1,Buy,PlusTick",
                                             "1704067200.5,1,1e5,Buy,PlusTick",
                                             "1704067200.5,99999999,1,buy,plustick",
                                             "1704067200.5,1,1,Bux,PlusTick",
                                             "1704067200.5,1,1,Sel,PlusTick",
                                             "1704067200.5,1,1,Buyl,PlusTick",
                                             "1704067200.5,1,1,SELL,ZEROMINUSTICK",
                                             "1704067200.5,1,1,Buy,ZeroPlusTic",
                                             "1704067200.5,1,1,Buy,XlusTick",
                                             "1704067200.5,1,1,Buy,ZeroXlusTick",
                                             "1704067200.5,1,1,Buy,PlusTick\r",
                                             "1704067200.5,1,1,Buy,",
                                             "1704067200.5,1,1,Buy,PlusTickPlusTickPlusTick"};
    for (const std::string& other : others) {
        for (std::size_t place = 0; place < 9; ++place) {
            std::string text;
            for (std::size_t row = 0; row < 12; ++row) text += row == place ? other + "\n" : plain;
            const Parsed fast = run(parse_trades, text, layout, BadRows::skip);
            EXPECT_EQ(fast, run(parse_trades_plain, text, layout, BadRows::skip)) << other << " at " << place;
            EXPECT_EQ(fast.trades.back(), (Trade{1'704'067'200'123'456'700, 12345.67, 0.12345, Side::sell, TickDirection::zero_minus}));
        }
    }
}

// Ids are read by another way than the rest, and the last column ends before the CR.
TEST(ParseTrades, ReadsIdsOfFourRowsAtATime) {
    const TradeLayout layout = layout_of({"timestamp", "price", "size", "side", "trdMatchID"});
    for (const char* end : {"\n", "\r\n"}) {
        std::string text;
        for (int i = 0; i < 9; ++i) text += "1704067200.5,1,1,Buy,id" + std::to_string(i) + end;
        const Parsed got = run(parse_trades, text, layout, BadRows::refuse);
        ASSERT_EQ(got.ids.size(), 9U);
        for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(got.ids[i], trade_id("id" + std::to_string(i)));
    }
}

// Two short rows that have as many delimiters together as one whole row.
TEST(ParseTrades, DoesNotTakeTwoShortRowsForOne) {
    const std::string good = "1704067200,1,1,Buy,PlusTick\n";
    const std::string halves = "1704067201,5\n6,Buy,PlusTick\n";
    const Parsed got = run(parse_trades, good + halves + good, layout_of(usual), BadRows::skip);
    EXPECT_EQ(got.trades.size(), 2U);
    EXPECT_EQ(got.bad_rows, 2U);
    ASSERT_EQ(got.bad.size(), 2U);
    EXPECT_EQ(got.bad[0], (std::pair<std::uint64_t, std::string>(1, "the row has 2 fields, the header has 5")));
    const std::string far = "1704067201,5,6,Buy\nPlusTick\nabc,1,1,Buy,PlusTick\n";
    const Parsed refused = run(parse_trades, good + far, layout_of(usual), BadRows::refuse);
    ASSERT_EQ(refused.bad.size(), 1U);
    EXPECT_EQ(refused.bad[0].first, 1U);
}

TEST(TradeLayout, FindsColumnsByNameInAnyOrder) {
    const TradeLayout layout = layout_of({"side", "trd_match_id", "Price", "note", "TIMESTAMP", " size "});
    EXPECT_EQ(layout.side, 0U);
    EXPECT_EQ(layout.id, 1U);
    EXPECT_EQ(layout.price, 2U);
    EXPECT_EQ(layout.timestamp, 4U);
    EXPECT_EQ(layout.size, 5U);
    EXPECT_EQ(layout.tick, no_column);
    EXPECT_EQ(layout.columns, 6U);
}

TEST(TradeLayout, NamesTheColumnThatIsMissingOrDoubled) {
    const std::vector<std::string> missing = {"timestamp", "size", "side"};
    EXPECT_EQ(trade_layout(missing).error().message, "column \"price\" is missing: the header has \"timestamp,size,side\"");
    const std::vector<std::string> doubled = {"timestamp", "price", "Price", "size", "side"};
    EXPECT_EQ(trade_layout(doubled).error().message, "column \"price\" stands twice in the header");
}

TEST(TradeId, IsZeroOnlyForARowWithout) {
    EXPECT_EQ(trade_id(""), TradeId{});
    EXPECT_NE(trade_id("0"), TradeId{});
    EXPECT_NE(trade_id("00c706e1-ba52-5bb0-98d0-bf694bdc69f7"), trade_id("00c706e1-ba52-5bb0-98d0-bf694bdc69f8"));
    EXPECT_NE(trade_id("a"), trade_id(std::string("a\0", 2)));
}

}  // namespace
}  // namespace sofia::store

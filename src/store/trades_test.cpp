#include "store/trades.hpp"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "store/test_files.hpp"
#include "store/trades_csv.hpp"

namespace sofia::store {
namespace {

using market::Side;
using market::TickDirection;
using market::Trade;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::read_all;
using testing::ReadAll;
using testing::TemporaryFolder;

const std::string header = "timestamp,price,size,side,tickDirection\n";

std::string row(std::int64_t second, int price, const std::string& tick = "PlusTick") {
    return std::to_string(second) + "," + std::to_string(price) + ",1,Buy," + tick + "\n";
}

std::vector<double> prices(const ReadAll& read) {
    std::vector<double> out;
    for (const Trade& trade : read.trades) out.push_back(trade.price);
    return out;
}

TEST(ReadTrades, ReadsWhatIsWritten) {
    const TemporaryFolder files;
    files.put("a.csv", "timestamp,price,size,side,tickDirection\n1704067200.123,42000.5,0.25,Buy,PlusTick\n1704067201,42000,3,sell,MINUSTICK\n");
    const ReadAll read = read_all(files.data());
    ASSERT_TRUE(read.report) << read.report.error().message;
    ASSERT_EQ(read.trades.size(), 2U);
    EXPECT_EQ(read.trades[0], (Trade{1704067200123000000, 42000.5, 0.25, Side::buy, TickDirection::plus}));
    EXPECT_EQ(read.trades[1], (Trade{1704067201000000000, 42000.0, 3.0, Side::sell, TickDirection::minus}));
    EXPECT_EQ(read.report->rows, 2U);
    EXPECT_EQ(read.report->first, 1704067200123000000);
    EXPECT_EQ(read.report->last, 1704067201000000000);
    EXPECT_FALSE(read.report->ticks_derived);
    EXPECT_TRUE(read.report->notes.empty());
    EXPECT_TRUE(read.report->files[0].sha256.empty());
}

TEST(ReadTrades, TakesByteOrderMarkCrlfQuotesBlankLinesAndAMissingLastNewline) {
    const TemporaryFolder files;
    files.put("a.csv",
              "\xEF\xBB\xBF\"side\",price,\"size\",note,timestamp\r\n\"Buy\",\"100.5\",2,\"a, b\",1704067200.5\r\n\r\nSell,99,1,x,1704067201");
    const ReadAll read = read_all(files.data());
    ASSERT_TRUE(read.report) << read.report.error().message;
    ASSERT_EQ(read.trades.size(), 2U);
    EXPECT_EQ(read.trades[0], (Trade{1704067200500000000, 100.5, 2.0, Side::buy, TickDirection::zero_plus}));
    EXPECT_EQ(read.trades[1], (Trade{1704067201000000000, 99.0, 1.0, Side::sell, TickDirection::minus}));
}

TEST(ReadTrades, DerivesTicksByTheTickRuleAndSaysSo) {
    const TemporaryFolder files;
    std::string text = "timestamp,price,size,side\n";
    for (const int price : {10, 10, 11, 11, 10, 10, 12})
        text += std::to_string(1704067200 + static_cast<int>(text.size())) + "," + std::to_string(price) + ",1,Buy\n";
    files.put("a.csv", text);
    const ReadAll read = read_all(files.data());
    ASSERT_TRUE(read.report);
    std::vector<TickDirection> ticks;
    for (const Trade& trade : read.trades) ticks.push_back(trade.tick);
    EXPECT_THAT(ticks, ElementsAre(TickDirection::zero_plus, TickDirection::zero_plus, TickDirection::plus, TickDirection::zero_plus,
                                   TickDirection::minus, TickDirection::zero_minus, TickDirection::plus));
    EXPECT_TRUE(read.report->ticks_derived);
    EXPECT_THAT(read.report->notes, ElementsAre("no tickDirection in the file: derived by the tick rule"));
}

// A folder that goes on where another ended has the ticks that one folder of both would have.
TEST(ReadTrades, TheTickRuleBeginsWithThePrintBefore) {
    const TemporaryFolder files;
    files.put("a.csv", "timestamp,price,size,side\n1704067200,10,1,Buy\n1704067201,10,1,Buy\n1704067202,11,1,Buy\n");
    const auto first_ticks = [&](const std::optional<Trade>& before) {
        std::vector<TickDirection> ticks;
        const TradeSink sink{.restart = [&] { ticks.clear(); },
                             .block =
                                 [&](std::span<const Trade> block) {
                                     for (const Trade& trade : block) ticks.push_back(trade.tick);
                                 }};
        EXPECT_TRUE(read_trades(DataFolder::open(files.data()).value(), {.before = before}, sink));
        return ticks;
    };
    const auto before = [](double price, TickDirection tick, TimeNs ts = 1704067199 * ns_per_second) {
        return Trade{.ts = ts, .price = price, .size = 1.0, .tick = tick};
    };
    EXPECT_THAT(first_ticks(before(9, TickDirection::minus)), ElementsAre(TickDirection::plus, TickDirection::zero_plus, TickDirection::plus));
    EXPECT_THAT(first_ticks(before(12, TickDirection::plus)), ElementsAre(TickDirection::minus, TickDirection::zero_minus, TickDirection::plus));
    EXPECT_THAT(first_ticks(before(10, TickDirection::minus)),
                ElementsAre(TickDirection::zero_minus, TickDirection::zero_minus, TickDirection::plus));
    // The folder holds that print itself, and what came before it.
    EXPECT_EQ(first_ticks(before(12, TickDirection::plus, 1704067201 * ns_per_second)), first_ticks(std::nullopt));
}

TEST(ReadTrades, RecognisesUnitsByMagnitudeAndReportsThem) {
    for (const auto& [stamp, unit] : std::vector<std::pair<std::string, std::string>>{
             {"1704067200.123", "s"}, {"1704067200123", "ms"}, {"1704067200123000", "us"}, {"1704067200123000000", "ns"}}) {
        const TemporaryFolder files;
        files.put("a.csv", header + stamp + ",1,1,Buy,PlusTick\n");
        const ReadAll read = read_all(files.data());
        ASSERT_TRUE(read.report) << read.report.error().message;
        EXPECT_EQ(read.trades.at(0).ts, 1704067200123000000);
        EXPECT_EQ(read.report->files[0].time_unit, unit);
        if (unit == "s") continue;
        EXPECT_THAT(read.report->notes, ElementsAre("timestamps in " + unit + " in the file"));
    }
}

TEST(ReadTrades, PutsFilesInTimeOrderWhateverTheirNames) {
    const TemporaryFolder files;
    files.put("z.csv", header + row(100, 1) + row(101, 2));
    files.put("a.csv.gz", testing::gzip(header + row(300, 5) + row(301, 6)));
    files.put("m.csv.zst", testing::zstd(header + row(200, 3) + row(201, 4)));
    files.put("instrument.yaml", "tick: 0.5\n");
    files.put("notes.txt", "not data");
    const ReadAll read = read_all(files.data());
    ASSERT_TRUE(read.report) << read.report.error().message;
    EXPECT_THAT(prices(read), ElementsAre(1, 2, 3, 4, 5, 6));
    EXPECT_EQ(read.restarts, 0);
    ASSERT_EQ(read.report->files.size(), 3U);
    EXPECT_EQ(read.report->files[0].path.filename(), "a.csv.gz");
    EXPECT_EQ(read.report->files[0].first, 300 * ns_per_second);
}

TEST(ReadTrades, MergesOverlappingFilesAndKeepsTheOrderOfTies) {
    const TemporaryFolder files;
    files.put("a.csv", header + row(100, 1) + row(102, 3) + row(102, 4) + row(104, 7));
    files.put("b.csv", header + row(101, 2) + row(102, 5) + row(103, 6) + row(105, 8));
    const ReadAll read = read_all(files.data());
    ASSERT_TRUE(read.report);
    EXPECT_THAT(prices(read), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
    EXPECT_THAT(read.report->notes, ElementsAre(HasSubstr("overlap in time; without trdMatchID")));
}

TEST(ReadTrades, DropsWhatOverlappingFilesDouble) {
    const TemporaryFolder files;
    const std::string with_ids = "timestamp,side,size,price,tickDirection,trdMatchID\n";
    const auto id_row = [](int second, int price, const std::string& id) {
        return std::to_string(second) + ",Sell,1," + std::to_string(price) + ",PlusTick," + id + "\n";
    };
    files.put("a.csv", with_ids + id_row(100, 1, "i1") + id_row(101, 2, "i2") + id_row(101, 2, "i3") + id_row(102, 4, "i4"));
    files.put("b.csv", with_ids + id_row(101, 2, "i3") + id_row(101, 3, "") + id_row(101, 3, "") + id_row(102, 4, "i4") + id_row(103, 5, "i5"));
    const ReadAll read = read_all(files.data());
    ASSERT_TRUE(read.report);
    EXPECT_THAT(prices(read), ElementsAre(1, 2, 2, 3, 3, 4, 5));  // rows without an id are all kept
    EXPECT_EQ(read.report->duplicates, 2U);
    EXPECT_EQ(read.report->files[1].duplicates, 2U);
    EXPECT_EQ(read.report->rows, 7U);
    EXPECT_TRUE(read.report->notes.empty());
}

TEST(ReadTrades, FindsDoublesAmongThousandsOfOneSecond) {
    const TemporaryFolder files;
    std::string text = "timestamp,side,size,price,tickDirection,trdMatchID\n";
    for (int i = 0; i < 3000; ++i) text += "100,Buy,1,5,PlusTick,id-" + std::to_string(i) + "\n";
    files.put("a.csv", text);
    files.put("b.csv.gz", testing::gzip(text));
    const ReadAll read = read_all(files.data());
    ASSERT_TRUE(read.report);
    EXPECT_EQ(read.report->rows, 3000U);
    EXPECT_EQ(read.report->duplicates, 3000U);
}

TEST(ReadTrades, ReadsANewestFirstFileBackward) {
    const TemporaryFolder files;
    files.put("a.csv", header + row(103, 4) + row(102, 3) + row(102, 2) + row(101, 1));
    files.put("b.csv", header + row(110, 5));
    const ReadAll read = read_all(files.data());
    ASSERT_TRUE(read.report);
    EXPECT_THAT(prices(read), ElementsAre(1, 2, 3, 4, 5));
    EXPECT_TRUE(read.report->files[0].newest_first);
    EXPECT_EQ(read.report->out_of_order, 0U);
    EXPECT_EQ(read.restarts, 0);
    EXPECT_THAT(read.report->notes, ElementsAre("newest first in 1 of 2 files: read backward"));
}

TEST(ReadTrades, SortsDisorderAndCountsIt) {
    const TemporaryFolder files;
    files.put("a.csv", header + row(100, 1) + row(103, 4) + row(101, 2) + row(102, 3) + row(104, 5));
    const ReadAll read = read_all(files.data());
    ASSERT_TRUE(read.report);
    EXPECT_THAT(prices(read), ElementsAre(1, 2, 3, 4, 5));
    EXPECT_EQ(read.report->out_of_order, 2U);
    EXPECT_THAT(read.report->notes, ElementsAre("rows out of order in the file: sorted by time"));
}

TEST(ReadTrades, StartsAgainWhenDisorderShowsLate) {
    const TemporaryFolder files;
    std::string text = header;
    for (int i = 0; i < 60'000; ++i) text += row(1000 + i, 1 + i % 7);
    text += row(999, 50);
    files.put("a.csv", text);
    files.put("b.csv", header + row(500'000, 51));
    ReadOptions options;
    options.threads = 2;
    const ReadAll read = read_all(files.data(), options);
    ASSERT_TRUE(read.report);
    EXPECT_EQ(read.restarts, 1);
    ASSERT_EQ(read.trades.size(), 60'002U);
    EXPECT_EQ(read.trades.front().price, 50.0);
    EXPECT_EQ(read.trades.back().price, 51.0);
    EXPECT_TRUE(std::ranges::is_sorted(read.trades, {}, &Trade::ts));
    EXPECT_EQ(read.report->out_of_order, 1U);
    EXPECT_EQ(read.report->rows, 60'002U);
}

TEST(ReadTrades, StopsWhenAsked) {
    const TemporaryFolder files;
    files.put("a.csv", header + row(100, 1));
    StopFlag stop;
    stop.request();
    ReadOptions options;
    options.stop = &stop;
    const ReadAll read = read_all(files.data(), options);
    ASSERT_FALSE(read.report);
    EXPECT_EQ(read.report.error().code, ErrorCode::interrupted);
}

TEST(HashInputs, FillsTheHashOfEachFile) {
    const TemporaryFolder files;
    files.put("a.csv", header + row(100, 1));
    ReadAll read = read_all(files.data());
    ASSERT_TRUE(read.report);
    ASSERT_TRUE(hash_inputs(*read.report).has_value());
    EXPECT_EQ(read.report->files[0].sha256.size(), 64U);
}

struct Cut {
    std::vector<Trade> trades;
    std::vector<std::vector<std::size_t>> files;
};

// Trades of strictly rising prices (so that each can be told apart), dealt out to files in order of time.
Cut random_cut() {
    Cut cut;
    const auto count = *rc::gen::inRange<std::size_t>(1, 300);
    const auto file_count = *rc::gen::inRange<std::size_t>(1, 6);
    cut.files.resize(file_count);
    TimeNs ts = 1'700'000'000 * ns_per_second;
    for (std::size_t i = 0; i < count; ++i) {
        ts += *rc::gen::inRange(0, 3) * ns_per_ms;
        cut.trades.push_back({ts, 1.0 + static_cast<double>(i), 0.5, i % 3 == 0 ? Side::sell : Side::buy, TickDirection::plus});
        cut.files[*rc::gen::inRange<std::size_t>(0, file_count)].push_back(i);
    }
    return cut;
}

// However trades are dealt out to files, turned round or shuffled, they come back in time order, all of them, equal for every number of threads.
RC_GTEST_PROP(ReadTrades, GivesAllTradesInTimeOrderForEveryCut, ()) {
    const Cut cut = random_cut();
    const TemporaryFolder files;
    const bool shuffle = *rc::gen::inRange(0, 3) == 0;
    for (std::size_t f = 0; f < cut.files.size(); ++f) {
        std::vector<Trade> mine;
        for (const std::size_t i : cut.files[f]) mine.push_back(cut.trades[i]);
        if (mine.empty()) continue;
        if (*rc::gen::inRange(0, 3) == 0) std::ranges::reverse(mine);
        if (shuffle && mine.size() > 2) std::swap(mine[0], mine[mine.size() / 2]);
        const char* ending = *rc::gen::element(".csv", ".csv.gz", ".csv.zst");
        auto writer = TradesCsvWriter::create(files.data() / (std::string(1, static_cast<char>('f' - static_cast<int>(f))) + ending)).value();
        RC_ASSERT(writer.append(mine).has_value());
        RC_ASSERT(writer.close().has_value());
    }
    ReadOptions options;
    options.threads = 1;
    const ReadAll one = read_all(files.data(), options);
    options.threads = 3;
    const ReadAll three = read_all(files.data(), options);
    RC_ASSERT(one.report.has_value());
    RC_ASSERT(one.trades == three.trades);
    RC_ASSERT(std::ranges::is_sorted(one.trades, {}, &Trade::ts));
    std::vector<double> all = prices(one);
    std::ranges::sort(all);
    RC_ASSERT(all.size() == cut.trades.size());
    for (std::size_t i = 0; i < all.size(); ++i) RC_ASSERT(all[i] == cut.trades[i].price);
}

// A file of several chunks in one member or many, read by one thread or more, is the file that was written.
TEST(ReadTrades, ManyChunksComeBackInOrderForAnyNumberOfThreads) {
    const TemporaryFolder files;
    std::vector<Trade> trades;
    for (int i = 0; i < 50'000; ++i) {
        trades.push_back({(1'700'000'000'000 + i) * ns_per_ms, 100.0 + (i * 7 % 1000) * 0.1, 0.001 * (1 + i % 999),
                          i % 2 == 0 ? Side::buy : Side::sell, static_cast<TickDirection>(i % 4)});
    }
    auto writer = TradesCsvWriter::create(files.data() / "t.csv").value();
    ASSERT_TRUE(writer.append(trades).has_value());
    ASSERT_TRUE(writer.close().has_value());
    for (const std::size_t threads : {1, 2, 4, 7}) {
        ReadOptions options;
        options.threads = threads;
        const ReadAll read = read_all(files.data(), options);
        ASSERT_TRUE(read.report);
        EXPECT_TRUE(read.trades == trades) << threads;
    }
}

}  // namespace
}  // namespace sofia::store

#include "store/trades_csv.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "store/test_files.hpp"

namespace sofia::store {
namespace {

using market::Side;
using market::TickDirection;
using market::Trade;
using testing::TemporaryFolder;

TEST(TradesCsvWriter, WritesTheFormOfTheArchives) {
    const TemporaryFolder files;
    auto writer = TradesCsvWriter::create(files.data() / "a.csv").value();
    const std::vector<Trade> trades = {
        {1704067200123000000, 42000.5, 0.25, Side::buy, TickDirection::plus},
        {1704067200000000000, 42000.0, 3.0, Side::sell, TickDirection::zero_minus},
        {1704067200000001000, 0.1, 1e-7, Side::sell, TickDirection::minus},
        {1704067200000000001, 1.0, 1.0, Side::buy, TickDirection::zero_plus},
    };
    ASSERT_TRUE(writer.append(trades).has_value());
    EXPECT_FALSE(std::filesystem::exists(files.data() / "a.csv"));
    ASSERT_TRUE(writer.close().has_value());
    EXPECT_EQ(read_file(files.data() / "a.csv").value(),
              "timestamp,price,size,side,tickDirection\n"
              "1704067200.123,42000.5,0.25,Buy,PlusTick\n"
              "1704067200.000,42000,3,Sell,ZeroMinusTick\n"
              "1704067200.000001,0.1,1e-07,Sell,MinusTick\n"
              "1704067200.000000001,1,1,Buy,ZeroPlusTick\n");
}

// Any positive doubles and any times come back to the last bit, through every compression.
RC_GTEST_PROP(TradesCsvWriter, IsReadBackToTheLastBit, ()) {
    const auto count = *rc::gen::inRange(1, 60);
    std::vector<Trade> trades;
    TimeNs ts = *rc::gen::inRange<TimeNs>(0, 2'000'000'000) * ns_per_second;
    for (int i = 0; i < count; ++i) {
        ts += *rc::gen::inRange<TimeNs>(0, 3'000'000'000);
        const double price = std::abs(*rc::gen::arbitrary<double>()) + 1e-9;
        const double size = std::abs(*rc::gen::arbitrary<double>());
        trades.push_back({ts, price, size, *rc::gen::element(Side::buy, Side::sell), static_cast<TickDirection>(*rc::gen::inRange(0, 4))});
    }
    const TemporaryFolder files;
    const auto path = files.data() / (std::string("a.csv") + *rc::gen::element("", ".gz", ".zst"));
    auto writer = TradesCsvWriter::create(path).value();
    RC_ASSERT(writer.append(trades).has_value());
    RC_ASSERT(writer.close().has_value());
    const auto read = testing::read_all(files.data());
    RC_ASSERT(read.report.has_value());
    RC_ASSERT(read.trades == trades);
}

TEST(TradesCsvWriter, LeavesNothingBehindWithoutClose) {
    const TemporaryFolder files;
    {
        auto writer = TradesCsvWriter::create(files.data() / "a.csv.gz").value();
        const std::vector<Trade> trades(100'000);
        ASSERT_TRUE(writer.append(trades).has_value());
    }
    EXPECT_TRUE(files.all_files().empty());
}

}  // namespace
}  // namespace sofia::store

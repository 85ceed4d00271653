// Reads the shared market data where it is there; figures are those its README states.
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "store/bars.hpp"
#include "store/funding.hpp"
#include "store/test_files.hpp"

namespace sofia::store {
namespace {

class RealData : public ::testing::Test {
protected:
    void SetUp() override {
        const char* named = std::getenv("SOFIA_SHARED");
        // Tests run in the repository's root.
        shared_ = std::filesystem::path(named != nullptr ? named : "../shared") / "data";
        if (!std::filesystem::exists(shared_)) {
            std::printf("shared market data is not there (SOFIA_SHARED): skipped\n");
            GTEST_SKIP();
        }
    }
    std::filesystem::path shared_;
};

TEST_F(RealData, TradesHaveTheRowsAndSizesOfTheirSource) {
    struct Expected {
        const char* symbol;
        std::uint64_t rows;
        double size;
    };
    for (const Expected& expected : {Expected{"SPY", 1'601'845, 97062721.0 + 178346557.0 + 165525328.0 + 185127624.0},
                                     Expected{"AIG", 175'019, 5300449.0 + 8774223.0 + 10371011.0 + 11388781.0}, Expected{"BTCUSDT", 21'313, 2429.366},
                                     Expected{"ETHUSDT", 12'015, 10142.211}}) {
        const auto read = testing::read_all(shared_ / "trades" / expected.symbol);
        ASSERT_TRUE(read.report) << read.report.error().message;
        EXPECT_EQ(read.report->rows, expected.rows) << expected.symbol;
        EXPECT_EQ(read.report->out_of_order, 0U);
        double size = 0.0;
        for (const market::Trade& trade : read.trades) size += trade.size;
        EXPECT_NEAR(size, expected.size, 1e-6) << expected.symbol;
        EXPECT_TRUE(read.report->notes.empty()) << read.report->notes.front();
    }
}

TEST_F(RealData, BarsHaveTheFiguresOfTheirSource) {
    const auto folder = DataFolder::open(shared_ / "bars" / "XBTUSD");
    ASSERT_TRUE(folder) << folder.error().message;
    const auto read = read_bars(*folder, {});
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->bars.size(), 525'600U + 525'600U + 527'040U);
    EXPECT_EQ(read->report.opens_widened, 8'514U + 8'661U + 4'849U + 4'965U + 8'283U + 8'982U);
    EXPECT_EQ(read->report.carried_open_share, 1.0);
    EXPECT_TRUE(read->report.gaps.empty());
    EXPECT_EQ(read->timeframe.name(), "1m");
    std::size_t filled = 0;
    double volume = 0.0;
    for (const market::Bar& bar : read->bars) {
        filled += bar.filled ? 1U : 0U;
        volume += bar.volume;
    }
    EXPECT_EQ(filled, 199U + 3U + 139U);
    EXPECT_EQ(volume, 853145596138.0 + 920347656572.0 + 738551931291.0);
}

TEST_F(RealData, FundingHasTheSumsOfItsSource) {
    const auto path = shared_ / "funding" / "BTC-USDT_2020-2022.csv";
    const auto binance = read_funding(path, "BTC-USDT", "binance");
    const auto bybit = read_funding(path, "", "Bybit");
    ASSERT_TRUE(binance) << binance.error().message;
    ASSERT_TRUE(bybit) << bybit.error().message;
    EXPECT_EQ(binance->size(), 3288U);
    EXPECT_EQ(bybit->size(), 2190U);
    double sum = 0.0;
    for (const FundingRate& rate : *binance) sum += rate.rate;
    EXPECT_NEAR(sum, 0.52013067, 1e-9);
}

}  // namespace
}  // namespace sofia::store

#include "store/funding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/test_files.hpp"

namespace sofia::store {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::TemporaryFolder;

const std::string text =
    "timestamp,symbol,exchange,funding_rate\n"
    "1577865600,BTC-USDT,binance,-0.0002\n1577836800,BTC-USDT,binance,0.0001\n1577836800,BTC-USDT,bybit,0.0003\n";

class Funding : public ::testing::Test {
protected:
    Result<std::vector<FundingRate>> read(const std::string& symbol, const std::string& exchange, const std::string& bytes = text) const {
        files.put("f.csv", bytes);
        return read_funding(files.data() / "f.csv", symbol, exchange);
    }
    TemporaryFolder files;
};

TEST_F(Funding, ChoosesByNameAndSortsByTime) {
    const auto rates = read("btc-usdt", "Binance");
    ASSERT_TRUE(rates) << rates.error().message;
    EXPECT_THAT(*rates, ElementsAre(FundingRate{1577836800 * ns_per_second, 0.0001}, FundingRate{1577865600 * ns_per_second, -0.0002}));
    EXPECT_EQ(read("", "bybit")->size(), 1U);  // the file holds one symbol only
}

TEST_F(Funding, SaysWhatIsThereWhenNothingMatches) {
    EXPECT_THAT(read("ETH", "binance").error().message, EndsWith("no row with symbol eth; it holds BTC-USDT"));
    EXPECT_THAT(read("", "").error().message, EndsWith("holds more than one exchange: binance, bybit"));
}

TEST_F(Funding, RefusesBadRowsByLine) {
    EXPECT_THAT(read("", "", "timestamp,funding_rate\n1577836800,abc\n").error().message,
                EndsWith("f.csv line 2: funding_rate \"abc\" is not a number"));
    EXPECT_THAT(read("", "", "timestamp,funding_rate\n1577836800,nan\n").error().message,
                EndsWith("f.csv line 2: funding_rate \"nan\" is not finite"));
    EXPECT_THAT(read("", "", "timestamp,funding_rate\n1577836800,1e9\n").error().message,
                EndsWith("f.csv line 2: funding_rate \"1e9\" is not in -1..1: 0.0001 is 0.01 % of the position"));
    EXPECT_THAT(read("", "", "timestamp,funding_rate\n1577836800\n").error().message,
                EndsWith("f.csv line 2: the row has 1 fields, the header has 2"));
    EXPECT_THAT(read("", "", "timestamp,value\n1,2\n").error().message,
                EndsWith("f.csv line 1: column \"funding_rate\" is missing: the header has \"timestamp,value\""));
    EXPECT_THAT(read("", "", "timestamp,funding_rate\n").error().message, EndsWith("f.csv line 1: no row follows the header"));
    EXPECT_THAT(read("", "", "timestamp,rate\n1577836800,1\n1577836800,-1\n").error().message, EndsWith("two funding rates at 2020-01-01T00:00:00Z"));
}

}  // namespace
}  // namespace sofia::store

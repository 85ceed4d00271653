#include "app/pipeline/download.hpp"

#include <unistd.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "base/text.hpp"
#include "net/test_server.hpp"
#include "store/bars.hpp"
#include "store/folder.hpp"
#include "store/test_files.hpp"

namespace sofia::pipeline {
namespace {

using net::TestServer;
using Reply = TestServer::Reply;
using Request = TestServer::Request;

class BybitDownload : public ::testing::Test {
protected:
    BybitDownload() : out_(std::filesystem::temp_directory_path() / ("sofia-download-" + std::to_string(::getpid()))) {
        std::filesystem::remove_all(out_);
        context_.stop = &stop_;
    }
    ~BybitDownload() override { std::filesystem::remove_all(out_); }

    DownloadRequest request(const TestServer& server, DownloadKind kind, const std::string& to) const {
        return {.sets = {"download.archive_url=" + server.url(), "download.api_url=" + server.url(), "download.http.retries=0"},
                .symbol = "BTCUSDT",
                .from = parse_time("2024-01-01").value(),
                .to = parse_time(to).value(),
                .kind = kind,
                .out = out_};
    }

    std::filesystem::path out_;
    StopFlag stop_;
    Context context_;
};

const std::string trades_text = "timestamp,symbol,side,size,price,tickDirection,trdMatchID\n1704067200.1,BTCUSDT,Buy,1,42000.5,PlusTick,a\n";
const std::string trades = store::testing::gzip(trades_text);

TEST_F(BybitDownload, FetchesTheArchiveByDayOnceAndSaysWhatIsAbsent) {
    const TestServer server([](const Request& asked) {
        if (asked.target.ends_with("2024-01-02.csv.gz")) return Reply{TestServer::answer(404, "")};
        return Reply{TestServer::file_answer(asked, trades, "\"v1\"")};
    });
    const auto first = download_bybit(request(server, DownloadKind::trades, "2024-01-03"), context_);
    ASSERT_TRUE(first.has_value()) << first.error().message;
    EXPECT_EQ((*first->json)["fetched"], 2);
    EXPECT_EQ((*first->json)["absent"], Json::array({"2024-01-02"}));
    EXPECT_EQ(server.requests().front().target, "/trading/BTCUSDT/BTCUSDT2024-01-01.csv.gz");
    const std::size_t asked = server.requests().size();

    const auto again = download_bybit(request(server, DownloadKind::trades, "2024-01-03"), context_);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ((*again->json)["already_there"], 2);
    EXPECT_EQ(server.requests().size(), asked + 1);  // the absent day only

    // A file that is no longer what was fetched is fetched again.
    ASSERT_TRUE(write_file(out_ / "BTCUSDT" / "BTCUSDT2024-01-01.csv.gz", "damaged").has_value());
    const auto mended = download_bybit(request(server, DownloadKind::trades, "2024-01-01"), context_);
    ASSERT_TRUE(mended.has_value()) << mended.error().message;
    EXPECT_EQ((*mended->json)["fetched"], 1);
    EXPECT_EQ(read_file(out_ / "BTCUSDT" / "BTCUSDT2024-01-01.csv.gz").value(), trades);
}

std::int64_t number_of(const std::string& target, const std::string& name) {
    const std::size_t at = target.find(name + "=") + name.size() + 1;
    return parse_int(target.substr(at, target.find('&', at) - at)).value();
}

/// Answers like the API: newest first, at most a thousand, candles of a price that grows by one a minute; `now_ms` ends the market.
Reply kline_reply(const Request& asked, std::int64_t now_ms) {
    const std::int64_t start = number_of(asked.target, "start");
    const std::int64_t end = std::min(number_of(asked.target, "end"), now_ms);
    std::string list;
    int count = 0;
    for (std::int64_t at = end - end % 60'000; at >= start && count < 1000; at -= 60'000, ++count) {
        const std::string price = std::to_string((at - 1'704'067'200'000) / 60'000 + 100);
        list += (list.empty() ? "" : ",") +
                ("[\"" + std::to_string(at) + "\",\"" + price + "\",\"" + price + "\",\"" + price + "\",\"" + price + "\",\"1.5\",\"9\"]");
    }
    return {TestServer::answer(200, R"({"retCode":0,"retMsg":"OK","result":{"list":[)" + list + "]},\"time\":" + std::to_string(now_ms) + "}")};
}

TEST_F(BybitDownload, KlinesAreWholeDaysOfBarsInOrder) {
    const TestServer server([](const Request& asked) { return kline_reply(asked, 1'800'000'000'000); });
    ASSERT_TRUE(download_bybit(request(server, DownloadKind::klines, "2024-01-02"), context_).has_value());
    const auto folder = store::DataFolder::open(out_ / "BTCUSDT");
    ASSERT_TRUE(folder.has_value()) << folder.error().message;
    const store::BarData data = store::read_bars(*folder, {}).value();
    ASSERT_EQ(data.bars.size(), 2880U);
    EXPECT_TRUE(data.report.gaps.empty());
    for (std::size_t i = 0; i < data.bars.size(); ++i) ASSERT_EQ(data.bars[i].close, 100.0 + static_cast<double>(i));
}

TEST_F(BybitDownload, ACandleThatIsStillOpenIsLeftOutAndItsDayFetchedAgain) {
    const std::int64_t noon = 1'704'067'200'000 + 12 * 3'600'000 + 30'000;
    const TestServer server([&](const Request& asked) { return kline_reply(asked, noon); });
    ASSERT_TRUE(download_bybit(request(server, DownloadKind::klines, "2024-01-01"), context_).has_value());
    const store::BarData data = store::read_bars(store::DataFolder::open(out_ / "BTCUSDT").value(), {}).value();
    EXPECT_EQ(data.bars.size(), 720U);
    const auto again = download_bybit(request(server, DownloadKind::klines, "2024-01-01"), context_);
    EXPECT_EQ((*again->json)["fetched"], 1);
}

// A login page, nothing at all, a damaged checksum: the status is good, the file is none.
TEST_F(BybitDownload, WhatIsNoTradeFileIsNotKept) {
    std::string damaged = trades;
    damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] ^ 1);
    for (const std::string& body : {std::string("<html>Please log in</html>"), std::string(), damaged, trades + "more", trades_text}) {
        const TestServer server([&](const Request& asked) { return Reply{TestServer::file_answer(asked, body, "")}; });
        const auto refused = download_bybit(request(server, DownloadKind::trades, "2024-01-01"), context_);
        ASSERT_FALSE(refused.has_value()) << body;
        EXPECT_EQ(refused.error().code, ErrorCode::data);
        EXPECT_TRUE(list_files(out_ / "BTCUSDT").value().empty());
    }
}

TEST_F(BybitDownload, ADamagedLedgerOnlyMeansThatTheFileIsFetchedAgain) {
    const TestServer server([](const Request& asked) { return Reply{TestServer::file_answer(asked, trades, "")}; });
    const auto call = [&] { return download_bybit(request(server, DownloadKind::trades, "2024-01-01"), context_); };
    ASSERT_TRUE(call().has_value());
    for (const char* entry : {"5", "{}", "{\"sha256\": 7}"}) {
        ASSERT_TRUE(write_file(out_ / "BTCUSDT" / "download.json", std::string("{\"BTCUSDT2024-01-01.csv.gz\": ") + entry + "}").has_value());
        EXPECT_EQ((*call()->json)["fetched"], 1) << entry;
    }
}

TEST_F(BybitDownload, NonsenseIsRefusedWithoutAFile) {
    std::string list;
    const TestServer server(
        [&](const Request&) { return Reply{TestServer::answer(200, R"({"retCode":0,"result":{"list":[)" + list + "]},\"time\":1800000000000}")}; });
    for (const char* rows :
         {R"(["x"])", R"(["1704067200000","-1","1","1","1","1"])", R"(["1704067200000","1","1","5","1","1"])", R"(["1704067200000","1","1","1","1"])",
          R"(["1704067201000","1","1","1","1","1"])", R"(["1e300","1","1","1","1","1"])", R"(["1704067200000","1","1","1","1","nan"])",
          R"(["1504067220000","1","1","1","1","1"])", R"(["1704067200000","1","1","1","1","1"],["1704067260000","1","1","1","1","1"])", "5"}) {
        list = rows;
        const auto refused = download_bybit(request(server, DownloadKind::klines, "2024-01-01"), context_);
        ASSERT_FALSE(refused.has_value()) << rows;
        EXPECT_EQ(refused.error().code, ErrorCode::data) << rows;
        EXPECT_TRUE(list_files(out_ / "BTCUSDT").value().empty());
    }
    DownloadRequest bad = request(server, DownloadKind::klines, "2024-01-01");
    bad.symbol = "../X";
    EXPECT_EQ(download_bybit(bad, context_).error().code, ErrorCode::usage);
}

TEST_F(BybitDownload, AFolderHoldsOneKind) {
    const TestServer server([](const Request& asked) { return Reply{TestServer::file_answer(asked, trades, "\"v1\"")}; });
    ASSERT_TRUE(write_file(out_ / "BTCUSDT" / "a.csv", trades_text).has_value());
    EXPECT_EQ(download_bybit(request(server, DownloadKind::klines, "2024-01-01"), context_).error().code, ErrorCode::conflict);
}

}  // namespace
}  // namespace sofia::pipeline

#include "store/folder.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/feature_store.hpp"
#include "store/test_files.hpp"

namespace sofia::store {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;
using testing::TemporaryFolder;

const std::string trades = "timestamp,price,size,side\n1704067200,1,1,Buy\n";
const std::string bars = "timestamp,open,high,low,close,volume\n1704067200,1,1,1,1,1\n";

TEST(DataFolder, RecognisesTradesAndBarsByTheirColumns) {
    const TemporaryFolder files;
    files.put("bars_anything.csv", trades);
    const auto folder = DataFolder::open(files.data());
    ASSERT_TRUE(folder) << folder.error().message;
    EXPECT_EQ(folder->kind(), DataKind::trades);
    EXPECT_EQ(folder->symbol(), "X");
    EXPECT_EQ(folder->instrument().symbol, "X");
    EXPECT_FALSE(folder->has_instrument_file());

    const TemporaryFolder other;
    other.put("trades.csv", bars);
    EXPECT_EQ(DataFolder::open(other.data())->kind(), DataKind::bars);
}

TEST(DataFolder, TakesTheLastPartOfThePathAsTheSymbol) {
    const TemporaryFolder files;
    files.put("a.csv", trades);
    EXPECT_EQ(DataFolder::open(files.data().string() + "/")->symbol(), "X");
    EXPECT_EQ(DataFolder::open(files.path() / "." / "X" / ".." / "X")->symbol(), "X");
}

TEST(DataFolder, ReadsTheInstrumentBesideTheData) {
    const TemporaryFolder files;
    files.put("a.csv", trades);
    files.put("instrument.yaml", "tick: 0.5\nkind: inverse\nsession: 13:30-20:00\n");
    const auto folder = DataFolder::open(files.data());
    ASSERT_TRUE(folder) << folder.error().message;
    EXPECT_TRUE(folder->has_instrument_file());
    EXPECT_EQ(folder->instrument().tick, 0.5);
    EXPECT_EQ(folder->instrument().kind(), market::ContractKind::inverse);
    EXPECT_EQ(folder->instrument().symbol, "X");
    files.put("instrument.yaml", "tick: -1\n");
    EXPECT_EQ(DataFolder::open(files.data()).error().code, ErrorCode::config);
}

TEST(DataFolder, RefusesTradesAndBarsTogether) {
    const TemporaryFolder files;
    files.put("a.csv", trades);
    files.put("b.csv", bars);
    EXPECT_THAT(DataFolder::open(files.data()).error().message, HasSubstr("holds trades (a.csv) and bars (b.csv)"));
}

TEST(DataFolder, TakesASingleFileAndNamesItByIt) {
    const TemporaryFolder files;
    files.put("BTCUSDT.csv", bars);
    files.put("other.csv", trades);
    const auto folder = DataFolder::open(files.data() / "BTCUSDT.csv");
    ASSERT_TRUE(folder) << folder.error().message;
    EXPECT_EQ(folder->kind(), DataKind::bars);
    EXPECT_EQ(folder->symbol(), "BTCUSDT");
    EXPECT_EQ(folder->instrument().symbol, "BTCUSDT");
    EXPECT_EQ(folder->files(), std::vector<fs::path>{files.data() / "BTCUSDT.csv"});
    files.put("notes.txt", "nonsense");
    EXPECT_THAT(DataFolder::open(files.data() / "notes.txt").error().message, HasSubstr("is not a folder"));
}

TEST(DataFolder, RecognisesRowsOfMinuteFeatures) {
    const TemporaryFolder files;
    files.put("a.csv", "ts,known_at,close,ret1,sma20_gap,sma50_gap,vol_z,y\n2024-01-01,2024-01-01T00:01,1,,,,,1\n");
    const auto folder = DataFolder::open(files.data());
    ASSERT_TRUE(folder) << folder.error().message;
    EXPECT_EQ(folder->kind(), DataKind::rows);
    EXPECT_FALSE(folder->in_feature_store());
    files.put("b.csv", bars);
    EXPECT_THAT(DataFolder::open(files.data()).error().message, HasSubstr("holds bars (b.csv) and feature rows (a.csv)"));
}

TEST(DataFolder, KnowsASymbolOfAFeatureStore) {
    const TemporaryFolder files;
    const auto store = FeatureStore::open((files.path() / "store").string());
    ASSERT_TRUE(store);
    FeatureRows rows;
    rows.ts = {ns_per_day};
    rows.known_at = {ns_per_day + ns_per_minute};
    rows.columns.push_back(make_column("close", ColumnType::float64));
    rows.columns.back().numbers = {1.0};
    ASSERT_TRUE(store->append("BTC/USDT", rows));
    const auto folder = DataFolder::open(files.path() / "store" / "BTC%2FUSDT");
    ASSERT_TRUE(folder) << folder.error().message;
    EXPECT_EQ(folder->kind(), DataKind::rows);
    EXPECT_TRUE(folder->in_feature_store());
    EXPECT_EQ(folder->symbol(), "BTC/USDT");
    EXPECT_EQ(folder->files().size(), 1U);
}

// Its data would be missing without a word.
TEST(DataFolder, RefusesADataFileThatIsNone) {
    const TemporaryFolder files;
    files.put("a.csv", trades);
    files.put("date=2024-01-02/more.csv", trades);
    const fs::path link = files.data() / "date=2024-01-02" / "b.csv.gz";
    fs::create_symlink("nowhere", link);
    EXPECT_EQ(DataFolder::open(files.data()).error().message, "cannot read " + link.string() + ": No such file or directory");
    EXPECT_EQ(DataFolder::open(files.data()).error().code, ErrorCode::io);
    fs::remove(link);
    fs::create_symlink("c.csv", files.data() / "c.csv");
    EXPECT_THAT(DataFolder::open(files.data()).error().message, HasSubstr("c.csv: Too many levels of symbolic links"));
    fs::remove(files.data() / "c.csv");
    ASSERT_EQ(::mkfifo((files.data() / "pipe.csv").c_str(), 0600), 0);
    EXPECT_THAT(DataFolder::open(files.data()).error().message, HasSubstr("pipe.csv: it is not a regular file"));
    fs::remove(files.data() / "pipe.csv");
    fs::create_symlink("a.csv", files.data() / "good.csv");
    EXPECT_EQ(DataFolder::open(files.data())->files().size(), 3U);
}

TEST(DataFolder, LeavesFundingHiddenAndOtherFilesAlone) {
    const TemporaryFolder files;
    files.put("a.csv", trades);
    files.put("funding.csv", "timestamp,symbol,exchange,funding_rate\n1,X,b,0.1\n");
    files.put(".hidden.csv", "nonsense");
    files.put("notes.md", "nonsense");
    files.put("date=2024-01-02/more.csv", trades);
    files.put("elsewhere/more.csv", trades);
    const auto folder = DataFolder::open(files.data());
    ASSERT_TRUE(folder) << folder.error().message;
    ASSERT_EQ(folder->files().size(), 2U);
    EXPECT_EQ(folder->files()[0].filename(), "a.csv");
    EXPECT_EQ(folder->files()[1].parent_path().filename(), "date=2024-01-02");
}

}  // namespace
}  // namespace sofia::store

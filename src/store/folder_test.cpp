#include "store/folder.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

#include "report/csv.hpp"

#include <filesystem>
#include <limits>

#include <gtest/gtest.h>
#include <unistd.h>

namespace sofia::report {
namespace {

TEST(CsvField, QuotesOnlyWhatNeedsIt) {
    EXPECT_EQ(csv_field(std::string("plain text")), "plain text");
    EXPECT_EQ(csv_field(std::string("a,b")), "\"a,b\"");
    EXPECT_EQ(csv_field(std::string("say \"hi\"")), "\"say \"\"hi\"\"\"");
    EXPECT_EQ(csv_field(std::string("two\nlines")), "\"two\nlines\"");
    EXPECT_EQ(csv_field(std::string()), "");
    EXPECT_EQ(csv_field(0.1), "0.1");
    EXPECT_EQ(csv_field(std::numeric_limits<double>::quiet_NaN()), "");
    EXPECT_EQ(csv_field(std::int64_t{-7}), "-7");
    EXPECT_EQ(csv_field(CsvTime{1'577'836'800'000'000'000}), "2020-01-01T00:00:00Z");
}

class Csv : public ::testing::Test {
protected:
    ~Csv() override { std::filesystem::remove_all(folder_); }
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("sofia_csv_" + std::to_string(getpid()));
};

TEST_F(Csv, WritesHeaderAndRows) {
    ASSERT_TRUE(write_csv(folder_ / "t.csv", {"name", "value"}, {{std::string("a,b"), 1.5}, {std::string("c"), std::int64_t{2}}}).has_value());
    EXPECT_EQ(read_file(folder_ / "t.csv").value(), "name,value\n\"a,b\",1.5\nc,2\n");
}

TEST_F(Csv, NothingAppearsBeforeCommit) {
    {
        CsvWriter writer = CsvWriter::create(folder_ / "t.csv", {"x"}).value();
        for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(writer.row({std::int64_t{i}}).has_value());
        EXPECT_FALSE(std::filesystem::exists(folder_ / "t.csv"));
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(Csv, RefusesARowOfAnotherWidth) {
    const auto refused = write_csv(folder_ / "t.csv", {"a", "b"}, {{1.0, 2.0}, {1.0}});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().message, "CSV row 1 has 1 values for 2 columns");
}

}  // namespace
}  // namespace sofia::report

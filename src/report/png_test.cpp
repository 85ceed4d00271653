#include <cstdlib>
#include <filesystem>
#include <iostream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/files.hpp"
#include "report/report.hpp"
#include "report/test_report.hpp"

namespace sofia::report {
namespace {

class Png : public ::testing::Test {
protected:
    ~Png() override { std::filesystem::remove_all(folder_); }
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("sofia_png_" + std::to_string(getpid()));
    std::vector<market::Bar> bars_ = testing::walk(3000, 15 * ns_per_minute);
    ReportData data_ = testing::everything(bars_);
};

std::uint32_t big_endian(const std::string& bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
    return value;
}

TEST_F(Png, IsAPictureOfTheRightSizeTheSameEachTime) {
    data_.title = "it's a 'title' with \\ and $equity and `date` @x";  // gnuplot must take it as plain text
    const auto drawn = write_png(folder_ / "a.png", data_);
    if (!drawn && drawn.error().code == ErrorCode::unavailable) GTEST_SKIP() << drawn.error().message;
    ASSERT_TRUE(drawn.has_value()) << drawn.error().message;
    const std::string bytes = read_file(folder_ / "a.png").value();
    ASSERT_GT(bytes.size(), 5000U);
    EXPECT_EQ(bytes.substr(1, 3), "PNG");
    EXPECT_EQ(big_endian(bytes, 16), 1400U);
    EXPECT_EQ(big_endian(bytes, 20), 800U);
    ASSERT_TRUE(write_png(folder_ / "b.png", data_).has_value());
    EXPECT_EQ(read_file(folder_ / "b.png").value(), bytes);
    if (const char* keep = std::getenv("SOFIA_KEEP")) {
        ASSERT_TRUE(write_file(std::filesystem::path(keep) / "equity_curve.png", bytes).has_value());
    }
}

TEST_F(Png, GoesIntoAnyFolder) {
    const auto drawn = write_png(folder_ / "it's \"a\"\nline `date`" / "a.png", data_);
    if (!drawn && drawn.error().code == ErrorCode::unavailable) GTEST_SKIP() << drawn.error().message;
    EXPECT_TRUE(drawn.has_value()) << drawn.error().message;
}

TEST_F(Png, MissingGnuplotSaysWhatToInstall) {
    const std::string path = std::getenv("PATH");
    setenv("PATH", folder_.c_str(), 1);
    const auto drawn = write_png(folder_ / "a.png", data_);
    setenv("PATH", path.c_str(), 1);
    ASSERT_FALSE(drawn.has_value());
    EXPECT_EQ(drawn.error().code, ErrorCode::unavailable);
    EXPECT_NE(drawn.error().hint.find("gnuplot-nox"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "a.png"));
}

TEST_F(Png, NothingToDrawIsAnError) {
    data_.equity.points.clear();
    EXPECT_EQ(write_png(folder_ / "a.png", data_).error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace sofia::report

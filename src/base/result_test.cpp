#include "base/result.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace sofia {
namespace {

TEST(ExitCode, IsOneTable) {
    EXPECT_EQ(exit_code(ErrorCode::usage), 2);
    EXPECT_EQ(exit_code(ErrorCode::config), 2);
    EXPECT_EQ(exit_code(ErrorCode::data), 3);
    EXPECT_EQ(exit_code(ErrorCode::io), 3);
    EXPECT_EQ(exit_code(ErrorCode::blocked), 4);
    EXPECT_EQ(exit_code(ErrorCode::interrupted), 130);
    EXPECT_EQ(exit_code(ErrorCode::unavailable), 1);
    EXPECT_EQ(exit_code(ErrorCode::conflict), 1);
    EXPECT_EQ(exit_code(ErrorCode::internal), 1);
}

Result<std::unique_ptr<int>> half(int value) {
    if (value % 2 != 0) return fail(ErrorCode::data, std::to_string(value) + " is odd", "double it");
    return std::make_unique<int>(value / 2);
}

Result<int> quarter(int value) {
    SOFIA_TRY(const std::unique_ptr<int> first, half(value));
    SOFIA_TRY(const std::unique_ptr<int> second, half(*first));
    return *second;
}

Result<void> check_even(int value) {
    SOFIA_CHECK(half(value));
    return {};
}

TEST(Result, TryBindsMoveOnlyValuesAndPassesTheErrorOn) {
    EXPECT_EQ(quarter(12).value(), 3);
    const Error error = quarter(6).error();
    EXPECT_EQ(error.code, ErrorCode::data);
    EXPECT_EQ(error.message, "3 is odd");
    EXPECT_EQ(error.hint, "double it");
    EXPECT_TRUE(check_even(2));
    EXPECT_EQ(check_even(3).error().message, "3 is odd");
}

}  // namespace
}  // namespace sofia

#include "market/table.hpp"

#include <array>
#include <cmath>

#include <gtest/gtest.h>

namespace sofia::market {
namespace {

TEST(Table, KeepsRowsInOrderWithTheirTimes) {
    Table table({"a", "b"});
    table.reserve(2);
    table.append(10, std::array{1.0, 2.0});
    table.append(10, std::array{3.0, std::nan("")});
    ASSERT_EQ(table.rows(), 2U);
    EXPECT_EQ(table.width(), 2U);
    EXPECT_EQ(table.row(0)[1], 2.0);
    EXPECT_EQ(table.row(1)[0], 3.0);
    EXPECT_TRUE(std::isnan(table.row(1)[1]));
    EXPECT_EQ(table.known_at(), (std::vector<TimeNs>{10, 10}));
    EXPECT_EQ(table.values().size(), 4U);
}

TEST(Table, FindsColumnsByName) {
    const Table table({"a", "b"});
    EXPECT_EQ(table.find("b"), 1U);
    EXPECT_EQ(table.find("c"), std::nullopt);
}

TEST(Table, CountsRowsWithoutColumnsToo) {
    Table table({});
    table.append(1, {});
    table.append(2, {});
    EXPECT_EQ(table.rows(), 2U);
    EXPECT_TRUE(table.row(1).empty());
}

}  // namespace
}  // namespace sofia::market

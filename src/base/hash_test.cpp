#include "base/hash.hpp"

#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/files.hpp"

namespace sofia {
namespace {

// NIST FIPS 180-4 examples.
TEST(Sha256, MatchesThePublishedDigests) {
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

RC_GTEST_PROP(Sha256, PiecesEqualTheWhole, (const std::vector<std::string>& pieces)) {
    Sha256 hash;
    std::string whole;
    for (const std::string& piece : pieces) {
        hash.add(piece);
        whole += piece;
    }
    RC_ASSERT(hash.hex() == sha256_hex(whole));
}

TEST(Sha256File, EqualsTheHashOfItsBytes) {
    const auto path = std::filesystem::temp_directory_path() / ("sofia_hash_" + std::to_string(getpid()));
    const std::string bytes(700'000, 'x');  // more than one read
    ASSERT_TRUE(write_file(path, bytes));
    EXPECT_EQ(sha256_file(path).value(), sha256_hex(bytes));
    std::filesystem::remove(path);
    EXPECT_EQ(sha256_file(path).error().code, ErrorCode::io);
    EXPECT_EQ(sha256_file(path).error().message, "cannot read " + path.string() + ": No such file or directory");
    EXPECT_EQ(sha256_file("/").error().code, ErrorCode::io);
}

// Fowler, Noll, Vo: the reference vectors of their page.
TEST(Fnv1a, MatchesThePublishedValues) {
    EXPECT_EQ(fnv1a(""), 0xcbf29ce484222325ULL);
    EXPECT_EQ(fnv1a("a"), 0xaf63dc4c8601ec8cULL);
    EXPECT_EQ(fnv1a("foobar"), 0x85944171f73967e8ULL);
}

}  // namespace
}  // namespace sofia

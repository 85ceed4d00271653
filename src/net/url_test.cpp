#include "net/url.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace sofia::net {
namespace {

TEST(ParseUrl, TakesTheAddressApart) {
    const Url url = parse_url("HTTPS://Public.Example.com:8443/a/b.csv.gz?x=1#part").value();
    EXPECT_EQ(url.scheme, "https");
    EXPECT_EQ(url.host, "public.example.com");
    EXPECT_EQ(url.port, 8443);
    EXPECT_EQ(url.target, "/a/b.csv.gz?x=1");
    EXPECT_EQ(url.authority(), "public.example.com:8443");
    EXPECT_EQ(url.text(), "https://public.example.com:8443/a/b.csv.gz?x=1");
}

TEST(ParseUrl, FillsInPortAndPath) {
    EXPECT_EQ(parse_url("http://a").value().port, 80);
    EXPECT_EQ(parse_url("https://a").value().port, 443);
    EXPECT_EQ(parse_url("https://a:").value().port, 443);
    EXPECT_EQ(parse_url("https://a?x").value().target, "/?x");
    EXPECT_EQ(parse_url("https://a:443/").value().text(), "https://a/");
    EXPECT_EQ(parse_url("http://[::1]:80/x").value().host, "::1");
    EXPECT_EQ(parse_url("http://[::1]:81/x").value().text(), "http://[::1]:81/x");
}

TEST(ParseUrl, RefusesWhatCouldSayTwoThings) {
    for (const auto* bad :
         {"", "a", "ftp://a/", "http://", "http:///x", "http://:80/", "//a/b", "http://a:0/", "http://a:65536/", "http://a:-1/", "http://a:+80/",
          "http://a:8x/", "http://[::1/", "http://[::1]80/", "http://a/ b", "http://a/\r\nX: y", "http://a/\x7f", "http://a/\xc3\xa9"}) {
        const auto url = parse_url(bad);
        ASSERT_FALSE(url) << bad;
        EXPECT_EQ(url.error().code, ErrorCode::usage);
    }
}

TEST(ParseUrl, APasswordIsRefusedAndNotRepeatedInTheMessage) {
    const auto url = parse_url("https://me:secret@a/");
    ASSERT_FALSE(url);
    EXPECT_EQ(url.error().message.find("secret"), std::string::npos);
}

// The examples of RFC 3986, 5.4, that redirects can meet.
TEST(ResolveUrl, FollowsTheRulesOfTheStandard) {
    const Url base = parse_url("http://a/b/c/d;p?q").value();
    const std::vector<std::pair<std::string, std::string>> examples{
        {"g", "http://a/b/c/g"},       {"./g", "http://a/b/c/g"},    {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},          {"//g", "http://g/"},         {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},   {"#s", "http://a/b/c/d;p?q"}, {"g#s", "http://a/b/c/g"},
        {"g?y#s", "http://a/b/c/g?y"}, {";x", "http://a/b/c/;x"},    {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},        {"./", "http://a/b/c/"},      {"..", "http://a/b/"},
        {"../g", "http://a/b/g"},      {"../..", "http://a/"},       {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},  {"/../g", "http://a/g"},      {"https://other/x", "https://other/x"},
    };
    for (const auto& [location, expected] : examples) EXPECT_EQ(resolve_url(base, location).value().text(), expected) << location;
    EXPECT_FALSE(resolve_url(base, "javascript:alert(1)"));
    EXPECT_FALSE(resolve_url(base, "file:///etc/passwd"));
}

TEST(SameOrigin, IsSchemeHostAndPort) {
    const Url a = parse_url("https://a/x").value();
    EXPECT_TRUE(a.same_origin(parse_url("https://A:443/y").value()));
    EXPECT_FALSE(a.same_origin(parse_url("http://a:443/x").value()));
    EXPECT_FALSE(a.same_origin(parse_url("https://a:444/x").value()));
    EXPECT_FALSE(a.same_origin(parse_url("https://b/x").value()));
}

TEST(EncodeQuery, LeavesOnlyUnreservedCharacters) { EXPECT_EQ(encode_query("a b&c=d/é~"), "a%20b%26c%3Dd%2F%C3%A9~"); }

RC_GTEST_PROP(ParseUrl, WhatIsReadIsWrittenAndReadTheSame, ()) {
    const auto piece = rc::gen::elementOf(std::vector<std::string>{"http://", "https://", "a", ".b", ":80", ":8080", "/", "..", "?x=1", "#f", "[::1]",
                                                                   "@", "%20", "[", "]", "//", "\r"});
    std::string text = "http://a";
    for (const std::string& p : *rc::gen::container<std::vector<std::string>>(piece)) text += p;
    const auto url = parse_url(text);
    if (!url) return;
    const Url again = parse_url(url->text()).value();
    RC_ASSERT(again.same_origin(*url));
    RC_ASSERT(again.target == url->target);
    RC_ASSERT(url->target.starts_with("/"));
}

}  // namespace
}  // namespace sofia::net

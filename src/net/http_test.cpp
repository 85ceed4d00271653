#include "net/http.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/test_server.hpp"

namespace sofia::net {
namespace {

using testing::HasSubstr;
using Reply = TestServer::Reply;
using Request = TestServer::Request;

HttpOptions quick() {
    HttpOptions options;
    options.retry_wait = "1ms";
    return options;
}

const StopFlag never{};

TEST(Get, ReturnsStatusHeadersAndBody) {
    const TestServer server([](const Request&) { return Reply{TestServer::answer(200, "hello", "X-Kind: greeting\r\n")}; });
    const HttpResponse response = get(server.url("/a?b=1"), quick(), never).value();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "hello");
    EXPECT_EQ(response.header("x-kind"), "greeting");
    EXPECT_EQ(response.header("x-none"), std::nullopt);
    EXPECT_EQ(response.url, server.url("/a?b=1"));
    const Request request = server.requests().at(0);
    EXPECT_EQ(request.method, "GET");
    EXPECT_EQ(request.target, "/a?b=1");
    EXPECT_EQ(request.header("host"), "127.0.0.1:" + std::to_string(server.port()));
}

TEST(Get, ReadsChunkedAndUnmeasuredBodiesWhole) {
    const std::string big(300'000, 'x');
    const TestServer server([&](const Request& request) {
        if (request.target == "/chunked") {
            return Reply{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"};
        }
        return Reply{"HTTP/1.1 200 OK\r\n\r\n" + big};
    });
    EXPECT_EQ(get(server.url("/chunked"), quick(), never).value().body, "hello!");
    EXPECT_EQ(get(server.url("/unmeasured"), quick(), never).value().body, big);
}

TEST(Get, AMissingPageIsAnAnswerAndNotRepeated) {
    const TestServer server([](const Request&) { return Reply{TestServer::answer(404, "no such thing")}; });
    const HttpResponse response = get(server.url("/x"), quick(), never).value();
    EXPECT_EQ(response.status, 404);
    EXPECT_EQ(response.body, "no such thing");
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST(Get, AServerErrorIsRepeatedUntilItPasses) {
    std::atomic<int> count{0};
    const TestServer server(
        [&](const Request&) { return Reply{++count <= 2 ? TestServer::answer(count == 1 ? 500 : 503, "busy") : TestServer::answer(200, "fine")}; });
    const HttpResponse response = get(server.url("/"), quick(), never).value();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "fine");
    EXPECT_EQ(server.requests().size(), 3U);
}

TEST(Get, AServerErrorThatStaysIsReturnedAfterTheLastRepeat) {
    const TestServer server([](const Request&) { return Reply{TestServer::answer(500, "broken")}; });
    HttpOptions options = quick();
    options.retries = 2;
    EXPECT_EQ(get(server.url("/"), options, never).value().status, 500);
    EXPECT_EQ(server.requests().size(), 3U);
}

TEST(Get, ACutAnswerIsRepeatedAndThenAnError) {
    std::atomic<int> cuts{1};
    const TestServer server([&](const Request&) {
        const std::string whole = TestServer::answer(200, "0123456789");
        if (cuts-- > 0) return Reply{whole.substr(0, whole.size() - 5), Reply::Then::close};
        return Reply{whole};
    });
    EXPECT_EQ(get(server.url("/"), quick(), never).value().body, "0123456789");
    cuts = 100;
    HttpOptions options = quick();
    options.retries = 1;
    const auto response = get(server.url("/x"), options, never);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::unavailable);
    EXPECT_EQ(response.error().message, "GET " + server.url("/x") + ": the connection was cut before the whole answer had come (tried 2 times)");
}

TEST(Get, AResetConnectionIsAnError) {
    const TestServer server([](const Request&) { return Reply{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123", Reply::Then::reset}; });
    HttpOptions options = quick();
    options.retries = 0;
    EXPECT_EQ(get(server.url("/"), options, never).error().code, ErrorCode::unavailable);
}

TEST(Get, ASilentServerIsGivenUp) {
    const TestServer server([](const Request& request) {
        return Reply{request.target == "/half" ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123" : "", Reply::Then::hang};
    });
    HttpOptions options = quick();
    options.retries = 0;
    options.idle_timeout = "100ms";
    const auto silent = get(server.url("/none"), options, never);
    ASSERT_FALSE(silent);
    EXPECT_EQ(silent.error().code, ErrorCode::unavailable);
    EXPECT_THAT(silent.error().message, HasSubstr("waiting for an answer took longer than 0.1 s"));
    EXPECT_THAT(get(server.url("/half"), options, never).error().message, HasSubstr("waiting for more of the answer took longer than 0.1 s"));
    options.idle_timeout = "1h";
    options.total_timeout = "100ms";
    EXPECT_THAT(get(server.url("/half"), options, never).error().message, HasSubstr("took longer than 0.1 s in all"));
}

TEST(Get, AStopEndsTheWaiting) {
    const TestServer server([](const Request&) { return Reply{"", Reply::Then::hang}; });
    StopFlag stop;
    std::jthread stopper([&] {
        while (server.requests().empty()) std::this_thread::yield();
        stop.request();
    });
    EXPECT_EQ(get(server.url("/"), quick(), stop).error().code, ErrorCode::interrupted);

    const TestServer busy([](const Request&) { return Reply{TestServer::answer(503, "", "Retry-After: 60\r\n")}; });
    StopFlag stop_waiting;
    std::jthread other([&] {
        while (busy.requests().empty()) std::this_thread::yield();
        stop_waiting.request();
    });
    EXPECT_EQ(get(busy.url("/"), quick(), stop_waiting).error().code, ErrorCode::interrupted);
}

TEST(Get, NobodyListeningIsUnavailable) {
    std::string url;
    {
        const TestServer gone([](const Request&) { return Reply{}; });
        url = gone.url("/");
    }
    HttpOptions options = quick();
    options.retries = 1;
    const auto response = get(url, options, never);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::unavailable);
    EXPECT_THAT(response.error().message, testing::AllOf(HasSubstr("cannot connect"), HasSubstr("Connection refused"), HasSubstr("(tried 2 times)")));
}

TEST(Get, FollowsRedirectsOfEveryForm) {
    const TestServer server([](const Request& request) {
        if (request.target == "/a/start") return Reply{TestServer::answer(302, "", "Location: next?x=1\r\n")};
        if (request.target == "/a/next?x=1") return Reply{TestServer::answer(308, "moved", "Location: /end\r\n")};
        return Reply{TestServer::answer(200, request.target)};
    });
    const HttpResponse response = get(server.url("/a/start"), quick(), never).value();
    EXPECT_EQ(response.body, "/end");
    EXPECT_EQ(response.url, server.url("/end"));
}

TEST(Get, ARedirectLoopEnds) {
    const TestServer server([](const Request&) { return Reply{TestServer::answer(301, "", "Location: /again\r\n")}; });
    HttpOptions options = quick();
    options.redirects_max = 4;
    const auto response = get(server.url("/"), options, never);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::unavailable);
    EXPECT_THAT(response.error().message, HasSubstr("more than 4 redirects"));
    EXPECT_EQ(server.requests().size(), 5U);
}

TEST(Send, HeadersGoToTheFirstOriginOnly) {
    const TestServer other([](const Request&) { return Reply{TestServer::answer(200, "other")}; });
    const TestServer server([&](const Request& request) {
        return Reply{TestServer::answer(302, "", "Location: " + (request.target == "/here" ? "/there" : other.url("/x")) + "\r\n")};
    });
    EXPECT_EQ(send({.url = server.url("/here"), .headers = {{"X-Key", "secret"}}}, quick(), never).value().body, "other");
    for (const Request& request : server.requests()) EXPECT_EQ(request.header("x-key"), "secret");
    EXPECT_EQ(other.requests().at(0).header("x-key"), "");
}

TEST(Send, PostCarriesItsBodyAndIsNeverRepeated) {
    const TestServer server([](const Request& request) { return Reply{TestServer::answer(request.target == "/bad" ? 503 : 201, request.body)}; });
    const HttpResponse response = send({.method = "POST", .url = server.url("/"), .body = "{\"a\":1}"}, quick(), never).value();
    EXPECT_EQ(response.status, 201);
    EXPECT_EQ(response.body, "{\"a\":1}");
    EXPECT_EQ(send({.method = "POST", .url = server.url("/bad")}, quick(), never).value().status, 503);
    EXPECT_EQ(server.requests().size(), 2U);
}

TEST(Send, HeadReadsNoBody) {
    const TestServer server([](const Request&) { return Reply{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"}; });
    const HttpResponse response = send({.method = "HEAD", .url = server.url("/")}, quick(), never).value();
    EXPECT_EQ(response.header("content-length"), "1000");
    EXPECT_EQ(response.body, "");
}

TEST(Send, RefusesWhatWouldSmuggleAHeader) {
    EXPECT_EQ(send({.url = "http://127.0.0.1:1/", .headers = {{"X", "a\r\nY: b"}}}, quick(), never).error().code, ErrorCode::usage);
    EXPECT_EQ(send({.url = "http://127.0.0.1:1/", .headers = {{"X: a", "b"}}}, quick(), never).error().code, ErrorCode::usage);
    EXPECT_EQ(send({.method = "BREW", .url = "http://127.0.0.1:1/"}, quick(), never).error().code, ErrorCode::usage);
    EXPECT_EQ(get("gopher://a/", quick(), never).error().code, ErrorCode::usage);
}

TEST(Get, AnAnswerThatIsTooLargeIsRefusedWithoutRepeat) {
    const TestServer server([](const Request& request) {
        const std::string body(10'000, 'x');
        return Reply{request.target == "/measured" ? TestServer::answer(200, body) : "HTTP/1.1 200 OK\r\n\r\n" + body};
    });
    HttpOptions options = quick();
    options.size_max = 1000;
    for (const auto* target : {"/measured", "/unmeasured"}) {
        const auto response = get(server.url(target), options, never);
        ASSERT_FALSE(response) << target;
        EXPECT_EQ(response.error().code, ErrorCode::data);
        EXPECT_THAT(response.error().message, HasSubstr("larger than 1000 bytes"));
    }
    EXPECT_EQ(server.requests().size(), 2U);
}

TEST(Get, WhatIsNoHttpIsAnError) {
    const TestServer server([](const Request&) { return Reply{"SSH-2.0-OpenSSH\r\n\r\n"}; });
    HttpOptions options = quick();
    options.retries = 0;
    EXPECT_EQ(get(server.url("/"), options, never).error().code, ErrorCode::unavailable);
}

TEST(HttpOptions, AreValidated) {
    HttpOptions options;
    EXPECT_TRUE(options.validate());
    options.idle_timeout = "0s";
    EXPECT_EQ(options.validate().error().message, "idle_timeout: value \"0s\" is not positive");
    options.idle_timeout = "soon";
    EXPECT_EQ(options.validate().error().code, ErrorCode::config);
    EXPECT_EQ(get("http://127.0.0.1:1/", options, never).error().code, ErrorCode::config);
    config::Keys keys;
    options.describe(keys);
    EXPECT_TRUE(config::set("retries=7", keys));
    EXPECT_EQ(options.retries, 7);
}

}  // namespace
}  // namespace sofia::net

#include "net/server.hpp"

#include <atomic>
#include <chrono>
#include <latch>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "base/progress.hpp"

namespace sofia::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Tcp = boost::asio::ip::tcp;

/// A connection that sends just the bytes that a test wants.
class Wire {
public:
    explicit Wire(std::uint16_t port) : socket_(io_) { socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port}); }

    void write(const std::string& bytes) { boost::asio::write(socket_, boost::asio::buffer(bytes)); }

    /// What comes until the other side closes.
    std::string rest() {
        std::string out;
        boost::system::error_code error;
        boost::asio::read(socket_, boost::asio::dynamic_buffer(out), error);
        return out;
    }

    std::string read(std::size_t bytes) {
        std::string out(bytes, '\0');
        boost::asio::read(socket_, boost::asio::buffer(out));
        return out;
    }

    void end_writing() { socket_.shutdown(Tcp::socket::shutdown_send); }

private:
    boost::asio::io_context io_;
    Tcp::socket socket_;
};

ServerOptions quick() {
    ServerOptions options;
    options.port = 0;
    options.threads = 2;
    options.shutdown_timeout = "5s";
    return options;
}

/// Says what it was asked.
ServerResponse echo(const ServerRequest& request) {
    ServerResponse response;
    response.content_type = "text/plain";
    response.body =
        request.method + " " + request.path + " [" + request.query + "] " + std::string(request.header("x-name").value_or("-")) + " " + request.body;
    return response;
}

std::string url_of(const Server& server, const std::string& target) { return "http://127.0.0.1:" + std::to_string(server.port()) + target; }

TEST(Server, HandsRequestsOverAndAnswers) {
    const Server server = Server::start(quick(), echo).value();
    const StopFlag stop;
    HttpRequest request{.method = "POST", .url = url_of(server, "/a/b?c=1&d"), .headers = {{"X-Name", "value"}}, .body = "the body"};
    const HttpResponse response = send(request, {}, stop).value();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "POST /a/b [c=1&d] value the body");
    EXPECT_EQ(response.header("content-type"), "text/plain");
}

TEST(Server, ListensOnLoopbackUnlessToldOtherwise) {
    EXPECT_TRUE(ServerOptions{}.loopback());
    ServerOptions options = quick();
    options.host = "0.0.0.0";
    EXPECT_FALSE(options.loopback());
    options.host = "localhost.example";
    EXPECT_FALSE(options.validate().has_value());
    options = quick();
    options.idle_timeout = "soon";
    EXPECT_FALSE(options.validate().has_value());
}

TEST(Server, APortThatIsTakenIsSaid) {
    const Server first = Server::start(quick(), echo).value();
    ServerOptions options = quick();
    options.port = first.port();
    const auto second = Server::start(options, echo);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::io);
    EXPECT_THAT(second.error().message, HasSubstr(std::to_string(first.port())));
}

TEST(Server, KeepsConnectionsAndAnswersInOrder) {
    const Server server = Server::start(quick(), echo).value();
    Wire wire(server.port());
    // Three at once, the last one asks for the end.
    wire.write("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string answers = wire.rest();
    const std::size_t one = answers.find("GET /1 []");
    const std::size_t two = answers.find("GET /2 []");
    const std::size_t three = answers.find("GET /3 []");
    ASSERT_NE(three, std::string::npos);
    EXPECT_LT(one, two);
    EXPECT_LT(two, three);
}

TEST(Server, AHeadAnswerHasNoBody) {
    const Server server = Server::start(quick(), echo).value();
    Wire wire(server.port());
    wire.write("HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string answer = wire.rest();
    EXPECT_THAT(answer, HasSubstr("Content-Length: 13\r\n"));  // of "HEAD /x [] - "
    EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST(Server, ARefusalIsNotAnsweredAsTheRequestBefore) {
    const Server server = Server::start(quick(), echo).value();
    Wire wire(server.port());
    wire.write("HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nno request\r\n\r\n");
    const std::string answers = wire.rest();
    EXPECT_THAT(answers, HasSubstr("HTTP/1.1 400"));
    EXPECT_THAT(answers, EndsWith("not an HTTP request\"}}\n"));
}

TEST(Server, SaysGoAheadToWhoWaitsForIt) {
    const Server server = Server::start(quick(), echo).value();
    Wire wire(server.port());
    wire.write("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(wire.read(25), "HTTP/1.1 100 Continue\r\n\r\n");
    wire.write("data");
    EXPECT_THAT(wire.rest(), EndsWith("POST /x [] - data"));
}

TEST(Server, WhatIsMalformedOrTooLargeNeverReachesTheHandler) {
    std::atomic<int> calls{0};
    ServerOptions options = quick();
    options.header_max = 1024;
    options.body_max = 100;
    const Server server = Server::start(options, [&](const ServerRequest&) {
                              ++calls;
                              return ServerResponse{};
                          }).value();
    const auto answer = [&](const std::string& bytes) {
        Wire wire(server.port());
        wire.write(bytes);
        wire.end_writing();
        return wire.rest();
    };
    EXPECT_THAT(answer("no http at all\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(answer("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(2000, 'a') + "\r\n\r\n"), StartsWith("HTTP/1.1 431"));
    EXPECT_THAT(answer("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'a')), StartsWith("HTTP/1.1 413"));
    EXPECT_THAT(answer("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(answer("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"), "");
    EXPECT_EQ(calls, 0);
    EXPECT_THAT(answer("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(calls, 1);
}

TEST(Server, AnExceptionIsAnAnswerWithoutItsText) {
    const Server server = Server::start(quick(), [](const ServerRequest&) -> ServerResponse { throw std::runtime_error("secret"); }).value();
    Wire wire(server.port());
    wire.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string answer = wire.rest();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 500"));
    EXPECT_THAT(answer, ::testing::Not(HasSubstr("secret")));
}

TEST(Server, ASlowClientIsCutOffAndOthersAreServed) {
    ServerOptions options = quick();
    options.request_timeout = "200ms";
    options.idle_timeout = "200ms";
    const Server server = Server::start(options, echo).value();
    Wire slow(server.port());
    slow.write("GET / HTTP/1.1\r\nHost");
    Wire silent(server.port());
    const StopFlag stop;
    EXPECT_EQ(get(url_of(server, "/"), {}, stop).value().status, 200);
    EXPECT_EQ(slow.rest(), "");
    EXPECT_EQ(silent.rest(), "");
}

TEST(Server, TooManyConnectionsAreTurnedAway) {
    ServerOptions options = quick();
    options.connections_max = 1;
    const Server server = Server::start(options, echo).value();
    Wire first(server.port());
    first.write("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(first.read(15), StartsWith("HTTP/1.1 200"));
    Wire second(server.port());
    EXPECT_THAT(second.rest(), StartsWith("HTTP/1.1 503"));
}

TEST(Server, StopFinishesWhatItTook) {
    std::latch begun(1);
    std::latch go_on(1);
    Server server = Server::start(quick(), [&](const ServerRequest& request) {
                        begun.count_down();
                        go_on.wait();
                        return echo(request);
                    }).value();
    const std::uint16_t port = server.port();
    Wire busy(port);
    busy.write("GET /busy HTTP/1.1\r\nHost: x\r\n\r\n");
    begun.wait();
    Wire idle(port);
    std::jthread stopper([&] { EXPECT_EQ(server.stop(), 0U); });
    EXPECT_EQ(idle.rest(), "");  // closed at once: nothing was asked of it
    go_on.count_down();
    const std::string answer = busy.rest();
    EXPECT_THAT(answer, HasSubstr("Connection: close"));
    EXPECT_THAT(answer, EndsWith("GET /busy [] - "));
    stopper.join();
    EXPECT_THROW(Wire{port}, boost::system::system_error);
}

// A request that has come in while all threads were busy is not one that nobody has asked.
TEST(Server, StopAnswersWhatIsHereButNotReadYet) {
    std::latch begun(1);
    std::latch go_on(1);
    ServerOptions options = quick();
    options.threads = 1;
    Server server = Server::start(options, [&](const ServerRequest& request) {
                        if (request.path == "/busy") {
                            begun.count_down();
                            go_on.wait();
                        }
                        return echo(request);
                    }).value();
    Wire waiting(server.port());
    waiting.write("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
    std::string first;
    while (!first.ends_with("GET /1 [] - ")) first += waiting.read(1);
    Wire busy(server.port());
    busy.write("GET /busy HTTP/1.1\r\nHost: x\r\n\r\n");
    begun.wait();
    waiting.write("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    std::jthread stopper([&] { EXPECT_EQ(server.stop(), 0U); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    go_on.count_down();
    EXPECT_THAT(waiting.rest(), EndsWith("GET /2 [] - "));
    EXPECT_THAT(busy.rest(), EndsWith("GET /busy [] - "));
}

TEST(Server, StopDoesNotWaitForever) {
    ServerOptions options = quick();
    options.shutdown_timeout = "100ms";
    Server server = Server::start(options, echo).value();
    Wire half(server.port());
    half.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
    while (server.connections() == 0) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(server.stop(), 1U);
    EXPECT_EQ(half.rest(), "");
}

}  // namespace
}  // namespace sofia::net

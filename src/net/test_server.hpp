#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "base/text.hpp"

namespace sofia::net {

/// A server on 127.0.0.1 for tests: a function from request to the very bytes of the answer, right or wrong. Each connection serves one
/// request on a thread of its own. Everything ends with the destructor. Header only and for tests only: it pulls in all of Beast.
class TestServer {
public:
    struct Request {
        std::string method;
        std::string target;
        std::map<std::string, std::string> headers;  ///< names in lower case
        std::string body;

        [[nodiscard]] std::string header(const std::string& name) const { return headers.contains(name) ? headers.at(name) : ""; }
    };

    struct Reply {
        enum class Then { close, reset, hang };
        std::string bytes;
        Then then = Then::close;
    };

    using Handler = std::function<Reply(const Request&)>;

    explicit TestServer(Handler handler) : TestServer(std::move(handler), nullptr) {}

    /// A TLS server with the certificate of `tls`, which must outlive it.
    TestServer(Handler handler, boost::asio::ssl::context* tls)
        : handler_(std::move(handler)),
          tls_(tls),
          acceptor_(io_, {boost::asio::ip::make_address("127.0.0.1"), 0}),
          port_(acceptor_.local_endpoint().port()),
          thread_([this] { accept(); }) {}

    ~TestServer() {
        stopping_ = true;
        // A connection of our own wakes the accept.
        boost::system::error_code ignored;
        boost::asio::ip::tcp::socket wake(io_);
        wake.connect({boost::asio::ip::make_address("127.0.0.1"), port_}, ignored);
        thread_.join();
        for (std::thread& connection : connections_) connection.join();
    }
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string url(const std::string& target = "") const {
        return std::string(tls_ == nullptr ? "http" : "https") + "://127.0.0.1:" + std::to_string(port_) + target;
    }

    /// What was asked so far.
    [[nodiscard]] std::vector<Request> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

    /// A well-formed answer.
    static std::string answer(int status, const std::string& body, const std::string& more_headers = "") {
        return "HTTP/1.1 " + std::to_string(status) + " Text\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more_headers +
               "Connection: close\r\n\r\n" + body;
    }

    /// The answer of a server that knows ranges to a request for `file`: 200, 206 or 416.
    static std::string file_answer(const Request& request, const std::string& file, const std::string& etag) {
        const std::string tag = etag.empty() ? "" : "ETag: " + etag + "\r\n";
        const std::string range = request.header("range");
        const std::string if_range = request.header("if-range");
        if (!range.starts_with("bytes=") || (!if_range.empty() && if_range != etag)) return answer(200, file, tag);
        const auto start = static_cast<std::size_t>(parse_int(std::string_view(range).substr(6, range.size() - 7)).value_or(0));
        const std::string total = std::to_string(file.size());
        if (start >= file.size()) return answer(416, "", "Content-Range: bytes */" + total + "\r\n");
        return answer(206, file.substr(start),
                      tag + "Content-Range: bytes " + std::to_string(start) + "-" + std::to_string(file.size() - 1) + "/" + total + "\r\n");
    }

private:
    using Socket = boost::asio::ip::tcp::socket;

    void accept() {
        while (true) {
            auto socket = std::make_shared<Socket>(io_);
            boost::system::error_code code;
            acceptor_.accept(*socket, code);
            if (stopping_ || code) return;
            connections_.emplace_back([this, socket] { serve(*socket); });
        }
    }

    void serve(Socket& socket) {
        if (tls_ == nullptr) return talk(socket, socket);
        boost::asio::ssl::stream<Socket&> stream(socket, *tls_);
        boost::system::error_code code;
        stream.handshake(boost::asio::ssl::stream_base::server, code);
        if (!code) talk(stream, socket);
    }

    template <class Stream>
    void talk(Stream& stream, Socket& socket) {
        boost::beast::flat_buffer buffer;
        boost::beast::http::request<boost::beast::http::string_body> message;
        boost::system::error_code code;
        boost::beast::http::read(stream, buffer, message, code);
        if (code) return;
        Request request{std::string(message.method_string()), std::string(message.target()), {}, message.body()};
        for (const auto& field : message) request.headers[lower(std::string(field.name_string()))] = std::string(field.value());
        {
            const std::lock_guard lock(mutex_);
            requests_.push_back(request);
        }
        const Reply reply = handler_(request);
        boost::asio::write(stream, boost::asio::buffer(reply.bytes), code);
        while (reply.then == Reply::Then::hang && !stopping_) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        if (reply.then == Reply::Then::reset) socket.set_option(boost::asio::socket_base::linger(true, 0), code);
        if (reply.then == Reply::Then::close) socket.shutdown(Socket::shutdown_both, code);
        socket.close(code);
    }

    Handler handler_;
    boost::asio::ssl::context* tls_;
    boost::asio::io_context io_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::uint16_t port_;
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    std::vector<Request> requests_;
    std::list<std::thread> connections_;
    std::thread thread_;
};

}  // namespace sofia::net

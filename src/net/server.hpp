#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/config.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "net/http.hpp"

namespace sofia::net {

/// A request as it came in.
struct ServerRequest {
    std::string method;  ///< upper case
    std::string path;    ///< of the target, as sent, without the query
    std::string query;   ///< what stands behind `?`
    HttpHeaders headers;
    std::string body;

    /// The first header of that name, without regard to case.
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

struct ServerResponse {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    HttpHeaders headers{};  ///< more of them; what frames the message is the server's
};

/// Answers a request. Called by several threads at once; it should not wait, for it keeps one of few threads. An exception is answered with 500.
using ServerHandler = std::function<ServerResponse(const ServerRequest&)>;

/// Times are texts as `parse_duration` takes them.
struct ServerOptions {
    std::string host = "127.0.0.1";         ///< an address, not a name; loopback by default
    std::int64_t port = 8000;               ///< 0: any that is free
    std::int64_t threads = 0;               ///< 0: as many as there are cores
    std::int64_t connections_max = 10'000;  ///< more are answered with 503 and closed
    std::int64_t header_max = 16'384;       ///< bytes of the request line and all headers; more: 431
    std::int64_t body_max = 1 << 20;        ///< bytes; more: 413
    std::string request_timeout = "10s";    ///< from the first byte of a request to its last, and for sending the answer; a slow client is cut off
    std::string idle_timeout = "60s";       ///< between two requests of a connection, and before the first
    std::string shutdown_timeout = "30s";   ///< how long `stop` waits for what was taken

    void describe(config::Keys& keys);

    /// Error: config.
    [[nodiscard]] Result<void> validate() const;

    /// Whether nobody but this machine can reach it.
    [[nodiscard]] bool loopback() const;
};

/// An HTTP/1.1 server (plain; TLS is a proxy's work). Connections are kept open, requests of one are answered in their order; HEAD is answered as GET
/// without the body. What is malformed, too large or too slow never reaches the handler. Boost.Beast on `threads` threads.
class Server {
public:
    /// Listens and answers from now on. Errors: config; io (the port is taken, no permission).
    [[nodiscard]] static Result<Server> start(const ServerOptions& options, ServerHandler handler, const Logger& log = Logger());

    ~Server();  ///< stops
    Server(Server&&) noexcept;
    Server& operator=(Server&&) noexcept;

    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::size_t connections() const;

    /// Takes no more connections, closes those that wait for a request, answers every request that has begun, with `Connection: close`, and returns
    /// when all is done or `shutdown_timeout` is over. Returns how many connections it had to cut.
    std::size_t stop();

private:
    struct State;
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sofia::net

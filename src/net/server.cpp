#include "net/server.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "base/text.hpp"
#include "base/threads.hpp"

namespace sofia::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

namespace {

/// `ServerOptions`, checked and in the units of the sockets.
struct Limits {
    std::uint32_t header = 0;
    std::uint64_t body = 0;
    std::size_t connections = 0;
    std::chrono::nanoseconds request{};
    std::chrono::nanoseconds idle{};
    std::chrono::nanoseconds shutdown{};
};

Result<std::chrono::nanoseconds> time_of(const char* key, const std::string& text) {
    const auto parsed = parse_duration(text);
    if (!parsed || *parsed <= 0) return fail(ErrorCode::config, fmt::format("{} \"{}\" is not a time above 0", key, text), "as in 10s, 500ms, 2m");
    return std::chrono::nanoseconds(*parsed);
}

Result<Limits> limits_of(const ServerOptions& options) {
    Limits limits;
    limits.header = static_cast<std::uint32_t>(options.header_max);
    limits.body = static_cast<std::uint64_t>(options.body_max);
    limits.connections = static_cast<std::size_t>(options.connections_max);
    SOFIA_TRY(limits.request, time_of("request_timeout", options.request_timeout));
    SOFIA_TRY(limits.idle, time_of("idle_timeout", options.idle_timeout));
    SOFIA_TRY(limits.shutdown, time_of("shutdown_timeout", options.shutdown_timeout));
    return limits;
}

/// An answer of the server itself.
ServerResponse refusal(int status, const std::string& message) {
    // The texts are the server's own: nothing in them has to be escaped.
    return {.status = status, .body = fmt::format("{{\"error\": {{\"code\": \"http\", \"message\": \"{}\"}}}}\n", message)};
}

/// What the parser found wrong; nothing to say to a connection that is gone or was closed because its time was over.
std::optional<ServerResponse> refusal_of(const beast::error_code& error) {
    if (error == http::error::header_limit) return refusal(431, "the headers are too large");
    if (error == http::error::body_limit) return refusal(413, "the body is too large");
    if (error.category() == http::make_error_code(http::error::bad_method).category() && error != http::error::end_of_stream &&
        error != http::error::partial_message) {
        return refusal(400, "not an HTTP request");
    }
    return std::nullopt;
}

ServerRequest taken(http::request<http::string_body>&& message) {
    ServerRequest request;
    request.method = std::string(message.method_string());
    const std::string_view target(message.target().data(), message.target().size());
    const std::size_t mark = target.find('?');
    request.path = std::string(target.substr(0, mark));
    if (mark != std::string_view::npos) request.query = std::string(target.substr(mark + 1));
    for (const auto& field : message) request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    request.body = std::move(message.body());
    return request;
}

}  // namespace

std::optional<std::string_view> ServerRequest::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (beast::iequals(beast::string_view(key.data(), key.size()), beast::string_view(name.data(), name.size()))) return value;
    }
    return std::nullopt;
}

void ServerOptions::describe(config::Keys& keys) {
    keys.text("host", host, "Address to listen on; beyond 127.0.0.1 and ::1 a token is needed.");
    keys.integer("port", port, {0, 65535}, "Port; 0: any that is free.");
    keys.integer("threads", threads, {0, 1024}, "Threads that answer; 0: one a core.");
    keys.integer("connections_max", connections_max, {1, 1e6}, "Connections at the same time; more are answered with 503.");
    keys.integer("header_max", header_max, {256, 1 << 20}, "Bytes of a request's line and headers; more are answered with 431.");
    keys.integer("body_max", body_max, {0, 1 << 30}, "Bytes of a request's body; more are answered with 413.");
    keys.text("request_timeout", request_timeout, "Time for a request to come in whole, and for its answer to be taken.");
    keys.text("idle_timeout", idle_timeout, "Time after which a connection without a request is closed.");
    keys.text("shutdown_timeout", shutdown_timeout, "Time that requests have to be finished after a stop.");
}

Result<void> ServerOptions::validate() const {
    beast::error_code error;
    asio::ip::make_address(host, error);
    if (error) return fail(ErrorCode::config, fmt::format("host \"{}\" is not an address", printable(host)), "as in 127.0.0.1, 0.0.0.0, ::1");
    const auto within = [](const char* key, std::int64_t value, std::int64_t low, std::int64_t high) -> Result<void> {
        if (value >= low && value <= high) return {};
        return fail(ErrorCode::config, fmt::format("{} {} is not in {}..{}", key, value, low, high));
    };
    SOFIA_CHECK(within("port", port, 0, 65535));
    SOFIA_CHECK(within("threads", threads, 0, 1024));
    SOFIA_CHECK(within("connections_max", connections_max, 1, 1'000'000));
    SOFIA_CHECK(within("header_max", header_max, 256, 1 << 20));
    SOFIA_CHECK(within("body_max", body_max, 0, 1 << 30));
    SOFIA_CHECK(limits_of(*this));
    return {};
}

bool ServerOptions::loopback() const {
    beast::error_code error;
    const auto address = asio::ip::make_address(host, error);
    return !error && address.is_loopback();
}

namespace {

class Session;

/// What connections share with the server.
struct Shared {
    Limits limits;
    ServerHandler handler;
    Logger log;
    std::atomic<bool> stopping{false};

    mutable std::mutex mutex;
    std::condition_variable all_gone;
    std::set<Session*> sessions;

    ServerResponse answer(const ServerRequest& request) const {
        try {
            return handler(request);
        } catch (const std::exception& error) {
            log.error(fmt::format("{} {}: {}", request.method, request.path, error.what()));
            return refusal(500, "the request could not be answered");
        }
    }
};

/// One connection: reads a request, answers it, and so on. Lives as long as one of its operations is pending; everything of it runs on its strand.
class Session : public std::enable_shared_from_this<Session> {
public:
    Session(tcp::socket socket, std::shared_ptr<Shared> shared) : stream_(std::move(socket)), shared_(std::move(shared)) {
        const std::lock_guard lock(shared_->mutex);
        shared_->sessions.insert(this);
    }
    ~Session() {
        const std::lock_guard lock(shared_->mutex);
        shared_->sessions.erase(this);
        if (shared_->sessions.empty()) shared_->all_gone.notify_all();
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void start() {
        asio::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->wait_for_request(); });
    }

    /// Too many connections: says so and closes.
    void turn_away() {
        asio::dispatch(stream_.get_executor(), [self = shared_from_this()] {
            self->stream_.expires_after(self->shared_->limits.request);
            self->send(refusal(503, "too many connections"), true);
        });
    }

    /// Closes a connection that waits for a request; another one closes itself after its answer, also one whose request is here but not read yet.
    void drain() {
        asio::post(stream_.get_executor(), [self = shared_from_this()] {
            beast::error_code ignored;
            if (self->idle_ && self->stream_.socket().available(ignored) == 0) self->close();
        });
    }

    void cut() {
        asio::post(stream_.get_executor(), [self = shared_from_this()] { self->close(); });
    }

private:
    void close() {
        beast::error_code ignored;
        stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
        stream_.close();
    }

    void wait_for_request() {
        parser_.emplace();
        parser_->header_limit(shared_->limits.header);
        parser_->body_limit(shared_->limits.body);
        parser_->eager(true);
        // What is refused before it is understood is answered as itself, not as the request before.
        head_ = false;
        version_ = 11;
        // A pipelined request is here already; others may go before it.
        if (buffer_.size() > 0) return asio::post(stream_.get_executor(), [self = shared_from_this()] { self->take_in(); });
        if (shared_->stopping) return close();
        idle_ = true;
        stream_.expires_after(shared_->limits.idle);
        stream_.async_read_some(buffer_.prepare(read_bytes), [self = shared_from_this()](beast::error_code error, std::size_t count) {
            self->idle_ = false;
            if (error) return self->close();
            self->buffer_.commit(count);
            self->take_in();
        });
    }

    /// Most requests come in one piece, and nothing more has to be waited for.
    void take_in() {
        beast::error_code error;
        while (buffer_.size() > 0 && !parser_->is_done() && !error) buffer_.consume(parser_->put(buffer_.data(), error));
        if (error && error != http::error::need_more) return refuse(error);
        if (parser_->is_done()) return serve();
        stream_.expires_after(shared_->limits.request);
        parser_->is_header_done() ? read_rest() : read_head();
    }

    void read_head() {
        http::async_read_header(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code error, std::size_t) {
            if (error) return self->refuse(error);
            self->read_rest();
        });
    }

    void read_rest() {
        if (beast::iequals(parser_->get()[http::field::expect], "100-continue") && !parser_->is_done()) return go_ahead();
        read_body();
    }

    /// The client waits to be told that its body is wanted.
    void go_ahead() {
        static constexpr std::string_view text = "HTTP/1.1 100 Continue\r\n\r\n";
        asio::async_write(stream_, asio::buffer(text), [self = shared_from_this()](beast::error_code error, std::size_t) {
            if (error) return self->close();
            self->read_body();
        });
    }

    void read_body() {
        if (parser_->is_done()) return serve();
        http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code error, std::size_t) {
            if (error) return self->refuse(error);
            self->serve();
        });
    }

    void refuse(beast::error_code error) {
        const auto answer = refusal_of(error);
        if (!answer) return close();
        send(*answer, true);
    }

    void serve() {
        http::request<http::string_body> message = parser_->release();
        const bool keep = message.keep_alive();
        head_ = message.method() == http::verb::head;
        version_ = message.version();
        const ServerRequest request = taken(std::move(message));
        send(shared_->answer(request), !keep);
    }

    void send(ServerResponse answer, bool last) {
        response_.emplace();
        response_->version(version_);
        response_->result(static_cast<unsigned>(answer.status));
        response_->set(http::field::server, "sofia");
        response_->set(http::field::content_type, answer.content_type);
        for (const auto& [name, value] : answer.headers) response_->set(name, value);
        last = last || shared_->stopping;
        response_->keep_alive(!last);
        const std::size_t bytes = answer.body.size();
        if (!head_) response_->body() = std::move(answer.body);
        response_->content_length(bytes);
        serializer_.emplace(*response_);
        // The socket's buffer takes nearly every answer at once; only what is left has to be waited for.
        beast::error_code error;
        http::write(stream_.socket(), *serializer_, error);
        if (error != asio::error::would_block && error != asio::error::try_again) return sent(error, last);
        stream_.expires_after(shared_->limits.request);
        http::async_write(stream_, *serializer_,
                          [self = shared_from_this(), last](beast::error_code failed, std::size_t) { self->sent(failed, last); });
    }

    void sent(beast::error_code error, bool last) {
        if (error) return close();
        if (last) return linger();
        wait_for_request();
    }

    /// Ends our side and reads what still comes, so that the answer is not lost with a reset.
    void linger() {
        beast::error_code ignored;
        stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
        stream_.expires_after(std::chrono::seconds(1));
        drop_rest(shared_->limits.body);
    }

    void drop_rest(std::uint64_t left) {
        buffer_.clear();
        stream_.async_read_some(buffer_.prepare(read_bytes), [self = shared_from_this(), left](beast::error_code error, std::size_t count) {
            if (error || count > left) return self->close();
            self->drop_rest(left - count);
        });
    }

    static constexpr std::size_t read_bytes = 4096;

    beast::tcp_stream stream_;
    std::shared_ptr<Shared> shared_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::optional<http::response<http::string_body>> response_;
    std::optional<http::response_serializer<http::string_body>> serializer_;
    unsigned version_ = 11;
    bool head_ = false;
    bool idle_ = false;
};

}  // namespace

struct Server::State {
    explicit State(int concurrency) : io(concurrency), acceptor(asio::make_strand(io)) {}

    std::shared_ptr<Shared> shared = std::make_shared<Shared>();
    asio::io_context io;
    tcp::acceptor acceptor;
    std::uint16_t port = 0;
    std::vector<std::jthread> threads;
    bool stopped = false;

    void accept() {
        acceptor.async_accept(asio::make_strand(io), [this](beast::error_code error, tcp::socket socket) {
            if (shared->stopping) return;
            if (error) {
                // No file descriptor is left, most likely: those that close will free some.
                shared->log.warning("a connection could not be taken: " + error.message());
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
            } else {
                begin(std::move(socket));
            }
            accept();
        });
    }

    void begin(tcp::socket socket) {
        beast::error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        socket.non_blocking(true, ignored);
        const auto session = std::make_shared<Session>(std::move(socket), shared);
        count() > shared->limits.connections ? session->turn_away() : session->start();
    }

    [[nodiscard]] std::size_t count() const {
        const std::lock_guard lock(shared->mutex);
        return shared->sessions.size();
    }

    /// Something to do for every connection that there is.
    void each(void (Session::*action)()) const {
        std::vector<std::shared_ptr<Session>> there;
        {
            const std::lock_guard lock(shared->mutex);
            for (Session* session : shared->sessions) {
                // One that is being destroyed has no owner any more.
                if (auto owned = session->weak_from_this().lock()) there.push_back(std::move(owned));
            }
        }
        for (const auto& session : there) (session.get()->*action)();
    }

    bool wait_until_gone(std::chrono::nanoseconds time) const {
        std::unique_lock lock(shared->mutex);
        return shared->all_gone.wait_for(lock, time, [&] { return shared->sessions.empty(); });
    }

    std::size_t stop() {
        if (std::exchange(stopped, true)) return 0;
        shared->stopping = true;
        asio::post(acceptor.get_executor(), [this] {
            beast::error_code ignored;
            acceptor.close(ignored);
        });
        each(&Session::drain);
        std::size_t cut = 0;
        if (!wait_until_gone(shared->limits.shutdown)) {
            cut = count();
            each(&Session::cut);
            wait_until_gone(std::chrono::seconds(1));
        }
        io.stop();
        threads.clear();
        return cut;
    }
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() {
    if (state_) stop();
}

Result<Server> Server::start(const ServerOptions& options, ServerHandler handler, const Logger& log) {
    SOFIA_CHECK(options.validate());
    const std::size_t threads = options.threads == 0 ? usable_cores() : static_cast<std::size_t>(options.threads);
    auto state = std::make_unique<State>(static_cast<int>(threads));
    SOFIA_TRY(state->shared->limits, limits_of(options));
    state->shared->handler = std::move(handler);
    state->shared->log = log;
    const tcp::endpoint endpoint(asio::ip::make_address(options.host), static_cast<std::uint16_t>(options.port));
    beast::error_code error;
    state->acceptor.open(endpoint.protocol(), error);
    if (!error) state->acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) state->acceptor.bind(endpoint, error);
    if (!error) state->acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
        return fail(ErrorCode::io, fmt::format("cannot listen on {} port {}: {}", options.host, options.port, error.message()),
                    "is another program there? --port takes another one, 0 any that is free");
    }
    state->port = state->acceptor.local_endpoint(error).port();
    state->accept();
    for (std::size_t i = 0; i < threads; ++i) state->threads.emplace_back([io = &state->io] { io->run(); });
    return Server(std::move(state));
}

std::uint16_t Server::port() const { return state_->port; }
std::size_t Server::connections() const { return state_->count(); }
std::size_t Server::stop() { return state_->stop(); }

}  // namespace sofia::net

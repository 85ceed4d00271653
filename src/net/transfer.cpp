#include "net/transfer.hpp"

#include <array>
#include <chrono>

#include <fmt/format.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "base/text.hpp"

namespace sofia::net {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr std::uint32_t header_bytes_max = 64 * 1024;
constexpr std::size_t chunk_bytes = 64 * 1024;
constexpr auto poll_interval = std::chrono::milliseconds(50);

std::string seconds_text(DurationNs duration) { return format_double(static_cast<double>(duration) * 1e-9) + " s"; }

// One connection: every step waits for its own time limit, for the limit of the whole and for the stop flag.
class Exchange {
public:
    Exchange(const Url& url, const HttpRequest& request, const Limits& limits, const StopFlag& stop)
        : url_(url), request_(request), limits_(limits), stop_(stop), begin_(steady_now()), socket_(io_) {}

    std::expected<void, Failure> run(const Receiver& receiver) {
        if (auto connected = connect(); !connected) return connected;
        if (url_.scheme == "http") return talk(socket_, receiver);
        asio::ssl::context tls(asio::ssl::context::tls_client);
        if (auto ready = prepare(tls); !ready) return ready;
        asio::ssl::stream<tcp::socket&> stream(socket_, tls);
        if (auto shaken = handshake(stream); !shaken) return shaken;
        return talk(stream, receiver);
    }

private:
    std::unexpected<Failure> failed(const std::string& why, Failure::Retry retry = Failure::Retry::helps,
                                    ErrorCode code = ErrorCode::unavailable) const {
        return std::unexpected(Failure{{code, request_.method + " " + url_.text() + ": " + why, {}}, retry});
    }

    // Runs one asynchronous step to its end. `start` gets the handler; the error code of the step is returned.
    template <class Start>
    std::expected<error_code, Failure> wait(DurationNs limit, const char* step, Start start) {
        bool done = false;
        error_code result;
        const DurationNs from = steady_now();
        start([&](error_code code, const auto&...) {
            result = code;
            done = true;
        });
        std::optional<std::unexpected<Failure>> cut;
        while (!done) {
            io_.restart();
            io_.run_one_for(poll_interval);
            if (done || cut) continue;
            const DurationNs now = steady_now();
            if (stop_.requested()) {
                cut = failed("stopped", Failure::Retry::is_useless, ErrorCode::interrupted);
            } else if (now - from > limit) {
                cut = failed(fmt::format("{} took longer than {}", step, seconds_text(limit)));
            } else if (now - begin_ > limits_.total) {
                cut = failed(fmt::format("took longer than {} in all", seconds_text(limits_.total)));
            }
            // The handler still comes, with operation_aborted: what it refers to must live until then.
            if (cut) cancel();
        }
        if (cut) return *cut;
        return result;
    }

    void cancel() {
        error_code ignored;
        if (resolver_) resolver_->cancel();
        socket_.close(ignored);
    }

    std::expected<void, Failure> connect() {
        tcp::resolver::results_type addresses;
        resolver_.emplace(io_);
        const auto resolved = wait(limits_.connect, "looking up the host", [&](auto handler) {
            resolver_->async_resolve(url_.host, std::to_string(url_.port), [&addresses, handler](error_code code, const auto& found) mutable {
                addresses = found;
                handler(code);
            });
        });
        if (!resolved) return std::unexpected(resolved.error());
        if (*resolved) return failed("cannot find host " + url_.host + ": " + resolved->message());
        const auto connected = wait(limits_.connect, "connecting", [&](auto handler) { asio::async_connect(socket_, addresses, handler); });
        if (!connected) return std::unexpected(connected.error());
        if (*connected) return failed("cannot connect to " + url_.authority() + ": " + connected->message());
        return {};
    }

    std::expected<void, Failure> prepare(asio::ssl::context& tls) const {
        error_code code;
        tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
        tls.set_verify_mode(asio::ssl::verify_peer);
        if (limits_.ca_file.empty()) {
            tls.set_default_verify_paths(code);
        } else {
            tls.load_verify_file(limits_.ca_file, code);
        }
        if (!code) return {};
        const std::string what = limits_.ca_file.empty() ? "the system's certificates" : limits_.ca_file;
        return failed("cannot read " + what + ": " + code.message(), Failure::Retry::is_useless, ErrorCode::io);
    }

    template <class Stream>
    std::expected<void, Failure> handshake(Stream& stream) {
        SSL* const ssl = stream.native_handle();
        error_code no_address;
        asio::ip::make_address(url_.host, no_address);
        if (no_address) {
            SSL_set_tlsext_host_name(ssl, url_.host.c_str());
            SSL_set1_host(ssl, url_.host.c_str());
        } else {
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), url_.host.c_str());
        }
        const auto shaken =
            wait(limits_.connect, "the TLS handshake", [&](auto handler) { stream.async_handshake(asio::ssl::stream_base::client, handler); });
        if (!shaken) return std::unexpected(shaken.error());
        if (!*shaken) return {};
        const long verified = SSL_get_verify_result(ssl);
        if (verified != X509_V_OK) {
            return failed(std::string("certificate refused: ") + X509_verify_cert_error_string(verified), Failure::Retry::is_useless);
        }
        return failed("the TLS handshake failed: " + shaken->message());
    }

    http::request<http::string_body> message() const {
        http::request<http::string_body> out(http::string_to_verb(request_.method), url_.target, 11);
        out.set(http::field::host, url_.authority());
        out.set(http::field::user_agent, "sofia");
        out.set(http::field::accept, "*/*");
        out.set(http::field::connection, "close");
        for (const auto& [name, value] : request_.headers) out.set(name, value);
        out.body() = request_.body;
        out.prepare_payload();
        return out;
    }

    // What an error in the middle of an answer means.
    std::unexpected<Failure> broken(error_code code) const {
        if (code == http::error::body_limit) {
            return failed(fmt::format("the answer is larger than {} bytes", limits_.size_max), Failure::Retry::is_useless, ErrorCode::data);
        }
        const bool cut = code == http::error::partial_message || code == http::error::end_of_stream || code == asio::error::eof ||
                         code == asio::error::connection_reset || code == asio::ssl::error::stream_truncated;
        if (cut) return failed("the connection was cut before the whole answer had come");
        return failed("the answer cannot be read: " + code.message());
    }

    template <class Stream>
    std::expected<void, Failure> talk(Stream& stream, const Receiver& receiver) {
        const http::request<http::string_body> out = message();
        const auto sent = wait(limits_.idle, "sending", [&](auto handler) { http::async_write(stream, out, handler); });
        if (!sent) return std::unexpected(sent.error());
        if (*sent) return failed("cannot send: " + sent->message());

        beast::flat_buffer buffer;
        http::response_parser<http::buffer_body> parser;
        parser.header_limit(header_bytes_max);
        parser.body_limit(limits_.size_max);
        parser.skip(request_.method == "HEAD");
        const auto answered =
            wait(limits_.idle, "waiting for an answer", [&](auto handler) { http::async_read_header(stream, buffer, parser, handler); });
        if (!answered) return std::unexpected(answered.error());
        if (*answered) return broken(*answered);
        const auto want = receiver.head(head(parser));
        if (!want) return std::unexpected(want.error());
        if (*want == Want::nothing) return {};
        return read_body(stream, buffer, parser, receiver);
    }

    static Head head(const http::response_parser<http::buffer_body>& parser) {
        Head out;
        out.status = static_cast<int>(parser.get().result_int());
        for (const auto& field : parser.get()) out.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
        if (const auto length = parser.content_length()) out.length = *length;
        return out;
    }

    template <class Stream>
    std::expected<void, Failure> read_body(Stream& stream, beast::flat_buffer& buffer, http::response_parser<http::buffer_body>& parser,
                                           const Receiver& receiver) {
        std::array<char, chunk_bytes> chunk{};
        while (!parser.is_done()) {
            auto& body = parser.get().body();
            body.data = chunk.data();
            body.size = chunk.size();
            const auto read =
                wait(limits_.idle, "waiting for more of the answer", [&](auto handler) { http::async_read_some(stream, buffer, parser, handler); });
            if (!read) return std::unexpected(read.error());
            const std::size_t count = chunk.size() - body.size;
            if (count > 0) {
                if (auto taken = receiver.body(std::string_view(chunk.data(), count)); !taken) return taken;
            }
            if (*read && *read != http::error::need_buffer) return broken(*read);
        }
        return {};
    }

    const Url& url_;
    const HttpRequest& request_;
    const Limits& limits_;
    const StopFlag& stop_;
    DurationNs begin_;
    asio::io_context io_{1};
    tcp::socket socket_;
    std::optional<tcp::resolver> resolver_;
};

}  // namespace

std::expected<void, Failure> exchange(const Url& url, const HttpRequest& request, const Limits& limits, const StopFlag& stop,
                                      const Receiver& receiver) {
    try {
        return Exchange(url, request, limits, stop).run(receiver);
    } catch (const boost::system::system_error& error) {
        return std::unexpected(Failure{{ErrorCode::internal, request.method + " " + url.text() + ": " + error.what(), {}}});
    }
}

}  // namespace sofia::net

#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string_view>

#include "net/http.hpp"
#include "net/url.hpp"

namespace sofia::net {

/// A failure inside the room: whether trying again can help.
struct Failure {
    enum class Retry { helps, is_useless };
    Error error;
    Retry retry = Retry::is_useless;
};

/// The first part of an answer.
struct Head {
    int status = 0;
    HttpHeaders headers;
    std::optional<std::uint64_t> length;  ///< Content-Length, where given

    [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
};

enum class Want { body, nothing };

/// Who takes an answer: `head` says whether the body is wanted, `body` gets it in pieces.
struct Receiver {
    std::function<std::expected<Want, Failure>(const Head&)> head;
    std::function<std::expected<void, Failure>(std::string_view)> body;
};

/// Options read once: nanoseconds instead of texts.
struct Limits {
    DurationNs connect = 0;
    DurationNs idle = 0;
    DurationNs total = 0;
    DurationNs retry_wait = 0;
    std::uint64_t size_max = 0;
    std::string ca_file;
};

/// One request and its answer over one connection of its own, without redirects and repeats.
[[nodiscard]] std::expected<void, Failure> exchange(const Url& url, const HttpRequest& request, const Limits& limits, const StopFlag& stop,
                                                    const Receiver& receiver);

/// What `fetch` calls: the headers of the next attempt (called before each), the receiver of its answer, and how far the whole has come:
/// an attempt that came farther than all before it starts the count of repeats anew.
struct Fetcher {
    std::function<HttpHeaders()> begin;
    Receiver receiver;
    std::function<std::uint64_t()> reached;
};

/// Redirects and repeats around `exchange`: the status of the last answer and where it came from. A redirect's own body is never received.
struct Fetched {
    int status = 0;
    Url url;
};
[[nodiscard]] Result<Fetched> fetch(const HttpRequest& request, const HttpOptions& options, const StopFlag& stop, const Fetcher& fetcher);

}  // namespace sofia::net

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/config.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace sofia::net {

/// Name and value, in the order of the wire; names compare without case.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method = "GET";  ///< GET, HEAD or POST
    std::string url;
    HttpHeaders headers = {};    ///< sent to the origin of `url` only, never along a redirect to another
    std::string body = {};
};

struct HttpResponse {
    int status = 0;
    HttpHeaders headers;
    std::string body;
    std::string url;  ///< where it came from in the end, after redirects

    /// The first header of that name.
    [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
};

/// How requests are made. Times are texts as `parse_duration` takes them.
struct HttpOptions {
    std::string connect_timeout = "10s";
    std::string idle_timeout = "30s";
    std::string total_timeout = "1h";
    std::int64_t size_max = std::int64_t{1} << 34;
    std::int64_t redirects_max = 5;
    std::int64_t retries = 3;
    std::string retry_wait = "500ms";
    std::string ca_file;

    void describe(config::Keys& keys);

    /// Error: config.
    [[nodiscard]] Result<void> validate() const;
};

/// Sends a request over HTTP/1.1 (TLS for https: certificate and host name are always verified) and reads the whole answer. Any status is an
/// answer; what the caller makes of 404 is its affair. GET and HEAD follow redirects (never from https to http) and are repeated after a
/// failed connection, a cut or silent one, and the statuses 408, 425, 429, 500, 502, 503, 504, waiting `retry_wait` doubled each time or
/// as long as Retry-After says (at most a minute); the last such answer is returned. POST is neither redirected nor repeated.
/// Waiting ends early when `stop` is requested. Thread-safe. The body is bytes as sent (no compression is asked for).
/// Errors: usage (address), unavailable (no whole answer), data (larger than `size_max`), config (options), interrupted.
[[nodiscard]] Result<HttpResponse> send(const HttpRequest& request, const HttpOptions& options, const StopFlag& stop);

/// `send` of a GET.
[[nodiscard]] Result<HttpResponse> get(const std::string& url, const HttpOptions& options, const StopFlag& stop);

/// What became of a download.
struct Download {
    bool found = false;              ///< false: the server answered 404 or 410 and there is no file
    std::uint64_t bytes = 0;         ///< of the whole file
    std::uint64_t resumed_from = 0;  ///< how many of them an earlier call had left in the partial file
    std::string sha256;              ///< of the whole file
};

/// Streams a GET into `path`. Bytes go to a partial file beside it (`.NAME.tmp-part`, left out by `list_files`) that the next attempt, and the
/// next call after a crash or a stop, continues by a range request, guarded by the server's ETag or Last-Modified (If-Range): where the
/// server has another file, or knows no ranges, it begins anew. When whole it is flushed to disk and renamed; `path` is never half a file. The lock
/// on the partial file keeps two processes apart. Errors: as `send`; io (disk), conflict (somebody else downloads it), unavailable (another status
/// than 200, 206, 404, 410).
[[nodiscard]] Result<Download> download(const std::string& url, const std::filesystem::path& path, const HttpOptions& options, const StopFlag& stop);

}  // namespace sofia::net

#include "net/http.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.hpp"
#include "net/transfer.hpp"

namespace sofia::net {

namespace {

std::optional<std::string> find_header(const HttpHeaders& headers, std::string_view name) {
    const std::string wanted = lower(name);
    const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& header) { return lower(header.first) == wanted; });
    if (found == headers.end()) return std::nullopt;
    return found->second;
}

// A line end in a header would begin another one.
Result<void> check(const HttpRequest& request) {
    constexpr std::array<std::string_view, 3> methods{"GET", "HEAD", "POST"};
    if (std::find(methods.begin(), methods.end(), request.method) == methods.end()) {
        return fail(ErrorCode::usage, "method \"" + request.method + "\" is not one of GET, HEAD, POST");
    }
    for (const auto& [name, value] : request.headers) {
        const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
        const bool bad = name.empty() || name.find_first_of(": ") != std::string::npos || std::any_of(name.begin(), name.end(), is_control) ||
                         std::any_of(value.begin(), value.end(), is_control);
        if (bad) return fail(ErrorCode::usage, "a header for " + request.url + " holds a character that no header may hold");
    }
    return {};
}

}  // namespace

std::optional<std::string> HttpResponse::header(std::string_view name) const { return find_header(headers, name); }
std::optional<std::string> Head::header(std::string_view name) const { return find_header(headers, name); }

void HttpOptions::describe(config::Keys& keys) {
    keys.text("connect_timeout", connect_timeout, "Longest time for finding a host, for connecting and for the TLS handshake, each.");
    keys.text("idle_timeout", idle_timeout, "Longest silence of a server before the connection is given up.");
    keys.text("total_timeout", total_timeout, "Longest time of one attempt in all.");
    keys.integer("size_max", size_max, {1, 1e15}, "Bytes of the largest answer that is taken.");
    keys.integer("redirects_max", redirects_max, {0, 20}, "Redirects that are followed.");
    keys.integer("retries", retries, {0, 100}, "Repeats after a failed or cut connection or a passing server error.");
    keys.text("retry_wait", retry_wait, "Time before the first repeat, doubled before each further one, at most a minute.");
    keys.text("ca_file", ca_file, "PEM file of the certificate authorities to trust; the system's when empty.");
}

Result<void> HttpOptions::validate() const {
    struct Time {
        const char* name;
        const std::string& text;
        DurationNs low;
    };
    for (const Time& time : {Time{"connect_timeout", connect_timeout, 1}, Time{"idle_timeout", idle_timeout, 1},
                             Time{"total_timeout", total_timeout, 1}, Time{"retry_wait", retry_wait, 0}}) {
        const auto duration = parse_duration(time.text);
        if (!duration) return fail(ErrorCode::config, std::string(time.name) + ": " + duration.error().message, duration.error().hint);
        if (*duration < time.low) return fail(ErrorCode::config, std::string(time.name) + ": value \"" + time.text + "\" is not positive");
    }
    if (size_max < 1) return fail(ErrorCode::config, "size_max: value " + std::to_string(size_max) + " is not positive");
    if (redirects_max < 0) return fail(ErrorCode::config, "redirects_max: value " + std::to_string(redirects_max) + " is negative");
    if (retries < 0) return fail(ErrorCode::config, "retries: value " + std::to_string(retries) + " is negative");
    return {};
}

Result<HttpResponse> send(const HttpRequest& request, const HttpOptions& options, const StopFlag& stop) {
    SOFIA_CHECK(check(request));
    HttpResponse response;
    const Fetcher fetcher{
        .begin =
            [&] {
                response = {};
                return HttpHeaders{};
            },
        .receiver = {.head = [&](const Head& head) -> std::expected<Want, Failure> {
                         response.headers = head.headers;
                         return Want::body;
                     },
                     .body = [&](std::string_view bytes) -> std::expected<void, Failure> {
                         response.body += bytes;
                         return {};
                     }},
        .reached = [] { return std::uint64_t{0}; },
    };
    SOFIA_TRY(const Fetched fetched, fetch(request, options, stop, fetcher));
    response.status = fetched.status;
    response.url = fetched.url.text();
    return response;
}

Result<HttpResponse> get(const std::string& url, const HttpOptions& options, const StopFlag& stop) {
    return send(HttpRequest{.url = url}, options, stop);
}

}  // namespace sofia::net

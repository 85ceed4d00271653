// Redirects and repeats around one exchange.
#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "base/text.hpp"
#include "net/transfer.hpp"

namespace sofia::net {

namespace {

constexpr DurationNs wait_max = 60 * ns_per_second;
constexpr DurationNs poll_interval = 20 * ns_per_ms;

bool is_redirect(int status) {
    constexpr std::array statuses{301, 302, 303, 307, 308};
    return std::find(statuses.begin(), statuses.end(), status) != statuses.end();
}

bool is_passing(int status) {
    constexpr std::array statuses{408, 425, 429, 500, 502, 503, 504};
    return std::find(statuses.begin(), statuses.end(), status) != statuses.end();
}

bool may_repeat(const HttpRequest& request) { return request.method == "GET" || request.method == "HEAD"; }

Result<Limits> read_limits(const HttpOptions& options) {
    SOFIA_CHECK(options.validate());
    Limits limits;
    SOFIA_TRY(limits.connect, parse_duration(options.connect_timeout));
    SOFIA_TRY(limits.idle, parse_duration(options.idle_timeout));
    SOFIA_TRY(limits.total, parse_duration(options.total_timeout));
    SOFIA_TRY(limits.retry_wait, parse_duration(options.retry_wait));
    limits.size_max = static_cast<std::uint64_t>(options.size_max);
    limits.ca_file = options.ca_file;
    return limits;
}

Result<void> pause(DurationNs duration, const StopFlag& stop) {
    const DurationNs end = steady_now() + duration;
    for (DurationNs left = duration; left > 0; left = end - steady_now()) {
        if (stop.requested()) break;
        std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(left, poll_interval)));
    }
    if (stop.requested()) return fail(ErrorCode::interrupted, "stopped while waiting to repeat a request");
    return {};
}

// One attempt: the answer after redirects.
struct Attempt {
    int status = 0;
    Url url;
    DurationNs retry_after = 0;
};

class Follower {
public:
    Follower(const HttpRequest& request, const HttpOptions& options, const Limits& limits, const StopFlag& stop, const Fetcher& fetcher)
        : request_(request), options_(options), limits_(limits), stop_(stop), fetcher_(fetcher) {}

    std::expected<Attempt, Failure> attempt(const Url& start) {
        const HttpHeaders own = fetcher_.begin();
        Attempt out{.url = start};
        for (std::int64_t hops = 0;; ++hops) {
            HttpRequest request{.method = request_.method, .url = {}, .headers = own, .body = request_.body};
            if (out.url.same_origin(start)) request.headers.insert(request.headers.end(), request_.headers.begin(), request_.headers.end());
            std::string location;
            const Receiver receiver{.head = [&](const Head& head) { return begin_answer(head, out, location); }, .body = fetcher_.receiver.body};
            if (auto done = exchange(out.url, request, limits_, stop_, receiver); !done) return std::unexpected(done.error());
            if (location.empty()) return out;
            if (hops >= options_.redirects_max) return refused(start, fmt::format("more than {} redirects", options_.redirects_max));
            const auto next = resolve_url(out.url, location);
            if (!next) return refused(start, "redirected to a bad place: " + next.error().message);
            if (out.url.scheme == "https" && next->scheme != "https") return refused(start, "redirected from https to " + next->text());
            out.url = *next;
        }
    }

private:
    std::expected<Want, Failure> begin_answer(const Head& head, Attempt& out, std::string& location) const {
        out.status = head.status;
        if (is_redirect(head.status) && may_repeat(request_)) {
            location = head.header("location").value_or("");
            if (!location.empty()) return Want::nothing;
        }
        const auto seconds = parse_int(head.header("retry-after").value_or(""));
        if (seconds && *seconds > 0) out.retry_after = std::min(*seconds, wait_max / ns_per_second) * ns_per_second;
        return fetcher_.receiver.head(head);
    }

    std::unexpected<Failure> refused(const Url& start, const std::string& why) const {
        return std::unexpected(Failure{{ErrorCode::unavailable, request_.method + " " + start.text() + ": " + why, {}}});
    }

    const HttpRequest& request_;
    const HttpOptions& options_;
    const Limits& limits_;
    const StopFlag& stop_;
    const Fetcher& fetcher_;
};

}  // namespace

Result<Fetched> fetch(const HttpRequest& request, const HttpOptions& options, const StopFlag& stop, const Fetcher& fetcher) {
    SOFIA_TRY(const Limits limits, read_limits(options));
    SOFIA_TRY(const Url start, parse_url(request.url));
    Follower follower(request, options, limits, stop, fetcher);
    const std::int64_t repeats_max = may_repeat(request) ? options.retries : 0;
    std::uint64_t reached = fetcher.reached();
    DurationNs wait = limits.retry_wait;
    for (std::int64_t repeats = 0;; ++repeats) {
        if (stop.requested()) return fail(ErrorCode::interrupted, request.method + " " + start.text() + ": stopped");
        const auto attempt = follower.attempt(start);
        if (attempt && !is_passing(attempt->status)) return Fetched{attempt->status, attempt->url};
        if (!attempt && attempt.error().retry == Failure::Retry::is_useless) return std::unexpected(attempt.error().error);
        if (const std::uint64_t now = fetcher.reached(); now > reached) {
            reached = now;
            repeats = -1;
            wait = limits.retry_wait;
        }
        if (repeats >= repeats_max) {
            if (attempt) return Fetched{attempt->status, attempt->url};
            Error error = attempt.error().error;
            if (repeats > 0) error.message += fmt::format(" (tried {} times)", repeats + 1);
            return std::unexpected(std::move(error));
        }
        SOFIA_CHECK(pause(attempt && attempt->retry_after > 0 ? attempt->retry_after : wait, stop));
        wait = std::min(2 * wait, wait_max);
    }
}

}  // namespace sofia::net

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "net/transfer.hpp"

namespace sofia::net {

namespace {

namespace fs = std::filesystem;

std::unexpected<Error> io_error(std::string_view what, const fs::path& path) {
    return fail(ErrorCode::io, std::string(what) + " " + path.string() + ": " + std::strerror(errno));
}

std::expected<void, Failure> final_failure(Result<void> result) {
    if (result) return {};
    return std::unexpected(Failure{std::move(result.error())});
}

// What is known of the file whose beginning the partial file holds: kept beside it, so that a later call continues the same file.
struct Origin {
    std::string url;
    std::string validator;  // ETag or Last-Modified, for If-Range
    std::optional<std::uint64_t> total;

    // Three lines. Header values hold no line ends.
    [[nodiscard]] std::string text() const { return url + "\n" + validator + "\n" + (total ? std::to_string(*total) : "") + "\n"; }

    static std::optional<Origin> read(const std::string& text) {
        const std::vector<std::string> lines = split(text, '\n');
        if (lines.size() != 4) return std::nullopt;
        Origin out{lines[0], lines[1], std::nullopt};
        const auto total = parse_int(lines[2]);
        if (total && *total >= 0) out.total = static_cast<std::uint64_t>(*total);
        if (!lines[2].empty() && !out.total) return std::nullopt;
        return out;
    }

    // Without either nothing proves that the rest belongs to the beginning.
    [[nodiscard]] bool can_continue() const { return !validator.empty() || total.has_value(); }
};

// `bytes 50-99/100`, `bytes 50-99/*`, `bytes */100` (RFC 9110, 14.4).
struct ContentRange {
    std::optional<std::uint64_t> start;
    std::optional<std::uint64_t> total;
};

std::optional<std::uint64_t> parse_count(std::string_view text) {
    const auto value = parse_int(text);
    if (!value || *value < 0 || text.starts_with('+')) return std::nullopt;
    return static_cast<std::uint64_t>(*value);
}

ContentRange parse_content_range(std::string_view text) {
    ContentRange out;
    if (!lower(text).starts_with("bytes ")) return out;
    text = trim(text.substr(6));
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return out;
    out.start = parse_count(text.substr(0, text.find('-')));
    out.total = parse_count(text.substr(slash + 1));
    return out;
}

std::string validator_of(const Head& head) {
    // A weak ETag says "about the same", which is not enough for bytes.
    const auto tag = head.header("etag");
    if (tag && tag->starts_with('"')) return *tag;
    return head.header("last-modified").value_or("");
}

// The partial file: locked, longer with every piece, at last renamed.
class Partial {
public:
    static Result<std::unique_ptr<Partial>> open(const fs::path& path, const std::string& url) {
        if (path.has_parent_path()) SOFIA_CHECK(make_folder(path.parent_path()));
        auto out = std::unique_ptr<Partial>(new Partial(path, url));
        SOFIA_CHECK(out->lock());
        const auto text = read_file(out->origin_path_);
        const auto origin = text ? Origin::read(*text) : std::nullopt;
        struct stat status{};
        if (::fstat(out->fd_, &status) != 0) return io_error("cannot read", out->part_);
        out->size_ = static_cast<std::uint64_t>(status.st_size);
        if (!origin || origin->url != url || !origin->can_continue()) {
            SOFIA_CHECK(out->begin_anew(Origin{.url = url, .validator = {}, .total = {}}));
        } else {
            out->origin_ = *origin;
        }
        out->found_ = out->reached_ = out->size_;
        return out;
    }

    ~Partial() {
        if (fd_ >= 0) ::close(fd_);
    }
    Partial(const Partial&) = delete;
    Partial& operator=(const Partial&) = delete;

    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] std::uint64_t reached() const { return reached_; }
    [[nodiscard]] std::uint64_t resumed_from() const { return found_; }
    [[nodiscard]] const Origin& origin() const { return origin_; }

    Result<void> begin_anew(Origin origin) {
        origin_ = std::move(origin);
        found_ = size_ = 0;
        if (::ftruncate(fd_, 0) != 0) return io_error("cannot write", path_);
        return write_file(origin_path_, origin_.text());
    }

    Result<void> append(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t count = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return io_error("cannot write", path_);
            size_ += static_cast<std::uint64_t>(count);
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
        reached_ = std::max(reached_, size_);
        return {};
    }

    // Flushes, renames and gives the hash.
    Result<std::string> finish() {
        if (::fsync(fd_) != 0) return io_error("cannot write", path_);
        SOFIA_TRY(std::string hash, sha256_file(part_));
        if (::rename(part_.c_str(), path_.c_str()) != 0) return io_error("cannot write", path_);
        const fs::path folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
        const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0) {
            ::fsync(fd);
            ::close(fd);
        }
        ::unlink(origin_path_.c_str());
        return hash;
    }

    void discard() {
        ::unlink(part_.c_str());
        ::unlink(origin_path_.c_str());
    }

private:
    Partial(const fs::path& path, const std::string& url)
        : path_(path),
          part_(path.parent_path() / ("." + path.filename().string() + ".tmp-part")),
          origin_path_(path.parent_path() / ("." + path.filename().string() + ".tmp-part-origin")) {
        origin_.url = url;
    }

    Result<void> lock() {
        while (true) {
            fd_ = ::open(part_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
            if (fd_ < 0) return io_error("cannot write", path_);
            if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
                if (errno != EWOULDBLOCK) return io_error("cannot lock", part_);
                return fail(ErrorCode::conflict, path_.string() + " is being downloaded by another process");
            }
            // Another process may have finished and renamed the file between our opening and locking it.
            struct stat opened{};
            struct stat named{};
            const bool same = ::fstat(fd_, &opened) == 0 && ::stat(part_.c_str(), &named) == 0 && opened.st_ino == named.st_ino;
            if (same) return {};
            ::close(std::exchange(fd_, -1));
        }
    }

    fs::path path_;
    fs::path part_;
    fs::path origin_path_;
    Origin origin_;
    int fd_ = -1;
    std::uint64_t size_ = 0;
    std::uint64_t reached_ = 0;
    std::uint64_t found_ = 0;
};

// Takes the answers of all attempts into the partial file.
class Writer {
public:
    Writer(Partial& partial, const std::string& url, std::uint64_t size_max) : partial_(partial), url_(url), size_max_(size_max) {}

    HttpHeaders begin() const {
        HttpHeaders headers{{"Accept-Encoding", "identity"}};
        if (partial_.size() == 0) return headers;
        headers.emplace_back("Range", fmt::format("bytes={}-", partial_.size()));
        if (!partial_.origin().validator.empty()) headers.emplace_back("If-Range", partial_.origin().validator);
        return headers;
    }

    std::expected<Want, Failure> head(const Head& head) {
        whole_ = false;
        total_.reset();
        if (head.status == 200) return begin_whole(head);
        if (head.status == 206) return continue_part(head);
        if (head.status == 416) return end_of_range(head);
        return Want::nothing;
    }

    std::expected<void, Failure> body(std::string_view bytes) {
        if (bytes.size() > size_max_ || partial_.size() > size_max_ - bytes.size()) {
            return std::unexpected(Failure{{ErrorCode::data, fmt::format("GET {}: the file is larger than {} bytes", url_, size_max_), {}}});
        }
        return final_failure(partial_.append(bytes));
    }

    // Called after an attempt that ended well.
    [[nodiscard]] bool whole() const { return whole_ && (!total_ || *total_ == partial_.size()); }

private:
    std::expected<Want, Failure> begin_whole(const Head& head) {
        const Origin origin{.url = url_, .validator = validator_of(head), .total = head.length};
        if (auto begun = final_failure(partial_.begin_anew(origin)); !begun) return std::unexpected(begun.error());
        total_ = head.length;
        whole_ = true;
        return Want::body;
    }

    std::expected<Want, Failure> continue_part(const Head& head) {
        const ContentRange range = parse_content_range(head.header("content-range").value_or(""));
        const Origin& origin = partial_.origin();
        const auto tag = head.header("etag");
        const bool same_tag = !tag || !origin.validator.starts_with('"') || *tag == origin.validator;
        const bool same_total = !range.total || !origin.total || *range.total == *origin.total;
        if (range.start != partial_.size() || !same_tag || !same_total) return begin_again("the rest does not belong to the part we have");
        total_ = range.total ? range.total : origin.total;
        whole_ = true;
        return Want::body;
    }

    // Nothing is left to send: right when we have all, else the file has changed.
    std::expected<Want, Failure> end_of_range(const Head& head) {
        const ContentRange range = parse_content_range(head.header("content-range").value_or(""));
        const Origin& origin = partial_.origin();
        const bool all = partial_.size() > 0 && range.total == partial_.size() && (!origin.total || *origin.total == partial_.size());
        if (!all) return begin_again("the server has no such range");
        whole_ = true;
        return Want::nothing;
    }

    std::unexpected<Failure> begin_again(const char* why) {
        const auto begun = partial_.begin_anew(Origin{.url = url_, .validator = {}, .total = {}});
        if (!begun) return std::unexpected(Failure{begun.error()});
        return std::unexpected(Failure{{ErrorCode::unavailable, fmt::format("GET {}: {}", url_, why), {}}, Failure::Retry::helps});
    }

    Partial& partial_;
    const std::string& url_;
    std::uint64_t size_max_;
    bool whole_ = false;
    std::optional<std::uint64_t> total_;
};

}  // namespace

Result<Download> download(const std::string& url, const fs::path& path, const HttpOptions& options, const StopFlag& stop) {
    SOFIA_CHECK(options.validate());
    SOFIA_TRY(const Url parsed, parse_url(url));
    SOFIA_TRY(const std::unique_ptr<Partial> partial, Partial::open(path, url));
    Writer writer(*partial, url, static_cast<std::uint64_t>(options.size_max));
    const Fetcher fetcher{
        .begin = [&] { return writer.begin(); },
        .receiver = {.head = [&](const Head& head) { return writer.head(head); }, .body = [&](std::string_view bytes) { return writer.body(bytes); }},
        .reached = [&] { return partial->reached(); },
    };
    auto fetched = fetch(HttpRequest{.url = url}, options, stop, fetcher);
    if (!fetched) {
        // What has come is kept for the next call; an empty beginning is of no use.
        if (partial->size() == 0) partial->discard();
        return std::unexpected(std::move(fetched.error()));
    }
    if (fetched->status == 404 || fetched->status == 410) {
        partial->discard();
        return Download{};
    }
    if (!writer.whole()) {
        if (partial->size() == 0) partial->discard();
        return fail(ErrorCode::unavailable, fmt::format("GET {}: the server answered with status {}", parsed.text(), fetched->status));
    }
    SOFIA_TRY(std::string hash, partial->finish());
    return Download{.found = true, .bytes = partial->size(), .resumed_from = partial->resumed_from(), .sha256 = std::move(hash)};
}

}  // namespace sofia::net

#include "store/feature_files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/files.hpp"

namespace sofia::store {

namespace {

namespace fs = std::filesystem;

std::unexpected<Error> io_error(std::string_view what, const fs::path& path, int number) {
    return fail(ErrorCode::io, std::string(what) + " " + path.string() + ": " + std::strerror(number));
}

class FileLock final : public StoreLock {
public:
    explicit FileLock(int fd) : fd_(fd) {}
    ~FileLock() override { ::close(fd_); }

private:
    int fd_;
};

Result<void> write_whole(const fs::path& path, std::string_view bytes) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) return io_error("cannot write", path, errno);
    int number = 0;
    while (!bytes.empty() && number == 0) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno != EINTR) {
            number = errno;
        }
    }
    if (::close(fd) != 0 && number == 0) number = errno;
    if (number == 0) return {};
    ::unlink(path.c_str());
    return io_error("cannot write", path, number);
}

// Calls `sync`, which gives -1 and errno like a system call, on a file or folder.
template <class Sync>
Result<void> sync_one(const fs::path& path, int flags, Sync sync) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
    if (fd < 0) return io_error("cannot write", path, errno);
    // Some file systems cannot flush a folder and say EINVAL; then there is nothing to flush.
    const int number = sync(fd) == 0 || errno == EINVAL ? 0 : errno;
    ::close(fd);
    if (number != 0) return io_error("cannot write", path, number);
    return {};
}

class LocalFiles final : public StoreFiles {
public:
    explicit LocalFiles(const std::string& folder) : shown_(folder), root_(folder) {}

    const std::string& root() const override { return shown_; }
    bool is_local() const override { return true; }

    Result<std::vector<StoredFile>> list(const std::string& folder) const override {
        std::vector<StoredFile> out;
        SOFIA_CHECK(each(folder, [&](const fs::directory_entry& entry) {
            std::error_code gone;  // a file may vanish between its listing and this
            if (!entry.is_regular_file(gone) || gone) return;
            const auto bytes = entry.file_size(gone);
            const auto changed = gone ? fs::file_time_type() : entry.last_write_time(gone);
            if (gone) return;
            const auto since = std::chrono::file_clock::to_sys(changed).time_since_epoch();
            out.push_back({entry.path().filename().string(), bytes, std::chrono::duration_cast<std::chrono::nanoseconds>(since).count()});
        }));
        std::ranges::sort(out, {}, &StoredFile::name);
        return out;
    }

    Result<std::vector<std::string>> folders(const std::string& folder) const override {
        std::vector<std::string> out;
        SOFIA_CHECK(each(folder, [&](const fs::directory_entry& entry) {
            std::error_code gone;
            if (entry.is_directory(gone) && !gone) out.push_back(entry.path().filename().string());
        }));
        std::ranges::sort(out);
        return out;
    }

    Result<std::optional<std::string>> get(const std::string& path) const override {
        std::error_code error;
        if (!fs::exists(fs::status(root_ / path, error)) && (!error || error.value() == ENOENT || error.value() == ENOTDIR)) return std::nullopt;
        auto bytes = read_file(root_ / path);
        if (bytes) return *std::move(bytes);
        if (!fs::exists(fs::status(root_ / path, error))) return std::nullopt;
        return std::unexpected(std::move(bytes).error());
    }

    Result<void> put(const std::string& path, std::string_view bytes) override { return write_file(root_ / path, bytes); }

    Result<void> stage(const std::string& path, std::string_view bytes) override {
        SOFIA_CHECK(make_folder((root_ / path).parent_path()));
        return write_whole(root_ / path, bytes);
    }

    // The first pass has the disk begin with all of them, so that the second one mostly finds them written.
    Result<void> flush(const std::vector<std::string>& paths) override {
        const auto begin = [](int fd) { return ::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) == 0 || errno != EIO ? 0 : -1; };
        for (const std::string& path : paths) SOFIA_CHECK(sync_one(root_ / path, O_RDONLY, begin));
        for (const std::string& path : paths) SOFIA_CHECK(sync_one(root_ / path, O_RDONLY, ::fsync));
        if (paths.empty()) return {};
        return sync_one((root_ / paths.front()).parent_path(), O_RDONLY | O_DIRECTORY, ::fsync);
    }

    Result<bool> move(const std::string& from, const std::string& to) override {
        // The folder first: without `from`, making it for nothing is mended by `tidy`.
        const fs::path target = root_ / to;
        if (::rename((root_ / from).c_str(), target.c_str()) == 0) return true;
        if (errno == ENOENT && ::access((root_ / from).c_str(), F_OK) != 0) return false;
        SOFIA_CHECK(make_folder(target.parent_path()));
        if (::rename((root_ / from).c_str(), target.c_str()) == 0) return true;
        if (errno == ENOENT) return false;
        return io_error("cannot write", target, errno);
    }

    Result<void> remove(const std::string& path) override {
        if (::unlink((root_ / path).c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
        return io_error("cannot remove", root_ / path, errno);
    }

    void tidy(const std::string& folder) override { ::rmdir((root_ / folder).c_str()); }

    Result<std::unique_ptr<StoreLock>> lock(const std::string& path, DurationNs wait) override {
        const fs::path file = root_ / path;
        SOFIA_CHECK(make_folder(file.parent_path()));
        const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd < 0) return io_error("cannot write", file, errno);
        auto held = std::make_unique<FileLock>(fd);
        const DurationNs end = steady_now() + wait;
        while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK && errno != EINTR) return io_error("cannot lock", file, errno);
            if (steady_now() >= end) {
                return fail(ErrorCode::conflict, file.string() + ": another process is writing", "try again when it is done");
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return held;
    }

private:
    template <class Use>
    Result<void> each(const std::string& folder, Use use) const {
        std::error_code error;
        fs::directory_iterator it(root_ / folder, error);
        if (error && (error.value() == ENOENT || error.value() == ENOTDIR)) return {};
        for (const fs::directory_iterator end; !error && it != end; it.increment(error)) use(*it);
        if (error) return io_error("cannot read folder", root_ / folder, error.value());
        return {};
    }

    std::string shown_;
    fs::path root_;
};

}  // namespace

std::shared_ptr<StoreFiles> local_files(const std::string& folder) { return std::make_shared<LocalFiles>(folder); }

bool is_url(std::string_view root) {
    const auto end = root.find("://");
    const auto in_scheme = [](unsigned char c) { return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.'; };
    return end != std::string_view::npos && end > 0 && std::ranges::all_of(root.substr(0, end), in_scheme);
}

std::string shown_url(std::string_view root) {
    if (!is_url(root)) return std::string(root);
    const std::size_t scheme = root.find("://") + 3;
    std::string_view rest = root.substr(scheme);
    // A key may hold an unescaped / or ?: everything up to the last @ is the user's.
    if (const auto at = rest.rfind('@'); at != std::string_view::npos) rest = rest.substr(at + 1);
    return std::string(root.substr(0, scheme)) + std::string(rest.substr(0, rest.find_first_of("?#")));
}

}  // namespace sofia::store

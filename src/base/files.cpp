#include "base/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

namespace sofia {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t buffer_size = std::size_t{1} << 18U;
constexpr std::string_view temporary_mark = ".tmp-";

std::unexpected<Error> io_error(std::string_view what, const fs::path& path, int number) {
    return fail(ErrorCode::io, std::string(what) + " " + path.string() + ": " + std::strerror(number));
}

bool is_temporary(const std::string& name) { return name.starts_with('.') && name.find(temporary_mark) != std::string::npos; }

// Whether it is a name that `temporary_name` gives: others (a download to be continued) look alike and are to stay.
bool is_ours(const std::string& name) {
    const auto mark = name.rfind(temporary_mark);
    if (!is_temporary(name) || mark == std::string::npos) return false;
    const std::string numbers = name.substr(mark + temporary_mark.size());
    const auto dash = numbers.find('-');
    return dash > 0 && dash + 1 < numbers.size() && numbers.find_first_not_of("0123456789-") == std::string::npos;
}

// Unique in this process by the counter and among processes by the pid; nothing depends on its value.
fs::path temporary_name(const fs::path& path) {
    static std::atomic<std::uint64_t> counter{0};
    return path.parent_path() /
           ("." + path.filename().string() + std::string(temporary_mark) + std::to_string(getpid()) + "-" + std::to_string(counter.fetch_add(1)));
}

// Locks a temporary that was just made, so that `remove_abandoned` knows that somebody uses it. False when that took it away before. A file
// system without locks is none that anything is removed from.
bool lock_own(int fd) {
    struct stat status{};
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;
    return ::fstat(fd, &status) == 0 && status.st_nlink > 0;
}

// Makes something under a new temporary name beside `path`, which `make` opens, and locks it.
template <class Make>
Result<int> make_temporary(const fs::path& shown, const fs::path& path, fs::path& temporary, Make make) {
    constexpr int attempts = 10;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        const fs::path name = temporary_name(path);
        const int fd = make(name);
        // A folder can be taken away as abandoned between its making and its opening, too.
        if (fd < 0 && errno == ENOENT && attempt + 1 < attempts) continue;
        if (fd < 0) return io_error("cannot write", shown, errno);
        if (lock_own(fd)) {
            temporary = name;
            return fd;
        }
        ::close(fd);
    }
    return fail(ErrorCode::io, "cannot write " + shown.string() + ": its temporary files vanish");
}

Result<void> write_all(int fd, std::string_view bytes, const fs::path& path) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return io_error("cannot write", path, errno);
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

Result<void> sync_to_disk(const fs::path& path, int flags, const fs::path& shown) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
    if (fd < 0) return io_error("cannot write", shown, errno);
    // Some file systems cannot flush a folder and say EINVAL; then there is nothing to flush.
    const int number = ::fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    ::close(fd);
    if (number != 0) return io_error("cannot write", shown, number);
    return {};
}

}  // namespace

struct AtomicFile::State {
    fs::path path;
    fs::path temporary;
    std::string buffer;
    int fd = -1;

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (fd >= 0) ::close(fd);
        if (!temporary.empty()) ::unlink(temporary.c_str());
    }

    Result<void> flush() {
        if (buffer.empty()) return {};
        const std::string bytes = std::exchange(buffer, {});
        return write_all(fd, bytes, path);
    }
};

AtomicFile::AtomicFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
AtomicFile::~AtomicFile() = default;
AtomicFile::AtomicFile(AtomicFile&&) noexcept = default;
AtomicFile& AtomicFile::operator=(AtomicFile&&) noexcept = default;

Result<AtomicFile> AtomicFile::create(const fs::path& path) {
    if (!path.has_filename()) return fail(ErrorCode::io, "cannot write \"" + path.string() + "\": it names no file");
    std::error_code error;
    // A link is followed, so that the file behind it is replaced and the link stays.
    const fs::path target = fs::is_symlink(path, error) ? fs::weakly_canonical(path, error) : path;
    if (target.empty()) return io_error("cannot write", path, error.value());  // a link that leads to itself
    const fs::file_status status = fs::status(target, error);
    if (fs::is_directory(status)) return io_error("cannot write", path, EISDIR);
    if (fs::exists(status) && !fs::is_regular_file(status)) {
        return fail(ErrorCode::io, "cannot write " + path.string() + ": it is not a regular file");
    }
    if (target.has_parent_path()) SOFIA_CHECK(make_folder(target.parent_path()));

    auto state = std::make_unique<State>();
    state->path = target;
    SOFIA_TRY(state->fd, make_temporary(path, target, state->temporary,
                                        [](const fs::path& name) { return ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); }));
    return AtomicFile(std::move(state));
}

Result<void> AtomicFile::write(std::string_view bytes) {
    assert(state_ != nullptr && state_->fd >= 0);
    if (state_->buffer.size() + bytes.size() <= buffer_size) {
        state_->buffer += bytes;
        return {};
    }
    SOFIA_CHECK(state_->flush());
    if (bytes.size() >= buffer_size) return write_all(state_->fd, bytes, state_->path);
    state_->buffer += bytes;
    return {};
}

Result<void> AtomicFile::commit() {
    assert(state_ != nullptr && state_->fd >= 0);
    State& state = *state_;
    SOFIA_CHECK(state.flush());
    // By name: a library that writes itself may have made a new file under it.
    SOFIA_CHECK(sync_to_disk(state.temporary, O_RDONLY, state.path));
    if (::rename(state.temporary.c_str(), state.path.c_str()) != 0) return io_error("cannot write", state.path, errno);
    state.temporary.clear();
    // Only now, since the lock ends with it. Nothing is lost by a failure: all of it is on the disk.
    ::close(std::exchange(state.fd, -1));
    const fs::path folder = state.path.has_parent_path() ? state.path.parent_path() : fs::path(".");
    return sync_to_disk(folder, O_RDONLY | O_DIRECTORY, state.path);
}

const fs::path& AtomicFile::temporary() const {
    assert(state_ != nullptr);
    return state_->temporary;
}

StagedFolder::StagedFolder(fs::path folder, fs::path staging, int fd) : folder_(std::move(folder)), staging_(std::move(staging)), fd_(fd) {}

StagedFolder::StagedFolder(StagedFolder&& other) noexcept
    : folder_(std::move(other.folder_)), staging_(std::exchange(other.staging_, {})), fd_(std::exchange(other.fd_, -1)) {}

StagedFolder::~StagedFolder() { end(); }

void StagedFolder::end() {
    std::error_code ignored;
    if (!staging_.empty()) fs::remove_all(std::exchange(staging_, {}), ignored);
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<StagedFolder> StagedFolder::create(const fs::path& folder) {
    const fs::path plain = folder.has_filename() ? folder : folder.parent_path();  // without a slash at the end
    std::error_code error;
    if (const fs::file_status status = fs::status(plain, error); fs::exists(status) && !fs::is_directory(status)) {
        return io_error("cannot make folder", plain, ENOTDIR);
    }
    if (plain.has_parent_path()) SOFIA_CHECK(make_folder(plain.parent_path()));
    remove_abandoned(plain.parent_path());
    fs::path staging;
    SOFIA_TRY(const int fd, make_temporary(plain, plain, staging, [](const fs::path& name) {
                  return ::mkdir(name.c_str(), 0777) == 0 ? ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
              }));
    return StagedFolder(plain, staging, fd);
}

Result<void> StagedFolder::clear() {
    std::error_code error;
    for (fs::directory_iterator it(staging_, error), end; !error && it != end; it.increment(error)) {
        fs::remove_all(it->path(), error);
        if (error) break;
    }
    if (error) return io_error("cannot write", folder_, error.value());
    return {};
}

Result<void> StagedFolder::commit() {
    SOFIA_TRY(const std::vector<fs::path> files, list_files(staging_));
    SOFIA_CHECK(make_folder(folder_));
    for (const fs::path& file : files) {
        const fs::path target = folder_ / file.filename();
        if (::rename(file.c_str(), target.c_str()) != 0) return io_error("cannot write", target, errno);
    }
    SOFIA_CHECK(sync_to_disk(folder_, O_RDONLY | O_DIRECTORY, folder_));
    end();
    return {};
}

Result<void> StagedFolder::commit_whole() {
    if (::rename(staging_.c_str(), folder_.c_str()) != 0) return io_error("cannot write", folder_, errno);
    staging_.clear();
    const fs::path parent = folder_.has_parent_path() ? folder_.parent_path() : fs::path(".");
    const Result<void> done = sync_to_disk(parent, O_RDONLY | O_DIRECTORY, folder_);
    end();
    return done;
}

void remove_abandoned(const fs::path& folder) {
    std::error_code ignored;
    for (fs::directory_iterator it(folder.empty() ? "." : folder, ignored), end; !ignored && it != end; it.increment(ignored)) {
        if (!is_ours(it->path().filename().string())) continue;
        const int fd = ::open(it->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0) continue;
        if (::flock(fd, LOCK_EX | LOCK_NB) == 0) {
            std::error_code kept;
            fs::remove_all(it->path(), kept);
        }
        ::close(fd);
    }
}

Result<void> write_file(const fs::path& path, std::string_view bytes) {
    SOFIA_TRY(AtomicFile file, AtomicFile::create(path));
    SOFIA_CHECK(file.write(bytes));
    return file.commit();
}

Result<std::string> read_file(const fs::path& path, std::size_t bytes_max) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return io_error("cannot read", path, errno);
    std::string out;
    struct stat status{};
    if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) out.reserve(static_cast<std::size_t>(status.st_size) + 1);
    std::vector<char> buffer(buffer_size);
    ssize_t count = 0;
    do {
        count = ::read(fd, buffer.data(), buffer.size());
        if (count > 0) out.append(buffer.data(), static_cast<std::size_t>(count));
    } while ((count > 0 && out.size() <= bytes_max) || (count < 0 && errno == EINTR));
    const int number = errno;
    ::close(fd);
    if (out.size() > bytes_max)
        return fail(ErrorCode::data, path.string() + ": is larger than " + std::to_string(bytes_max) + " bytes", "is this the right file?");
    if (count < 0) return io_error("cannot read", path, number);
    return out;
}

Result<std::vector<fs::path>> list_files(const fs::path& folder) {
    std::error_code error;
    std::vector<fs::path> out;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        std::error_code ignored;
        if (it->is_regular_file(ignored) && !is_temporary(it->path().filename().string())) out.push_back(it->path());
    }
    if (error) return io_error("cannot read folder", folder, error.value());
    std::sort(out.begin(), out.end(), [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
    return out;
}

Result<void> make_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return io_error("cannot make folder", folder, error.value());
    if (!fs::is_directory(folder, error)) return io_error("cannot make folder", folder, ENOTDIR);
    return {};
}

}  // namespace sofia

#include "base/process.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fmt/core.h>

#include "base/text.hpp"

namespace sofia {

namespace {

constexpr int tick_ms = 50;  // how often the stop flag and the deadlines are looked at
constexpr std::size_t chunk_bytes = 1 << 16;
constexpr std::size_t drain_bytes_max = 1 << 20;  // what a pipe may still hold when its program has ended

std::unexpected<Error> system_error(const std::string& what) { return fail(ErrorCode::io, fmt::format("{}: {}", what, std::strerror(errno))); }

class File {
public:
    File() = default;
    explicit File(int fd) : fd_(fd) {}
    ~File() { close(); }
    File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    File& operator=(File&& other) noexcept {
        close();
        fd_ = std::exchange(other.fd_, -1);
        return *this;
    }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

struct Pipe {
    File read;
    File write;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("cannot make a pipe");
    return Pipe{File(ends[0]), File(ends[1])};
}

void unblock(const File& file) { ::fcntl(file.fd(), F_SETFL, ::fcntl(file.fd(), F_GETFL) | O_NONBLOCK); }

/// NULL-terminated pointers to the texts, for exec.
std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& added) {
    std::vector<std::string> out;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto same = [&](const auto& pair) { return text.substr(0, text.find('=')) == pair.first; };
        if (std::none_of(added.begin(), added.end(), same)) out.emplace_back(text);
    }
    for (const auto& [name, value] : added) out.push_back(name + "=" + value);
    return out;
}

/// The child's side between fork and exec: only async-signal-safe calls, everything is prepared.
struct Prepared {
    const char* program;
    char* const* arguments;
    char* const* environment;
    int input;
    int output;
    int errors;
    int failure;
    pid_t parent;
};

[[noreturn]] void become(const Prepared& p) {
    ::setpgid(0, 0);
    // The parent may have died before the request took effect.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != p.parent) ::_exit(127);
    struct sigaction by_default{};
    by_default.sa_handler = SIG_DFL;
    for (int s = 1; s < NSIG; ++s) ::sigaction(s, &by_default, nullptr);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(p.input, STDIN_FILENO);
    ::dup2(p.output, STDOUT_FILENO);
    ::dup2(p.errors, STDERR_FILENO);
    // Ours are closed at exec by themselves; this is for files that a library has opened without that flag.
    ::syscall(SYS_close_range, 3U, UINT_MAX, CLOSE_RANGE_CLOEXEC);
    ::execve(p.program, p.arguments, p.environment);
    const int error = errno;
    if (::write(p.failure, &error, sizeof error) < 0) ::_exit(126);
    ::_exit(127);
}

/// A process of the program's group that only waits for us: when we are gone, however, it kills the group. PR_SET_PDEATHSIG ends the program
/// alone, and what it has started would go on. Between fork and end only async-signal-safe calls.
[[noreturn]] void stand_guard(pid_t group, int line) {
    struct sigaction ignored{};
    ignored.sa_handler = SIG_IGN;
    for (int s = 1; s < NSIG; ++s) ::sigaction(s, &ignored, nullptr);
    if (::setpgid(0, group) != 0) ::_exit(1);
    ::prctl(PR_SET_NAME, "sofia-guard");
    ::dup2(line, STDIN_FILENO);
    ::close(STDOUT_FILENO);
    ::close(STDERR_FILENO);
    ::syscall(SYS_close_range, 3U, UINT_MAX, 0U);
    char nothing = 0;
    while (::read(STDIN_FILENO, &nothing, 1) < 0 && errno == EINTR) continue;
    ::kill(-group, SIGKILL);
    ::_exit(0);
}

/// A started program; whatever happens, its group is killed and it is waited for.
class Child {
public:
    static Result<Child> start(const ProcessOptions& options);
    ~Child() {
        if (pid_ > 0) wait();
    }
    Child(Child&& other) noexcept
        : pid_(std::exchange(other.pid_, -1)),
          guard_(std::exchange(other.guard_, -1)),
          guard_line_(std::move(other.guard_line_)),
          input(std::move(other.input)),
          output(std::move(other.output)),
          errors(std::move(other.errors)),
          exited(std::move(other.exited)) {}
    Child& operator=(Child&&) = delete;

    void signal_group(int signal) const { ::kill(-pid_, signal); }

    /// Kills what is left of the group, then takes the program's end. While it is not waited for, nobody else gets its number.
    int wait() {
        signal_group(SIGKILL);
        int status = 0;
        // The guard is of the group; one that never came to join it goes when its line is closed.
        guard_line_.close();
        int of_guard = 0;
        while (guard_ > 0 && ::waitpid(guard_, &of_guard, 0) < 0 && errno == EINTR) continue;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
        pid_ = -1;
        return status;
    }

    [[nodiscard]] bool has_ended() const {
        siginfo_t info{};
        return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
    }

private:
    explicit Child(pid_t pid) : pid_(pid) {}
    Result<void> set_guard();
    pid_t pid_;
    pid_t guard_ = -1;
    File guard_line_;  ///< nothing is ever written; its end is our end

public:
    File input;   ///< closed where it has none
    File output;
    File errors;
    File exited;  ///< readable once it has ended; closed where the kernel has no such thing
};

Result<void> Child::set_guard() {
    SOFIA_TRY(Pipe line, make_pipe());
    guard_ = ::fork();
    if (guard_ < 0) return system_error("cannot start a process");
    if (guard_ == 0) stand_guard(pid_, line.read.fd());
    ::setpgid(guard_, pid_);  // here too: it is in the group before a signal is sent to it
    guard_line_ = std::move(line.write);
    return {};
}

Result<Child> Child::start(const ProcessOptions& options) {
    std::filesystem::path program = options.program;
    if (program.empty()) {
        SOFIA_TRY(program, find_program(options.arguments.at(0)));
    }
    SOFIA_TRY(Pipe output, make_pipe());
    SOFIA_TRY(Pipe errors, make_pipe());
    SOFIA_TRY(Pipe failure, make_pipe());
    Pipe input;
    if (options.input) {
        SOFIA_TRY(input, make_pipe());
    } else {
        input.read = File(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!input.read.is_open()) return system_error("cannot open /dev/null");
    }
    std::vector<std::string> arguments = options.arguments;
    std::vector<std::string> environment = environment_with(options.environment);
    const std::vector<char*> argument_pointers = pointers(arguments);
    const std::vector<char*> environment_pointers = pointers(environment);
    const Prepared prepared{program.c_str(),   argument_pointers.data(), environment_pointers.data(), input.read.fd(),
                            output.write.fd(), errors.write.fd(),        failure.write.fd(),          ::getpid()};
    const pid_t pid = ::fork();
    if (pid < 0) return system_error(fmt::format("cannot start {}", program.string()));
    if (pid == 0) become(prepared);
    Child child(pid);
    ::setpgid(pid, pid);  // here too: the group is there whichever side is first
    failure.write.close();
    int error = 0;
    ssize_t got = 0;
    while ((got = ::read(failure.read.fd(), &error, sizeof error)) < 0 && errno == EINTR) continue;
    if (got == sizeof error) {
        return fail(ErrorCode::unavailable, fmt::format("cannot run {}: {}", program.string(), std::strerror(error)),
                    error == ENOEXEC ? "a script needs a first line such as #!/bin/sh" : "");
    }
    SOFIA_CHECK(child.set_guard());
    child.input = std::move(input.write);
    child.output = std::move(output.read);
    child.errors = std::move(errors.read);
    child.exited = File(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
    for (const File* file : {&child.output, &child.errors}) unblock(*file);
    if (child.input.is_open()) unblock(child.input);
    return child;
}

/// Cuts a stream into lines of bounded length.
class Lines {
public:
    explicit Lines(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    template <class F>
    Result<void> take(std::string_view bytes, const F& on_line) {
        while (!bytes.empty()) {
            const auto end = bytes.find('\n');
            const std::string_view part = bytes.substr(0, end);
            const std::size_t kept = std::min(part.size(), bytes_max_ - line_.size());
            line_.append(part.substr(0, kept));
            cut_ += part.size() - kept;
            if (end == std::string_view::npos) return {};
            SOFIA_CHECK(flush(on_line));
            bytes.remove_prefix(end + 1);
        }
        return {};
    }

    /// The last line may have no end.
    template <class F>
    Result<void> finish(const F& on_line) {
        return line_.empty() && cut_ == 0 ? Result<void>() : flush(on_line);
    }

private:
    template <class F>
    Result<void> flush(const F& on_line) {
        const std::string line = std::exchange(line_, {});
        return on_line(ProcessLine{line, std::exchange(cut_, 0)});
    }

    std::size_t bytes_max_;
    std::string line_;
    std::size_t cut_ = 0;
};

class Run {
public:
    Run(Child child, const ProcessOptions& options, const OnLine& on_line)
        : child_(std::move(child)),
          options_(options),
          on_line_(on_line),
          lines_(options.line_bytes_max),
          input_(options.input.value_or("")),
          deadline_(options.timeout > 0 ? steady_now() + options.timeout : 0) {}

    Result<ProcessEnd> all() {
        while (!child_.has_ended()) {
            check_limits();
            SOFIA_CHECK(wait_and_read());
        }
        child_.signal_group(SIGKILL);  // what it left behind; the pipes then hold all there is
        SOFIA_CHECK(read_output(drain_bytes_max));
        SOFIA_CHECK(lines_.finish([&](const ProcessLine& line) { return hand_over(line); }));
        read_errors(drain_bytes_max);
        const int status = child_.wait();
        end_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        end_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        return std::move(end_);
    }

private:
    void check_limits() {
        const DurationNs now = steady_now();
        if (kill_at_ > 0 && now >= kill_at_) child_.signal_group(SIGKILL);
        if (ending_) return;
        if (options_.stop != nullptr && options_.stop->requested()) return end(ProcessEnd::Cause::stopped);
        if (deadline_ > 0 && now >= deadline_) end(ProcessEnd::Cause::timeout);
    }

    void end(ProcessEnd::Cause cause) {
        ending_ = true;
        end_.cause = cause;
        kill_at_ = steady_now() + options_.grace;
        child_.signal_group(SIGTERM);
        child_.signal_group(SIGCONT);  // one that is stopped could not react
        // One that waits for an answer sees that none will come; after the signal, so that it cannot end by itself before.
        child_.input.close();
        input_.clear();
    }

    Result<void> wait_and_read() {
        std::array<pollfd, 4> files = {pollfd{child_.output.fd(), POLLIN, 0}, pollfd{child_.errors.fd(), POLLIN, 0},
                                       pollfd{child_.exited.fd(), POLLIN, 0}, pollfd{input_.empty() ? -1 : child_.input.fd(), POLLOUT, 0}};
        if (::poll(files.data(), files.size(), tick_ms) <= 0) return {};
        if (files[1].revents != 0) read_errors(chunk_bytes);
        if (files[3].revents != 0) write_input();
        if (files[0].revents != 0) SOFIA_CHECK(read_output(chunk_bytes));
        return {};
    }

    /// Reads what is there, at most `bytes`; closes the file at its end. Returns the bytes through `take`.
    template <class F>
    Result<void> read_some(File& file, std::size_t bytes, const F& take) {
        std::array<char, 1 << 14> buffer{};
        std::size_t done = 0;
        while (file.is_open() && done < bytes) {
            const ssize_t got = ::read(file.fd(), buffer.data(), buffer.size());
            if (got < 0 && errno == EINTR) continue;
            if (got < 0 && errno == EAGAIN) return {};
            if (got <= 0) {
                file.close();
                return {};
            }
            done += static_cast<std::size_t>(got);
            SOFIA_CHECK(take(std::string_view(buffer.data(), static_cast<std::size_t>(got))));
        }
        return {};
    }

    Result<void> read_output(std::size_t bytes) {
        return read_some(child_.output, bytes,
                         [&](std::string_view part) { return lines_.take(part, [&](const ProcessLine& line) { return hand_over(line); }); });
    }

    void read_errors(std::size_t bytes) {
        static_cast<void>(read_some(child_.errors, bytes, [&](std::string_view part) -> Result<void> {
            end_.errors += part;
            if (end_.errors.size() > options_.error_bytes_max) end_.errors.erase(0, end_.errors.size() - options_.error_bytes_max);
            return {};
        }));
    }

    void write_input() {
        const ssize_t done = ::write(child_.input.fd(), input_.data(), input_.size());
        if (done > 0) input_.erase(0, static_cast<std::size_t>(done));
        if (done < 0 && errno != EAGAIN && errno != EINTR) {
            child_.input.close();  // it reads no more
            input_.clear();
        }
    }

    Result<void> hand_over(const ProcessLine& line) {
        if (ending_) return {};
        SOFIA_TRY(const AfterLine after, on_line_(line, input_));
        if (after == AfterLine::end) end(ProcessEnd::Cause::on_line);
        return {};
    }

    Child child_;
    const ProcessOptions& options_;
    const OnLine& on_line_;
    Lines lines_;
    std::string input_;
    DurationNs deadline_;
    DurationNs kill_at_ = 0;
    bool ending_ = false;
    ProcessEnd end_;
};

bool is_program(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

Result<std::filesystem::path> find_program(const std::string& name) {
    if (name.find('/') != std::string::npos) {
        if (is_program(name)) return name;
        std::error_code ignored;
        return std::filesystem::exists(name, ignored) ? fail(ErrorCode::unavailable, fmt::format("{} is no program that may be run", name),
                                                             "`chmod +x` it, or put its interpreter before it")
                                                      : fail(ErrorCode::unavailable, fmt::format("there is no program {}", name));
    }
    const char* path = std::getenv("PATH");
    for (const std::string& folder : split(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
        const std::filesystem::path file = std::filesystem::path(folder.empty() ? "." : folder) / name;
        if (!name.empty() && is_program(file)) return file;
    }
    return fail(ErrorCode::unavailable, fmt::format("there is no program \"{}\" in PATH", name),
                is_program("./" + name) ? fmt::format("a program of this folder is called ./{}", name) : "");
}

Result<ProcessEnd> run_process(const ProcessOptions& options, const OnLine& on_line) {
    if (options.arguments.empty()) return fail(ErrorCode::usage, "there is no program to run");
    for (const std::string& argument : options.arguments) {
        if (argument.find('\0') != std::string::npos) return fail(ErrorCode::usage, "an argument holds a NUL, which no program can be given");
    }
    SOFIA_TRY(Child child, Child::start(options));
    return Run(std::move(child), options, on_line).all();
}

}  // namespace sofia

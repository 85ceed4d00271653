#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.hpp"
#include "base/text.hpp"
#include "report/page_text.hpp"
#include "report/report.hpp"

extern char** environ;  // NOLINT: the name POSIX gives it

namespace sofia::report {

namespace {

// More points than pixels only slow gnuplot down.
constexpr std::size_t points_drawn = 20'000;

/// A file descriptor that closes itself.
class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() { close(); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return number_; }
    void close() {
        if (number_ >= 0) ::close(number_);
        number_ = -1;
    }

private:
    int number_;
};

std::unexpected<Error> system_error(const std::string& what, int code) {
    return fail(ErrorCode::internal, "gnuplot: " + what + ": " + std::strerror(code));
}

/// A gnuplot string in single quotes, in which only the quote itself is special; line ends cannot stand in it.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') out += '\'';
        if (static_cast<unsigned char>(c) >= 0x20) out += c;
    }
    return out + "'";
}

/// The drawing's data block: seconds since 1970 and value, thinned to the least and the greatest of each stretch.
std::string data_block(const char* name, const Series& series) {
    std::string out = fmt::format("${} << EOD\n", name);
    const std::size_t stride = series.points.size() / points_drawn + 1;
    for (std::size_t begin = 0; begin < series.points.size(); begin += stride) {
        const std::size_t end = std::min(begin + stride, series.points.size());
        const auto stretch = std::span(series.points).subspan(begin, end - begin);
        const auto [low, high] = std::ranges::minmax_element(stretch, {}, &Point::value);
        const auto write = [&](const Point& point) {
            out += fmt::format("{} {}\n", format_double(static_cast<double>(point.time) / 1e9), format_double(point.value));
        };
        write(*std::min(low, high));  // the earlier of the two
        if (low != high) write(*std::max(low, high));
    }
    return out + "EOD\n";
}

std::string axis_format(const Series& series) {
    const DurationNs span = series.points.back().time - series.points.front().time;
    if (span > 400 * ns_per_day) return "%b %Y";
    return span > 4 * ns_per_day ? "%d %b" : "%d %b\\n%H:%M";
}

/// Draws on standard output, so that no path has to be quoted.
std::string script(const ReportData& data, const Series& drawdown) {
    const std::string unit = data.equity.unit.empty() ? "equity" : "equity (" + data.equity.unit + ")";
    const std::string title = (data.simulated ? "simulated: true — " : "") + data.title;
    std::string out = "set encoding utf8\nset locale 'C'\nset terminal pngcairo size 1400,800 font 'DejaVu Sans,11' background '#fbfaf8'\n";
    out += data_block("equity", data.equity) + data_block("drawdown", drawdown);
    out += "set xdata time\nset timefmt '%s'\nset border 3 lc '#8d95a1'\nset tics nomirror out textcolor '#5d6673'\n";
    out += "set grid xtics ytics lc '#e4e1dc' lt 1\nset lmargin 12\nset rmargin 3\nset decimal locale 'C'\n";
    const double first = static_cast<double>(data.equity.points.front().time) / 1e9;
    const double last = std::max(static_cast<double>(data.equity.points.back().time) / 1e9, first + 1.0);
    out += fmt::format("set xrange [{}:{}]\nset multiplot\n", format_double(first), format_double(last));
    out += "set origin 0,0.32\nset size 1,0.68\nset bmargin 0.6\nset tmargin 3\nset title noenhanced " + quoted(title) +
           " font ',14' textcolor '#1d2129'\nset format x ''\nset ylabel noenhanced " + quoted(unit) + " offset 0.5,0 textcolor '#5d6673'\n";
    out += "plot $equity using 1:2 with lines lw 2 lc '#2f5fd0' notitle\n";
    out += "unset title\nset origin 0,0\nset size 1,0.32\nset tmargin 0.6\nset bmargin 3.5\nset format x \"" + axis_format(data.equity) +
           "\"\nset xlabel 'time (UTC)' textcolor '#5d6673'\nset ylabel 'drawdown (%)' textcolor '#5d6673'\nset yrange [*:0]\n";
    out += "plot $drawdown using 1:2:(0) with filledcurves fc '#eabdb6' notitle, $drawdown using 1:2 with lines lw 1.5 lc '#cc4636' notitle\n";
    return out + "unset multiplot\n";
}

/// Sends everything; a reader that is gone is no signal but an error.
Result<void> send_all(int socket, const std::string& text) {
    std::size_t sent = 0;
    while (sent < text.size()) {
        const ssize_t count = ::send(socket, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return system_error("it stopped reading", errno);
        sent += static_cast<std::size_t>(count);
    }
    return {};
}

/// Runs gnuplot on `commands`, its standard output going into the file `output`; what it writes to stderr comes back.
Result<std::string> run_gnuplot(const std::string& commands, const std::filesystem::path& output, int& status) {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) return system_error("no socket", errno);
    const Descriptor ours(pair[0]);
    Descriptor theirs(pair[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDERR_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_TRUNC, 0);
    std::string program = "gnuplot";
    std::array<char*, 2> arguments = {program.data(), nullptr};
    pid_t child = 0;
    const int error = posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error == ENOENT) {
        return fail(ErrorCode::unavailable, "gnuplot is not installed, so equity_curve.png cannot be drawn",
                    "install it, on Debian: apt-get install gnuplot-nox");
    }
    if (error != 0) return system_error("cannot be started", error);
    theirs.close();
    const auto sent = send_all(ours.get(), commands);
    ::shutdown(ours.get(), SHUT_WR);
    std::string said;
    std::array<char, 4096> buffer{};
    while (true) {
        const ssize_t count = ::read(ours.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        said.append(buffer.data(), static_cast<std::size_t>(count));
    }
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!sent && said.empty()) return std::unexpected(sent.error());
    return said;
}

}  // namespace

Result<void> write_png(const std::filesystem::path& path, const ReportData& data) {
    if (data.equity.points.empty()) return fail(ErrorCode::usage, "report: no equity to draw in " + path.string());
    const Series drawdown = data.drawdown.points.empty() ? drawdown_of(data.equity) : data.drawdown;
    SOFIA_TRY(AtomicFile file, AtomicFile::create(path));
    int status = 0;
    SOFIA_TRY(const std::string said, run_gnuplot(script(data, drawdown), file.temporary(), status));
    std::error_code error;
    const bool drawn = std::filesystem::file_size(file.temporary(), error) > 0 && !error;
    if (status != 0 || !drawn) {
        return fail(ErrorCode::internal, path.string() + ": gnuplot failed: " + std::string(trim(said)));
    }
    return file.commit();
}

}  // namespace sofia::report

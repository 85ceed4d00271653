#include "base/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "base/text.hpp"

namespace sofia {
namespace {

struct Ran {
    ProcessEnd end;
    std::vector<std::string> lines;
};

Ran run(ProcessOptions options) {
    Ran out;
    auto end = run_process(options, [&](const ProcessLine& line, std::string&) -> Result<AfterLine> {
        out.lines.emplace_back(line.text);
        return AfterLine::go_on;
    });
    EXPECT_TRUE(end) << end.error().message;
    if (end) out.end = *end;
    return out;
}

ProcessOptions shell(const std::string& script) {
    ProcessOptions options;
    options.arguments = {"sh", "-c", script};
    return options;
}

/// Whether a process runs; one that nobody has waited for does not.
bool runs(const std::string& pid) {
    std::ifstream stat("/proc/" + pid + "/stat");
    std::string number, name, state;
    return stat >> number >> name >> state && state != "Z" && state != "X";
}

void expect_gone(const std::string& pid) {
    for (int i = 0; i < 200 && runs(pid); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_FALSE(runs(pid)) << pid;
}

TEST(Process, ArgumentsArriveUnchangedAndLinesComeInOrder) {
    ProcessOptions options;
    options.arguments = {"printf", "%s\\n", "a b", "$HOME", "", "'\"*"};
    const Ran ran = run(options);
    EXPECT_EQ(ran.lines, (std::vector<std::string>{"a b", "$HOME", "", "'\"*"}));
    EXPECT_EQ(ran.end.cause, ProcessEnd::Cause::itself);
    EXPECT_EQ(run(shell("printf 'x\\ny'")).lines, (std::vector<std::string>{"x", "y"}));
}

TEST(Process, ExitCodeSignalAndTheEndOfStandardErrorAreKnown) {
    const Ran failed = run(shell("echo first >&2; echo last >&2; exit 7"));
    EXPECT_EQ(failed.end.exit_code, 7);
    EXPECT_EQ(failed.end.signal, 0);
    EXPECT_EQ(failed.end.errors, "first\nlast\n");
    EXPECT_EQ(run(shell("kill -9 $$")).end.signal, SIGKILL);
    ProcessOptions loud = shell("yes error | head -c 1000000 >&2; echo end >&2");
    loud.error_bytes_max = 100;
    const std::string errors = run(loud).end.errors;
    EXPECT_EQ(errors.size(), 100U);
    EXPECT_TRUE(errors.ends_with("end\n"));
}

TEST(Process, NeitherStreamCanFillUp) {
    const Ran ran =
        run(shell("i=0; while [ $i -lt 40 ]; do head -c 20000 /dev/zero >&2; head -c 20000 /dev/zero | tr '\\0' x; echo; i=$((i+1)); done"));
    ASSERT_EQ(ran.lines.size(), 40U);
    for (const std::string& line : ran.lines) EXPECT_EQ(line.size(), 20000U);
}

TEST(Process, ALongLineIsCut) {
    ProcessOptions options = shell("head -c 10000000 /dev/zero | tr '\\0' x; echo; echo short");
    options.line_bytes_max = 1000;
    std::vector<std::pair<std::size_t, std::size_t>> sizes;
    const auto end = run_process(options, [&](const ProcessLine& line, std::string&) -> Result<AfterLine> {
        sizes.emplace_back(line.text.size(), line.cut);
        return AfterLine::go_on;
    });
    ASSERT_TRUE(end);
    ASSERT_EQ(sizes.size(), 2U);
    EXPECT_EQ(sizes[0], (std::pair<std::size_t, std::size_t>(1000, 9999000)));
    EXPECT_EQ(sizes[1], (std::pair<std::size_t, std::size_t>(5, 0)));
}

TEST(Process, WhatIsWrittenToItsInputIsRead) {
    ProcessOptions options;
    options.arguments = {"cat"};
    options.input = "1\n";
    std::vector<std::string> lines;
    const auto end = run_process(options, [&](const ProcessLine& line, std::string& input) -> Result<AfterLine> {
        lines.emplace_back(line.text);
        if (lines.size() == 3) return AfterLine::end;
        input += std::to_string(lines.size() + 1) + "\n";
        return AfterLine::go_on;
    });
    ASSERT_TRUE(end);
    EXPECT_EQ(lines, (std::vector<std::string>{"1", "2", "3"}));
    EXPECT_EQ(end->cause, ProcessEnd::Cause::on_line);
    EXPECT_EQ(end->signal, SIGTERM);
    // One that waits for an answer sees that none will come.
    ProcessOptions waiting = shell("trap '' TERM; echo ask; read answer || exit 5");
    waiting.input = "";
    const auto left = run_process(waiting, [](const ProcessLine&, std::string&) -> Result<AfterLine> { return AfterLine::end; });
    ASSERT_TRUE(left);
    EXPECT_EQ(left->exit_code, 5);
    // Without input it sees the end of the file at once, not ours.
    EXPECT_EQ(run(shell("wc -c")).lines.size(), 1U);
}

TEST(Process, EndedItTakesItsWholeGroupWithIt) {
    std::string pid;
    const auto end = run_process(shell("sleep 100 & echo $!; wait"), [&](const ProcessLine& line, std::string&) -> Result<AfterLine> {
        pid = line.text;
        return AfterLine::end;
    });
    ASSERT_TRUE(end);
    EXPECT_EQ(end->cause, ProcessEnd::Cause::on_line);
    expect_gone(pid);
    // Also what it leaves behind when it ends by itself, which may hold its standard output.
    const Ran left = run(shell("sleep 100 & echo $!"));
    EXPECT_EQ(left.end.exit_code, 0);
    expect_gone(left.lines.at(0));
}

TEST(Process, WhenWeAreKilledItsWholeGroupGoes) {
    std::array<int, 2> line{};
    ASSERT_EQ(::pipe(line.data()), 0);
    const pid_t us = ::fork();
    if (us == 0) {
        static_cast<void>(run_process(shell("sleep 100 & echo $$ $!; wait"), [&](const ProcessLine& text, std::string&) -> Result<AfterLine> {
            const std::string pids(text.text);
            return ::write(line[1], pids.data(), pids.size()) < 0 ? AfterLine::end : AfterLine::go_on;
        }));
        ::_exit(0);
    }
    ::close(line[1]);
    std::array<char, 64> buffer{};
    const ssize_t got = ::read(line[0], buffer.data(), buffer.size());
    ::close(line[0]);
    ASSERT_GT(got, 0);
    ::kill(us, SIGKILL);
    ASSERT_EQ(::waitpid(us, nullptr, 0), us);
    const auto pids = split(std::string(buffer.data(), static_cast<std::size_t>(got)), ' ');
    ASSERT_EQ(pids.size(), 2U);
    expect_gone(pids[0]);
    expect_gone(pids[1]);
}

TEST(Process, OneThatDoesNotListenIsKilledAfterTheGrace) {
    ProcessOptions options = shell("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    options.grace = 50 * ns_per_ms;
    const auto end = run_process(options, [](const ProcessLine&, std::string&) -> Result<AfterLine> { return AfterLine::end; });
    ASSERT_TRUE(end);
    EXPECT_EQ(end->signal, SIGKILL);
    options = shell("echo one; sleep 100");
    options.timeout = 100 * ns_per_ms;
    EXPECT_EQ(run(options).end.cause, ProcessEnd::Cause::timeout);
}

TEST(Process, TheStopFlagEndsItAndItMayStillSayGoodbye) {
    StopFlag stop;
    ProcessOptions options = shell("trap 'echo bye >&2; exit 3' TERM; echo ready; while :; do sleep 0.01; done");
    options.stop = &stop;
    const auto end = run_process(options, [&](const ProcessLine&, std::string&) -> Result<AfterLine> {
        stop.request();
        return AfterLine::go_on;
    });
    ASSERT_TRUE(end);
    EXPECT_EQ(end->cause, ProcessEnd::Cause::stopped);
    EXPECT_EQ(end->exit_code, 3);
    EXPECT_TRUE(end->errors.ends_with("bye\n")) << end->errors;  // the shell may speak of its own child first
}

TEST(Process, AnErrorOfTheCallerEndsIt) {
    std::string pid;
    const auto end = run_process(shell("echo $$; sleep 100"), [&](const ProcessLine& line, std::string&) -> Result<AfterLine> {
        pid = line.text;
        return fail(ErrorCode::data, "enough");
    });
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().message, "enough");
    expect_gone(pid);
}

TEST(Process, ItInheritsNoFileAndNoIgnoredSignal) {
    const int leaked = ::fcntl(STDIN_FILENO, F_DUPFD, 57);  // without close-on-exec, as a library may open files
    ASSERT_GE(leaked, 57);
    const auto before = ::signal(SIGPIPE, SIG_IGN);
    const Ran file = run(shell("test -e /proc/$$/fd/" + std::to_string(leaked) + " && echo inherited"));
    const Ran signals = run(shell("grep SigIgn /proc/$$/status"));
    ::signal(SIGPIPE, before);
    ::close(leaked);
    EXPECT_EQ(file.lines, std::vector<std::string>{});
    // Two signals are the C library's own: whoever was started by posix_spawn, as make does it, has them ignored, and nobody can change that.
    const std::uint64_t own = std::uint64_t{1} << 31U | std::uint64_t{1} << 32U;
    EXPECT_EQ(std::stoull(std::string(trim(signals.lines.at(0).substr(7))), nullptr, 16) & ~own, 0U);
}

TEST(Process, TheEnvironmentIsOursWithChanges) {
    ASSERT_EQ(::setenv("SOFIA_PROCESS_TEST", "old", 1), 0);
    ProcessOptions options = shell("echo $SOFIA_PROCESS_TEST $SOFIA_PROCESS_OTHER; env | grep -c SOFIA_PROCESS_TEST=");
    options.environment = {{"SOFIA_PROCESS_TEST", "new"}, {"SOFIA_PROCESS_OTHER", "x y"}};
    EXPECT_EQ(run(options).lines, (std::vector<std::string>{"new x y", "1"}));
    ASSERT_EQ(::unsetenv("SOFIA_PROCESS_TEST"), 0);
}

TEST(Process, AProgramThatIsNotThereIsNamed) {
    ProcessOptions options;
    options.arguments = {"no-such-program-here"};
    const auto on_line = [](const ProcessLine&, std::string&) -> Result<AfterLine> { return AfterLine::go_on; };
    const auto missing = run_process(options, on_line);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::unavailable);
    EXPECT_NE(missing.error().message.find("no-such-program-here"), std::string::npos);
    options.arguments = {"/proc/self/status"};
    EXPECT_EQ(run_process(options, on_line).error().code, ErrorCode::unavailable);
    options.arguments = {};
    EXPECT_EQ(run_process(options, on_line).error().code, ErrorCode::usage);
    EXPECT_TRUE(find_program("sh"));
}

}  // namespace
}  // namespace sofia

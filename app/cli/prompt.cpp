#include "app/cli/prompt.hpp"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "base/text.hpp"

namespace sofia::cli {
namespace {

constexpr int poll_ms = 100;
constexpr std::size_t answer_max = 1000;

void say(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
}

/// A line of standard input; a Ctrl-C ends the waiting. Error usage: there is none.
Result<std::string> read_line(const pipeline::Context& context) {
    std::string line;
    while (line.size() < answer_max) {
        SOFIA_CHECK(context.go_on());
        pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
        if (::poll(&input, 1, poll_ms) <= 0) continue;
        char letter = 0;
        if (::read(STDIN_FILENO, &letter, 1) != 1) {
            return fail(ErrorCode::usage, "nothing was chosen");
        }
        if (letter == '\n') break;
        line += letter;
    }
    return line;
}

Result<std::size_t> ask(std::size_t count, const pipeline::Context& context) {
    for (;;) {
        say(fmt::format("number, 1 to {}: ", count));
        SOFIA_TRY(const std::string line, read_line(context));
        const auto number = parse_int(trim(line));
        if (number && *number >= 1 && static_cast<std::size_t>(*number) <= count) return static_cast<std::size_t>(*number) - 1;
        say(fmt::format("\"{}\" is none of them\n", printable(line)));
    }
}

}  // namespace

Result<Chosen> choose_trial(const std::filesystem::path& model_dir, pipeline::TrialKind kind, const char* option, const pipeline::Context& context) {
    SOFIA_TRY(const auto trials, pipeline::list_trials(model_dir, kind, context));
    pipeline::Output list = describe(trials, kind);
    if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDERR_FILENO) == 0) {
        context.log.error(fmt::format("{} names no file: here are those that there are", option));
        list.exit = exit_code(ErrorCode::usage);
        return Chosen{.file = {}, .list = std::move(list)};
    }
    say(list.text);
    SOFIA_TRY(const std::size_t chosen, ask(trials.size(), context));
    return Chosen{.file = path_of(trials[chosen], kind), .list = {}};
}

}  // namespace sofia::cli

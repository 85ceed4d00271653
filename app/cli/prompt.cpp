#include "app/cli/prompt.hpp"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

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

/// What names a trial's file on the command line.
const char* option_of(pipeline::TrialKind kind) { return kind == pipeline::TrialKind::tuned ? "--from-tuning" : "--train-config"; }

}  // namespace

void add_trial_choice(CLI::App& app, TrialChoice& choice) {
    const char* meaning = choice.kind == pipeline::TrialKind::tuned
                              ? "tuning_summary_<trial>.json of the trial; without it the trials are listed to choose from"
                              : "train_config_<trial>.json of the model; without it the trained trials are listed to choose from";
    app.add_option(option_of(choice.kind), choice.file, meaning)->expected(0, 1);
    app.add_option("--model-dir", choice.model_dir, "Without a file: where studies are looked for, a study's folder or one above it")
        ->capture_default_str();
}

Result<Chosen> choose_trial(const TrialChoice& choice, const pipeline::Context& context) {
    if (!choice.file.empty()) return Chosen{.file = choice.file, .list = {}};
    SOFIA_TRY(const auto trials, pipeline::list_trials(choice.model_dir, choice.kind, context));
    pipeline::Output list = describe(trials, choice.kind);
    if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDERR_FILENO) == 0) {
        context.log.error(fmt::format("{} names no file: here are those that there are", option_of(choice.kind)));
        list.exit = exit_code(ErrorCode::usage);
        return Chosen{.file = {}, .list = std::move(list)};
    }
    say(list.text);
    SOFIA_TRY(const std::size_t chosen, ask(trials.size(), context));
    return Chosen{.file = path_of(trials[chosen], choice.kind), .list = {}};
}

}  // namespace sofia::cli

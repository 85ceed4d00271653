#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "app/cli/common.hpp"
#include "app/cli/verb.hpp"
#include "app/pipeline/study_storage.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

namespace sofia::cli {
namespace {

using pipeline::Output;

struct GlobalOptions {
    CommonOptions common;
    std::uint64_t seed = 42;
    std::size_t threads = 0;
    bool json = false;
    bool quiet = false;
};

using Runner = std::function<Result<Output>(const pipeline::Context&, const CommonOptions&)>;

/// Never fails: where standard error cannot be written, nobody listens.
void print_error(const Error& error) {
    std::string text = "error: " + printable(error.message) + "\n";
    if (!error.hint.empty()) text += "hint: " + printable(error.hint) + "\n";
    std::fwrite(text.data(), 1, text.size(), stderr);
}

/// Prints on standard output and returns `exit`, or the code of the failure to print. A reader that has seen enough (`| head`) is none.
int print_text(const std::string& text, int exit) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return exit;
    if (errno == EPIPE) return exit;
    print_error({ErrorCode::io, std::string("cannot write the result to standard output: ") + std::strerror(errno), ""});
    return exit_code(ErrorCode::io);
}

void add_global_options(CLI::App& app, GlobalOptions& options) {
    app.add_option("--config", options.common.config, "Configuration file (YAML); `sofia config show` prints all keys")->group("Common");
    app.add_option("--set", options.common.sets, "One configuration key, as key=value; may be repeated")
        ->group("Common")
        ->take_all()
        ->allow_extra_args(false);
    app.add_option("--seed", options.seed, "Seed of every random stream")
        ->capture_default_str()
        ->check(whole_number(0, std::numeric_limits<std::uint64_t>::max()))
        ->group("Common");
    app.add_option("--threads", options.threads, "Threads to use, 0 for all cores; changes no result")
        ->capture_default_str()
        ->check(CLI::Range(0, 1024))
        ->group("Common");
    app.add_flag("--json", options.json, "Print one JSON document instead of tables")->group("Common");
    app.add_flag("--quiet", options.quiet, "No log and no progress, only warnings and errors")->group("Common");
}

/// What the verbs behind one word are about.
const std::map<std::string, std::string> groups = {
    {"data", "Market data: check, import, simulate, download"},
    {"audit", "Proofs that nothing looks ahead: leaking columns, edges found where there is none"},
    {"store", "The feature store: rows as of any moment, in Parquet by symbol and day"},
    {"study", "Tune any program, and look at, edit and export studies"},
    {"config", "Configuration: its keys, what they do, and what they are now"},
};

/// The sub-command for `words`, made with its parents as needed.
CLI::App& command_for(CLI::App& root, const std::string& name) {
    CLI::App* at = &root;
    for (const std::string& word : split(name, ' ')) {
        const auto known = at->get_subcommands([&](const CLI::App* command) { return command->get_name() == word; });
        if (known.empty()) {
            const auto group = groups.find(word);
            at = at->add_subcommand(word, group == groups.end() ? std::string() : group->second);
        } else {
            at = known.front();
        }
    }
    return *at;
}

/// `sofia data check`: the words that call a command.
std::string called_as(const CLI::App& app) {
    return app.get_parent() == nullptr ? app.get_name() : called_as(*app.get_parent()) + " " + app.get_name();
}

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(command->get_name());
    return names;
}

/// What is wrong with the words that the parser could not place, with the nearest thing that exists.
Error explain_extras(const CLI::App& app, const std::vector<std::string>& extras) {
    const std::string word = extras.empty() ? "" : extras.front();
    if (word.starts_with("-")) {
        const std::string name = word.substr(0, word.find('='));
        return {ErrorCode::usage, with_suggestion("unknown option " + name, name, option_names(app)),
                "`" + called_as(app) + " --help` lists the options"};
    }
    if (!command_names(app).empty()) {
        return {ErrorCode::usage, with_suggestion("unknown command " + word, word, command_names(app)), "`sofia --help` lists the commands"};
    }
    return {ErrorCode::usage, "unexpected argument " + pipeline::without_password(word), "`--help` shows how the command is called"};
}

/// Takes passwords out of URLs among our options: whoever lists processes sees `argv`, and a manifest keeps it. What stands behind `--` is
/// another program's. Called when the options have been read.
void hide_passwords(int argc, char** argv) {
    for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
        const std::string_view word = argv[i];
        const auto value = word.starts_with("--") && word.find('=') < word.find("://") ? word.find('=') + 1 : 0;
        const std::string shown = pipeline::without_password(std::string(word.substr(value)));
        if (shown.size() + value == word.size()) continue;
        char* end = std::copy(shown.begin(), shown.end(), argv[i] + value);
        std::fill(end, argv[i] + word.size(), '\0');
    }
}

/// The first option of the command line that its command does not have. Asked before parsing, because the parser would complain of a missing
/// option first, which a misspelt one usually causes.
std::optional<Error> unknown_option(const CLI::App& app, int argc, char** argv) {
    const CLI::App* at = &app;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--") break;  // what follows is a command of the user's
        const auto next = at->get_subcommands([&](const CLI::App* command) { return command->get_name() == word; });
        if (!next.empty()) at = next.front();
        if (!word.starts_with("--")) continue;
        const std::string name = word.substr(0, word.find('='));
        const std::vector<std::string> known = option_names(*at);
        if (std::ranges::find(known, name) == known.end()) return explain_extras(*at, {word});
    }
    return std::nullopt;
}

const CLI::App& deepest(const CLI::App& app) {
    const CLI::App* at = &app;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    return *at;
}

std::vector<Verb> all_verbs(const pipeline::Serve& serve) {
    std::vector<Verb> verbs;
    for (auto group : {data_verbs(), table_verbs(), store_verbs(), minute_verbs(), strategy_verbs(), stress_verbs(), study_run_verbs(), study_verbs(),
                       study_plot_verbs(), audit_verbs(), config_verbs(), serve_verbs(serve)}) {
        for (Verb& verb : group) verbs.push_back(std::move(verb));
    }
    return verbs;
}

int print_output(const Output& output, const GlobalOptions& options) {
    return print_text(options.json ? format_json(output.json ? *output.json : Json::object()) : output.text, output.exit);
}

pipeline::Context make_context(const GlobalOptions& options, StopFlag& stop, int argc, char** argv) {
    pipeline::Context context;
    context.log = Logger::to_stderr(options.quiet ? LogLevel::warning : LogLevel::info);
    context.stop = &stop;
    context.seed = options.seed;
    context.threads = options.threads;
    context.progress = options.quiet ? pipeline::ProgressMode::silent : pipeline::ProgressMode::terminal;
    context.command.assign(argv, argv + argc);
    return context;
}

int run_verb(const Runner& runner, const pipeline::Context& context, const GlobalOptions& options) {
    try {
        const Result<Output> output = runner(context, options.common);
        if (!output) {
            print_error(output.error());
            return exit_code(output.error().code);
        }
        return print_output(*output, options);
    } catch (const std::bad_alloc&) {
        print_error({ErrorCode::internal, "out of memory", "use fewer threads, fewer timeframes or a shorter span of data"});
    } catch (const std::exception& exception) {
        print_error({ErrorCode::internal, fmt::format("unexpected failure: {}", exception.what()), "this is a bug in sofia; please report it"});
    }
    return exit_code(ErrorCode::internal);
}

}  // namespace

int run(int argc, char** argv, StopFlag& stop, const pipeline::Serve& serve) {
    CLI::App app{"sofia: from raw trades to tuned, trained, backtested and live strategies", "sofia"};
    app.set_version_flag("--version", SOFIA_VERSION);
    app.require_subcommand(0, 1);
    GlobalOptions options;
    std::map<const CLI::App*, Runner> runners;
    for (const Verb& verb : all_verbs(serve)) {
        CLI::App& command = command_for(app, verb.name);
        command.description(verb.sentence);
        command.footer("Examples:\n" + verb.examples);
        add_global_options(command, options);
        runners[&command] = verb.declare(command);
    }
    if (const std::optional<Error> unknown = unknown_option(app, argc, argv)) {
        print_error(*unknown);
        return exit_code(unknown->code);
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& call) {
        // Help and version, which the library prints.
        std::ostringstream text;
        app.exit(call, text, text);
        return print_text(text.str(), 0);
    } catch (const CLI::ExtrasError&) {
        print_error(explain_extras(deepest(app), app.remaining(true)));
        return exit_code(ErrorCode::usage);
    } catch (const CLI::ParseError& error) {
        print_error({ErrorCode::usage, error.what(), "`" + called_as(deepest(app)) + " --help` shows the options"});
        return exit_code(ErrorCode::usage);
    }
    hide_passwords(argc, argv);
    const CLI::App& chosen = deepest(app);
    const auto runner = runners.find(&chosen);
    if (runner == runners.end()) {
        return print_text(chosen.help(), &chosen == &app ? 0 : exit_code(ErrorCode::usage));
    }
    return run_verb(runner->second, make_context(options, stop, argc, argv), options);
}

}  // namespace sofia::cli

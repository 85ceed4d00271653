#include "app/pipeline/study_run_command.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/study_open.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {
namespace {

constexpr std::size_t quoted_bytes_max = 200;   // of a line that is quoted in an error
constexpr std::size_t errors_bytes_max = 1000;  // of standard error in an error

std::vector<std::string> names_of(const tune::SearchSpace& space) {
    std::vector<std::string> names;
    for (const auto& [name, distribution] : space) names.push_back(name);
    return names;
}

std::unexpected<Error> lone_brace(const std::string& argument, char brace) {
    return fail(ErrorCode::usage, fmt::format("argument \"{}\" of the command: a \"{}\" without its partner", argument, brace),
                "{name} is a parameter; write {{ and }} for braces");
}

std::vector<std::string> words_of(std::string_view line, const char* separators) {
    std::vector<std::string> words;
    std::size_t at = 0;
    while ((at = line.find_first_not_of(separators, at)) != std::string_view::npos) {
        const std::size_t end = line.find_first_of(separators, at);
        words.emplace_back(line.substr(at, end - at));
        if (end == std::string_view::npos) break;
        at = end;
    }
    return words;
}

/// Digits, perhaps with a sign: a number, too large or not.
bool is_whole(std::string_view word) {
    if (!word.empty() && (word.front() == '-' || word.front() == '+')) word.remove_prefix(1);
    return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string in_quotes(std::string_view text) {
    return text.size() <= quoted_bytes_max ? fmt::format("\"{}\"", text) : fmt::format("\"{}...\"", text.substr(0, quoted_bytes_max));
}

std::string json_text(const std::map<std::string, tune::ParamValue>& params) {
    Json json = Json::object();
    for (const auto& [name, value] : params) json[name] = plain_value(value);
    return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// How a command ended that should have ended well, with what it said last on standard error.
std::string ending(const ProcessEnd& end) {
    std::string text = end.signal != 0 ? fmt::format("the command was killed by signal {} ({})", end.signal, ::strsignal(end.signal))
                                       : fmt::format("the command ended with exit code {}", end.exit_code);
    std::string_view errors = trim(end.errors);
    if (errors.size() > errors_bytes_max) errors.remove_prefix(errors.size() - errors_bytes_max);
    if (!errors.empty()) text += fmt::format(": {}", errors);
    return text;
}

}  // namespace

Result<CommandTemplate> CommandTemplate::parse(const std::vector<std::string>& arguments, const tune::SearchSpace& space) {
    CommandTemplate out;
    std::set<std::string> used;
    for (const std::string& argument : arguments) {
        std::vector<Part> parts(1);
        for (std::size_t i = 0; i < argument.size(); ++i) {
            const char c = argument[i];
            if (c != '{' && c != '}') {
                parts.back().text += c;
            } else if (i + 1 < argument.size() && argument[i + 1] == c) {
                parts.back().text += c;
                ++i;
            } else {
                const auto end = argument.find_first_of("{}", i + 1);
                if (c == '}' || end == std::string::npos || argument[end] == '{') return lone_brace(argument, c);
                const std::string name = argument.substr(i + 1, end - i - 1);
                if (!space.contains(name)) {
                    return fail(
                        ErrorCode::usage,
                        with_suggestion(fmt::format("argument \"{}\" of the command: {{{}}} is no parameter", argument, name), name, names_of(space)),
                        fmt::format("the space has {}; write {{{{ and }}}} for braces", join(names_of(space), ", ")));
                }
                used.insert(name);
                parts.back().parameter = name;
                parts.emplace_back();
                i = end;
            }
        }
        out.arguments_.push_back(std::move(parts));
    }
    if (out.arguments_.empty()) return fail(ErrorCode::usage, "the command is empty");
    // Found before the first trial, unless a parameter chooses the program.
    if (const auto& first = out.arguments_.front(); first.size() == 1) SOFIA_CHECK(find_program(first.front().text));
    for (const std::string& name : names_of(space)) {
        if (!used.contains(name)) out.unused_.push_back(name);
    }
    return out;
}

std::vector<std::string> CommandTemplate::fill(const std::map<std::string, tune::ParamValue>& params) const {
    std::vector<std::string> out;
    for (const auto& parts : arguments_) {
        std::string argument;
        for (const Part& part : parts) {
            argument += part.text;
            if (!part.parameter.empty()) argument += tune::format_value(params.at(part.parameter));
        }
        out.push_back(std::move(argument));
    }
    return out;
}

Result<AfterLine> CommandReader::read(const ProcessLine& line) {
    const std::string_view text = trim(line.text);
    if (text.empty() && line.cut == 0) return AfterLine::go_on;
    last_ = text;
    cut_ = line.cut;
    if (line.cut > 0) return AfterLine::go_on;
    if (!text.starts_with("report") && !text.starts_with("constraint")) return AfterLine::go_on;
    const auto words = words_of(text, " \t");
    if (words.size() == 3 && words[0] == "report" && is_whole(words[1])) return report(words[1], words[2]);
    if (words.size() == 3 && words[0] == "constraint") {
        const auto value = parse_double(words[2]);
        if (!value) return fail(ErrorCode::data, fmt::format("the command's line {}: \"{}\" is not a number", in_quotes(text), words[2]));
        SOFIA_CHECK(trial_->set_constraint(words[1], *value));
    }
    return AfterLine::go_on;
}

Result<AfterLine> CommandReader::report(std::string_view step, std::string_view value) {
    const auto number = parse_double(value);
    if (!number) return fail(ErrorCode::data, fmt::format("the command's line {}: \"{}\" is not a number", in_quotes(last_), value));
    // What a column of PostgreSQL holds.
    const auto at = parse_int(step);
    if (!at || *at < 0 || *at > std::numeric_limits<std::int32_t>::max()) {
        return fail(ErrorCode::data,
                    fmt::format("the command's line {}: the step is not from 0 to {}", in_quotes(last_), std::numeric_limits<std::int32_t>::max()));
    }
    SOFIA_CHECK(trial_->report(*at, *number));
    SOFIA_TRY(pruned_, trial_->should_prune());
    return pruned_ ? AfterLine::end : AfterLine::go_on;
}

Result<tune::Outcome> CommandReader::outcome() const {
    if (pruned_) return tune::Pruned{};
    if (cut_ > 0) return fail(ErrorCode::data, fmt::format("the last line of the command's output is too long for a value: {}", in_quotes(last_)));
    if (last_.empty()) return fail(ErrorCode::data, "the command printed no value");
    std::vector<double> values;
    for (const std::string& word : words_of(last_, " \t,")) {
        const auto value = parse_double(word);
        if (!value) return fail(ErrorCode::data, fmt::format("the last line of the command's output is no value: {}", in_quotes(last_)));
        values.push_back(*value);
    }
    if (values.empty()) return fail(ErrorCode::data, fmt::format("the last line of the command's output is no value: {}", in_quotes(last_)));
    return values;
}

tune::Objective command_objective(std::shared_ptr<const CommandTemplate> command, CommandOptions options) {
    return [command = std::move(command), options = std::move(options)](tune::Trial& trial) -> Result<tune::Outcome> {
        if (options.stop != nullptr && options.stop->requested()) return fail(ErrorCode::interrupted, "interrupted");
        const auto params = trial.params();
        ProcessOptions process;
        process.arguments = command->fill(params);
        process.environment = {{"SOFIA_STUDY", options.study}, {"SOFIA_TRIAL", std::to_string(trial.number())}, {"SOFIA_PARAMS", json_text(params)}};
        process.timeout = options.timeout;
        process.stop = options.stop;
        CommandReader reader(trial);
        SOFIA_TRY(const ProcessEnd end, run_process(process, [&](const ProcessLine& line, std::string&) { return reader.read(line); }));
        switch (end.cause) {
            case ProcessEnd::Cause::stopped: return fail(ErrorCode::interrupted, "interrupted");
            case ProcessEnd::Cause::timeout:
                return fail(ErrorCode::data,
                            fmt::format("the command had not ended after {} s", format_double(static_cast<double>(options.timeout) * 1e-9)));
            case ProcessEnd::Cause::on_line: return reader.outcome();
            case ProcessEnd::Cause::itself: break;
        }
        // Output that was read after the end may hold the report that prunes it.
        if (end.signal != 0 || end.exit_code != 0) return fail(ErrorCode::data, ending(end));
        return reader.outcome();
    };
}

}  // namespace sofia::pipeline

// Our half of bench/quality.py: studies with the default sampler, driven line by line from stdin; each line is answered by one line of JSON.
//   study SEED                 begins a study in memory; answer true
//   enqueue PARAMETERS         (an object) of the next trial that is asked; answer true
//   ask                        the next trial; answer its number
//   suggest NAME DISTRIBUTION  (as Optuna writes it) of that trial; answer the value
//   tell VALUE                 ends it; answer true
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>

#include <fmt/core.h>

#include "base/text.hpp"
#include "tune/json_text.hpp"
#include "tune/study.hpp"

namespace sofia::tune {
namespace {

class Lines {
public:
    Result<std::string> answer(const std::string& line) {
        const std::size_t space = line.find(' ');
        const std::string verb = line.substr(0, space);
        const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
        if (verb == "study") return begin(rest);
        if (!study_) return fail(ErrorCode::usage, "begin with: study SEED");
        if (verb == "enqueue") return enqueue(rest);
        if (verb == "ask") {
            SOFIA_TRY(trial_, study_->ask());
            return std::to_string(trial_->number());
        }
        if (!trial_) return fail(ErrorCode::usage, "ask first");
        if (verb == "suggest") return suggest(rest);
        if (verb == "tell") {
            const auto value = parse_double(rest);
            if (!value) return fail(ErrorCode::usage, "tell NUMBER, not \"" + rest + "\"");
            SOFIA_CHECK(study_->tell(*trial_, *value));
            trial_.reset();
            return std::string("true");
        }
        return fail(ErrorCode::usage, "lines are study, enqueue, ask, suggest, tell, not \"" + verb + "\"");
    }

private:
    Result<std::string> begin(const std::string& text) {
        const auto seed = parse_int(text);
        if (!seed) return fail(ErrorCode::usage, "study SEED, not \"" + text + "\"");
        trial_.reset();
        study_.reset();
        StudyOptions options;
        options.seed = static_cast<std::uint64_t>(*seed);
        SOFIA_TRY(study_, Study::open(std::move(options)));
        return std::string("true");
    }

    Result<std::string> enqueue(const std::string& text) {
        SOFIA_TRY(const auto params, object_of(text));
        SOFIA_CHECK(study_->enqueue(params));
        return std::string("true");
    }

    Result<std::string> suggest(const std::string& text) {
        const std::size_t space = text.find(' ');
        if (space == std::string::npos) return fail(ErrorCode::usage, "suggest NAME DISTRIBUTION");
        SOFIA_TRY(const Distribution distribution, Distribution::from_json(text.substr(space + 1)));
        SOFIA_TRY(const ParamValue value, trial_->suggest(text.substr(0, space), distribution));
        return python_json(value);
    }

    std::optional<Study> study_;
    std::optional<Trial> trial_;
};

Result<void> run() {
    Lines lines;
    for (std::string line; std::getline(std::cin, line);) {
        SOFIA_TRY(const std::string answer, lines.answer(line));
        std::cout << answer << std::endl;
    }
    return {};
}

}  // namespace
}  // namespace sofia::tune

int main() {
    const auto done = sofia::tune::run();
    if (done) return 0;
    fmt::print(stderr, "{}\n", done.error().message);
    return sofia::exit_code(done.error().code);
}

#include "app/pipeline/study_run_worker.hpp"

#include <algorithm>
#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/study_run_command.hpp"
#include "base/text.hpp"
#include "tune/test_functions.hpp"

namespace sofia::pipeline {
namespace {

/// One line to the leader. Values are texts, since JSON has no infinities.
void say(const Json& message) {
    std::cout << message.dump(-1, ' ', true, Json::error_handler_t::replace) << '\n';
    std::cout.flush();
}

bool may_go_on() {
    std::string answer;
    return std::getline(std::cin, answer) && answer == "go";
}

void say_told(const tune::FrozenTrial& trial) {
    Json message = {{"told", trial.number}, {"state", tune::to_string(trial.state)}};
    message["values"] = Json::array();
    for (const double value : trial.values) message["values"].push_back(format_double(value));
    if (trial.state == tune::TrialState::fail) message["error"] = trial.failure_reason();
    say(message);
}

Result<tune::OptimizeReport> serve(const Context& context) {
    std::string line;
    if (!std::getline(std::cin, line)) return fail(ErrorCode::usage, "this command is for `sofia study run`, which tells it what to do");
    SOFIA_TRY(const StudyWork work, study_work(line));
    if (!may_go_on()) return tune::OptimizeReport{};
    StudyWorkerOptions options;
    options.on_begin = [](const tune::FrozenTrial& trial) -> Result<void> {
        say({{"begin", trial.number}});
        return {};
    };
    options.on_trial = [](const tune::FrozenTrial& trial) -> Result<bool> {
        say_told(trial);
        return may_go_on();
    };
    options.study_log = Logger::to([](LogLevel, std::string_view text) { say({{"warning", text}}); });
    SOFIA_TRY(const tune::OptimizeReport report, run_study_worker(work, options, context));
    if (report.end == tune::OptimizeReport::End::exhausted) say({{"exhausted", true}});
    return report;
}

/// JSON is UTF-8, and arguments and paths need not be: each byte becomes the character of its number.
std::string characters(const std::string& bytes) {
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            out += c;
        } else {
            out += static_cast<char>(0xc0 | byte >> 6);
            out += static_cast<char>(0x80 | (byte & 0x3f));
        }
    }
    return out;
}

std::vector<std::string> characters(std::vector<std::string> texts) {
    for (std::string& text : texts) text = characters(text);
    return texts;
}

/// Back again.
void make_bytes(std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
        out += byte < 0x80 ? text[i] : static_cast<char>((byte & 0x03) << 6 | (next & 0x3f));
        if (byte >= 0x80) ++i;
    }
    text = std::move(out);
}

}  // namespace

Json StudyWork::json() const {
    return {{"storage", characters(storage)},
            {"study", characters(study)},
            {"seed", seed},
            {"sampler", sampler},
            {"pruner", pruner},
            {"command", characters(command)},
            {"space", characters(space)},
            {"space_file", characters(space_file)},
            {"function", function},
            {"dims", dims},
            {"heartbeat", heartbeat},
            {"trial_timeout", trial_timeout},
            {"retries", retries}};
}

Result<StudyWork> study_work(const std::string& json) {
    SOFIA_TRY(const Json read, parse_json(json, "the worker's task"));
    try {
        StudyWork work;
        read.at("storage").get_to(work.storage);
        read.at("study").get_to(work.study);
        read.at("seed").get_to(work.seed);
        read.at("sampler").get_to(work.sampler);
        read.at("pruner").get_to(work.pruner);
        read.at("command").get_to(work.command);
        read.at("space").get_to(work.space);
        read.at("space_file").get_to(work.space_file);
        read.at("function").get_to(work.function);
        read.at("dims").get_to(work.dims);
        read.at("heartbeat").get_to(work.heartbeat);
        read.at("trial_timeout").get_to(work.trial_timeout);
        read.at("retries").get_to(work.retries);
        for (std::string* text : {&work.storage, &work.study, &work.space, &work.space_file}) make_bytes(*text);
        std::ranges::for_each(work.command, make_bytes);
        return work;
    } catch (const Json::exception&) {
        // Its text may quote the storage's password.
        return fail(ErrorCode::data, "the worker's task is incomplete or of another version");
    }
}

Result<StudyObjective> study_objective(const StudyWork& work, const StopFlag* stop) {
    StudyObjective out;
    if (!work.function.empty()) {
        SOFIA_TRY(const tune::TestFunction function, tune::test_function(work.function, static_cast<std::size_t>(work.dims)));
        out.space = function.space;
        out.measure = [function, stop](tune::Trial& trial) -> Result<tune::Outcome> {
            if (stop != nullptr && stop->requested()) return fail(ErrorCode::interrupted, "interrupted");
            if (function.suggest) SOFIA_CHECK(function.suggest(trial));
            return function.value(trial.frozen());
        };
        return out;
    }
    SOFIA_TRY(out.space, tune::parse_space(work.space, work.space_file));
    SOFIA_TRY(CommandTemplate command, CommandTemplate::parse(work.command, out.space));
    out.unused = command.unused();
    out.measure = command_objective(std::make_shared<const CommandTemplate>(std::move(command)),
                                    {.study = work.study, .timeout = work.trial_timeout, .stop = stop});
    return out;
}

Result<tune::StudyOptions> study_options(const StudyWork& work) {
    tune::StudyOptions options;
    options.name = work.study;
    options.seed = work.seed;
    tune::SamplerOptions samplers;
    samplers.grid.seed = static_cast<std::uint32_t>(work.seed);
    SOFIA_TRY(options.sampler, tune::make_sampler(work.sampler, samplers));
    SOFIA_TRY(options.pruner, tune::make_pruner(work.pruner));
    if (!work.storage.empty()) options.heartbeat = {.interval = work.heartbeat, .grace = 0, .max_retry = work.retries};
    return options;
}

Result<tune::OptimizeReport> run_study_worker(const StudyWork& work, const StudyWorkerOptions& options, const Context& context) {
    SOFIA_TRY(const StudyObjective objective, study_objective(work, context.stop));
    SOFIA_TRY(tune::StudyOptions opened, study_options(work));
    opened.open = tune::StudyOptions::Open::load;
    opened.log = options.study_log.value_or(context.log);
    SOFIA_TRY(opened.storage, tune::open_storage(work.storage));
    SOFIA_TRY(tune::Study study, tune::Study::open(std::move(opened)));
    const auto measure = [&](tune::Trial& trial) -> Result<tune::Outcome> {
        if (options.on_begin) SOFIA_CHECK(options.on_begin(trial.frozen()));
        return objective.measure(trial);
    };
    StopFlag enough;
    const auto stopped = [&] { return context.stop != nullptr && context.stop->requested(); };
    tune::OptimizeOptions run;
    run.trials = options.trials;
    run.timeout = options.timeout;
    run.space = objective.space.empty() ? nullptr : &objective.space;
    run.stop = &enough;
    run.log = context.log;
    run.on_trial = [&](const tune::Study&, const tune::TrialPtr& trial) -> Result<void> {
        bool go_on = true;
        if (options.on_trial) {
            SOFIA_TRY(go_on, options.on_trial(*trial));
        }
        if (!go_on || stopped()) enough.request();
        return {};
    };
    if (stopped()) return fail(ErrorCode::interrupted, "interrupted");
    SOFIA_TRY(const tune::OptimizeReport report, tune::optimize(study, measure, run));
    if (stopped()) return fail(ErrorCode::interrupted, "interrupted");
    return report;
}

Result<Output> serve_study_worker(const Context& context) {
    Context silent = context;
    silent.log = Logger();  // what is to be said is told to the leader
    const auto served = serve(silent);
    if (served) return make_output("", Json::object());
    const Error& error = served.error();
    if (error.code != ErrorCode::interrupted) {
        say({{"failure", static_cast<int>(error.code)}, {"message", error.message}, {"hint", error.hint}});
    }
    return std::unexpected(error);
}

}  // namespace sofia::pipeline

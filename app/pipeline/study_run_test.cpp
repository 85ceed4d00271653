#include "app/pipeline/study_run.hpp"

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/study_run_command.hpp"

namespace sofia::pipeline {
namespace {

constexpr const char* space_text =
    "lr: {type: float, low: 1e-4, high: 0.1, log: true}\nleaves: {type: int, low: 4, high: 256, step: 4}\n"
    "boost: {type: categorical, choices: [gbdt, null, true, 1.5]}\n";

tune::SearchSpace space() { return tune::parse_space(space_text, "space.yaml").value(); }

tune::ParamValue text(const char* value) { return std::string(value); }

TEST(CommandTemplate, AValueStandsWhereItsNameStood) {
    const auto command = CommandTemplate::parse({"sh", "{lr}", "--leaves={leaves}", "{leaves}{boost}", "{{lr}}", "a}}b{{", "$lr *"}, space()).value();
    const auto filled = command.fill({{"lr", 0.01}, {"leaves", std::int64_t{64}}, {"boost", text("a {leaves} 'b'")}});
    EXPECT_EQ(filled, (std::vector<std::string>{"sh", "0.01", "--leaves=64", "64a {leaves} 'b'", "{lr}", "a}b{", "$lr *"}));
    EXPECT_TRUE(command.unused().empty());
    EXPECT_EQ(CommandTemplate::parse({"sh", "{lr}"}, space()).value().unused(), (std::vector<std::string>{"boost", "leaves"}));
}

TEST(CommandTemplate, ValuesReadBackAsTheSameNumbers) {
    const auto command = CommandTemplate::parse({"sh", "{lr}", "{boost}"}, space()).value();
    for (const double value : {0.1, 1.0 / 3.0, 1e-300, 123456789.123, -0.5}) {
        EXPECT_EQ(std::stod(command.fill({{"lr", value}, {"boost", true}}).at(1)), value);
    }
    EXPECT_EQ(command.fill({{"lr", 1.0}, {"boost", true}}).at(2), "true");
    EXPECT_EQ(command.fill({{"lr", 1.0}, {"boost", std::monostate{}}}).at(2), "null");
}

TEST(CommandTemplate, AWrongNameBraceOrProgramIsRefused) {
    const auto wrong = [](const std::vector<std::string>& arguments) {
        const auto parsed = CommandTemplate::parse(arguments, space());
        return parsed ? std::string("accepted") : parsed.error().message;
    };
    EXPECT_NE(wrong({"sh", "{leavs}"}).find("did you mean leaves?"), std::string::npos);
    EXPECT_NE(wrong({"sh", "{}"}).find("{} is no parameter"), std::string::npos);
    for (const char* argument : {"{lr", "lr}", "{{lr}", "{l{r}"}) EXPECT_NE(wrong({"sh", argument}).find("partner"), std::string::npos) << argument;
    EXPECT_NE(wrong({"no-such-program", "{lr}"}).find("no-such-program"), std::string::npos);
    EXPECT_EQ(wrong({"{boost}"}), "accepted");  // a parameter may choose the program
}

/// What a study makes of a command's lines.
struct Heard {
    std::vector<AfterLine> after;
    Result<tune::Outcome> outcome = tune::Pruned{};
    tune::FrozenTrial trial;
};

Heard hear(const std::vector<std::string>& lines, std::size_t objectives = 1) {
    auto study =
        tune::Study::open(
            {.directions = std::vector<tune::Direction>(objectives, tune::Direction::minimize), .seed = 1, .sampler = tune::random_sampler()})
            .value();
    tune::Trial trial = study.ask().value();
    CommandReader reader(trial);
    Heard out;
    for (const std::string& line : lines) {
        const auto after = reader.read({line, 0});
        if (!after) {
            out.outcome = std::unexpected(after.error());
            out.trial = trial.frozen();
            return out;
        }
        out.after.push_back(*after);
    }
    out.outcome = reader.outcome();
    out.trial = trial.frozen();
    return out;
}

TEST(CommandReader, TheLastLineThatIsNotEmptyIsTheValue) {
    using Values = std::vector<double>;
    EXPECT_EQ(std::get<Values>(*hear({"loading", "7", " 0.25\r", "", "  "}).outcome), Values{0.25});
    EXPECT_EQ(std::get<Values>(*hear({"-1e-3"}).outcome), Values{-1e-3});
    EXPECT_EQ(std::get<Values>(*hear({"1, 2.5"}, 2).outcome), (Values{1.0, 2.5}));
    EXPECT_EQ(std::get<Values>(*hear({"1 2.5"}, 2).outcome), (Values{1.0, 2.5}));
    for (const auto& lines : std::vector<std::vector<std::string>>{{}, {"", " "}, {"0.5", "done"}, {"loss 0.5"}, {"0.5x"}, {","}, {"report 1 0.5"}}) {
        const auto outcome = hear(lines).outcome;
        ASSERT_FALSE(outcome);
        if (!lines.empty() && !lines.back().starts_with(" ")) {
            EXPECT_NE(outcome.error().message.find("\"" + lines.back() + "\""), std::string::npos) << outcome.error().message;
        }
    }
}

TEST(CommandReader, ReportsAndConstraintsAreKeptAndOtherTextIsNot) {
    const Heard heard = hear({"report 0 0.5", "report the news", "reporting 1 2", "report 3 nan", "constraint depth -1.5", "constraint met", "1"});
    ASSERT_TRUE(heard.outcome);
    ASSERT_EQ(heard.trial.reports.size(), 2U);
    EXPECT_EQ(heard.trial.reports.at(0), 0.5);
    EXPECT_TRUE(std::isnan(heard.trial.reports.at(3)));
    EXPECT_EQ(heard.trial.constraints(), (std::map<std::string, double>{{"depth", -1.5}}));
    EXPECT_FALSE(hear({"report 1 high", "1"}).outcome);
    EXPECT_FALSE(hear({"constraint depth high", "1"}).outcome);
    for (const char* step : {"-1", "2147483648", "99999999999999999999999"}) {
        const auto outcome = hear({std::string("report ") + step + " 0.5", "1"}).outcome;
        ASSERT_FALSE(outcome) << step;
        EXPECT_NE(outcome.error().message.find("the step is not from 0 to 2147483647"), std::string::npos) << outcome.error().message;
    }
    EXPECT_EQ(hear({"report 2147483647 0.5", "1"}).trial.reports.size(), 1U);
    EXPECT_FALSE(hear({"report 1 0.5", "1"}, 2).outcome);  // several objectives have no reports
}

TEST(StudyWork, IsReadBackAsWritten) {
    StudyWork work;
    work.storage = "postgresql://u:p%40@h/d";
    work.study = "é \"x\"\n";
    work.seed = ~0ULL;
    work.command = {"sh", "{lr}", "\x01", "caf\xe9", "é名", "\x80\xff"};  // an argument need not be UTF-8
    work.space = space_text;
    work.retries = 3;
    const StudyWork read = study_work(work.json().dump()).value();
    EXPECT_EQ(read.json(), work.json());
    EXPECT_EQ(read.command, work.command);
    EXPECT_EQ(read.study, work.study);
    EXPECT_EQ(read.space, work.space);
    EXPECT_EQ(read.seed, work.seed);
    EXPECT_EQ(study_work("{}").error().code, ErrorCode::data);
    // An error does not show what it could not read.
    EXPECT_EQ(study_work(R"({"storage": ["secret"]})").error().message.find("secret"), std::string::npos);
}

StudyRunResult run(std::int64_t workers, std::int64_t batch, const char* function = "ackley") {
    StudyRunRequest request;
    request.work.function = function;
    request.trials = 40;
    request.workers = workers;
    request.batch = batch;
    StopFlag stop;
    Context context;
    context.stop = &stop;
    context.seed = 3;
    return study_run(request, context).value();
}

TEST(StudyRun, BatchesAreTheSameForAnyNumberOfWorkers) {
    const StudyRunResult one = run(1, 4);
    EXPECT_EQ(one.report.complete, 40);
    for (const std::int64_t workers : {2, 4, 9}) {
        const StudyRunResult other = run(workers, 4);
        EXPECT_EQ(other.best.at(0)->number, one.best.at(0)->number);
        EXPECT_EQ(other.best.at(0)->values, one.best.at(0)->values);
    }
    EXPECT_EQ(run(1, 0).best.at(0)->values, run(1, 1).best.at(0)->values);
    EXPECT_EQ(run(1, 0, "conditional").report.complete, 40);
}

TEST(StudyRun, WhatCannotRunMakesNoFile) {
    const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("sofia_study_run_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    const auto error_of = [&](const auto& change) {
        StudyRunRequest request;
        request.work.function = "sphere";
        request.work.study = "s";
        request.work.storage = "sqlite:///" + (folder / "a.db").string();
        change(request);
        Context context;
        const auto result = study_run(request, context);
        return result ? std::string("it ran") : result.error().message;
    };
    using tune::Direction;
    EXPECT_NE(error_of([](auto& r) { r.work.sampler = "grid"; }).find("has no grid"), std::string::npos);
    EXPECT_NE(error_of([](auto& r) { r.work.function = "nope"; }).find("unknown function"), std::string::npos);
    const auto two = [](auto& r) {
        r.work.function.clear();
        r.work.command = {"echo", "1"};
        r.work.space_file = "/dev/null";
        r.directions = {Direction::minimize, Direction::maximize};
    };
    EXPECT_NE(error_of(two).find("no parameters"), std::string::npos);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    EXPECT_NE(error_of([](auto& r) {
                  r.work.storage = "sqlite:///:memory:";
                  r.workers = 2;
              }).find("gone with this process"),
              std::string::npos);
    std::filesystem::remove_all(folder);
}

TEST(StudyRun, TheResultShowsInfinitiesAndNoControlCharacters) {
    StudyRunResult result;
    result.study = "a\x1b[31m\nb";
    result.directions = {tune::Direction::minimize};
    tune::FrozenTrial best;
    best.state = tune::TrialState::complete;
    best.values = {-std::numeric_limits<double>::infinity()};
    const auto distribution = tune::Distribution::make(tune::CategoricalDistribution{{std::string("\x1b[0m")}}).value();
    best.params = {{"a\nb", std::make_shared<const tune::Distribution>(distribution), 0.0}};
    result.best = {std::make_shared<const tune::FrozenTrial>(best)};
    const Output output = describe(result);
    EXPECT_EQ(output.text.find('\x1b'), std::string::npos);
    EXPECT_NE(output.text.find("a\\x0ab"), std::string::npos) << output.text;
    EXPECT_EQ((*output.json)["value"], "-Infinity");
    EXPECT_EQ((*output.json)["values"][0], "-Infinity");
}

TEST(StudyRun, DirectionsAreRead) {
    using tune::Direction;
    EXPECT_EQ(parse_directions("minimize").value(), std::vector<Direction>{Direction::minimize});
    EXPECT_EQ(parse_directions("Maximize, minimize").value(), (std::vector<Direction>{Direction::maximize, Direction::minimize}));
    EXPECT_NE(parse_directions("maximise").error().message.find("did you mean maximize?"), std::string::npos);
    EXPECT_FALSE(parse_directions(""));
}

}  // namespace
}  // namespace sofia::pipeline

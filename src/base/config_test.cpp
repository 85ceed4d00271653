#include "base/config.hpp"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.hpp"

namespace sofia::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Touch {
    std::int64_t ema_length = 20;
    double stop_atr = 1.5;
    double cap = std::numeric_limits<double>::quiet_NaN();
    std::string on_signal = "ignore";
    void describe(Keys& keys) {
        keys.integer("ema_length", ema_length, {1, 1000}, "Bars of the moving average.");
        keys.number("stop_atr", stop_atr, {0.1, 10}, "Stop distance in ATR.");
        keys.number("cap", cap, {0, infinity}, "Largest position; none when absent.");
        keys.choice("on_signal", on_signal, {"flip", "ignore", "close"}, "What an opposite signal does.");
    }
};

struct Model {
    std::string name = "lightgbm";
    std::map<std::string, std::string> params;
    void describe(Keys& keys) {
        keys.text("name", name, "Which model.");
        keys.map("params", params, "Passed on to the library.");
    }
};

struct All {
    bool compounding = false;
    std::vector<std::string> timeframes{"1m", "5m"};
    std::vector<std::int64_t> lengths{5, 20};
    std::vector<double> weights{};
    Touch touch;
    Model model;
    void describe(Keys& keys) {
        keys.boolean("compounding", compounding, "Whether gains are | reinvested.");
        keys.list("timeframes", timeframes, "Which bars.");
        keys.list("lengths", lengths, {1, 500}, "Which averages.");
        keys.list("weights", weights, {-infinity, infinity}, "Weights.");
        keys.section("touch", touch);
        keys.section("model", model);
    }
};

class Config : public testing::Test {
protected:
    Config() { all_.describe(keys_); }

    std::string load_error(const std::string& yaml) {
        const auto result = load_text(yaml, "a.yaml", keys_);
        if (result) return "loaded";
        EXPECT_EQ(result.error().code, ErrorCode::config);
        return result.error().message;
    }
    std::string set_error(const std::string& assignment) {
        const auto result = set(assignment, keys_);
        if (result) return "set";
        EXPECT_EQ(result.error().code, ErrorCode::config);
        return result.error().message;
    }

    All all_;
    Keys keys_;
};

TEST_F(Config, ReadsEveryTypeAndKeepsWhatIsAbsent) {
    ASSERT_EQ(load_error("compounding: true\n"
                         "timeframes: [1m, \"4h\"]\n"
                         "lengths:\n  - 9\n  - 21\n"
                         "weights: [0.5, -1e3]\n"
                         "touch:\n  ema_length: 50\n  cap: 3\n  on_signal: flip\n"
                         "model:\n  params:\n    max_bin: 63\n    monotone: [1, -1]\n    note: a b\n"),
              "loaded");
    EXPECT_TRUE(all_.compounding);
    EXPECT_THAT(all_.timeframes, ElementsAre("1m", "4h"));
    EXPECT_THAT(all_.lengths, ElementsAre(9, 21));
    EXPECT_THAT(all_.weights, ElementsAre(0.5, -1000.0));
    EXPECT_EQ(all_.touch.ema_length, 50);
    EXPECT_EQ(all_.touch.stop_atr, 1.5);
    EXPECT_EQ(all_.touch.cap, 3.0);
    EXPECT_EQ(all_.touch.on_signal, "flip");
    EXPECT_EQ(all_.model.name, "lightgbm");
    EXPECT_EQ(all_.model.params, (std::map<std::string, std::string>{{"max_bin", "63"}, {"monotone", "[1, -1]"}, {"note", "\"a b\""}}));
}

TEST_F(Config, EmptyTextAndEmptySectionsChangeNothing) {
    for (const auto* yaml : {"", "\n# only a comment\n", "---\n...\n", "touch:\n", "\xEF\xBB\xBFtouch: {}\n", "touch: {ema_length: 20}\r\n"}) {
        EXPECT_EQ(load_error(yaml), "loaded") << yaml;
    }
    EXPECT_EQ(all_.touch.ema_length, 20);
}

TEST_F(Config, AWrongValueIsNamedWithFileLineKeyAndWhatIsAllowed) {
    EXPECT_EQ(load_error("touch:\n  ema_length: x\n"), "a.yaml line 2: touch.ema_length: value \"x\" is not an integer, allowed 1..1000");
    EXPECT_EQ(load_error("touch: {ema_length: 1001}"), "a.yaml line 1: touch.ema_length: value \"1001\" is out of range, allowed 1..1000");
    EXPECT_EQ(load_error("touch: {ema_length: 2.5}"), "a.yaml line 1: touch.ema_length: value \"2.5\" is not an integer, allowed 1..1000");
    EXPECT_EQ(load_error("touch: {stop_atr: [1]}"), "a.yaml line 1: touch.stop_atr: value [1] is not a finite number, allowed 0.1..10");
    EXPECT_EQ(load_error("touch: {on_signal: flipp}"),
              "a.yaml line 1: touch.on_signal: value \"flipp\" is not one of the choices, allowed flip, ignore, close, did you mean flip?");
    EXPECT_EQ(load_error("compounding: maybe"), "a.yaml line 1: compounding: value \"maybe\" is not a boolean, allowed true, false");
    EXPECT_EQ(load_error("lengths: [5, 0]"), "a.yaml line 1: lengths: value \"0\" is out of range, allowed 1..500");
    EXPECT_EQ(load_error("lengths: {a: 1}"), "a.yaml line 1: lengths: value {a: 1} is not a list");
    EXPECT_EQ(load_error("model: {params: 5}"), "a.yaml line 1: model.params: value \"5\" is not a mapping of keys to values");
    EXPECT_EQ(load_error("model:\n  name:\n"), "a.yaml line 2: model.name: no value is given");
}

TEST_F(Config, WhatIsNotFiniteIsRefused) {
    for (const auto* value : {"nan", ".nan", "inf", ".inf", "-.inf", "-inf", "1e999", "NaN"}) {
        EXPECT_THAT(load_error(std::string("touch: {stop_atr: ") + value + "}"), HasSubstr("is not a finite number")) << value;
        EXPECT_THAT(load_error(std::string("weights: [") + value + "]"), HasSubstr("is not a finite number")) << value;
    }
    EXPECT_EQ(load_error("touch: {cap: nan}"), "a.yaml line 1: touch.cap: value \"nan\" is not a finite number, allowed >= 0");
}

TEST_F(Config, ANumberThatIsUnsetByDefaultCanBeUnsetAgain) {
    ASSERT_EQ(load_error("touch: {cap: 5}"), "loaded");
    ASSERT_EQ(load_error("touch: {cap: null}"), "loaded");
    EXPECT_TRUE(std::isnan(all_.touch.cap));
    EXPECT_THAT(load_error("touch: {stop_atr: null}"), HasSubstr("no value is given"));
}

TEST_F(Config, AnUnknownKeySuggestsTheNearest) {
    EXPECT_EQ(load_error("compounding: true\ntouch:\n  ema_lenght: 5\n"),
              "a.yaml line 3: unknown key touch.ema_lenght, did you mean touch.ema_length?");
    EXPECT_EQ(load_error("tuoch:\n  ema_length: 5\n"), "a.yaml line 1: unknown key tuoch, did you mean touch?");
    EXPECT_EQ(load_error("ema_length: 5\n"), "a.yaml line 1: unknown key ema_length, did you mean touch.ema_length?");
    EXPECT_EQ(load_error("colour: 5\n"), "a.yaml line 1: unknown key colour");
    EXPECT_EQ(load_error("touch: 5\n"), "a.yaml line 1: touch: is a section, so its keys are expected under it");
}

TEST_F(Config, DuplicateKeysAreRefusedHoweverTheyAreWritten) {
    EXPECT_EQ(load_error("touch:\n  ema_length: 5\n  ema_length: 6\n"), "a.yaml line 3: key ema_length is given twice, first in line 2");
    EXPECT_EQ(load_error("touch: {cap: 1}\ntouch: {cap: 2}\n"), "a.yaml line 2: key touch is given twice, first in line 1");
    EXPECT_EQ(load_error("touch.cap: 1\ntouch: {cap: 2}\n"), "a.yaml line 2: key touch.cap is given twice, first in line 1");
    EXPECT_EQ(load_error("model: {params: {a: 1, a: 2}}"), "a.yaml line 1: key a is given twice, first in line 1");
}

TEST_F(Config, TextThatIsNoConfigurationIsAnErrorWithItsLine) {
    EXPECT_EQ(load_error("- a\n- b\n"), "a.yaml line 1: is not a mapping of keys to values");
    EXPECT_EQ(load_error("just text"), "a.yaml line 1: is not a mapping of keys to values");
    EXPECT_THAT(load_error("touch:\n  cap: [1, 2\n"), HasSubstr("not valid YAML"));
    EXPECT_THAT(load_error("touch:\n\tcap: 1\n"), HasSubstr("a.yaml line 2: not valid YAML"));
    EXPECT_EQ(load_error("a: 1\nb: \"\xff\"\n"), "a.yaml line 2: byte 0xff is not valid UTF-8");
    EXPECT_EQ(load_error("a: \xed\xa0\x80\n"), "a.yaml line 1: byte 0xed is not valid UTF-8");
    EXPECT_EQ(load_error(std::string("a: \0b", 5)), "a.yaml line 1: byte 0x00 is a control character");
    EXPECT_EQ(load_error("compounding: true\x04\n"), "a.yaml line 1: byte 0x04 is a control character");
    EXPECT_EQ(load_error("touch: {cap: 1}\n---\ntouch: {cap: 2}\n"), "a.yaml line 3: a second document begins");
    EXPECT_EQ(load_error("[a]: 1\n"), "a.yaml line 1: a key is not text");
    EXPECT_EQ(load_error("? {a: 1}\n: 1\n"), "a.yaml line 1: a key is not text");
}

TEST_F(Config, BombsAreRefusedQuickly) {
    std::string bomb = "a0: &a0 [x, x]\n";
    for (int i = 1; i < 60; ++i) {
        const std::string before = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before + ", " + before + "]\n";
    }
    EXPECT_EQ(load_error(bomb), "a.yaml line 2: aliases (*name) are not supported");
    EXPECT_THAT(load_error(std::string(200'000, '[')), HasSubstr("a.yaml line 1: "));
    EXPECT_THAT(load_error("model: {params: {a: " + std::string(100, '[') + std::string(100, ']') + "}}"), HasSubstr("nested deeper than"));
    std::string deep;
    for (int i = 0; i < 500; ++i) deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
    EXPECT_THAT(load_error(deep), HasSubstr("nested deeper than"));
    EXPECT_EQ(load_error("#" + std::string(2'000'000, 'x')), "a.yaml line 1: larger than 1 MiB");
}

TEST_F(Config, SetTakesYamlValues) {
    EXPECT_EQ(set_error("touch.ema_length=7"), "set");
    EXPECT_EQ(all_.touch.ema_length, 7);
    EXPECT_EQ(set_error("timeframes=1m, 15m"), "set");
    EXPECT_THAT(all_.timeframes, ElementsAre("1m", "15m"));
    EXPECT_EQ(set_error("lengths=[3]"), "set");
    EXPECT_THAT(all_.lengths, ElementsAre(3));
    EXPECT_EQ(set_error("lengths=4,6"), "set");
    EXPECT_THAT(all_.lengths, ElementsAre(4, 6));
    EXPECT_EQ(set_error("model.name=a=b c"), "set");
    EXPECT_EQ(all_.model.name, "a=b c");
    EXPECT_EQ(set_error("model.name=\"\""), "set");
    EXPECT_EQ(all_.model.name, "");
    EXPECT_EQ(set_error("model.params.max_bin=63"), "set");
    EXPECT_EQ(set_error("model.params.space={low: 0.1, high: 1}"), "set");
    EXPECT_EQ(set_error("model.params.max_bin=127"), "set");
    EXPECT_EQ(all_.model.params, (std::map<std::string, std::string>{{"max_bin", "127"}, {"space", "{low: 0.1, high: 1}"}}));
}

TEST_F(Config, SetRefusesAndSaysWhy) {
    EXPECT_EQ(set_error("touch.ema_length"), "--set touch.ema_length: there is no =");
    EXPECT_EQ(set_error("touch.ema_length=0"), "--set touch.ema_length=0: value \"0\" is out of range, allowed 1..1000");
    EXPECT_EQ(set_error("touch.ema=5"), "--set touch.ema=5: unknown key touch.ema, did you mean touch.ema_length?");
    EXPECT_EQ(set_error("touch.colour=5"), "--set touch.colour=5: unknown key touch.colour");
    EXPECT_EQ(set_error("tuch.ema_lenght=5"), "--set tuch.ema_lenght=5: unknown key tuch.ema_lenght, did you mean touch.ema_length?");
    EXPECT_EQ(set_error("touch.stopatr=5"), "--set touch.stopatr=5: unknown key touch.stopatr, did you mean touch.stop_atr?");
    EXPECT_EQ(set_error("touch=5"), "--set touch=5: touch is a section");
    EXPECT_EQ(set_error("touch.cap="), "set");  // unset, as it is by default
    EXPECT_EQ(set_error("model.name="), "--set model.name=: no value is given");
    EXPECT_THAT(set_error("model.name=1\nv: 2"), HasSubstr("given twice"));
    EXPECT_THAT(set_error("model.name=1\nw: 2"), HasSubstr("it holds more than one value"));
    EXPECT_THAT(set_error("lengths=[1"), HasSubstr("is not valid YAML"));
    EXPECT_THAT(set_error("=5"), HasSubstr("unknown key"));
}

TEST_F(Config, AFilesMapReplacesTheWholeMap) {
    ASSERT_EQ(load_error("model: {params: {a: 1, b: 2}}"), "loaded");
    ASSERT_EQ(load_error("model: {params: {b: 3}}"), "loaded");
    EXPECT_EQ(all_.model.params, (std::map<std::string, std::string>{{"b", "3"}}));
}

TEST_F(Config, ShowIsOneDocumentInOrder) {
    ASSERT_EQ(load_error("model: {name: \"yes: no\", params: {max_bin: 63}}\nweights: [1000000, 0.1]"), "loaded");
    EXPECT_EQ(show(keys_),
              "compounding: false\n"
              "timeframes: [1m, 5m]\n"
              "lengths: [5, 20]\n"
              "weights: [1000000, 0.1]\n"
              "touch:\n"
              "  ema_length: 20\n"
              "  stop_atr: 1.5\n"
              "  cap: null\n"
              "  on_signal: ignore\n"
              "model:\n"
              "  name: \"yes: no\"\n"
              "  params:\n"
              "    max_bin: 63\n");
}

TEST_F(Config, ExplainShowsAKeyOrASectionOrTheNearest) {
    all_.touch.ema_length = 30;
    EXPECT_EQ(explain("touch.ema_length", keys_).value(),
              "touch.ema_length\n"
              "  Bars of the moving average.\n"
              "  type     integer\n"
              "  allowed  1..1000\n"
              "  default  20\n"
              "  current  30\n");
    EXPECT_THAT(explain("touch", keys_).value(), testing::AllOf(HasSubstr("touch.cap\n"), HasSubstr("allowed  >= 0 or null")));
    EXPECT_EQ(explain("touch.emalength", keys_).error().message, "unknown key touch.emalength, did you mean touch.ema_length?");
}

TEST_F(Config, ManualIsOneTableASection) {
    const std::string text = manual(keys_);
    EXPECT_THAT(text, HasSubstr("## top level\n"));
    EXPECT_THAT(text, HasSubstr("| `compounding` | boolean | `false` | true, false | Whether gains are \\| reinvested. |\n"));
    EXPECT_THAT(text, HasSubstr("\n## touch\n\n| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n| `ema_length` | integer "
                                "| `20` | 1..1000 | Bars of the moving average. |\n"));
}

TEST_F(Config, LoadNamesTheFile) {
    const auto missing = load("/nowhere/a.yaml", keys_);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::io);
    EXPECT_EQ(missing.error().message, "cannot read /nowhere/a.yaml: No such file or directory");
}

}  // namespace
}  // namespace sofia::config

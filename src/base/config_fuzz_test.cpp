// Properties of the configuration reader over generated values and over generated text.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/config.hpp"

namespace sofia::config {
namespace {

struct Values {
    bool flag = true;
    std::int64_t count = 5;
    double size = 0.5;
    double cap = std::numeric_limits<double>::quiet_NaN();
    std::string text = "a";
    std::vector<std::string> texts;
    std::vector<double> numbers;
    std::map<std::string, std::string> free;

    void describe(Keys& keys) {
        constexpr double infinity = std::numeric_limits<double>::infinity();
        keys.boolean("flag", flag, "A flag.");
        keys.integer("count", count, {-infinity, infinity}, "A count.");
        keys.list("one.texts", texts, "Texts.");
        keys.number("one.size", size, {-infinity, infinity}, "A size.");
        keys.number("one.two.cap", cap, {-infinity, infinity}, "A cap.");
        keys.text("one.two.text", text, "A text.");
        keys.map("free", free, "Free keys.");
        keys.list("numbers", numbers, {-infinity, infinity}, "Numbers.");
    }
};

// Texts that YAML could take for something else, and any UTF-8.
rc::Gen<std::string> awkward_text() {
    const auto code_point = rc::gen::weightedOneOf<std::uint32_t>({
        {6, rc::gen::inRange<std::uint32_t>(0x20, 0x7f)},
        {2, rc::gen::inRange<std::uint32_t>(0x00, 0x20)},
        {1, rc::gen::inRange<std::uint32_t>(0x7f, 0xd800)},
        {1, rc::gen::inRange<std::uint32_t>(0xe000, 0x110000)},
    });
    const auto utf8 = [](const std::vector<std::uint32_t>& points) {
        std::string out;
        const auto tail = [&](std::uint32_t c, unsigned shift) { out += static_cast<char>(0x80U | ((c >> shift) & 0x3fU)); };
        for (const std::uint32_t c : points) {
            if (c < 0x80) {
                out += static_cast<char>(c);
            } else if (c < 0x800) {
                out += static_cast<char>(0xc0U | (c >> 6U));
                tail(c, 0);
            } else if (c < 0x10000) {
                out += static_cast<char>(0xe0U | (c >> 12U));
                tail(c, 6), tail(c, 0);
            } else {
                out += static_cast<char>(0xf0U | (c >> 18U));
                tail(c, 12), tail(c, 6), tail(c, 0);
            }
        }
        return out;
    };
    return rc::gen::oneOf(rc::gen::map(rc::gen::container<std::vector<std::uint32_t>>(code_point), utf8),
                          rc::gen::elementOf(std::vector<std::string>{"",
                                                                      "null",
                                                                      "~",
                                                                      "true",
                                                                      "no",
                                                                      "-",
                                                                      "- a",
                                                                      "---",
                                                                      "...",
                                                                      "[",
                                                                      "{a: b}",
                                                                      "a: b",
                                                                      "a #b",
                                                                      "# c",
                                                                      "&a",
                                                                      "*a",
                                                                      "!x",
                                                                      "|",
                                                                      ">",
                                                                      "'",
                                                                      "\"",
                                                                      "%",
                                                                      "@",
                                                                      "`",
                                                                      "?",
                                                                      ": ",
                                                                      ",",
                                                                      " a ",
                                                                      "a\n\nb",
                                                                      "1e5",
                                                                      "0x1",
                                                                      "a\\b",
                                                                      "\xEF\xBB\xBF",
                                                                      "\xC2\x85",
                                                                      "\xE2\x80\xA8",
                                                                      "-1",
                                                                      ".5",
                                                                      "--",
                                                                      "<<"}));
}

Values generated() {
    Values v;
    const auto finite = rc::gen::suchThat(rc::gen::arbitrary<double>(), [](double x) { return std::isfinite(x); });
    v.flag = *rc::gen::arbitrary<bool>();
    v.count = *rc::gen::arbitrary<std::int64_t>();
    v.size = *finite;
    v.text = *awkward_text();
    v.texts = *rc::gen::container<std::vector<std::string>>(awkward_text());
    v.numbers = *rc::gen::container<std::vector<double>>(finite);
    return v;
}

RC_GTEST_PROP(ConfigText, ShowReadsBackExactly, ()) {
    Values before = generated();
    before.cap = *rc::gen::element(1.5, std::numeric_limits<double>::quiet_NaN());
    Keys keys;
    before.describe(keys);
    for (const std::string& name : *rc::gen::container<std::vector<std::string>>(awkward_text())) {
        if (name.empty()) continue;
        before.free[name] = *rc::gen::element<std::string>("63", "\"a b\"", "[1, x, {a: b}]", "{low: 0.1, high: 1}", "0.05", "\"null\"");
    }
    const std::string text = show(keys);

    Values after;
    Keys read;
    after.describe(read);
    after.cap = 7.0;
    const auto loaded = load_text(text, "x", read);
    if (!loaded) RC_FAIL(loaded.error().message + "\n" + text);
    RC_ASSERT(after.flag == before.flag);
    RC_ASSERT(after.count == before.count);
    RC_ASSERT(after.size == before.size);
    RC_ASSERT(std::signbit(after.size) == std::signbit(before.size));
    RC_ASSERT((after.cap == before.cap || (std::isnan(after.cap) && std::isnan(before.cap))));
    RC_ASSERT(after.text == before.text);
    RC_ASSERT(after.texts == before.texts);
    RC_ASSERT(after.numbers == before.numbers);
    RC_ASSERT(after.free == before.free);
    RC_ASSERT(show(read) == text);
}

// Whatever the text: a value or an error of the configuration, and what was read shows as text that reads the same.
void expect_safe(const std::string& text) {
    Values values;
    Keys keys;
    values.describe(keys);
    const auto loaded = load_text(text, "x", keys);
    if (!loaded) {
        RC_ASSERT(loaded.error().code == ErrorCode::config);
        RC_ASSERT(loaded.error().message.starts_with("x line "));
        return;
    }
    const std::string shown = show(keys);
    RC_ASSERT(load_text(shown, "x", keys).has_value());
    RC_ASSERT(show(keys) == shown);
}

RC_GTEST_PROP(ConfigText, AnyBytesAreReadOrRefused, (const std::string& bytes)) { expect_safe(bytes); }

RC_GTEST_PROP(ConfigText, AnyMixtureOfYamlIsReadOrRefused, ()) {
    const auto piece = rc::gen::elementOf(
        std::vector<std::string>{"flag", "count", "one",    "one.size", "texts", "free", "numbers", "two",  "text",  ":",       ": ",          ":\n",
                                 "\n",   "\n  ",  "\n    ", " ",        "- ",    "[",    "]",       "{",    "}",     ", ",      "\"",          "'",
                                 "#",    "&a ",   "*a",     "!!str ",   "!",     "|\n",  ">-\n",    "? ",   "---\n", "...\n",   "%YAML 1.2\n", "true",
                                 "5",    "-0.5",  "null",   "\\x41",    "\\u12", "<<",   "\t",      "\r\n", "a",     "\xC3\xA9"});
    const auto pieces = *rc::gen::container<std::vector<std::string>>(piece);
    std::string text;
    for (const std::string& p : pieces) text += p;
    expect_safe(text);
}

RC_GTEST_PROP(ConfigText, OneChangedByteOfAGoodFileIsReadOrRefused, ()) {
    Values values;
    values.texts = {"a", "b c"};
    values.free = {{"max_bin", "63"}, {"space", "{low: 0.1}"}};
    Keys keys;
    values.describe(keys);
    std::string text = show(keys);
    text[*rc::gen::inRange<std::size_t>(0, text.size())] = *rc::gen::arbitrary<char>();
    expect_safe(text);
}

RC_GTEST_PROP(ConfigText, AnySetIsDoneOrRefused, ()) {
    Values values;
    Keys keys;
    values.describe(keys);
    const auto name = *rc::gen::element<std::string>("flag", "count", "one.texts", "one.size", "one.two.text", "free", "free.a", "numbers", "x", "");
    const auto done = set(name + "=" + *awkward_text(), keys);
    if (!done) RC_ASSERT(done.error().code == ErrorCode::config);
    const std::string shown = show(keys);
    RC_ASSERT(load_text(shown, "x", keys).has_value());
    RC_ASSERT(show(keys) == shown);
}

}  // namespace
}  // namespace sofia::config

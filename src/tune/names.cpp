#include <array>
#include <random>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "tune/study.hpp"

namespace sofia::tune {

namespace {

constexpr std::array<std::string_view, 32> adjectives = {"amber", "brave",  "bright", "calm",  "clear",  "crisp", "eager",  "fair",
                                                         "fleet", "gentle", "golden", "grand", "keen",   "kind",  "light",  "lively",
                                                         "lucid", "merry",  "mild",   "neat",  "noble",  "plain", "prompt", "proud",
                                                         "quick", "quiet",  "sharp",  "solid", "steady", "swift", "warm",   "wise"};
constexpr std::array<std::string_view, 32> animals = {"badger", "bison", "crane",  "dolphin", "eagle", "falcon",  "finch", "fox",
                                                      "gecko",  "hare",  "heron",  "ibis",    "jay",   "kestrel", "lark",  "lynx",
                                                      "marten", "newt",  "orca",   "osprey",  "otter", "owl",     "panda", "puffin",
                                                      "raven",  "robin", "salmon", "seal",    "stork", "swan",    "tern",  "wren"};

}  // namespace

std::string random_study_name() {
    std::random_device entropy;
    return fmt::format("{}-{}-{:04x}", adjectives[entropy() % adjectives.size()], animals[entropy() % animals.size()], entropy() & 0xffffU);
}

}  // namespace sofia::tune

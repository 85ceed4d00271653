#include "tune/names.hpp"

#include <array>
#include <random>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

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

bool is_utf8(const std::string& text) {
    try {
        static_cast<void>(nlohmann::json(text).dump());
        return true;
    } catch (const nlohmann::json::type_error&) {
        return false;
    }
}

}  // namespace

Result<void> check_name(std::string_view what, const std::string& name) {
    constexpr std::size_t bytes_max = 512;
    const char* wrong = name.empty() ? "is empty" : name.size() > bytes_max ? "is longer than 512 bytes" : is_utf8(name) ? nullptr : "is not UTF-8";
    if (wrong == nullptr) return {};
    return fail(ErrorCode::usage, fmt::format("{} {}", what, wrong), "take another one");
}

std::string random_study_name() {
    std::random_device entropy;
    return fmt::format("{}-{}-{:04x}", adjectives[entropy() % adjectives.size()], animals[entropy() % animals.size()], entropy() & 0xffffU);
}

}  // namespace sofia::tune

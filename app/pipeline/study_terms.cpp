#include "app/pipeline/study_terms.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/hash.hpp"
#include "base/json.hpp"

namespace sofia::pipeline {
namespace {

constexpr const char* settings_attribute = "sofia:settings";
constexpr const char* data_attribute = "sofia:data";

/// Not those that decide how a search goes or where data comes from. The symbol counts as data.
bool reaches_a_value(const std::string& key) {
    for (const char* section : {"search", "tune.", "select.", "stress.", "download.", "data.", "instrument.symbol"}) {
        if (key.starts_with(section)) return false;
    }
    return true;
}

/// What the study keeps under `attribute`; nothing when it keeps nothing that we wrote.
Result<std::map<std::string, std::string>> kept(const tune::Study& study, const char* attribute) {
    std::map<std::string, std::string> out;
    const auto attributes = study.user_attributes();
    const auto found = attributes.find(attribute);
    if (found == attributes.end()) return out;
    SOFIA_TRY(const Json json, parse_json(found->second, fmt::format("study {}, attribute {}", study.name(), attribute)));
    if (!json.is_object()) return out;
    for (const auto& [key, value] : json.items()) {
        if (value.is_string()) out[key] = value.get<std::string>();
    }
    return out;
}

Result<void> compare_settings(const std::string& study, const std::map<std::string, std::string>& before,
                              const std::map<std::string, std::string>& now) {
    std::string first;
    std::size_t others = 0;
    for (const auto& [key, value] : now) {
        const auto was = before.find(key);
        if (was == before.end() || was->second == value) continue;
        if (first.empty()) {
            first = fmt::format("{} {}, now it is {}", key, was->second, value);
        } else {
            ++others;
        }
    }
    if (first.empty()) return {};
    if (others > 0) first += fmt::format(" (and {} more {})", others, others == 1 ? "key" : "keys");
    return fail(ErrorCode::conflict, fmt::format("study \"{}\" was tuned with {}: its values could not be compared", study, first),
                "take another --study, or the settings that it was tuned with");
}

std::string span_of(const std::map<std::string, std::string>& data) {
    const auto value = [&](const char* name) {
        const auto at = data.find(name);
        return at == data.end() ? std::string("?") : at->second;
    };
    return fmt::format("{} from {} to {}", value("symbol"), value("from"), value("to"));
}

Result<void> compare_data(const std::string& study, const std::map<std::string, std::string>& before, const std::map<std::string, std::string>& now) {
    if (before == now) return {};
    const std::string was = span_of(before);
    const std::string is = span_of(now);
    const std::string difference = was == is ? "whose bars have changed since" : "now it would be " + is;
    return fail(ErrorCode::conflict, fmt::format("study \"{}\" was tuned on {}, {}: its values could not be compared", study, was, difference),
                "take another --study, or the data that it was tuned on");
}

/// SHA-256 of the funding rates up to `until`.
std::string funding_hash(const std::vector<trading::Funding>& funding, TimeNs until) {
    Sha256 hash;
    for (const trading::Funding& stamp : funding) {
        if (stamp.time >= until) break;
        hash.add({reinterpret_cast<const char*>(&stamp.time), sizeof stamp.time});
        hash.add({reinterpret_cast<const char*>(&stamp.rate), sizeof stamp.rate});
    }
    return hash.hex();
}

}  // namespace

std::string bars_hash(const History& history, trading::Window window) {
    Sha256 hash;
    const auto add = [&](const auto& number) { hash.add({reinterpret_cast<const char*>(&number), sizeof number}); };
    for (const market::Bar& bar : history.bars.front()) {
        if (bar.open_time < window.from || bar.close_time > window.to) continue;
        add(bar.open_time);
        for (const double number : {bar.open, bar.high, bar.low, bar.close, bar.volume}) add(number);
    }
    return hash.hex();
}

StudyTerms study_terms(const Settings& settings, const std::set<std::string>& searched, const History& history, trading::Window tuning,
                       std::uint64_t seed) {
    StudyTerms terms;
    Settings copy = settings;
    const config::Keys keys = keys_of(copy);
    for (const config::Key& key : keys.all()) {
        if (reaches_a_value(key.path) && !searched.contains(key.path)) terms.settings[key.path] = key.get();
    }
    // The same file may be named in several ways.
    if (!settings.funding.file.empty()) {
        terms.settings["funding.file"] = "a file";
        terms.settings["funding rates of SHA-256"] = funding_hash(history.funding, tuning.to);
    }
    terms.settings["seed"] = std::to_string(seed);
    terms.data = {
        {"symbol", history.data.symbol}, {"from", format_time(tuning.from)}, {"to", format_time(tuning.to)}, {"sha256", bars_hash(history, tuning)}};
    return terms;
}

Result<void> agree_on_terms(tune::Study& study, const StudyTerms& terms) {
    SOFIA_TRY(const auto settings, kept(study, settings_attribute));
    SOFIA_TRY(const auto data, kept(study, data_attribute));
    SOFIA_CHECK(compare_settings(study.name(), settings, terms.settings));
    if (!data.empty()) SOFIA_CHECK(compare_data(study.name(), data, terms.data));
    if (settings.empty()) SOFIA_CHECK(study.set_user_attribute(settings_attribute, Json(terms.settings)));
    if (data.empty()) SOFIA_CHECK(study.set_user_attribute(data_attribute, Json(terms.data)));
    return {};
}

}  // namespace sofia::pipeline

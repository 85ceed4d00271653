#pragma once

#include <map>
#include <set>
#include <string>

#include "app/pipeline/history.hpp"
#include "app/pipeline/settings.hpp"
#include "base/result.hpp"
#include "trading/core.hpp"
#include "tune/study.hpp"

namespace sofia::pipeline {

/// Under which terms the values of a strategy's study are measured: only values under equal terms can be compared.
struct StudyTerms {
    std::map<std::string, std::string> settings;  ///< the seed, and the keys that are not searched, of all sections that reach a value
    std::map<std::string, std::string> data;      ///< symbol, the tuning window's ends, the hash of its bars
};

/// SHA-256 of the base bars that lie inside `window`: times, prices, volume.
[[nodiscard]] std::string bars_hash(const History& history, trading::Window window);

/// `searched`: the keys that the study itself varies.
[[nodiscard]] StudyTerms study_terms(const Settings& settings, const std::set<std::string>& searched, const History& history, trading::Window tuning,
                                     std::uint64_t seed);

/// Keeps the terms in the study's user attributes, or holds them against those that are there. A key that one side searches is not compared, so a
/// space may grow or shrink. Error conflict: other settings or other data; io.
[[nodiscard]] Result<void> agree_on_terms(tune::Study& study, const StudyTerms& terms);

}  // namespace sofia::pipeline

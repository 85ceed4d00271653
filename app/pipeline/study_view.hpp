#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/study_open.hpp"

namespace sofia::pipeline {

/// The studies of a storage: directions, trials by state, best value, last activity. With `choice.study` only that one. Errors as load_study.
[[nodiscard]] Result<Output> list_studies(const StudyChoice& choice);

/// One study: its counts, times, parameters, attributes and best trial.
[[nodiscard]] Result<Output> show_study(const StudyChoice& choice);

/// The best trial, or all that no other dominates. Error data: none is complete.
[[nodiscard]] Result<Output> show_best(const StudyChoice& choice);

struct TrialsRequest {
    StudyChoice choice;
    std::vector<std::string> states;  ///< empty: all
    std::string sort = "number";      ///< number, value (best first), duration, started, or a parameter's name; missing ones last
    enum class Order : std::uint8_t { ascending, descending } order = Order::ascending;
    std::size_t target = 0;           ///< the objective of `sort` value
    std::size_t limit = 0;            ///< 0: all
};

/// A row a trial. Errors usage: an unknown state or key, with the nearest known one.
[[nodiscard]] Result<Output> list_trials(const TrialsRequest& request);

}  // namespace sofia::pipeline

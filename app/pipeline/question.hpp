#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "app/pipeline/model_hub.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// What a model is asked, as JSON: the body of POST /predict, or a file of `sofia predict`. {"features": {…}} for one row, {"rows": [{…}, …]} or
/// {"columns": […], "rows": [[…], …]} for many, each with an optional "symbol". Values are numbers; null is missing.
struct Question {
    Question() = default;
    Question(Question&&) = default;  // a copy's rows would look at the names of the first
    Question& operator=(Question&&) = default;

    std::string symbol;               ///< empty: not named
    std::deque<std::string> names;    ///< what the rows' names are views of
    std::vector<NamedRow> rows;
    enum class Shape : std::uint8_t { one, many } shape = Shape::one;
};

/// Errors: data (no JSON), usage (JSON of another form, more than `rows_max` rows, with the place).
[[nodiscard]] Result<Question> read_question(std::string_view text, std::size_t rows_max = std::numeric_limits<std::size_t>::max());

/// {"symbol", "version", "proba_up"}: a number or a list, as was asked.
[[nodiscard]] Json answer_document(const Predictions& predictions, Question::Shape shape);

}  // namespace sofia::pipeline

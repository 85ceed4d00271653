#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/pipeline/model_hub.hpp"
#include "base/result.hpp"

namespace sofia::http {

/// The body of POST /predict: {"features": {…}} for one row, {"rows": [{…}, …]} or {"columns": […], "rows": [[…], …]} for many, each with an optional
/// "symbol". Values are numbers; null is missing.
struct Question {
    std::string symbol;  ///< empty: not named
    std::vector<pipeline::NamedRow> rows;
    enum class Shape : std::uint8_t { one, many } shape = Shape::one;
};

/// Rows of one request.
inline constexpr std::size_t rows_max = 10'000;

/// Errors: data (no JSON), usage (JSON of another form, with the place).
[[nodiscard]] Result<Question> read_question(std::string_view body);

/// {"symbol", "version", "proba_up"}: a number or a list, as was asked. Shortest round-trip numbers.
[[nodiscard]] std::string answer_text(const pipeline::Predictions& predictions, Question::Shape shape);

}  // namespace sofia::http

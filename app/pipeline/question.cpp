#include "app/pipeline/question.hpp"

#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace sofia::pipeline {

namespace {

using Parsed = nlohmann::json;

Result<double> value_of(const Parsed& value, const std::string& place) {
    if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
    if (value.is_number()) return value.get<double>();
    return fail(ErrorCode::usage, place + " is not a number", "null stands for a missing value");
}

Result<NamedRow> named_row(const Parsed& object, const std::string& place) {
    if (!object.is_object()) return fail(ErrorCode::usage, place + " is not an object of names and numbers");
    NamedRow row;
    row.reserve(object.size());
    for (const auto& [name, value] : object.items()) {
        SOFIA_TRY(const double number, value_of(value, place + "." + printable(name)));
        row.emplace_back(name, number);
    }
    return row;
}

Result<NamedRow> listed_row(const Parsed& list, const std::vector<std::string>& columns, const std::string& place) {
    if (!list.is_array() || list.size() != columns.size()) {
        return fail(ErrorCode::usage, fmt::format("{} is not a list of {}", place, counted(columns.size(), "number")),
                    "as many as there are columns");
    }
    NamedRow row;
    row.reserve(columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
        SOFIA_TRY(const double number, value_of(list[i], fmt::format("{}[{}]", place, i)));
        row.emplace_back(columns[i], number);
    }
    return row;
}

Result<std::vector<std::string>> columns_of(const Parsed& list) {
    std::vector<std::string> columns;
    const bool texts = list.is_array() && std::ranges::all_of(list, [](const Parsed& name) { return name.is_string(); });
    if (!texts) return fail(ErrorCode::usage, "columns is not a list of names");
    for (const Parsed& name : list) columns.push_back(name.get<std::string>());
    return columns;
}

Result<void> read_rows(const Parsed& json, std::size_t rows_max, Question& question) {
    const Parsed& rows = json["rows"];
    if (!rows.is_array() || rows.empty()) return fail(ErrorCode::usage, "rows is not a list of rows");
    if (rows.size() > rows_max) return fail(ErrorCode::usage, fmt::format("rows is not a list of 1 to {} rows", rows_max));
    std::vector<std::string> columns;
    if (json.contains("columns")) {
        SOFIA_TRY(columns, columns_of(json["columns"]));
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::string place = fmt::format("rows[{}]", i);
        SOFIA_TRY(NamedRow row, json.contains("columns") ? listed_row(rows[i], columns, place) : named_row(rows[i], place));
        question.rows.push_back(std::move(row));
    }
    question.shape = Question::Shape::many;
    return {};
}

}  // namespace

Result<Question> read_question(std::string_view text, std::size_t rows_max) {
    const Parsed json = Parsed::parse(text, nullptr, false);
    if (json.is_discarded()) return fail(ErrorCode::data, "the question is not JSON");
    constexpr const char* form =
        R"({"features": {"close": 1.0, …}}, {"rows": [{…}, …]} or {"columns": […], "rows": [[…], …]}, with "symbol" where needed)";
    if (!json.is_object()) return fail(ErrorCode::usage, "the question is not an object", form);
    for (const auto& [name, value] : json.items()) {
        if (name == "symbol" || name == "features" || name == "rows" || name == "columns") continue;
        return fail(ErrorCode::usage, "unknown member \"" + printable(name) + "\"", form);
    }
    Question question;
    if (json.contains("symbol")) {
        if (!json["symbol"].is_string() || json["symbol"].get_ref<const std::string&>().empty())
            return fail(ErrorCode::usage, "symbol is not a name", form);
        question.symbol = json["symbol"].get<std::string>();
    }
    if (json.contains("features") == json.contains("rows")) return fail(ErrorCode::usage, "either features or rows has to be there", form);
    if (json.contains("rows")) {
        SOFIA_CHECK(read_rows(json, rows_max, question));
        return question;
    }
    if (json.contains("columns")) return fail(ErrorCode::usage, "columns belong to rows", form);
    SOFIA_TRY(NamedRow row, named_row(json["features"], "features"));
    question.rows.push_back(std::move(row));
    return question;
}

Json answer_document(const Predictions& predictions, Question::Shape shape) {
    Json json = {{"symbol", predictions.symbol}, {"version", predictions.version}};
    if (shape == Question::Shape::one)
        json["proba_up"] = predictions.proba_up.front();
    else
        json["proba_up"] = predictions.proba_up;
    return json;
}

}  // namespace sofia::pipeline

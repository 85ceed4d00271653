#include "app/pipeline/question.hpp"

#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace sofia::pipeline {

namespace {

namespace ondemand = simdjson::ondemand;

constexpr const char* form =
    R"({"features": {"close": 1.0, …}}, {"rows": [{…}, …]} or {"columns": […], "rows": [[…], …]}, with "symbol" where needed)";

std::unexpected<Error> no_json() { return fail(ErrorCode::data, "the question is not JSON"); }

/// A row's place in the question, made only where an error needs it: `rows[3]`, or `features`.
struct Place {
    std::size_t row = 0;
    bool listed = true;
    [[nodiscard]] std::string text() const { return listed ? fmt::format("rows[{}]", row) : "features"; }
};

Result<ondemand::json_type> type_of(ondemand::value& value) {
    ondemand::json_type type{};
    if (value.type().get(type) != simdjson::SUCCESS) return no_json();
    return type;
}

/// Nothing where the value is neither a number nor null.
Result<std::optional<double>> number_of(ondemand::value& value) {
    SOFIA_TRY(const ondemand::json_type type, type_of(value));
    if (type == ondemand::json_type::null) {
        bool null = false;
        if (value.is_null().get(null) != simdjson::SUCCESS || !null) return no_json();
        return std::numeric_limits<double>::quiet_NaN();
    }
    if (type != ondemand::json_type::number) return std::nullopt;
    double number = 0.0;
    if (value.get_double().get(number) != simdjson::SUCCESS) return no_json();
    return number;
}

std::unexpected<Error> no_number(const std::string& place) {
    return fail(ErrorCode::usage, place + " is not a number", "null stands for a missing value");
}

/// The values of a list, or nothing where it is none.
Result<std::optional<std::vector<double>>> numbers_of(ondemand::value& value, Place place) {
    SOFIA_TRY(const ondemand::json_type type, type_of(value));
    if (type != ondemand::json_type::array) return std::nullopt;
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return no_json();
    std::vector<double> numbers;
    for (auto item : array) {
        ondemand::value element;
        if (std::move(item).get(element) != simdjson::SUCCESS) return no_json();
        SOFIA_TRY(const auto number, number_of(element));
        if (!number) return no_number(fmt::format("{}[{}]", place.text(), numbers.size()));
        numbers.push_back(*number);
    }
    return numbers;
}

/// `name` as a view of what the question keeps: rows of one form share their names.
std::string_view kept(std::string_view name, std::size_t guess, std::deque<std::string>& names) {
    if (guess < names.size() && names[guess] == name) return names[guess];
    return names.emplace_back(name);
}

/// Calls `each(name, value)` for the members of an object. Error: data, or that of `each`; `otherwise` where the value is no object.
template <class Each>
Result<void> for_each_member(ondemand::value& value, const std::string& otherwise, Each each) {
    SOFIA_TRY(const ondemand::json_type type, type_of(value));
    if (type != ondemand::json_type::object) return fail(ErrorCode::usage, otherwise);
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) return no_json();
    for (auto member : object) {
        ondemand::field field;
        std::string_view name;
        if (std::move(member).get(field) != simdjson::SUCCESS || field.unescaped_key().get(name) != simdjson::SUCCESS) return no_json();
        SOFIA_CHECK(each(name, field.value()));
    }
    return {};
}

/// What has been read of a question, before its members are held against each other: they may come in any order.
struct Draft {
    struct Row {
        std::optional<std::vector<double>> listed;
        NamedRow named;  ///< where it is not listed
    };
    std::optional<std::string> symbol;
    std::optional<std::deque<std::string>> columns;
    std::optional<std::vector<Row>> rows;
    std::optional<NamedRow> features;
    std::deque<std::string> names;  ///< of named rows
    std::size_t rows_max = 0;
};

Result<NamedRow> named_row(ondemand::value& value, Place place, std::deque<std::string>& names) {
    NamedRow row;
    SOFIA_CHECK(for_each_member(value, place.text() + " is not an object of names and numbers",
                                [&](std::string_view name, ondemand::value member) -> Result<void> {
                                    SOFIA_TRY(const auto number, number_of(member));
                                    if (!number) return no_number(place.text() + "." + printable(name));
                                    row.emplace_back(kept(name, row.size(), names), *number);
                                    return {};
                                }));
    return row;
}

Result<void> read_rows(ondemand::value& value, Draft& draft) {
    SOFIA_TRY(const ondemand::json_type type, type_of(value));
    if (type != ondemand::json_type::array) return fail(ErrorCode::usage, "rows is not a list of rows");
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return no_json();
    std::vector<Draft::Row>& rows = draft.rows.emplace();
    for (auto item : array) {
        ondemand::value element;
        if (std::move(item).get(element) != simdjson::SUCCESS) return no_json();
        if (rows.size() == draft.rows_max) return fail(ErrorCode::usage, fmt::format("rows is not a list of 1 to {} rows", draft.rows_max));
        Draft::Row row;
        SOFIA_TRY(row.listed, numbers_of(element, {rows.size()}));
        if (!row.listed) {
            SOFIA_TRY(row.named, named_row(element, {rows.size()}, draft.names));
        }
        rows.push_back(std::move(row));
    }
    if (rows.empty()) return fail(ErrorCode::usage, "rows is not a list of rows");
    return {};
}

Result<std::string> text_of(ondemand::value& value, const char* otherwise, const char* hint) {
    SOFIA_TRY(const ondemand::json_type type, type_of(value));
    if (type != ondemand::json_type::string) return fail(ErrorCode::usage, otherwise, hint);
    std::string_view text;
    if (value.get_string().get(text) != simdjson::SUCCESS) return no_json();
    return std::string(text);
}

Result<void> read_columns(ondemand::value& value, Draft& draft) {
    constexpr const char* otherwise = "columns is not a list of names";
    SOFIA_TRY(const ondemand::json_type type, type_of(value));
    if (type != ondemand::json_type::array) return fail(ErrorCode::usage, otherwise);
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return no_json();
    draft.columns.emplace();
    for (auto item : array) {
        ondemand::value element;
        if (std::move(item).get(element) != simdjson::SUCCESS) return no_json();
        SOFIA_TRY(std::string name, text_of(element, otherwise, ""));
        draft.columns->push_back(std::move(name));
    }
    return {};
}

Result<void> read_member(std::string_view name, ondemand::value& value, Draft& draft) {
    const auto twice = [&](bool there) -> Result<void> {
        if (there) return fail(ErrorCode::usage, fmt::format("{} is given twice", name), form);
        return {};
    };
    if (name == "rows") {
        SOFIA_CHECK(twice(draft.rows.has_value()));
        return read_rows(value, draft);
    }
    if (name == "columns") {
        SOFIA_CHECK(twice(draft.columns.has_value()));
        return read_columns(value, draft);
    }
    if (name == "features") {
        SOFIA_CHECK(twice(draft.features.has_value()));
        SOFIA_TRY(draft.features, named_row(value, {.listed = false}, draft.names));
        return {};
    }
    if (name != "symbol") return fail(ErrorCode::usage, "unknown member \"" + printable(name) + "\"", form);
    SOFIA_CHECK(twice(draft.symbol.has_value()));
    SOFIA_TRY(draft.symbol, text_of(value, "symbol is not a name", form));
    if (draft.symbol->empty()) return fail(ErrorCode::usage, "symbol is not a name", form);
    return {};
}

Result<void> join_rows(Draft& draft, Question& question) {
    question.rows.reserve(draft.rows->size());
    for (std::size_t i = 0; i < draft.rows->size(); ++i) {
        Draft::Row& row = (*draft.rows)[i];
        const Place place{i};
        if (!draft.columns) {
            if (row.listed) return fail(ErrorCode::usage, place.text() + " is not an object of names and numbers");
            question.rows.push_back(std::move(row.named));
            continue;
        }
        const std::size_t width = question.names.size();
        if (!row.listed || row.listed->size() != width) {
            return fail(ErrorCode::usage, fmt::format("{} is not a list of {}", place.text(), counted(width, "number")),
                        "as many as there are columns");
        }
        NamedRow& named = question.rows.emplace_back();
        named.reserve(width);
        for (std::size_t k = 0; k < width; ++k) named.emplace_back(question.names[k], (*row.listed)[k]);
    }
    return {};
}

Result<Draft> read_draft(std::string_view text, std::size_t rows_max) {
    Draft draft;
    draft.rows_max = rows_max;
    ondemand::parser parser;
    const simdjson::padded_string padded(text);
    ondemand::document document;
    ondemand::value whole;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS) return no_json();
    ondemand::json_type type{};
    if (document.type().get(type) != simdjson::SUCCESS || type != ondemand::json_type::object) {
        // Nothing of it has been looked at yet but its first letter.
        if (!nlohmann::json::accept(text)) return no_json();
        return fail(ErrorCode::usage, "the question is not an object", form);
    }
    if (document.get_value().get(whole) != simdjson::SUCCESS) return no_json();
    SOFIA_CHECK(for_each_member(whole, "the question is not an object",
                                [&](std::string_view name, ondemand::value value) { return read_member(name, value, draft); }));
    const char* behind = nullptr;
    if (document.current_location().get(behind) == simdjson::SUCCESS) return no_json();  // something follows the object
    return draft;
}

}  // namespace

Result<Question> read_question(std::string_view text, std::size_t rows_max) {
    SOFIA_TRY(Draft draft, read_draft(text, rows_max));
    if (draft.features.has_value() == draft.rows.has_value()) {
        return fail(ErrorCode::usage, "either features or rows has to be there", form);
    }
    Question question;
    question.symbol = draft.symbol.value_or("");
    if (draft.features) {
        if (draft.columns) return fail(ErrorCode::usage, "columns belong to rows", form);
        question.names = std::move(draft.names);
        question.rows.push_back(*std::move(draft.features));
        return question;
    }
    question.shape = Question::Shape::many;
    question.names = draft.columns ? *std::move(draft.columns) : std::move(draft.names);
    SOFIA_CHECK(join_rows(draft, question));
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

#include "app/pipeline/predict.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/question.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"
#include "models/direction_model.hpp"
#include "store/feature_input.hpp"

namespace sofia::pipeline {
namespace {

using models::LoadedModel;

/// What was asked and answered. A question in JSON has no times.
struct Judged {
    Predictions predictions;
    Question::Shape shape = Question::Shape::many;
    store::FeatureRows times;  ///< without columns
};

std::string symbol_of(const LoadedModel& model) { return model.folder.parent_path().filename().string(); }

Result<Judged> judge_question(const LoadedModel& model, const std::filesystem::path& file) {
    SOFIA_TRY(const std::string text, read_file(file));
    auto question = read_question(text);
    if (!question) return fail(question.error().code, file.string() + ": " + question.error().message, question.error().hint);
    if (!question->symbol.empty() && question->symbol != symbol_of(model)) {
        return fail(ErrorCode::usage,
                    fmt::format("{} asks for {}, the model is of {}", file.string(), printable(question->symbol), printable(symbol_of(model))));
    }
    Judged out{.predictions = {}, .shape = question->shape, .times = {}};
    std::vector<double> row(model.trees.columns());
    for (std::size_t i = 0; i < question->rows.size(); ++i) {
        const auto filled = model.fill(question->rows[i], row);
        if (!filled) return fail(filled.error().code, fmt::format("{}, row {}: {}", file.string(), i, filled.error().message), filled.error().hint);
        out.predictions.proba_up.push_back(model.trees.predict(row));
    }
    return out;
}

/// Where each of the model's features stands among the table's columns. Asked of the model's own check of a row.
Result<std::vector<std::size_t>> places_of(const LoadedModel& model, const store::FeatureRows& table, const std::string& file) {
    std::vector<std::pair<std::string_view, double>> named;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        const std::string& name = table.columns[i].name;
        if (std::ranges::find(model.trees.feature_names(), name) != model.trees.feature_names().end()) {
            named.emplace_back(name, static_cast<double>(i));
        }
    }
    const auto order = model.row(named);
    if (!order) return fail(ErrorCode::data, file + ": " + order.error().message, "the table needs a column for every feature of the model");
    std::vector<std::size_t> places;
    for (const double at : *order) {
        const store::FeatureColumn& column = table.columns[static_cast<std::size_t>(at)];
        if (column.type == store::ColumnType::text || column.type == store::ColumnType::timestamp) {
            return fail(ErrorCode::data, fmt::format("{}: column {} is of type {}, not of numbers", file, column.name, type_name(column.type)));
        }
        places.push_back(static_cast<std::size_t>(at));
    }
    return places;
}

Result<Judged> judge_table(const LoadedModel& model, const std::filesystem::path& file, const Context& context) {
    std::vector<store::Column> known;
    for (const std::string& name : model.trees.feature_names()) known.push_back({name, store::ColumnType::float64});
    SOFIA_TRY(store::FeatureRows table, store::read_feature_file(file, known, {.bar = {}, .times = store::TableTimes::optional}));
    SOFIA_TRY(const auto places, places_of(model, table, file.string()));
    const std::size_t rows = table.columns[places.front()].rows();
    Judged out;
    out.predictions.proba_up.resize(rows);
    constexpr std::size_t block = 4096;
    ThreadPool pool(context.threads);
    pool.for_each((rows + block - 1) / block, [&](std::size_t at) {
        std::vector<double> row(places.size());
        for (std::size_t i = at * block; i < std::min(rows, (at + 1) * block) && context.go_on(); ++i) {
            std::ranges::transform(places, row.begin(), [&](std::size_t place) { return table.columns[place].number(i); });
            out.predictions.proba_up[i] = model.trees.predict(row);
        }
    });
    SOFIA_CHECK(context.go_on());
    table.columns.clear();
    out.times = std::move(table);
    return out;
}

std::string csv_text(const Judged& judged) {
    const auto times = {std::pair{"ts,", &judged.times.ts}, {"known_at,", &judged.times.known_at}};
    std::string out;
    for (const auto& [name, column] : times) out += column->empty() ? "" : name;
    out += "proba_up\n";
    for (std::size_t i = 0; i < judged.predictions.proba_up.size(); ++i) {
        for (const auto& [name, column] : times) {
            if (!column->empty()) out += format_time((*column)[i]) + ",";
        }
        out += format_double(judged.predictions.proba_up[i]) + "\n";
    }
    return out;
}

Result<void> write(const std::filesystem::path& file, const Judged& judged) {
    if (lower(file.extension().string()) == ".csv") return write_file(file, csv_text(judged));
    std::vector<store::ColumnSlice> columns;
    for (const auto& [name, times] : {std::pair{"ts", &judged.times.ts}, {"known_at", &judged.times.known_at}}) {
        if (times->empty()) continue;
        store::ColumnSlice& column = columns.emplace_back();
        column.column = {name, store::ColumnType::timestamp};
        column.integers = *times;
    }
    store::ColumnSlice& column = columns.emplace_back();
    column.column = {"proba_up", store::ColumnType::float64};
    column.numbers = judged.predictions.proba_up;
    const store::Metadata notes = {{"symbol", judged.predictions.symbol}, {"model", judged.predictions.version}, {"writer", "sofia"}};
    SOFIA_TRY(const std::string bytes, store::encode_parquet(columns, notes, {.numbers = store::Encoding::Numbers::distinct, .threads = 0}));
    return write_file(file, bytes);
}

}  // namespace

Result<Output> predict(const PredictRequest& request, const Context& context) {
    const models::DirectionModel model(request.model, 0);
    SOFIA_TRY(const auto loaded, model.loaded());
    const bool question = lower(request.in.extension().string()) == ".json";
    SOFIA_TRY(Judged judged, question ? judge_question(*loaded, request.in) : judge_table(*loaded, request.in, context));
    judged.predictions.symbol = symbol_of(*loaded);
    judged.predictions.version = loaded->version;
    if (request.out.empty()) return make_output(csv_text(judged), answer_document(judged.predictions, judged.shape));
    SOFIA_CHECK(write(request.out, judged));
    const std::size_t rows = judged.predictions.proba_up.size();
    const std::vector<std::string> header = {"model", "rows", "file"};
    const Json json = {{"symbol", judged.predictions.symbol}, {"version", judged.predictions.version}, {"rows", rows}, {"out", request.out.string()}};
    return make_output(format_table(header, {{judged.predictions.version, std::to_string(rows), request.out.string()}}), json);
}

}  // namespace sofia::pipeline

#include "app/pipeline/store.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace sofia::pipeline {
namespace {

using store::FeatureColumn;
using store::FeatureRows;
using store::FeatureStore;
using store::StoreDescription;

using Rows = std::vector<std::vector<std::string>>;

std::string size_text(std::uint64_t bytes) {
    const auto value = static_cast<double>(bytes);
    if (value < 1e3) return fmt::format("{} B", bytes);
    if (value < 1e6) return fmt::format("{:.1f} kB", value / 1e3);
    if (value < 1e9) return fmt::format("{:.1f} MB", value / 1e6);
    return fmt::format("{:.2f} GB", value / 1e9);
}

std::string time_text(TimeNs time) { return time == store::no_time ? "-" : format_time(time); }

Json time_json(TimeNs time) { return time == store::no_time ? Json() : Json(format_time(time)); }

Result<std::vector<std::string>> symbols_of(const FeatureStore& store, const std::string& symbol) {
    if (!symbol.empty()) return std::vector<std::string>{symbol};
    SOFIA_TRY(std::vector<std::string> symbols, store.symbols());
    if (symbols.empty()) return fail(ErrorCode::data, store.root() + ": no feature store", "`sofia store append` writes the first rows");
    return symbols;
}

// Columns of an existing symbol, so that CSV is read with their types; none for a new one.
Result<std::vector<store::Column>> known_columns(const FeatureStore& store, const std::string& symbol) {
    SOFIA_CHECK(store::symbol_folder(symbol));
    SOFIA_TRY(const std::vector<std::string> symbols, store.symbols());
    if (std::ranges::find(symbols, symbol) == symbols.end()) return std::vector<store::Column>();
    return store.columns(symbol);
}

Json value_json(const FeatureColumn& column, std::size_t row) {
    if (column.missing(row)) return Json();
    switch (column.type) {
        case store::ColumnType::float64: return json_number(column.numbers[row]);
        case store::ColumnType::int64: return column.integers[row];
        case store::ColumnType::timestamp: return format_time(column.integers[row]);
        case store::ColumnType::boolean: return column.flags[row] != 0;
        case store::ColumnType::text: break;
    }
    return column.texts[row];
}

Json times_json(const std::vector<TimeNs>& times) {
    Json out = Json::array();
    for (const TimeNs time : times) out.push_back(format_time(time));
    return out;
}

Json rows_json(const FeatureRows& rows, store::WrittenAt written_at) {
    Json data = {{"ts", times_json(rows.ts)}, {"known_at", times_json(rows.known_at)}};
    if (written_at == store::WrittenAt::keep) data["written_at"] = times_json(rows.written_at);
    for (const FeatureColumn& column : rows.columns) {
        Json values = Json::array();
        for (std::size_t row = 0; row < rows.rows(); ++row) values.push_back(value_json(column, row));
        data[column.name] = std::move(values);
    }
    return data;
}

Json description_json(const StoreDescription& about) {
    Json columns = Json::array();
    for (const store::ColumnSummary& column : about.columns) {
        columns.push_back({{"name", column.name},
                           {"type", std::string(store::type_name(column.type))},
                           {"missing", column.missing},
                           {"least", column.least ? json_number(*column.least) : Json()},
                           {"most", column.most ? json_number(*column.most) : Json()}});
    }
    return {{"symbol", about.symbol},
            {"rows", about.rows},
            {"duplicates", about.duplicates},
            {"days", about.days},
            {"parts", about.parts},
            {"bytes", about.bytes},
            {"ts_first", time_json(about.ts_first)},
            {"ts_last", time_json(about.ts_last)},
            {"known_first", time_json(about.known_first)},
            {"known_last", time_json(about.known_last)},
            {"written_last", time_json(about.written_last)},
            {"columns", columns}};
}

// Times among the numbers are shown as such.
std::string bound_text(const store::ColumnSummary& column, const std::optional<double>& value) {
    if (!value) return "-";
    if (column.type == store::ColumnType::timestamp) return format_time(static_cast<TimeNs>(*value));
    return format_double(*value);
}

std::string one_description(const StoreDescription& about) {
    std::string text = fmt::format("{}\n", about.symbol);
    text += fmt::format("rows        {}\nduplicates  {}\ndays        {}\nparts       {}\nsize        {}\n", about.rows, about.duplicates, about.days,
                        about.parts, size_text(about.bytes));
    text += fmt::format("ts          {} to {}\nknown_at    {} to {}\nwritten     {}\n\n", time_text(about.ts_first), time_text(about.ts_last),
                        time_text(about.known_first), time_text(about.known_last), time_text(about.written_last));
    Rows rows;
    for (const store::ColumnSummary& column : about.columns) {
        rows.push_back({column.name, std::string(store::type_name(column.type)), std::to_string(column.missing), bound_text(column, column.least),
                        bound_text(column, column.most)});
    }
    const std::vector<std::string> header = {"column", "type", "missing", "least", "most"};
    return text + format_table(header, rows);
}

std::string descriptions_table(const std::vector<StoreDescription>& all) {
    Rows rows;
    for (const StoreDescription& about : all) {
        rows.push_back({about.symbol, std::to_string(about.rows), std::to_string(about.duplicates), std::to_string(about.days),
                        std::to_string(about.parts), size_text(about.bytes), std::to_string(about.columns.size()), time_text(about.ts_first),
                        time_text(about.ts_last)});
    }
    const std::vector<std::string> header = {"symbol", "rows", "duplicates", "days", "parts", "size", "columns", "first", "last"};
    return format_table(header, rows);
}

}  // namespace

Result<FeatureStore> open_feature_store(const std::string& root, const Context& context) {
    store::StoreOptions options;
    options.threads = context.threads;
    options.log = context.log;
    return FeatureStore::open(root, options);
}

Result<Output> append_to_store(const StoreAppendRequest& request, const Context& context) {
    SOFIA_TRY(const FeatureStore store, open_feature_store(request.store, context));
    Rows rows;
    Json files = Json::array();
    for (const std::filesystem::path& file : request.files) {
        SOFIA_CHECK(context.go_on());
        SOFIA_TRY(const std::vector<store::Column> known, known_columns(store, request.symbol));
        SOFIA_TRY(const FeatureRows table, store::read_feature_file(file, known, {request.bar}));
        auto done = store.append(request.symbol, table);
        if (!done) {
            Error error = std::move(done).error();
            const bool of_rows = error.code == ErrorCode::data && !error.message.starts_with(store.root());
            if (of_rows) error.message = file.string() + ": " + error.message;
            if (!rows.empty())
                error.message += fmt::format("; {} before it {} in the store", counted(rows.size(), "file"), rows.size() == 1 ? "is" : "are");
            return std::unexpected(std::move(error));
        }
        const store::AppendReport& report = *done;
        rows.push_back({file.string(), std::to_string(report.rows), std::to_string(report.repeated), std::to_string(report.days),
                        report.new_columns.empty() ? "-" : join(report.new_columns, ", ")});
        files.push_back({{"file", file.string()},
                         {"rows", report.rows},
                         {"repeated", report.repeated},
                         {"days", report.days},
                         {"new_columns", report.new_columns},
                         {"written_at", report.written_at == 0 ? Json() : Json(format_time(report.written_at))}});
    }
    const std::vector<std::string> header = {"file", "rows", "repeated", "days", "new columns"};
    return make_output(format_table(header, rows), {{"store", store.root()}, {"symbol", request.symbol}, {"files", files}});
}

Result<Output> read_store(const StoreReadRequest& request, const Context& context) {
    SOFIA_TRY(const FeatureStore store, open_feature_store(request.store, context));
    SOFIA_TRY(const FeatureRows rows, store.read(request.symbol, request.query));
    Json json = {{"store", store.root()}, {"symbol", request.symbol}, {"rows", rows.rows()}};
    if (request.out.empty()) {
        // As large as the text, so only where it is the one that is shown.
        if (std::ranges::find(context.command, "--json") != context.command.end()) json["data"] = rows_json(rows, request.written_at);
        return make_output(store::feature_csv(rows, request.written_at), std::move(json));
    }
    SOFIA_CHECK(store::write_feature_file(request.out, rows, request.written_at));
    json["out"] = request.out.string();
    return make_output(fmt::format("{}: {}\n", request.out.string(), counted(rows.rows(), "row")), std::move(json));
}

Result<Output> describe_store(const StoreRequest& request, const Context& context) {
    SOFIA_TRY(const FeatureStore store, open_feature_store(request.store, context));
    SOFIA_TRY(const std::vector<std::string> symbols, symbols_of(store, request.symbol));
    std::vector<StoreDescription> all;
    Json json = Json::array();
    for (const std::string& symbol : symbols) {
        SOFIA_CHECK(context.go_on());
        SOFIA_TRY(all.emplace_back(), store.describe(symbol));
        json.push_back(description_json(all.back()));
    }
    return make_output(request.symbol.empty() ? descriptions_table(all) : one_description(all.front()), {{"store", store.root()}, {"symbols", json}});
}

Result<Output> compact_store(const StoreCompactRequest& request, const Context& context) {
    SOFIA_TRY(const FeatureStore store, open_feature_store(request.of.store, context));
    SOFIA_TRY(const std::vector<std::string> symbols, symbols_of(store, request.of.symbol));
    Rows rows;
    Json json = Json::array();
    for (const std::string& symbol : symbols) {
        SOFIA_CHECK(context.go_on());
        SOFIA_TRY(const store::CompactReport report, store.compact(symbol, request.options));
        rows.push_back({symbol, std::to_string(report.days), std::to_string(report.parts_before), std::to_string(report.days),
                        std::to_string(report.rows_before - report.rows_after)});
        json.push_back({{"symbol", symbol},
                        {"days", report.days},
                        {"parts_before", report.parts_before},
                        {"rows_before", report.rows_before},
                        {"rows_after", report.rows_after}});
    }
    const std::vector<std::string> header = {"symbol", "days rewritten", "parts before", "parts after", "rows dropped"};
    return make_output(format_table(header, rows), {{"store", store.root()}, {"symbols", json}});
}

Result<Output> retain_store(const StoreRetainRequest& request, const Context& context) {
    if (request.days.has_value() == request.before.has_value()) return fail(ErrorCode::usage, "give one of --days and --before");
    SOFIA_TRY(const FeatureStore store, open_feature_store(request.of.store, context));
    SOFIA_TRY(const std::vector<std::string> symbols, symbols_of(store, request.of.symbol));
    Rows rows;
    Json json = Json::array();
    for (const std::string& symbol : symbols) {
        SOFIA_CHECK(context.go_on());
        SOFIA_TRY(const std::optional<TimeNs> last, store.last_day(symbol));
        const TimeNs before = request.before ? *request.before : last.value_or(0) - (*request.days - 1) * ns_per_day;
        SOFIA_TRY(const store::RetainReport report, store.retain(symbol, before));
        rows.push_back({symbol, format_date(before), std::to_string(report.days), std::to_string(report.rows)});
        json.push_back({{"symbol", symbol}, {"before", format_date(before)}, {"days", report.days}, {"rows", report.rows}});
    }
    const std::vector<std::string> header = {"symbol", "before", "days dropped", "rows dropped"};
    return make_output(format_table(header, rows), {{"store", store.root()}, {"symbols", json}});
}

Result<Output> check_store(const StoreRequest& request, const Context& context) {
    SOFIA_TRY(const FeatureStore store, open_feature_store(request.store, context));
    SOFIA_TRY(const std::vector<std::string> symbols, symbols_of(store, request.symbol));
    Rows rows;
    std::string lines;
    Json json = Json::array();
    bool good = true;
    for (const std::string& symbol : symbols) {
        SOFIA_CHECK(context.go_on());
        SOFIA_TRY(const store::StoreCheck found, store.check(symbol));
        rows.push_back({symbol, std::to_string(found.parts), std::to_string(found.rows), std::to_string(found.problems.size()),
                        std::to_string(found.remarks.size())});
        for (const std::string& problem : found.problems) lines += "problem: " + problem + "\n";
        for (const std::string& remark : found.remarks) lines += "remark: " + remark + "\n";
        json.push_back({{"symbol", symbol}, {"parts", found.parts}, {"rows", found.rows}, {"problems", found.problems}, {"remarks", found.remarks}});
        good = good && found.problems.empty();
    }
    const std::vector<std::string> header = {"symbol", "parts", "rows", "problems", "remarks"};
    Output output = make_output(format_table(header, rows) + (lines.empty() ? "" : "\n" + lines), {{"store", store.root()}, {"symbols", json}});
    output.exit = good ? 0 : exit_code(ErrorCode::blocked);
    return output;
}

}  // namespace sofia::pipeline

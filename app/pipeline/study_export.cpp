#include "app/pipeline/study_export.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "base/text.hpp"
#include "report/csv.hpp"
#include "store/parquet.hpp"

namespace sofia::pipeline {

namespace {

using report::CsvTime;
using report::CsvValue;
using store::ColumnType;
using tune::FrozenTrial;
using tune::TrialPtr;

struct ExportColumn {
    std::string name;
    ColumnType type;
    std::vector<std::optional<CsvValue>> cells;  ///< one a trial, of the type; none: empty
};

/// A value of any kind, before it is known whether all of its column are numbers.
using Loose = std::optional<Json>;

std::optional<double> number_of(const Json& json) {
    if (json.is_number()) return json.get<double>();
    if (json == "Infinity") return std::numeric_limits<double>::infinity();
    if (json == "-Infinity") return -std::numeric_limits<double>::infinity();
    return std::nullopt;
}

ExportColumn column_of(std::string name, const std::vector<Loose>& values) {
    const bool numbers = std::ranges::all_of(values, [](const Loose& value) { return !value || number_of(*value); });
    ExportColumn out{std::move(name), numbers ? ColumnType::float64 : ColumnType::text, {}};
    for (const Loose& value : values) {
        if (!value) {
            out.cells.emplace_back();
        } else if (numbers) {
            out.cells.emplace_back(*number_of(*value));
        } else {
            out.cells.emplace_back(value->is_string() ? value->get<std::string>() : value->dump(-1, ' ', false, Json::error_handler_t::replace));
        }
    }
    return out;
}

template <class Cell>
ExportColumn column(std::string name, ColumnType type, const std::vector<TrialPtr>& trials, const Cell& cell) {
    ExportColumn out{std::move(name), type, {}};
    for (const TrialPtr& trial : trials) out.cells.push_back(cell(*trial));
    return out;
}

void add_values(const LoadedStudy& loaded, std::vector<ExportColumn>& out) {
    const std::size_t objectives = loaded.info.directions.size();
    const std::vector<std::string> metrics = metric_names(loaded.info);
    for (std::size_t i = 0; i < objectives; ++i) {
        const std::string which = metrics.empty() ? std::to_string(i) : metrics[i];
        const bool bare = objectives == 1 && metrics.empty();
        out.push_back(column(bare ? "value" : (objectives == 1 ? "value_" : "values_") + which, ColumnType::float64, loaded.trials,
                             [i](const FrozenTrial& trial) -> std::optional<CsvValue> {
                                 if (i >= trial.values.size()) return std::nullopt;
                                 return trial.values[i];
                             }));
    }
}

void add_times(const LoadedStudy& loaded, std::vector<ExportColumn>& out) {
    const auto moment = [](std::optional<TimeNs> time) -> std::optional<CsvValue> {
        if (!time) return std::nullopt;
        return CsvTime{*time};
    };
    out.push_back(column("datetime_start", ColumnType::timestamp, loaded.trials, [&](const FrozenTrial& trial) { return moment(trial.started); }));
    out.push_back(
        column("datetime_complete", ColumnType::timestamp, loaded.trials, [&](const FrozenTrial& trial) { return moment(trial.completed); }));
    out.push_back(column("duration", ColumnType::float64, loaded.trials, [](const FrozenTrial& trial) -> std::optional<CsvValue> {
        const double seconds = seconds_of(trial);
        if (std::isnan(seconds)) return std::nullopt;
        return seconds;
    }));
}

/// A column for each name that some trial has, in order of the names.
template <class Names, class Find>
void add_named(const LoadedStudy& loaded, const std::string& prefix, const Names& names_of, const Find& find, std::vector<ExportColumn>& out) {
    std::set<std::string> names;
    for (const TrialPtr& trial : loaded.trials) names_of(*trial, names);
    for (const std::string& name : names) {
        std::vector<Loose> values;
        for (const TrialPtr& trial : loaded.trials) values.push_back(find(*trial, name));
        out.push_back(column_of(prefix + name, values));
    }
}

void add_attributes(const LoadedStudy& loaded, const std::string& prefix, tune::Attributes FrozenTrial::* which, std::vector<ExportColumn>& out) {
    add_named(
        loaded, prefix,
        [&](const FrozenTrial& trial, std::set<std::string>& names) {
            for (const auto& [key, text] : trial.*which) names.insert(key);
        },
        [&](const FrozenTrial& trial, const std::string& name) -> Loose {
            const auto found = (trial.*which).find(name);
            if (found == (trial.*which).end()) return std::nullopt;
            return plain_attribute(found->second);
        },
        out);
}

std::string upper(std::string text) {
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return text;
}

std::vector<ExportColumn> columns_of(const LoadedStudy& loaded) {
    std::vector<ExportColumn> out;
    out.push_back(column("number", ColumnType::int64, loaded.trials, [](const FrozenTrial& trial) { return std::optional<CsvValue>(trial.number); }));
    add_values(loaded, out);
    add_times(loaded, out);
    add_named(
        loaded, "params_",
        [](const FrozenTrial& trial, std::set<std::string>& names) {
            for (const tune::Param& param : trial.params) names.insert(param.name);
        },
        [](const FrozenTrial& trial, const std::string& name) -> Loose {
            const tune::Param* param = trial.param(name);
            if (param == nullptr) return std::nullopt;
            return plain_value(param->value());
        },
        out);
    add_attributes(loaded, "user_attrs_", &FrozenTrial::user_attributes, out);
    add_attributes(loaded, "system_attrs_", &FrozenTrial::system_attributes, out);
    out.push_back(column("state", ColumnType::text, loaded.trials,
                         [](const FrozenTrial& trial) { return std::optional<CsvValue>(upper(tune::to_string(trial.state))); }));
    return out;
}

std::string csv_text(const std::vector<ExportColumn>& columns, std::size_t rows) {
    std::string out;
    const auto line = [&](const auto& field) {
        for (std::size_t c = 0; c < columns.size(); ++c) out += (c == 0 ? "" : ",") + field(columns[c]);
        out += '\n';
    };
    line([](const ExportColumn& one) { return report::csv_field(one.name); });
    for (std::size_t row = 0; row < rows; ++row) {
        line([&](const ExportColumn& one) { return one.cells[row] ? report::csv_field(*one.cells[row]) : std::string(); });
    }
    return out;
}

store::Cell parquet_cell(ColumnType type, const std::optional<CsvValue>& cell) {
    switch (type) {
        case ColumnType::int64: return std::get<std::int64_t>(*cell);
        case ColumnType::timestamp: return cell ? std::get<CsvTime>(*cell).time : store::no_time;
        case ColumnType::float64: return cell ? std::get<double>(*cell) : std::numeric_limits<double>::quiet_NaN();
        default: break;
    }
    return cell ? std::string_view(std::get<std::string>(*cell)) : std::string_view();
}

Result<void> write_parquet(const std::filesystem::path& path, const LoadedStudy& loaded, const std::vector<ExportColumn>& columns) {
    std::vector<store::Column> header;
    for (const ExportColumn& one : columns) header.push_back({one.name, one.type});
    SOFIA_TRY(store::ParquetWriter writer, store::ParquetWriter::create(path, std::move(header), {{"study", loaded.info.name}, {"writer", "sofia"}}));
    for (std::size_t row = 0; row < loaded.trials.size(); ++row) {
        std::vector<store::Cell> cells;
        for (const ExportColumn& one : columns) cells.push_back(parquet_cell(one.type, one.cells[row]));
        SOFIA_CHECK(writer.append(cells));
    }
    return writer.close();
}

Json whole_document(const LoadedStudy& loaded) {
    Json json = {{"study", loaded.info.name}, {"directions", Json::array()}, {"metric_names", loaded.objective_names()}, {"trials", Json::array()}};
    for (const tune::Direction direction : loaded.info.directions) json["directions"].push_back(tune::to_string(direction));
    for (const TrialPtr& trial : loaded.trials) json["trials"].push_back(trial_document(*trial, loaded.info.directions.size()));
    return json;
}

}  // namespace

Result<Output> export_study(const ExportRequest& request) {
    if (request.out.empty() && request.format == ExportFormat::parquet) {
        return fail(ErrorCode::usage, "Parquet needs a file", "say which with --out FILE.parquet");
    }
    SOFIA_TRY(const LoadedStudy loaded, load_study(request.choice));
    const std::vector<ExportColumn> columns = request.format == ExportFormat::json ? std::vector<ExportColumn>() : columns_of(loaded);
    if (request.format == ExportFormat::parquet) {
        SOFIA_CHECK(write_parquet(request.out, loaded, columns));
    } else {
        const Json document = request.format == ExportFormat::json || request.out.empty() ? whole_document(loaded) : Json();
        std::string text = request.format == ExportFormat::json ? format_json(document) : csv_text(columns, loaded.trials.size());
        if (request.out.empty()) return make_output(std::move(text), document);
        SOFIA_CHECK(write_file(request.out, text));
    }
    const std::string file = request.out.string();
    return make_output(
        fmt::format("{} of study {} written to {}\n", counted(loaded.trials.size(), "trial"), printable(loaded.info.name), printable(file)),
        {{"study", loaded.info.name}, {"trials", loaded.trials.size()}, {"file", file}});
}

}  // namespace sofia::pipeline

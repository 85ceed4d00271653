#include "app/pipeline/store_sql.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/store.hpp"
#include "base/files.hpp"
#include "base/process.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {
namespace {

using store::FeatureStore;

constexpr int exit_no_duckdb = 43;
constexpr int exit_files_gone = 44;
constexpr int exit_query_failed = 45;
constexpr int attempts_max = 5;  // while compactions take parts away
constexpr std::size_t line_bytes_max = std::size_t{1} << 26U;

// Reads one JSON job; answers with the columns, their types, and a JSON array a row, all values as text.
constexpr const char* script = R"PY(
import json, sys
try:
    import duckdb
except ImportError:
    sys.exit(43)
job = json.loads(sys.stdin.readline())
connection = duckdb.connect()
try:
    connection.execute("SET TimeZone='UTC'")
    for view in job["views"]:
        connection.execute(view)
    result = connection.sql(job["query"])
    if result is None:
        print(json.dumps([[], []]))
    elif job["csv"]:
        result.write_csv(job["csv"])
        print(json.dumps([[], []]))
    elif job["parquet"]:
        result.write_parquet(job["parquet"], compression="zstd")
        print(json.dumps([[], []]))
    else:
        print(json.dumps([result.columns, [str(kind) for kind in result.types]]))
        for row in result.project("COLUMNS(*)::VARCHAR").fetchall():
            print(json.dumps(row))
except duckdb.IOException as error:
    print(str(error), file=sys.stderr)
    sys.exit(44)
except duckdb.Error as error:
    print(str(error), file=sys.stderr)
    sys.exit(45)
)PY";

std::string sql_quoted(std::string_view text, char quote) {
    std::string out(1, quote);
    for (const char c : text) out += c == quote ? std::string(2, quote) : std::string(1, c);
    return out + quote;
}

std::string sql_type(store::ColumnType type) {
    switch (type) {
        case store::ColumnType::float64: return "DOUBLE";
        case store::ColumnType::int64: return "BIGINT";
        case store::ColumnType::boolean: return "BOOLEAN";
        case store::ColumnType::timestamp: return "TIMESTAMPTZ";
        case store::ColumnType::text: break;
    }
    return "VARCHAR";
}

// A view of no rows: DuckDB cannot read no file.
std::string empty_view(const std::vector<store::Column>& columns) {
    std::string sql = "SELECT NULL::TIMESTAMPTZ AS ts, NULL::TIMESTAMPTZ AS known_at, NULL::TIMESTAMPTZ AS written_at, NULL::DATE AS date";
    for (const store::Column& column : columns) sql += fmt::format(", NULL::{} AS {}", sql_type(column.type), sql_quoted(column.name, '"'));
    return sql + " WHERE false";
}

// Read as a pattern, these would stand for other names.
bool has_pattern(std::string_view path) { return path.find_first_of("*?[") != std::string_view::npos; }

bool mentions(const std::string& query, const std::string& symbol) {
    const std::string text = lower(query);
    return text.find(lower(symbol)) != std::string::npos || text.find("features") != std::string::npos;
}

class TemporaryFolder {
public:
    static Result<TemporaryFolder> make() {
        std::string name = (std::filesystem::temp_directory_path() / "sofia-sql-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) return fail(ErrorCode::io, "cannot make a temporary folder " + name);
        return TemporaryFolder(name);
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    TemporaryFolder& operator=(TemporaryFolder&&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_;
};

// The SELECT behind a symbol's view. What DuckDB cannot reach by name is copied to `folder` first, resolved.
Result<std::string> symbol_select(const FeatureStore& store, const std::string& symbol, const StoreSqlRequest& request,
                                  const std::filesystem::path& folder, std::size_t number) {
    if (store.is_local() && !has_pattern(store.root())) {
        SOFIA_TRY(const std::vector<std::string> parts, store.parts(symbol));
        if (!parts.empty()) {
            SOFIA_TRY(const std::string below, store::symbol_folder(symbol));
            std::vector<std::string> files;
            for (const std::string& part : parts) files.push_back((std::filesystem::absolute(store.root()) / below / part).string());
            return view_sql(files, request.as_of);
        }
    } else if (mentions(request.query, symbol)) {
        store::ReadQuery query;
        query.as_of = request.as_of;
        SOFIA_TRY(const store::FeatureRows rows, store.read(symbol, query));
        if (rows.rows() > 0) {
            const std::filesystem::path file = folder / fmt::format("{}.parquet", number);
            SOFIA_CHECK(store::write_feature_file(file, rows, store::WrittenAt::keep));
            return fmt::format("SELECT *, CAST(ts AS DATE) AS date FROM read_parquet({})", sql_quoted(file.string(), '\''));
        }
    }
    SOFIA_TRY(const std::vector<store::Column> columns, store.columns(symbol));
    return empty_view(columns);
}

// Pythons that may have DuckDB, the likeliest first.
std::vector<std::filesystem::path> pythons() {
    std::vector<std::filesystem::path> out;
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
    for (std::filesystem::path at = program.parent_path(); at.has_relative_path(); at = at.parent_path()) {
        // Its bin/python in an environment that holds this program too, or a .venv beside it or above.
        for (const auto& python : {at / "python", at / ".venv" / "bin" / "python"}) {
            // A folder of that name (a developer's build holds the Python package in one) is no program.
            if (find_program(python.string())) out.push_back(python);
        }
    }
    if (const auto found = find_program("python3")) out.push_back(*found);
    return out;
}

// DuckDB shows the place of an error below it, over several lines.
std::string one_line(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';
        if (!blank) {
            out += c;
        } else if (!out.empty() && out.back() != ' ') {
            out += ' ';
        }
    }
    return std::string(trim(out));
}

struct Answer {
    int exit = 0;
    std::string errors;
    std::vector<std::string> columns;
    std::vector<std::string> types;
    std::vector<Json> rows;
};

Result<Answer> ask(const std::filesystem::path& python, const Json& job, const Context& context) {
    ProcessOptions options;
    options.arguments = {python.string(), "-c", script};
    options.program = python;
    options.input = job.dump() + "\n";
    options.line_bytes_max = line_bytes_max;
    options.stop = context.stop;
    Answer answer;
    bool first = true;
    SOFIA_TRY(const ProcessEnd end, run_process(options, [&](const ProcessLine& line, std::string&) -> Result<AfterLine> {
                  if (line.cut > 0) return fail(ErrorCode::data, "a row of the result is longer than 64 MiB");
                  SOFIA_TRY(Json json, parse_json(line.text, "the answer of DuckDB"));
                  if (first) {
                      answer.columns = json.at(0).get<std::vector<std::string>>();
                      answer.types = json.at(1).get<std::vector<std::string>>();
                  } else {
                      answer.rows.push_back(std::move(json));
                  }
                  first = false;
                  return AfterLine::go_on;
              }));
    if (end.cause == ProcessEnd::Cause::stopped) return fail(ErrorCode::interrupted, "interrupted");
    answer.exit = end.signal != 0 ? 128 + end.signal : end.exit_code;
    answer.errors = one_line(end.errors);
    return answer;
}

bool is_number(const std::string& type) {
    constexpr std::array<std::string_view, 12> types = {"DOUBLE",  "FLOAT",    "BIGINT",    "INTEGER",  "SMALLINT", "TINYINT",
                                                        "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT", "HUGEINT",  "UHUGEINT"};
    return std::ranges::find(types, type) != types.end() || type.starts_with("DECIMAL");
}

Json typed(const Json& text, const std::string& type) {
    if (text.is_null()) return text;
    std::string value = text.get<std::string>();
    if (type == "BOOLEAN") return value == "true";
    if (!is_number(type)) return value;
    if (const auto integer = parse_int(value)) return *integer;
    return json_number(parse_double(value).value_or(std::numeric_limits<double>::quiet_NaN()));
}

Output output_of(const Answer& answer, const StoreSqlRequest& request) {
    if (!request.out.empty()) return make_output(request.out.string() + "\n", {{"out", request.out.string()}});
    std::vector<std::vector<std::string>> rows;
    Json json = Json::array();
    for (const Json& row : answer.rows) {
        std::vector<std::string>& cells = rows.emplace_back();
        Json& values = json.emplace_back(Json::array());
        for (std::size_t i = 0; i < answer.columns.size(); ++i) {
            cells.push_back(row.at(i).is_null() ? "-" : printable(row.at(i).get<std::string>()));
            values.push_back(typed(row.at(i), answer.types[i]));
        }
    }
    std::string text = answer.columns.empty() ? "" : format_table(answer.columns, rows);
    return make_output(std::move(text), {{"columns", answer.columns}, {"types", answer.types}, {"rows", json}});
}

std::unexpected<Error> no_duckdb() {
    return fail(ErrorCode::unavailable, "no Python with the package duckdb was found: neither a .venv beside or above this program nor python3",
                "`pip install duckdb`; without it any reader of Parquet opens the folder, as docs/store.md shows");
}

}  // namespace

std::string view_sql(const std::vector<std::string>& files, const std::optional<TimeNs>& as_of) {
    std::string list;
    for (const std::string& file : files) list += (list.empty() ? "" : ", ") + sql_quoted(file, '\'');
    return fmt::format(
        "SELECT * FROM read_parquet([{}], hive_partitioning=true, union_by_name=true) {}"
        "QUALIFY row_number() OVER (PARTITION BY date, ts ORDER BY written_at DESC) = 1",
        list, as_of ? fmt::format("WHERE epoch_ns(known_at) <= {} ", *as_of) : "");
}

Result<std::vector<std::string>> store_views(const FeatureStore& store, const StoreSqlRequest& request, const std::filesystem::path& folder) {
    SOFIA_TRY(const std::vector<std::string> symbols, store.symbols());
    if (symbols.empty()) return fail(ErrorCode::data, store.root() + ": no feature store", "`sofia store append` writes the first rows");
    std::vector<std::string> views;
    std::string all;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
        SOFIA_TRY(const std::string select, symbol_select(store, symbols[i], request, folder, i));
        views.push_back(fmt::format("CREATE VIEW {} AS {}", sql_quoted(symbols[i], '"'), select));
        all += fmt::format("{}SELECT {} AS symbol, * FROM {}", i == 0 ? "" : " UNION ALL BY NAME ", sql_quoted(symbols[i], '\''),
                           sql_quoted(symbols[i], '"'));
    }
    const bool taken = std::ranges::any_of(symbols, [](const std::string& symbol) { return lower(symbol) == "features"; });
    if (!taken) views.push_back("CREATE VIEW features AS " + all);
    return views;
}

Result<Output> query_store(const StoreSqlRequest& request, const Context& context) {
    SOFIA_TRY(const FeatureStore store, open_feature_store(request.store, context));
    const bool csv = lower(request.out.extension().string()) == ".csv";
    std::optional<AtomicFile> file;
    if (!request.out.empty()) {
        SOFIA_TRY(file, AtomicFile::create(request.out));
    }
    const std::vector<std::filesystem::path> candidates = pythons();
    std::size_t python = 0;
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        SOFIA_TRY(const TemporaryFolder folder, TemporaryFolder::make());
        SOFIA_TRY(const std::vector<std::string> views, store_views(store, request, folder.path()));
        const std::string target = file ? file->temporary().string() : "";
        const Json job = {{"views", views}, {"query", request.query}, {"csv", csv ? target : ""}, {"parquet", csv ? "" : target}};
        Answer answer{exit_no_duckdb, {}, {}, {}, {}};
        for (; python < candidates.size(); ++python) {
            SOFIA_TRY(answer, ask(candidates[python], job, context));
            if (answer.exit != exit_no_duckdb) break;
        }
        if (answer.exit == 0) {
            if (file) SOFIA_CHECK(file->commit());
            return output_of(answer, request);
        }
        if (answer.exit == exit_no_duckdb) return no_duckdb();
        if (answer.exit == exit_query_failed || (answer.exit == exit_files_gone && attempt + 1 == attempts_max)) {
            return fail(ErrorCode::usage, "the query failed: " + answer.errors);
        }
        if (answer.exit != exit_files_gone)
            return fail(ErrorCode::unavailable, candidates[python].string() + " ended with " + std::to_string(answer.exit) + ": " + answer.errors);
    }
    return fail(ErrorCode::conflict, store.root() + ": parts are removed faster than they can be read", "try again");
}

}  // namespace sofia::pipeline

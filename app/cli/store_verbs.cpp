#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/common.hpp"
#include "app/cli/verb.hpp"
#include "app/pipeline/store.hpp"
#include "app/pipeline/store_sql.hpp"

namespace sofia::cli {
namespace {

using pipeline::Context;
using pipeline::Output;

Result<void> read_time_option(const char* option, const std::string& text, std::optional<TimeNs>& out) {
    if (text.empty()) return {};
    auto parsed = parse_time(text);
    if (!parsed) return fail(ErrorCode::usage, std::string(option) + ": " + parsed.error().message, parsed.error().hint);
    out = *parsed;
    return {};
}

void add_store(CLI::App& app, std::string& store) {
    app.add_option("--store", store, "Folder of the store, or a URL such as s3://bucket/prefix")->required();
}

void add_symbol_or_all(CLI::App& app, std::string& symbol) { app.add_option("--symbol", symbol, "One symbol; default all of them"); }

Verb append_verb() {
    return {"store append", "Adds rows of tables (Parquet, CSV) to a symbol; each file whole or not at all",
            "  sofia store append --store store --symbol BTCUSDT features.parquet\n"
            "  sofia store append --store store --symbol BTCUSDT --bar 1m minutes.csv",
            [](CLI::App& app) {
                struct Options {
                    pipeline::StoreAppendRequest request;
                    std::string bar;
                };
                auto options = std::make_shared<Options>();
                add_store(app, options->request.store);
                app.add_option("--symbol", options->request.symbol, "For instance BTCUSDT")->required();
                app.add_option("--bar", options->bar, "Length of a bar, for tables with only one of ts (its start) and known_at");
                app.add_option("FILE", options->request.files, "Tables with ts, known_at and the columns")->required();
                return [options](const Context& context, const CommonOptions&) -> Result<Output> {
                    pipeline::StoreAppendRequest request = options->request;
                    if (!options->bar.empty()) {
                        SOFIA_TRY(request.bar, duration_of("--bar", options->bar));
                    }
                    return pipeline::append_to_store(request, context);
                };
            }};
}

Verb read_verb() {
    return {"store read", "Rows of a symbol, one a ts, the last written; as CSV, or into a file",
            "  sofia store read --store store --symbol BTCUSDT --from 2024-01-01 --to 2024-02-01\n"
            "  sofia store read --store store --symbol BTCUSDT --as-of 2024-01-31T12:00 --columns close,ret1 --out january.parquet\n"
            "  sofia store read --store store --symbol BTCUSDT --last 10",
            [](CLI::App& app) {
                struct Options {
                    pipeline::StoreReadRequest request;
                    std::string from;
                    std::string to;
                    std::string as_of;
                    std::size_t last = 0;
                };
                auto options = std::make_shared<Options>();
                add_store(app, options->request.store);
                app.add_option("--symbol", options->request.symbol, "For instance BTCUSDT")->required();
                app.add_option("--from", options->from, "First moment of ts, UTC");
                app.add_option("--to", options->to, "Moment of ts before which the rows end, UTC");
                app.add_option("--as-of", options->as_of, "Only what was known at this moment, UTC");
                app.add_option("--columns", options->request.query.columns, "For instance close,ret1; default all")->delimiter(',');
                app.add_option("--last", options->last, "Only the last so many rows")->check(whole_number(1));
                app.add_flag_callback(
                    "--written-at", [options] { options->request.written_at = store::WrittenAt::keep; }, "With the column written_at");
                app.add_option("--out", options->request.out, "File to write: .csv, else Parquet");
                return [options](const Context& context, const CommonOptions&) -> Result<Output> {
                    pipeline::StoreReadRequest request = options->request;
                    SOFIA_CHECK(read_time_option("--from", options->from, request.query.from));
                    SOFIA_CHECK(read_time_option("--to", options->to, request.query.to));
                    SOFIA_CHECK(read_time_option("--as-of", options->as_of, request.query.as_of));
                    if (options->last > 0) request.query.last = options->last;
                    return pipeline::read_store(request, context);
                };
            }};
}

Verb describe_verb() {
    return {"store describe", "What a store holds: rows, days, columns and types, ranges, sizes, parts, duplicates",
            "  sofia store describe --store store\n  sofia store describe --store store --symbol BTCUSDT", [](CLI::App& app) {
                auto request = std::make_shared<pipeline::StoreRequest>();
                add_store(app, request->store);
                add_symbol_or_all(app, request->symbol);
                return [request](const Context& context, const CommonOptions&) { return pipeline::describe_store(*request, context); };
            }};
}

Verb compact_verb() {
    return {"store compact", "Brings the parts of each day together and drops rows that no read can see",
            "  sofia store compact --store store --symbol BTCUSDT", [](CLI::App& app) {
                struct Options {
                    pipeline::StoreCompactRequest request;
                    std::string before;
                };
                auto options = std::make_shared<Options>();
                add_store(app, options->request.of.store);
                add_symbol_or_all(app, options->request.of.symbol);
                app.add_option("--before", options->before, "Only days before this one");
                app.add_flag_callback(
                    "--drop-history", [options] { options->request.options.history = store::CompactOptions::History::drop; },
                    "One row a ts: older versions go, and with them what --as-of would find of them");
                return [options](const Context& context, const CommonOptions&) -> Result<Output> {
                    pipeline::StoreCompactRequest request = options->request;
                    SOFIA_CHECK(read_time_option("--before", options->before, request.options.before));
                    return pipeline::compact_store(request, context);
                };
            }};
}

Verb retain_verb() {
    return {"store retain", "Drops old days",
            "  sofia store retain --store store --days 365\n  sofia store retain --store store --symbol BTCUSDT --before 2023-01-01",
            [](CLI::App& app) {
                struct Options {
                    pipeline::StoreRetainRequest request;
                    std::int64_t days = 0;
                    std::string before;
                };
                auto options = std::make_shared<Options>();
                add_store(app, options->request.of.store);
                add_symbol_or_all(app, options->request.of.symbol);
                app.add_option("--days", options->days, "So many days stay, back from the symbol's last day")->check(whole_number(1, 100'000));
                app.add_option("--before", options->before, "Days before this one go");
                return [options](const Context& context, const CommonOptions&) -> Result<Output> {
                    pipeline::StoreRetainRequest request = options->request;
                    if (options->days > 0) request.days = options->days;
                    SOFIA_CHECK(read_time_option("--before", options->before, request.before));
                    return pipeline::retain_store(request, context);
                };
            }};
}

Verb check_verb() {
    return {"store check", "Reads everything and compares it with the log; exit 4 when something is damaged or missing",
            "  sofia store check --store store", [](CLI::App& app) {
                auto request = std::make_shared<pipeline::StoreRequest>();
                add_store(app, request->store);
                add_symbol_or_all(app, request->symbol);
                return [request](const Context& context, const CommonOptions&) { return pipeline::check_store(*request, context); };
            }};
}

Verb sql_verb() {
    return {"store sql", "A query in DuckDB over one view a symbol and `features`, all of them; needs DuckDB's Python package",
            "  sofia store sql --store store \"SELECT date, avg(close) FROM BTCUSDT GROUP BY date ORDER BY date\"\n"
            "  sofia store sql --store store --as-of 2024-01-31 --out counts.csv \"SELECT symbol, count(*) AS rows FROM features GROUP BY symbol\"",
            [](CLI::App& app) {
                struct Options {
                    pipeline::StoreSqlRequest request;
                    std::string as_of;
                };
                auto options = std::make_shared<Options>();
                add_store(app, options->request.store);
                app.add_option("--as-of", options->as_of, "Only what was known at this moment, UTC");
                app.add_option("--out", options->request.out, "File to write: .csv, else Parquet");
                app.add_option("QUERY", options->request.query, "SQL")->required();
                return [options](const Context& context, const CommonOptions&) -> Result<Output> {
                    pipeline::StoreSqlRequest request = options->request;
                    SOFIA_CHECK(read_time_option("--as-of", options->as_of, request.as_of));
                    return pipeline::query_store(request, context);
                };
            }};
}

}  // namespace

std::vector<Verb> store_verbs() { return {append_verb(), read_verb(), describe_verb(), compact_verb(), retain_verb(), check_verb(), sql_verb()}; }

}  // namespace sofia::cli

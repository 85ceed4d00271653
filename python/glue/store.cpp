#include <cmath>
#include <limits>
#include <optional>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "app/pipeline/store.hpp"
#include "app/pipeline/store_put.hpp"
#include "app/pipeline/store_sql.hpp"
#include "base/text.hpp"
#include "glue.hpp"
#include "long_call.hpp"
#include "store/csv_fields.hpp"

// The feature store. A column travels as (name, type, values, valid): values are float64, int64 (timestamps: nanoseconds, NaT missing), uint8 of
// booleans, or a list of texts; valid is uint8 a row, or None where every row has a value or the values themselves can be missing.
namespace sofia::python {
namespace {

using pipeline::Context;
using store::ColumnType;
using store::FeatureColumn;
using store::FeatureRows;
using store::FeatureStore;

template <class T>
std::vector<T> vector_of(nb::handle array) {
    const auto values = nb::cast<ColumnOf<T>>(array);
    return {values.data(), values.data() + values.shape(0)};
}

FeatureColumn column_of(const nb::tuple& column) {
    FeatureColumn out = store::make_column(nb::cast<std::string>(column[0]), value_of(store::type_of_name(nb::cast<std::string>(column[1]))));
    switch (out.type) {
        case ColumnType::float64: out.numbers = vector_of<double>(column[2]); break;
        case ColumnType::int64:
        case ColumnType::timestamp: out.integers = vector_of<std::int64_t>(column[2]); break;
        case ColumnType::boolean: out.flags = vector_of<std::uint8_t>(column[2]); break;
        case ColumnType::text: out.texts = nb::cast<std::vector<std::string>>(column[2]); break;
    }
    if (!column[3].is_none()) out.valid = vector_of<std::uint8_t>(column[3]);
    return out;
}

FeatureRows rows_of(const Times& ts, const Times& known_at, const nb::list& columns) {
    FeatureRows rows;
    rows.ts.assign(ts.data(), ts.data() + ts.shape(0));
    rows.known_at.assign(known_at.data(), known_at.data() + known_at.shape(0));
    for (const nb::handle column : columns) rows.columns.push_back(column_of(nb::cast<nb::tuple>(column)));
    return rows;
}

nb::tuple tuple_of(FeatureColumn&& column) {
    nb::object values;
    switch (column.type) {
        case ColumnType::float64: values = array_of(std::move(column.numbers)); break;
        case ColumnType::int64:
        case ColumnType::timestamp: values = array_of(std::move(column.integers)); break;
        case ColumnType::boolean: values = array_of(std::move(column.flags)); break;
        case ColumnType::text: values = nb::cast(column.texts); break;
    }
    nb::object valid = column.valid.empty() ? nb::object(nb::none()) : array_of(std::move(column.valid));
    return nb::make_tuple(column.name, std::string(store::type_name(column.type)), values, valid);
}

FeatureStore store_of(const std::string& root, const Context& context) { return value_of(pipeline::open_feature_store(root, context)); }

/// rows, repeated, unchanged, days, days_rewritten, new_columns, written_at (0: nothing was written).
nb::tuple append(const CallOptions& options, const std::string& root, const std::string& symbol, const Times& ts, const Times& known_at,
                 const nb::list& columns, bool versions) {
    const FeatureRows rows = rows_of(ts, known_at, columns);
    pipeline::PutReport report;
    run_long(options, {"python", "-m", "sofia", "store append"}, [&](const Context& context) {
        const FeatureStore store = store_of(root, context);
        if (versions) {
            report.appended = value_of(store.append(symbol, rows));
        } else {
            report = value_of(pipeline::put_rows(store, symbol, rows));
        }
    });
    const store::AppendReport& done = report.appended;
    return nb::make_tuple(done.rows, done.repeated, report.unchanged, done.days, report.days_rewritten, done.new_columns, done.written_at);
}

using OptionalTime = std::optional<TimeNs>;

/// ts, known_at, written_at, columns.
nb::tuple read(const CallOptions& options, const std::string& root, const std::string& symbol, const std::vector<std::string>& columns,
               OptionalTime from, OptionalTime to, OptionalTime as_of, std::optional<std::size_t> last) {
    FeatureRows rows;
    run_long(options, {"python", "-m", "sofia", "store read"}, [&](const Context& context) {
        rows = value_of(store_of(root, context).read(symbol, {.from = from, .to = to, .as_of = as_of, .columns = columns, .last = last}));
    });
    nb::list out;
    for (FeatureColumn& column : rows.columns) out.append(tuple_of(std::move(column)));
    return nb::make_tuple(array_of(std::move(rows.ts)), array_of(std::move(rows.known_at)), array_of(std::move(rows.written_at)), out);
}

std::vector<std::string> symbols(const CallOptions& options, const std::string& root) {
    std::vector<std::string> found;
    run_long(options, {"python", "-m", "sofia", "store"}, [&](const Context& context) { found = value_of(store_of(root, context).symbols()); });
    return found;
}

/// Name and type of each.
std::vector<std::tuple<std::string, std::string>> columns(const CallOptions& options, const std::string& root, const std::string& symbol) {
    std::vector<std::tuple<std::string, std::string>> found;
    run_long(options, {"python", "-m", "sofia", "store"}, [&](const Context& context) {
        for (const store::Column& column : value_of(store_of(root, context).columns(symbol)))
            found.emplace_back(column.name, store::type_name(column.type));
    });
    return found;
}

std::vector<std::string> views(const CallOptions& options, const std::string& root, const std::string& query, OptionalTime as_of,
                               const std::string& folder) {
    std::vector<std::string> found;
    run_long(options, {"python", "-m", "sofia", "store sql"}, [&](const Context& context) {
        found = value_of(pipeline::store_views(store_of(root, context), {.store = root, .query = query, .as_of = as_of, .out = {}}, folder));
    });
    return found;
}

Answer describe(const CallOptions& options, const std::string& root, const std::string& symbol) {
    return answer_of(options, "store describe", [&](const Context& context) { return pipeline::describe_store({root, symbol}, context); });
}

Answer compact(const CallOptions& options, const std::string& root, const std::string& symbol, OptionalTime before, bool drop_history) {
    pipeline::StoreCompactRequest request{.of = {root, symbol}, .options = {}};
    request.options.before = before;
    if (drop_history) request.options.history = store::CompactOptions::History::drop;
    return answer_of(options, "store compact", [&](const Context& context) { return pipeline::compact_store(request, context); });
}

Answer retain(const CallOptions& options, const std::string& root, const std::string& symbol, std::optional<std::int64_t> days, OptionalTime before) {
    const pipeline::StoreRetainRequest request{.of = {root, symbol}, .days = days, .before = before};
    return answer_of(options, "store retain", [&](const Context& context) { return pipeline::retain_store(request, context); });
}

Answer check(const CallOptions& options, const std::string& root, const std::string& symbol) {
    return answer_of(options, "store check", [&](const Context& context) { return pipeline::check_store({root, symbol}, context); });
}

/// The root as it may be shown, and whether it is a folder of this machine.
std::tuple<std::string, bool> place(const std::string& root) {
    const nb::gil_scoped_release unlocked;
    const FeatureStore store = value_of(FeatureStore::open(root));
    return {store.root(), store.is_local()};
}

/// Nanoseconds in the unit of unix times of which this is one.
std::int64_t unix_unit(double time) {
    const auto unit = store::unit_of(format_double(time));
    if (!unit) throw Failure({ErrorCode::data, "unix time " + format_double(time) + " is out of range", {}});
    switch (*unit) {
        case store::TimeUnit::seconds: return ns_per_second;
        case store::TimeUnit::milliseconds: return ns_per_second / 1'000;
        case store::TimeUnit::microseconds: return 1'000;
        case store::TimeUnit::nanoseconds: break;
    }
    return 1;
}

}  // namespace

void bind_store(nb::module_& module) {
    module.def("store_append", &append, nb::arg("options"), nb::arg("root"), nb::arg("symbol"), nb::arg("ts"), nb::arg("known_at"),
               nb::arg("columns"), nb::arg("versions"));
    module.def("store_read", &read, nb::arg("options"), nb::arg("root"), nb::arg("symbol"), nb::arg("columns"), nb::arg("start").none(),
               nb::arg("end").none(), nb::arg("as_of").none(), nb::arg("last").none());
    module.def("store_symbols", &symbols, nb::arg("options"), nb::arg("root"));
    module.def("store_columns", &columns, nb::arg("options"), nb::arg("root"), nb::arg("symbol"));
    module.def("store_views", &views, nb::arg("options"), nb::arg("root"), nb::arg("query"), nb::arg("as_of").none(), nb::arg("folder"));
    module.def("store_describe", &describe, nb::arg("options"), nb::arg("root"), nb::arg("symbol"));
    module.def("store_compact", &compact, nb::arg("options"), nb::arg("root"), nb::arg("symbol"), nb::arg("before").none(), nb::arg("drop_history"));
    module.def("store_retain", &retain, nb::arg("options"), nb::arg("root"), nb::arg("symbol"), nb::arg("days").none(), nb::arg("before").none());
    module.def("store_check", &check, nb::arg("options"), nb::arg("root"), nb::arg("symbol"));
    module.def("store_place", &place, nb::arg("root"));
    module.def("symbol_folder", [](const std::string& symbol) { return value_of(store::symbol_folder(symbol)); }, nb::arg("symbol"));
    module.def("unix_unit", &unix_unit, nb::arg("time"));
}

}  // namespace sofia::python

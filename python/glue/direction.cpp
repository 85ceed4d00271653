#include <memory>
#include <optional>

#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "bar_columns.hpp"
#include "features/minute.hpp"
#include "glue.hpp"
#include "models/direction_model.hpp"
#include "models/ensemble.hpp"

// The columns of the direction strategy, and its models while they are in use.
namespace sofia::python {
namespace {

using models::DirectionModel;
using models::EnsemblePredictor;

/// ts, known_at, names, values (a column after the other), y.
nb::tuple minute_features(const nb::dict& columns, std::int64_t horizon) {
    const BarInput input = bars_of(columns);
    features::MinuteTable table;
    std::vector<double> values;
    {
        const nb::gil_scoped_release unlocked;
        table = value_of(features::minute_features(input.bars, horizon));
        const std::size_t width = table.features.width();
        values.resize(table.rows() * width);
        for (std::size_t row = 0; row < table.rows(); ++row) {
            const std::span<const double> from = table.features.row(row);
            for (std::size_t column = 0; column < width; ++column) values[column * table.rows() + row] = from[column];
        }
    }
    nb::list names;
    for (const std::string& name : table.features.columns()) names.append(nb::str(name.c_str()));
    const std::size_t rows = table.rows();
    const std::size_t width = table.features.width();
    std::vector<TimeNs> known_at = table.features.known_at();
    return nb::make_tuple(array_of(std::move(table.ts)), array_of(std::move(known_at)), names, array_of(std::move(values), width, rows),
                          array_of(std::move(table.y)));
}

void guard(const Times& train, const Times& validation, std::int64_t horizon) {
    value_of(features::guard_no_future_leak(span_of<TimeNs>(train), span_of<TimeNs>(validation), horizon));
}

/// Of `ts`, in any order: which rows are training and which validation, a byte a row each.
nb::tuple time_based_split(const Times& ts, TimeNs end, double val_days, std::int64_t horizon) {
    const std::span<const TimeNs> times = span_of<TimeNs>(ts);
    const features::MinuteCut cut = value_of(features::cut_minutes(times, end, val_days, horizon));
    std::vector<std::uint8_t> train(times.size());
    std::vector<std::uint8_t> validation(times.size());
    for (std::size_t i = 0; i < times.size(); ++i) {
        train[i] = times[i] < cut.train_end ? 1 : 0;
        validation[i] = times[i] >= cut.validation_begin ? 1 : 0;
    }
    return nb::make_tuple(array_of(std::move(train)), array_of(std::move(validation)));
}

using Named = std::vector<std::pair<std::string_view, double>>;

/// The names stay Python's: the dictionary outlives the call. None is missing.
Named named_of(const nb::dict& row) {
    Named named;
    named.reserve(row.size());
    for (const auto& [name, value] : row) {
        Py_ssize_t length = 0;
        const char* text = PyUnicode_AsUTF8AndSize(name.ptr(), &length);
        if (text == nullptr) throw nb::python_error();
        double number = std::numeric_limits<double>::quiet_NaN();
        if (!value.is_none()) {
            number = PyFloat_AsDouble(value.ptr());
            if (number == -1.0 && PyErr_Occurred() != nullptr) throw nb::python_error();
        }
        named.emplace_back(std::string_view(text, static_cast<std::size_t>(length)), number);
    }
    return named;
}

/// One row takes less than handing the lock on would.
double predict_one(const DirectionModel& model, const nb::dict& row) { return value_of(model.predict_proba_up(named_of(row))); }

using Matrix = nb::ndarray<const double, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

/// Rows by one state of the model: `names` are the matrix's columns, in any order.
nb::object predict_rows(const DirectionModel& model, const std::vector<std::string>& names, const Matrix& rows) {
    const std::size_t width = rows.shape(1);
    std::vector<double> out(rows.shape(0));
    {
        const nb::gil_scoped_release unlocked;
        const auto loaded = value_of(model.loaded());
        // Where each of the model's features stands among the columns, asked of the model's own check.
        Named places;
        for (std::size_t i = 0; i < names.size(); ++i) places.emplace_back(names[i], static_cast<double>(i));
        const std::vector<double> order = value_of(loaded->row(places));
        std::vector<double> row(order.size());
        for (std::size_t i = 0; i < out.size(); ++i) {
            for (std::size_t k = 0; k < order.size(); ++k) row[k] = rows.data()[i * width + static_cast<std::size_t>(order[k])];
            out[i] = loaded->trees.predict(row);
        }
    }
    return array_of(std::move(out));
}

nb::dict state_of(const DirectionModel& model) {
    std::shared_ptr<const models::LoadedModel> loaded;
    {
        const nb::gil_scoped_release unlocked;
        loaded = value_of(model.loaded());
    }
    nb::dict state;
    state["version"] = loaded->version;
    state["folder"] = loaded->folder.string();
    state["sha256"] = loaded->sha256;
    state["bytes"] = loaded->bytes;
    state["card"] = loaded->card;
    nb::list names;
    for (const std::string& name : loaded->trees.feature_names()) names.append(nb::str(name.c_str()));
    state["features"] = names;
    const auto trouble = model.trouble();
    state["trouble"] = trouble ? nb::object(nb::str(trouble->message.c_str())) : nb::object(nb::none());
    return state;
}

std::unique_ptr<EnsemblePredictor> ensemble(const std::vector<std::tuple<std::string, std::shared_ptr<DirectionModel>, double>>& members,
                                            const std::string& combination, double spread_max, std::int64_t answers_min, double intercept,
                                            const std::vector<double>& coefficients) {
    if (combination != "mean" && combination != "stacking")
        throw Failure({ErrorCode::usage, "combination \"" + combination + "\" is neither mean nor stacking", {}});
    std::vector<models::EnsembleMember> out;
    for (const auto& [name, model, weight] : members) out.push_back({name, model, weight});
    models::EnsembleConfig config;
    config.combination = combination == "mean" ? models::Combination::mean : models::Combination::stacking;
    config.spread_max = spread_max;
    config.answers_min = answers_min;
    config.intercept = intercept;
    config.coefficients = coefficients;
    return std::make_unique<EnsemblePredictor>(value_of(EnsemblePredictor::make(std::move(out), std::move(config))));
}

/// probability, abstained, answered, failed (name and message), spread.
nb::tuple ask(const EnsemblePredictor& predictor, const nb::dict& row) {
    const models::Answer answer = value_of(predictor.predict_proba(named_of(row)));
    nb::list failed;
    for (const auto& [name, error] : answer.failed) failed.append(nb::make_tuple(name, error.message));
    return nb::make_tuple(answer.probability, answer.abstained, answer.answered, failed, answer.spread);
}

}  // namespace

void bind_direction(nb::module_& module) {
    module.def("minute_features", &minute_features, nb::arg("columns"), nb::arg("horizon"));
    module.def("guard_no_future_leak", &guard, nb::arg("train_ts"), nb::arg("validation_ts"), nb::arg("horizon"));
    module.def("time_based_split", &time_based_split, nb::arg("ts"), nb::arg("end"), nb::arg("val_days"), nb::arg("horizon"));
    nb::class_<DirectionModel>(module, "DirectionModel", "The model behind a link, followed when the link moves.")
        .def(
            "__init__",
            [](DirectionModel* self, const std::string& where, double check_seconds) {
                new (self) DirectionModel(where, static_cast<DurationNs>(check_seconds * static_cast<double>(ns_per_second)));
            },
            nb::arg("where"), nb::arg("check_seconds"))
        .def("predict_one", &predict_one, nb::arg("row"))
        .def("predict_rows", &predict_rows, nb::arg("names"), nb::arg("rows"))
        .def("state", &state_of)
        .def("refresh", [](const DirectionModel& model) { value_of(model.refresh()); }, nb::call_guard<nb::gil_scoped_release>());
    nb::class_<EnsemblePredictor>(module, "EnsemblePredictor", "Several models as one.").def("ask", &ask, nb::arg("row"));
    module.def("ensemble", &ensemble, nb::arg("members"), nb::arg("combination"), nb::arg("spread_max"), nb::arg("answers_min"), nb::arg("intercept"),
               nb::arg("coefficients"));
    module.def(
        "fit_stacking",
        [](const std::vector<std::vector<double>>& probabilities, const std::vector<double>& outcomes, double penalty) {
            return value_of(models::fit_stacking(probabilities, outcomes, penalty));
        },
        nb::arg("probabilities"), nb::arg("outcomes"), nb::arg("penalty"));
}

}  // namespace sofia::python

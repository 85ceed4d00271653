#include <map>
#include <optional>

#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "base/config.hpp"
#include "glue.hpp"
#include "long_call.hpp"
#include "models/booster.hpp"
#include "models/dataset.hpp"
#include "models/gbdt_config.hpp"

namespace sofia::python {
namespace {

using models::Booster;
using Matrix = nb::ndarray<const double, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

models::MatrixView view_of(const Matrix& matrix) {
    return {.values = {matrix.data(), matrix.size()}, .rows = matrix.shape(0), .columns = matrix.shape(1)};
}

/// `sets` are key=value of the section `model` of a configuration.
models::GbdtConfig config_of(const std::vector<std::string>& sets) {
    models::GbdtConfig config;
    config::Keys keys;
    config.describe(keys);
    for (const std::string& set : sets) value_of(config::set(set, keys));
    value_of(config.validate());
    return config;
}

std::span<const double> optional_span(const nb::object& column, std::optional<Doubles>& kept) {
    if (column.is_none()) return {};
    kept = nb::cast<Doubles>(column);
    return span_of<double>(*kept);
}

std::unique_ptr<Booster> fit(const CallOptions& options, const std::vector<std::string>& sets, const std::vector<std::string>& names,
                             const Matrix& features, const Doubles& labels, const nb::object& weights, const nb::object& valid_features,
                             const nb::object& valid_labels) {
    std::optional<Doubles> kept_weights;
    std::optional<Doubles> kept_labels;
    std::optional<Matrix> kept_features;
    const models::TrainingData train{.features = view_of(features),
                                     .labels = span_of<double>(labels),
                                     .weights = optional_span(weights, kept_weights),
                                     .feature_names = names,
                                     .categorical = {}};
    std::optional<models::TrainingData> valid;
    if (!valid_features.is_none()) {
        kept_features = nb::cast<Matrix>(valid_features);
        valid = models::TrainingData{.features = view_of(*kept_features),
                                     .labels = optional_span(valid_labels, kept_labels),
                                     .weights = {},
                                     .feature_names = names,
                                     .categorical = {}};
    }
    std::unique_ptr<Booster> fitted;
    run_long(options, {}, [&](const pipeline::Context& context) {
        const models::GbdtConfig config = config_of(sets);
        const models::Dataset binned = value_of(models::Dataset::make(train, config, options.threads, context.log));
        std::optional<models::Dataset> aligned;
        if (valid) aligned = value_of(models::Dataset::make_aligned(*valid, binned, options.threads, context.log));
        fitted = std::make_unique<Booster>(
            value_of(Booster::fit(config, binned, aligned ? &*aligned : nullptr, options.seed, options.threads, *context.stop, context.log)));
    });
    return fitted;
}

nb::object asked(const Booster& booster, const Matrix& features, std::size_t threads,
                 Result<std::vector<double>> (Booster::*ask)(models::MatrixView, std::size_t) const) {
    std::vector<double> values;
    {
        const nb::gil_scoped_release unlocked;
        values = value_of((booster.*ask)(view_of(features), threads));
    }
    const std::size_t rows = features.shape(0);
    const std::size_t width = rows == 0 ? 0 : values.size() / rows;
    return array_of(std::move(values), rows, width);
}

}  // namespace

void bind_models(nb::module_& module) {
    nb::class_<Booster>(module, "Booster", "A gradient-boosted model of LightGBM's.")
        .def_static("fit", &fit, nb::arg("options"), nb::arg("sets"), nb::arg("names"), nb::arg("features"), nb::arg("labels"),
                    nb::arg("weights").none(), nb::arg("valid_features").none(), nb::arg("valid_labels").none())
        .def_static(
            "from_text",
            [](const std::string& text) {
                const nb::gil_scoped_release unlocked;
                return std::make_unique<Booster>(value_of(Booster::from_text(text, "the model")));
            },
            nb::arg("text"))
        .def_prop_ro("text", &Booster::text)
        .def_prop_ro("feature_names", &Booster::feature_names)
        .def_prop_ro("outputs", &Booster::outputs)
        .def_prop_ro("trees", &Booster::trees)
        .def_prop_ro("best_iteration", [](const Booster& booster) { return booster.report().best_iteration; })
        .def("gain_importance", [](const Booster& booster) { return array_of(booster.gain_importance()); })
        .def(
            "predict",
            [](const Booster& booster, const Matrix& features, std::size_t threads) { return asked(booster, features, threads, &Booster::predict); },
            nb::arg("features"), nb::arg("threads"))
        .def(
            "contributions",
            [](const Booster& booster, const Matrix& features, std::size_t threads) {
                return asked(booster, features, threads, &Booster::contributions);
            },
            nb::arg("features"), nb::arg("threads"));
}

}  // namespace sofia::python

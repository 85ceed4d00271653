#include "tune/sampler.hpp"

#include <utility>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "glue.hpp"
#include "param_value.hpp"
#include "sampler_box.hpp"
#include "tune/pruner.hpp"

namespace sofia::python {

tune::ParamValue param_value(const nb::handle& value) {
    if (value.is_none()) return std::monostate{};
    if (nb::isinstance<nb::bool_>(value)) return nb::cast<bool>(value);
    if (nb::isinstance<nb::int_>(value)) return nb::cast<std::int64_t>(value);
    if (nb::isinstance<nb::float_>(value)) return nb::cast<double>(value);
    if (nb::isinstance<nb::str>(value)) return nb::cast<std::string>(value);
    throw nb::type_error("a parameter's value is None, a bool, an int, a float or a str");
}

nb::str python_text(const std::string& text) {
    return nb::steal<nb::str>(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
}

nb::object python_value(const tune::ParamValue& value) {
    if (const auto* truth = std::get_if<bool>(&value)) return nb::bool_(*truth);
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return nb::int_(*whole);
    if (const auto* number = std::get_if<double>(&value)) return nb::float_(*number);
    if (const auto* text = std::get_if<std::string>(&value)) return python_text(*text);
    return nb::none();
}

namespace {

std::size_t count_of(std::int64_t value, const char* name) {
    if (value < 0) throw Failure({ErrorCode::config, std::string(name) + " is negative", ""});
    return static_cast<std::size_t>(value);
}

/// Checked once here, so that a mistake shows where it was made.
template <class Config>
SamplerBox box(Config config, std::unique_ptr<tune::Sampler> (*make)(const Config&)) {
    value_of(config.validate());
    return {[config = std::move(config), make] { return std::shared_ptr<tune::Sampler>(make(config)); }};
}

SamplerBox tpe(std::int64_t startup, std::int64_t candidates, bool multivariate, bool constant_liar) {
    tune::TpeConfig config;
    config.startup_trials = count_of(startup, "n_startup_trials");
    config.candidates = count_of(candidates, "n_ei_candidates");
    config.joint = multivariate ? tune::TpeConfig::Joint::multivariate : tune::TpeConfig::Joint::univariate;
    config.running = constant_liar ? tune::TpeConfig::Running::constant_liar : tune::TpeConfig::Running::ignore;
    return box<tune::TpeConfig>(config, &tune::tpe_sampler);
}

SamplerBox cmaes(std::int64_t startup, std::int64_t population) {
    return box<tune::CmaesConfig>({count_of(startup, "n_startup_trials"), count_of(population, "popsize")}, &tune::cmaes_sampler);
}

SamplerBox nsga2(std::int64_t population, std::optional<double> mutation, double crossover, double swapping) {
    tune::Nsga2Config config;
    config.population = count_of(population, "population_size");
    config.mutation_probability = mutation;
    config.crossover_probability = crossover;
    config.swapping_probability = swapping;
    return box<tune::Nsga2Config>(config, &tune::nsga2_sampler);
}

SamplerBox grid(const nb::dict& values, std::uint32_t seed) {
    tune::GridConfig config;
    config.seed = seed;
    for (const auto& [name, choices] : values) {
        auto& into = config.values[nb::cast<std::string>(name)];
        for (const nb::handle choice : nb::iter(choices)) into.push_back(param_value(choice));
    }
    value_of(config.validate());
    return {[config = std::move(config)] { return std::shared_ptr<tune::Sampler>(tune::grid_sampler(config)); }};
}

SamplerBox qmc(bool scramble) {
    tune::QmcConfig config;
    config.scramble = scramble ? tune::QmcConfig::Scramble::matrix_shift : tune::QmcConfig::Scramble::none;
    return {[config] { return std::shared_ptr<tune::Sampler>(tune::qmc_sampler(config)); }};
}

/// As `--pruner` has it: NAME:OPTION=VALUE,OPTION=VALUE.
PrunerBox pruner(const std::string& text) {
    static_cast<void>(value_of(tune::make_pruner(text)));
    return {[text] { return value_of(tune::make_pruner(text)); }};
}

PrunerBox patient(const std::optional<PrunerBox>& wrapped, std::int64_t patience, double min_delta) {
    const tune::PatientConfig config{patience, min_delta};
    value_of(config.validate());
    return {[config, wrapped] { return tune::patient_pruner(config, wrapped ? wrapped->make() : nullptr); }};
}

}  // namespace

void bind_samplers(nb::module_& module) {
    const nb::class_<SamplerBox> sampler(module, "Sampler", "How to make a sampler.");
    const nb::class_<PrunerBox> pruner_class(module, "Pruner", "How to make a pruner.");
    module.def("random_sampler", [] { return SamplerBox{[] { return std::shared_ptr<tune::Sampler>(tune::random_sampler()); }}; });
    module.def("tpe_sampler", &tpe, nb::arg("n_startup_trials"), nb::arg("n_ei_candidates"), nb::arg("multivariate"), nb::arg("constant_liar"));
    module.def("cmaes_sampler", &cmaes, nb::arg("n_startup_trials"), nb::arg("popsize"));
    module.def("nsga2_sampler", &nsga2, nb::arg("population_size"), nb::arg("mutation_prob").none(), nb::arg("crossover_prob"),
               nb::arg("swapping_prob"));
    module.def("grid_sampler", &grid, nb::arg("values"), nb::arg("seed"));
    module.def("qmc_sampler", &qmc, nb::arg("scramble"));
    module.def("make_pruner", &pruner, nb::arg("text"));
    module.def("patient_pruner", &patient, nb::arg("wrapped").none(), nb::arg("patience"), nb::arg("min_delta"));
}

}  // namespace sofia::python

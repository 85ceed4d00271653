#include "glue.hpp"

NB_MODULE(_core, module) {
    module.doc() = "The C++ side of sofia. Use the functions of the package `sofia`, which check and convert what these take as it is.";
    sofia::python::bind_errors(module);
    sofia::python::bind_bars(module);
    sofia::python::bind_cluster(module);
    sofia::python::bind_direction(module);
    sofia::python::bind_features(module);
    sofia::python::bind_labels(module);
    sofia::python::bind_models(module);
    sofia::python::bind_report(module);
    sofia::python::bind_samplers(module);
    sofia::python::bind_store(module);
    sofia::python::bind_studies(module);
    sofia::python::bind_verbs(module);
}

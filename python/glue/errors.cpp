#include <array>
#include <string_view>

#include <nanobind/stl/string.h>

#include "glue.hpp"

namespace sofia::python {
namespace {

/// The names that errors.py knows, in the order of ErrorCode.
constexpr std::array<std::string_view, 9> code_names = {"usage",       "config",      "data",     "io",      "blocked",
                                                        "interrupted", "unavailable", "conflict", "internal"};

void raise(const Error& error) {
    const auto code = static_cast<std::size_t>(error.code);
    try {
        const std::string_view name = code_names.at(code);
        const nb::object exception = nb::module_::import_("sofia.errors")
                                         .attr("from_code")(nb::str(name.data(), name.size()), nb::str(error.message.c_str(), error.message.size()),
                                                            nb::str(error.hint.c_str(), error.hint.size()));
        PyErr_SetObject(exception.type().ptr(), exception.ptr());
    } catch (nb::python_error& other) {
        other.restore();
    }
}

}  // namespace

void bind_errors(nb::module_& module) {
    nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
        try {
            std::rethrow_exception(thrown);
        } catch (const Failure& failure) {
            raise(failure.error());
        }
    });
    module.def(
        "fail",
        [](std::size_t code, const std::string& message, const std::string& hint) { throw Failure({static_cast<ErrorCode>(code), message, hint}); },
        nb::arg("code"), nb::arg("message"), nb::arg("hint") = "", "Fails as a C++ function with this error code would; for tests.");
    nb::list names;
    for (const std::string_view name : code_names) names.append(nb::str(name.data(), name.size()));
    module.attr("error_codes") = nb::tuple(names);
}

}  // namespace sofia::python

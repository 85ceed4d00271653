#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "base/result.hpp"
#include "base/time.hpp"

// What the parts of the extension module have in common. Columns come as NumPy arrays, which Python has checked and converted, and are read where
// they lie; columns go out as arrays that own what C++ has made. Python's lock is released around all work.
namespace sofia::python {

namespace nb = nanobind;

/// An Error on its way to Python, where it becomes the exception class of its code (python/sofia/errors.py).
class Failure : public std::exception {
public:
    explicit Failure(Error error) : error_(std::move(error)) {}
    [[nodiscard]] const Error& error() const { return error_; }
    [[nodiscard]] const char* what() const noexcept override { return error_.message.c_str(); }

private:
    Error error_;
};

/// The value of a Result, or its error as an exception.
template <class T>
T value_of(Result<T> result) {
    if (!result) throw Failure(std::move(result).error());
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

template <class T>
using ColumnOf = nb::ndarray<const T, nb::numpy, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Times = ColumnOf<TimeNs>;         ///< UTC nanoseconds
using Doubles = ColumnOf<double>;       ///< NaN missing
using Codes = ColumnOf<std::uint8_t>;

template <class T>
std::span<const T> span_of(const ColumnOf<T>& column) {
    return {column.data(), column.shape(0)};
}

/// An array that owns `values`. Holding Python's lock.
template <class T>
nb::object array_of(std::vector<T>&& values) {
    auto* kept = new std::vector<T>(std::move(values));
    const nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(kept->data(), {kept->size()}, owner));
}

/// The same with two dimensions, row after row.
template <class T>
nb::object array_of(std::vector<T>&& values, std::size_t rows, std::size_t columns) {
    auto* kept = new std::vector<T>(std::move(values));
    const nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<2>>(kept->data(), {rows, columns}, owner));
}

// The topics, each in a file of its own.
void bind_errors(nb::module_& module);
void bind_bars(nb::module_& module);
void bind_cluster(nb::module_& module);
void bind_direction(nb::module_& module);
void bind_features(nb::module_& module);
void bind_labels(nb::module_& module);
void bind_models(nb::module_& module);
void bind_report(nb::module_& module);
void bind_samplers(nb::module_& module);
void bind_store(nb::module_& module);
void bind_studies(nb::module_& module);
void bind_verbs(nb::module_& module);

}  // namespace sofia::python

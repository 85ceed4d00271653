#pragma once

#include <memory>

#include "app/pipeline/custom.hpp"
#include "glue.hpp"

namespace sofia::python {

/// What `sofia.feature`, `sofia.label` and `sofia.model` have registered, for the time of one call, as the pipeline takes it. The functions are
/// called with Python's lock from whatever thread asks. Made and destroyed with the lock.
class Registered {
public:
    Registered();
    ~Registered();
    Registered(const Registered&) = delete;
    Registered& operator=(const Registered&) = delete;

    [[nodiscard]] const pipeline::Extensions& extensions() const { return extensions_; }

    /// Raises the exception of a registered function where `failure` is what became of it, chained as Python has it; else `failure`.
    [[noreturn]] void rethrow(const Failure& failure) const;

    struct Raised;

private:
    std::shared_ptr<Raised> raised_;
    pipeline::Extensions extensions_;
};

}  // namespace sofia::python

#pragma once

#include <functional>
#include <memory>

#include "tune/pruner.hpp"
#include "tune/sampler.hpp"

namespace sofia::python {

/// A sampler or a pruner as Python holds it: how to make one. A sampler belongs to one study, so each study makes its own.
struct SamplerBox {
    std::function<std::shared_ptr<tune::Sampler>()> make;
};
struct PrunerBox {
    std::function<std::unique_ptr<tune::Pruner>()> make;
};

}  // namespace sofia::python

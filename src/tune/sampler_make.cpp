#include <algorithm>

#include "base/text.hpp"
#include "tune/sampler.hpp"

namespace sofia::tune {

const std::vector<std::string>& sampler_names() {
    static const std::vector<std::string> names = {"random", "grid", "qmc", "tpe", "tpe-univariate", "cmaes", "nsga2"};
    return names;
}

Result<std::unique_ptr<Sampler>> make_sampler(const std::string& name, const SamplerOptions& options) {
    if (name == "random") return random_sampler();
    if (name == "grid") return grid_sampler(options.grid);
    if (name == "qmc") return qmc_sampler(options.qmc);
    if (name == "tpe") return tpe_sampler(options.tpe);
    if (name == "tpe-univariate") {
        TpeConfig univariate = options.tpe;
        univariate.joint = TpeConfig::Joint::univariate;
        return tpe_sampler(univariate);
    }
    if (name == "cmaes") return cmaes_sampler(options.cmaes);
    if (name == "nsga2") return nsga2_sampler(options.nsga2);
    std::string known;
    for (const std::string& one : sampler_names()) known += (known.empty() ? "" : ", ") + one;
    return fail(ErrorCode::usage, with_suggestion("unknown sampler \"" + name + "\"", name, sampler_names()), "samplers: " + known);
}

}  // namespace sofia::tune

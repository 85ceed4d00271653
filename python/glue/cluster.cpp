#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "app/pipeline/direction_data.hpp"
#include "app/pipeline/direction_settings.hpp"
#include "app/pipeline/direction_tune.hpp"
#include "app/pipeline/tables.hpp"
#include "app/pipeline/tune.hpp"
#include "long_call.hpp"

// What runs on the nodes of a cluster (python/sofia/_ray.py): workers whose trials somebody else counts, and the columns of one symbol.
namespace sofia::python {
namespace {

using Texts = std::vector<std::string>;
using pipeline::Context;
using pipeline::Output;

/// The callables are Python's; both are called by a thread without its lock.
tune::Share share_of(const nb::callable& may_ask, const nb::callable& before_tell, const std::string& worker) {
    tune::Share share;
    share.may_ask = [&may_ask] {
        const nb::gil_scoped_acquire locked;
        return nb::cast<bool>(may_ask());
    };
    share.before_tell = [&before_tell](std::int64_t number) -> Result<void> {
        const nb::gil_scoped_acquire locked;
        try {
            before_tell(number);
        } catch (nb::python_error& error) {
            return fail(ErrorCode::unavailable, error.what());
        }
        return {};
    };
    share.worker = worker;
    return share;
}

/// Trials of a study one after the other until `may_ask` says no.
Answer tune_worker(const CallOptions& options, const std::string& config, const Texts& sets, const std::string& data_dir,
                   const std::string& model_dir, const std::string& study, const std::string& storage, bool resume, const nb::callable& may_ask,
                   const nb::callable& before_tell, const std::string& worker) {
    const pipeline::TuneRequest request{.config_file = config,
                                        .sets = sets,
                                        .data_dir = data_dir,
                                        .model_dir = model_dir,
                                        .study = study,
                                        .storage = storage,
                                        .trials = 0,
                                        .batch = 1,
                                        .workers = 1,
                                        .mode = resume ? pipeline::StudyMode::resume : pipeline::StudyMode::create,
                                        .share = share_of(may_ask, before_tell, worker)};
    return answer_of(options, "tune", [&](const Context& context) -> Result<Output> {
        SOFIA_TRY(const std::string strategy, pipeline::strategy_of(request.config_file, request.sets));
        if (strategy == "direction") {
            SOFIA_TRY(const auto result, pipeline::tune_direction(request, context));
            return pipeline::describe(result);
        }
        SOFIA_TRY(const auto result, pipeline::tune(request, context));
        return pipeline::describe(result);
    });
}

/// `sofia features`.
Answer feature_table(const CallOptions& options, const std::string& config, const Texts& sets, const std::string& data_dir, const std::string& out,
                     bool minute, std::int64_t horizon) {
    return answer_of(options, "features", [&](const Context& context) -> Result<Output> {
        SOFIA_TRY(const std::string strategy, pipeline::strategy_of(config, sets));
        if (!minute && strategy != "direction") {
            pipeline::TableRequest request;
            request.config_file = config;
            request.sets = sets;
            request.data_dir = data_dir;
            request.out = out;
            return pipeline::write_feature_table(request, context);
        }
        Texts all = sets;
        if (horizon > 0) all.push_back("horizon=" + std::to_string(horizon));
        return pipeline::write_minute_table({.config_file = config, .sets = all, .data_dir = data_dir, .out = out}, context);
    });
}

}  // namespace

void bind_cluster(nb::module_& module) {
    module.def("tune_worker", &tune_worker, nb::arg("options"), nb::arg("config"), nb::arg("sets"), nb::arg("data_dir"), nb::arg("model_dir"),
               nb::arg("study"), nb::arg("storage"), nb::arg("resume"), nb::arg("may_ask"), nb::arg("before_tell"), nb::arg("worker"));
    module.def("feature_table", &feature_table, nb::arg("options"), nb::arg("config"), nb::arg("sets"), nb::arg("data_dir"), nb::arg("out"),
               nb::arg("minute"), nb::arg("horizon"));
}

}  // namespace sofia::python

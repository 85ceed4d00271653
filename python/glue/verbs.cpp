#include <utility>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/backtest.hpp"
#include "app/pipeline/data_stage.hpp"
#include "app/pipeline/select.hpp"
#include "app/pipeline/stress.hpp"
#include "app/pipeline/tables.hpp"
#include "app/pipeline/train.hpp"
#include "app/pipeline/tune.hpp"
#include "glue.hpp"
#include "long_call.hpp"

namespace sofia::python {
namespace {

using Texts = std::vector<std::string>;
using pipeline::Context;
using pipeline::Output;

/// Text for people, the same as JSON, exit code: what the command prints and returns.
using Answer = std::tuple<std::string, std::string, int>;

std::vector<std::filesystem::path> paths_of(const Texts& texts) { return {texts.begin(), texts.end()}; }

pipeline::SampleMode sample_of(bool in_sample) { return in_sample ? pipeline::SampleMode::in_sample : pipeline::SampleMode::out_of_sample; }

/// Runs a stage as the command does.
Answer answer_of(const CallOptions& options, const char* verb, const std::function<Result<Output>(const Context&)>& stage) {
    Answer answer;
    run_long(options, {"python", "-m", "sofia", verb}, [&](const Context& context) {
        const Output output = value_of(stage(context));
        answer = {output.text, output.json ? output.json->dump() : "null", output.exit};
    });
    return answer;
}

template <class Request, class Stage>
Answer described(const CallOptions& options, const char* verb, const Request& request, const Stage& stage) {
    return answer_of(options, verb, [&](const Context& context) -> Result<Output> {
        SOFIA_TRY(const auto result, stage(request, context));
        return pipeline::describe(result);
    });
}

Answer tune(const CallOptions& options, const std::string& config, const Texts& sets, const std::string& data_dir, const std::string& model_dir,
            const std::string& study, const std::string& storage, std::int64_t trials, double timeout_s, std::int64_t batch, std::int64_t workers,
            bool resume) {
    const pipeline::TuneRequest request{.config_file = config,
                                        .sets = sets,
                                        .data_dir = data_dir,
                                        .model_dir = model_dir,
                                        .study = study,
                                        .storage = storage,
                                        .trials = trials,
                                        .timeout = static_cast<DurationNs>(timeout_s * static_cast<double>(ns_per_second)),
                                        .batch = batch,
                                        .workers = workers,
                                        .mode = resume ? pipeline::StudyMode::resume : pipeline::StudyMode::create};
    return described(options, "tune", request, pipeline::tune);
}

Answer select(const CallOptions& options, const std::string& config, const Texts& sets, const std::string& model_dir, const std::string& study,
              const std::string& data_dir) {
    const pipeline::SelectRequest request{.config_file = config, .sets = sets, .model_dir = model_dir, .study = study, .data_dir = data_dir};
    return described(options, "select", request, pipeline::select);
}

Answer train(const CallOptions& options, const std::string& summary, const std::string& config, const Texts& sets, const std::string& data_dir,
             bool all) {
    const pipeline::TrainRequest request{.summary = summary,
                                         .config_file = config,
                                         .sets = sets,
                                         .data_dir = data_dir,
                                         .through = all ? pipeline::TrainThrough::all : pipeline::TrainThrough::tuning};
    return described(options, "train", request, pipeline::train);
}

Answer backtest(const CallOptions& options, const std::string& train_config, const std::string& config, const Texts& sets,
                const std::string& data_dir, const std::string& window, bool in_sample, std::optional<std::size_t> fold) {
    const pipeline::BacktestRequest request{.train_config = train_config,
                                            .config_file = config,
                                            .sets = sets,
                                            .data_dir = data_dir,
                                            .window = window,
                                            .sample = sample_of(in_sample),
                                            .fold = fold};
    return described(options, "backtest", request, pipeline::backtest);
}

Answer stress(const CallOptions& options, const std::string& train_config, const std::string& config, const Texts& sets, const std::string& data_dir,
              const Texts& extra_data, bool in_sample) {
    const pipeline::StressRequest request{.train_config = train_config,
                                          .config_file = config,
                                          .sets = sets,
                                          .data_dir = data_dir,
                                          .extra_data = paths_of(extra_data),
                                          .sample = sample_of(in_sample)};
    return described(options, "stress", request, pipeline::stress);
}

Answer simulate(const CallOptions& options, const std::string& out, bool minutes, const Texts& sets) {
    pipeline::SimulateRequest request;
    request.out = out;
    request.kind = minutes ? pipeline::SimulationKind::direction_minutes : pipeline::SimulationKind::trades;
    config::Keys keys;
    request.config.describe(keys);
    for (const std::string& set : sets) value_of(config::set(set, keys));
    return answer_of(options, "data simulate", [&](const Context& context) { return pipeline::simulate_data(request, context); });
}

Answer check(const CallOptions& options, const std::string& data_dir, bool skip_bad_rows) {
    const pipeline::DataRequest request{.data_dir = data_dir, .out = {}, .skip_bad_rows = skip_bad_rows};
    return answer_of(options, "data check", [&](const Context& context) { return pipeline::check_data(request, context); });
}

}  // namespace

void bind_verbs(nb::module_& module) {
    nb::class_<CallOptions>(module, "CallOptions", "Seed, threads (0: all cores; changes no result) and whether to draw progress.")
        .def(
            "__init__",
            [](CallOptions* self, std::uint64_t seed, std::size_t threads, bool progress) { new (self) CallOptions{seed, threads, progress}; },
            nb::arg("seed"), nb::arg("threads"), nb::arg("progress"));
    module.def("tune", &tune, nb::arg("options"), nb::arg("config"), nb::arg("sets"), nb::arg("data_dir"), nb::arg("model_dir"), nb::arg("study"),
               nb::arg("storage"), nb::arg("trials"), nb::arg("timeout_s"), nb::arg("batch"), nb::arg("workers"), nb::arg("resume"));
    module.def("select", &select, nb::arg("options"), nb::arg("config"), nb::arg("sets"), nb::arg("model_dir"), nb::arg("study"),
               nb::arg("data_dir"));
    module.def("train", &train, nb::arg("options"), nb::arg("summary"), nb::arg("config"), nb::arg("sets"), nb::arg("data_dir"), nb::arg("all"));
    module.def("backtest", &backtest, nb::arg("options"), nb::arg("train_config"), nb::arg("config"), nb::arg("sets"), nb::arg("data_dir"),
               nb::arg("window"), nb::arg("in_sample"), nb::arg("fold").none());
    module.def("stress", &stress, nb::arg("options"), nb::arg("train_config"), nb::arg("config"), nb::arg("sets"), nb::arg("data_dir"),
               nb::arg("extra_data"), nb::arg("in_sample"));
    module.def("simulate", &simulate, nb::arg("options"), nb::arg("out"), nb::arg("minutes"), nb::arg("sets"));
    module.def("check_data", &check, nb::arg("options"), nb::arg("data_dir"), nb::arg("skip_bad_rows"));
}

}  // namespace sofia::python

#include <utility>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "app/pipeline/backtest.hpp"
#include "app/pipeline/data_stage.hpp"
#include "app/pipeline/direction_backtest.hpp"
#include "app/pipeline/direction_settings.hpp"
#include "app/pipeline/direction_summary.hpp"
#include "app/pipeline/direction_train.hpp"
#include "app/pipeline/direction_tune.hpp"
#include "app/pipeline/select.hpp"
#include "app/pipeline/stress.hpp"
#include "app/pipeline/tables.hpp"
#include "app/pipeline/train.hpp"
#include "app/pipeline/tune.hpp"
#include "glue.hpp"
#include "long_call.hpp"
#include "store/folder.hpp"

namespace sofia::python {
namespace {

using Texts = std::vector<std::string>;
using pipeline::Context;
using pipeline::Output;

std::vector<std::filesystem::path> paths_of(const Texts& texts) { return {texts.begin(), texts.end()}; }

pipeline::SampleMode sample_of(bool in_sample) { return in_sample ? pipeline::SampleMode::in_sample : pipeline::SampleMode::out_of_sample; }

template <class Outcome>
Result<Output> shown(Result<Outcome> outcome) {
    if (!outcome) return std::unexpected(std::move(outcome).error());
    return pipeline::describe(*outcome);
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
    return answer_of(options, "tune", [&](const Context& context) -> Result<Output> {
        SOFIA_TRY(const std::string strategy, pipeline::strategy_of(config, sets));
        return strategy == "direction" ? shown(pipeline::tune_direction(request, context)) : shown(pipeline::tune(request, context));
    });
}

Answer select(const CallOptions& options, const std::string& config, const Texts& sets, const std::string& model_dir, const std::string& study,
              const std::string& data_dir) {
    const pipeline::SelectRequest request{.config_file = config, .sets = sets, .model_dir = model_dir, .study = study, .data_dir = data_dir};
    return answer_of(options, "select", [&](const Context& context) { return shown(pipeline::select(request, context)); });
}

Result<Output> train_direction(pipeline::DirectionTrainRequest request, const std::string& study, const Context& context) {
    if (request.summary.empty()) {
        SOFIA_TRY(const auto folder, pipeline::direction_study(request.model_dir, study));
        SOFIA_TRY(request.summary, pipeline::best_direction_summary(folder));
    }
    return shown(pipeline::train_direction(request, context));
}

Answer train(const CallOptions& options, const std::string& config, const Texts& sets, const std::string& summary, const std::string& data_dir,
             bool all, const std::string& model_dir, const std::string& study, bool force) {
    return answer_of(options, "train", [&](const Context& context) -> Result<Output> {
        SOFIA_TRY(const std::string strategy, summary.empty() ? Result<std::string>("direction") : pipeline::strategy_of_summary(summary));
        if (strategy == "direction") {
            const auto promote = force ? pipeline::Promote::forced : pipeline::Promote::if_better;
            return train_direction({.summary = summary, .sets = sets, .data_dir = data_dir, .model_dir = model_dir, .promote = promote}, study,
                                   context);
        }
        const auto through = all ? pipeline::TrainThrough::all : pipeline::TrainThrough::tuning;
        return shown(pipeline::train({.summary = summary, .config_file = config, .sets = sets, .data_dir = data_dir, .through = through}, context));
    });
}

Answer backtest(const CallOptions& options, const std::string& config, const Texts& sets, const std::string& train_config,
                const std::string& data_dir, const std::string& window, bool in_sample, std::optional<std::size_t> fold, const std::string& against) {
    const pipeline::BacktestRequest request{.train_config = train_config,
                                            .config_file = config,
                                            .sets = sets,
                                            .data_dir = data_dir,
                                            .window = window,
                                            .sample = sample_of(in_sample),
                                            .fold = fold};
    return answer_of(options, "backtest", [&](const Context& context) -> Result<Output> {
        SOFIA_TRY(const std::string strategy, pipeline::strategy_of_summary(train_config));
        if (strategy != "direction") return shown(pipeline::backtest(request, context));
        if (window != pipeline::BacktestRequest().window || in_sample || fold) {
            return fail(ErrorCode::usage, "the direction strategy is walked forward over the end of the data: it has no windows and no folds",
                        "simulation.days says how long");
        }
        return shown(pipeline::backtest_direction({.summary = train_config, .sets = sets, .data_dir = data_dir, .against = against}, context));
    });
}

Answer stress(const CallOptions& options, const std::string& config, const Texts& sets, const std::string& train_config, const std::string& data_dir,
              const Texts& extra_data, bool in_sample) {
    const pipeline::StressRequest request{.train_config = train_config,
                                          .config_file = config,
                                          .sets = sets,
                                          .data_dir = data_dir,
                                          .extra_data = paths_of(extra_data),
                                          .sample = sample_of(in_sample)};
    return answer_of(options, "stress", [&](const Context& context) { return shown(pipeline::stress(request, context)); });
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
    module.def("train", &train, nb::arg("options"), nb::arg("config"), nb::arg("sets"), nb::arg("summary"), nb::arg("data_dir"), nb::arg("all"),
               nb::arg("model_dir"), nb::arg("study"), nb::arg("force"));
    module.def("backtest", &backtest, nb::arg("options"), nb::arg("config"), nb::arg("sets"), nb::arg("train_config"), nb::arg("data_dir"),
               nb::arg("window"), nb::arg("in_sample"), nb::arg("fold").none(), nb::arg("against"));
    module.def("stress", &stress, nb::arg("options"), nb::arg("config"), nb::arg("sets"), nb::arg("train_config"), nb::arg("data_dir"),
               nb::arg("extra_data"), nb::arg("in_sample"));
    module.def("symbol_of_data", [](const std::string& path) { return value_of(store::DataFolder::open(path)).symbol(); }, nb::arg("path"));
    module.def("simulate", &simulate, nb::arg("options"), nb::arg("out"), nb::arg("minutes"), nb::arg("sets"));
    module.def("check_data", &check, nb::arg("options"), nb::arg("data_dir"), nb::arg("skip_bad_rows"));
}

}  // namespace sofia::python

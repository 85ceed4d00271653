#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/study_choice.hpp"
#include "app/cli/verb.hpp"
#include "app/pipeline/study_plot.hpp"

namespace sofia::cli {
namespace {

using pipeline::Context;
using pipeline::ImportanceEvaluator;
using pipeline::Output;

struct PlotOptions {
    pipeline::PlotRequest request;
    std::string out;
    std::string evaluator = "ped-anova";
};

Result<Output> plot(const PlotOptions& options, const Context& context) {
    pipeline::PlotRequest request = options.request;
    request.out = options.out;
    if (options.evaluator == "none") {
        request.evaluator.reset();
    } else {
        request.evaluator = options.evaluator == "fanova" ? ImportanceEvaluator::fanova : ImportanceEvaluator::ped_anova;
    }
    return pipeline::plot_study(request, context);
}

Verb plot_verb() {
    return {
        "study plot", "Draw a study as one HTML file: history, Pareto front, importance, slices, parallel coordinates, contours, intermediate values",
        "  sofia study plot --study fit\n"
        "  sofia study plot --study fit --params lr,leaves --out pictures/fit.html\n"
        "  sofia study plot --storage sqlite:///studies.db --study trade-off --target latency",
        [](CLI::App& app) {
            auto options = std::make_shared<PlotOptions>();
            add_study_choice(app, options->request.choice);
            app.add_option("--out", options->out, "The file to write; default: NAME.html");
            app.add_option("--params", options->request.params, "Only these parameters; commas between them")->take_all()->allow_extra_args(false);
            app.add_option("--target", options->request.target, "Only this objective, by name or number; default: all, to choose among in the page");
            app.add_option("--evaluator", options->evaluator, "What assesses the importance of parameters: ped-anova, fanova, none")
                ->check(CLI::IsMember({"ped-anova", "fanova", "none"}))
                ->capture_default_str();
            return [options](const Context& context, const CommonOptions&) { return plot(*options, context); };
        }};
}

}  // namespace

std::vector<Verb> study_plot_verbs() { return {plot_verb()}; }

}  // namespace sofia::cli

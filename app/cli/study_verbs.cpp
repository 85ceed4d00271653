#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/cli/common.hpp"
#include "app/cli/study_choice.hpp"
#include "app/cli/verb.hpp"
#include "app/pipeline/study_dashboard.hpp"
#include "app/pipeline/study_edit.hpp"
#include "app/pipeline/study_export.hpp"
#include "app/pipeline/study_importance.hpp"
#include "app/pipeline/study_view.hpp"

namespace sofia::cli {

void add_study_choice(CLI::App& app, pipeline::StudyChoice& choice) {
    app.add_option("--storage", choice.storage, "sqlite:///FILE, a file, or postgresql://USER@HOST/DATABASE; default: NAME.db in the current folder");
    app.add_option("--study", choice.study, "Its name; may be left out when the storage holds one study");
}

namespace {

using pipeline::Context;
using pipeline::Output;
using pipeline::StudyChoice;

/// A verb that needs nothing but a study.
Verb plain_verb(const std::string& name, const std::string& sentence, const std::string& examples, Result<Output> (*act)(const StudyChoice&)) {
    return {name, sentence, examples, [act](CLI::App& app) {
                auto choice = std::make_shared<StudyChoice>();
                add_study_choice(app, *choice);
                return [choice, act](const Context&, const CommonOptions&) { return act(*choice); };
            }};
}

Verb trials_verb() {
    return {"study trials", "List the trials of a study",
            "  sofia study trials --study fit --sort value --limit 10\n  sofia study trials --study fit --state fail", [](CLI::App& app) {
                auto request = std::make_shared<pipeline::TrialsRequest>();
                add_study_choice(app, request->choice);
                app.add_option("--state", request->states, "Only these: complete, pruned, fail, running, waiting")->delimiter(',');
                app.add_option("--sort", request->sort, "number, value (best first), duration, started, or a parameter")->capture_default_str();
                auto descending = std::make_shared<bool>(false);
                app.add_flag("--descending", *descending, "The other way round");
                app.add_option("--target", request->target, "The objective of --sort value, from 0")->capture_default_str()->check(whole_number(0));
                app.add_option("--limit", request->limit, "Only the first N; 0: all")->capture_default_str()->check(whole_number(0));
                return [request, descending](const Context&, const CommonOptions&) {
                    using Order = pipeline::TrialsRequest::Order;
                    request->order = *descending ? Order::descending : Order::ascending;
                    return pipeline::list_trials(*request);
                };
            }};
}

struct ExportOptions {
    pipeline::ExportRequest request;
    std::string out;
    std::string format;
};

/// By name, else by the file's ending, else CSV.
Result<pipeline::ExportFormat> format_of(const ExportOptions& options) {
    using pipeline::ExportFormat;
    const std::string ending = std::filesystem::path(options.out).extension().string();
    const std::string name = !options.format.empty() ? options.format : ending.empty() ? "csv" : ending.substr(1);
    if (name == "csv") return ExportFormat::csv;
    if (name == "parquet") return ExportFormat::parquet;
    if (name == "json") return ExportFormat::json;
    return fail(ErrorCode::usage, fmt::format("a study cannot be exported as \"{}\"", name), "--format csv, parquet or json");
}

Verb export_verb() {
    return {"study export", "Write all trials as a table: the columns of Optuna's trials_dataframe(), or JSON with everything",
            "  sofia study export --study fit --out trials.parquet\n  sofia study export --study fit --format csv", [](CLI::App& app) {
                auto options = std::make_shared<ExportOptions>();
                add_study_choice(app, options->request.choice);
                app.add_option("--out", options->out, "The file to write; default: standard output");
                app.add_option("--format", options->format, "csv, parquet or json; default: by the file's ending, else csv");
                return [options](const Context&, const CommonOptions&) -> Result<Output> {
                    pipeline::ExportRequest request = options->request;
                    request.out = options->out;
                    SOFIA_TRY(request.format, format_of(*options));
                    return pipeline::export_study(request);
                };
            }};
}

Verb importance_verb() {
    return {
        "study importance", "How much each parameter matters",
        "  sofia study importance --study fit\n  sofia study importance --study fit --evaluator fanova --params lr,leaves", [](CLI::App& app) {
            auto request = std::make_shared<pipeline::ImportanceRequest>();
            auto evaluator = std::make_shared<std::string>("ped-anova");
            add_study_choice(app, request->choice);
            app.add_option("--evaluator", *evaluator, "ped-anova or fanova")->check(CLI::IsMember({"ped-anova", "fanova"}))->capture_default_str();
            app.add_option("--params", request->params, "Only these; commas between them")->delimiter(',');
            app.add_option("--target", request->target, "The objective, from 0")->capture_default_str()->check(whole_number(0));
            return [request, evaluator](const Context& context, const CommonOptions&) {
                using pipeline::ImportanceEvaluator;
                request->evaluator = *evaluator == "fanova" ? ImportanceEvaluator::fanova : ImportanceEvaluator::ped_anova;
                return pipeline::assess_importance(*request, context);
            };
        }};
}

Verb copy_verb() {
    return {"study copy", "Copy a study with everything it has",
            "  sofia study copy --study fit --to-study fit-2\n"
            "  sofia study copy --study fit --to-storage postgresql://me@db.example/studies",
            [](CLI::App& app) {
                auto request = std::make_shared<pipeline::CopyRequest>();
                add_study_choice(app, request->from);
                app.add_option("--to-storage", request->to_storage, "Where to; made when missing; default: the same storage");
                app.add_option("--to-study", request->to_study, "Name of the copy; default: the same name");
                return [request](const Context&, const CommonOptions&) { return pipeline::copy_study(*request); };
            }};
}

Verb rename_verb() {
    return {"study rename", "Give a study another name", "  sofia study rename --study fit --to fit-old", [](CLI::App& app) {
                auto choice = std::make_shared<StudyChoice>();
                auto name = std::make_shared<std::string>();
                add_study_choice(app, *choice);
                app.add_option("--to", *name, "The new name")->required();
                return [choice, name](const Context&, const CommonOptions&) { return pipeline::rename_study(*choice, *name); };
            }};
}

Verb delete_verb() {
    return {"study delete", "Delete a study and its trials for good", "  sofia study delete --study fit --yes", [](CLI::App& app) {
                auto choice = std::make_shared<StudyChoice>();
                add_study_choice(app, *choice);
                auto yes = std::make_shared<bool>(false);
                app.add_flag("--yes", *yes, "Really");
                return [choice, yes](const Context&, const CommonOptions&) {
                    return pipeline::delete_study(*choice, *yes ? pipeline::Consent::given : pipeline::Consent::missing);
                };
            }};
}

Verb dashboard_verb() {
    return {"study dashboard", "Serve a storage with optuna-dashboard until Ctrl-C", "  sofia study dashboard --study fit --port 8081",
            [](CLI::App& app) {
                auto request = std::make_shared<pipeline::DashboardRequest>();
                add_study_choice(app, request->choice);
                app.add_option("--host", request->host, "Address it listens at; 0.0.0.0 lets other machines in, and it asks nobody for a password")
                    ->capture_default_str();
                app.add_option("--port", request->port, "Port")->capture_default_str()->check(whole_number(1, 65535));
                return [request](const Context& context, const CommonOptions&) { return pipeline::serve_dashboard(*request, context); };
            }};
}

}  // namespace

std::vector<Verb> study_verbs() {
    return {plain_verb("study list", "List the studies of a storage", "  sofia study list --storage studies.db", pipeline::list_studies),
            plain_verb("study show", "Show one study: counts, parameters, attributes, best trial", "  sofia study show --study fit",
                       pipeline::show_study),
            plain_verb("study best", "Show the best trial, or those that no other dominates", "  sofia study best --study fit --json",
                       pipeline::show_best),
            trials_verb(),
            export_verb(),
            importance_verb(),
            copy_verb(),
            rename_verb(),
            delete_verb(),
            dashboard_verb()};
}

}  // namespace sofia::cli

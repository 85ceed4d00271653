#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/common.hpp"
#include "app/cli/verb.hpp"
#include "app/pipeline/audit_market.hpp"

namespace sofia::cli {
namespace {

using pipeline::AuditKind;
using pipeline::Context;
using pipeline::MarketAuditRequest;
using pipeline::Output;

struct Options {
    MarketAuditRequest request;
    bool keep = false;
    bool leak = false;
};

void add_market_options(CLI::App& app, Options& options) {
    MarketAuditRequest& request = options.request;
    const std::uint64_t seeds_min = request.kind == AuditKind::recovery ? 5 : 1;  // with fewer, resamples of one seed alone make the interval endless
    app.add_option("--out", request.out, "Folder for finished seeds and audit.json")->capture_default_str();
    app.add_option("--seeds", request.seeds, "Simulated markets: --seed and those after it")
        ->capture_default_str()
        ->check(whole_number(seeds_min, 100'000));
    app.add_option("--days", request.days, "Days of each market")->capture_default_str()->check(whole_number(1));
    app.add_option("--trades", request.prints, "Trades of each market")->capture_default_str()->check(whole_number(1));
    app.add_option("--trials", request.trials, "Trials of each study")->capture_default_str()->check(whole_number(1));
    app.add_flag("--keep", options.keep, "Keep each seed's data and study, as OUT/seed_<n>/");
}

std::function<Result<Output>(const Context&, const CommonOptions&)> runner(std::shared_ptr<Options> options) {
    return [options = std::move(options)](const Context& context, const CommonOptions& common) {
        MarketAuditRequest request = options->request;
        request.config_file = common.config;
        request.sets = common.sets;
        if (options->keep) request.folders = pipeline::SeedFolders::keep;
        if (options->leak) request.leak = pipeline::PlantedLeak::future;
        return pipeline::audit_market(request, context);
    };
}

Verb null_verb() {
    return {"audit null", "Runs your configuration on markets without an edge, and says whether it finds one; exit 4 when it does",
            "  sofia audit null --config configs/touch.yaml\n"
            "  sofia audit null --config configs/touch.yaml --seeds 100 --days 365 --out audits/touch\n"
            "  sofia audit null --config configs/touch.yaml --seeds 3 --plant-leak --out audits/leak",
            [](CLI::App& app) {
                auto options = std::make_shared<Options>();
                options->request.out = "audit_null";
                add_market_options(app, *options);
                app.add_flag("--plant-leak", options->leak, "Give the models a column that knows the next hours: the audit has to fail");
                return runner(std::move(options));
            }};
}

Verb recovery_verb() {
    return {"audit recovery", "Runs your configuration on markets with a planted edge, and says how much of it is earned; exit 4 when too little",
            "  sofia audit recovery --config configs/touch.yaml\n"
            "  sofia audit recovery --config configs/touch.yaml --edge 0.5 --out audits/half",
            [](CLI::App& app) {
                auto options = std::make_shared<Options>();
                options->request.kind = AuditKind::recovery;
                options->request.out = "audit_recovery";
                options->request.seeds = 20;
                add_market_options(app, *options);
                app.add_option("--edge", options->request.edge, "Size of the planted edge, for which the limits are known")
                    ->capture_default_str()
                    ->check(CLI::IsMember({0.5, 1.0}));
                return runner(std::move(options));
            }};
}

}  // namespace

std::vector<Verb> audit_verbs() { return {null_verb(), recovery_verb()}; }

}  // namespace sofia::cli

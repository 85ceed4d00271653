#include <cmath>

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/hash.hpp"
#include "report/assets.hpp"
#include "report/page_parts.hpp"
#include "report/page_text.hpp"
#include "report/study.hpp"
#include "report/study_json.hpp"

namespace sofia::report {

namespace {

Result<void> check_trial(const StudyData& data, const StudyTrial& trial) {
    const auto wrong = [&](const char* what, std::size_t got, std::size_t wanted) {
        return fail(ErrorCode::usage, fmt::format("report: trial {} has {} {} instead of {}", trial.number, got, what, wanted));
    };
    if (trial.end == TrialEnd::complete && trial.values.size() != data.objectives.size())
        return wrong("values", trial.values.size(), data.objectives.size());
    if (trial.params.size() != data.parameters.size()) return wrong("parameters", trial.params.size(), data.parameters.size());
    for (std::size_t i = 0; i < trial.params.size(); ++i) {
        const StudyParameter& parameter = data.parameters[i];
        const double value = trial.params[i];
        if (parameter.scale != Scale::category || std::isnan(value)) continue;
        if (value < 0.0 || value >= static_cast<double>(parameter.choices.size()) || value != std::floor(value))
            return fail(ErrorCode::usage, fmt::format("report: trial {}: {} is no index of a choice of {}", trial.number, value, parameter.name));
    }
    return {};
}

Result<void> check(const StudyData& data) {
    if (data.targets.empty()) return fail(ErrorCode::usage, "report: a study needs an objective to show");
    for (const std::size_t target : data.targets) {
        if (target >= data.objectives.size()) return fail(ErrorCode::usage, fmt::format("report: there is no objective {}", target));
    }
    if (!data.importance.empty() && data.importance.size() != data.targets.size())
        return fail(ErrorCode::usage, "report: importances are one list a target");
    for (const auto& shares : data.importance) {
        for (const ParameterShare& share : shares) {
            if (share.parameter >= data.parameters.size())
                return fail(ErrorCode::usage, fmt::format("report: there is no parameter {}", share.parameter));
        }
    }
    for (const std::size_t index : data.best) {
        if (index >= data.trials.size()) return fail(ErrorCode::usage, fmt::format("report: there is no trial at {}", index));
    }
    for (std::size_t i = 0; i < data.trials.size(); ++i) {
        SOFIA_CHECK(check_trial(data, data.trials[i]));
        if (i > 0 && data.trials[i].number <= data.trials[i - 1].number)
            return fail(ErrorCode::usage, fmt::format("report: trial {} stands behind trial {}", data.trials[i].number, data.trials[i - 1].number));
    }
    return {};
}

/// `sha256-…` as a content security policy names a script or a style.
std::string policy_hash(std::string_view text) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::string hex = sha256_hex(text);
    const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
    std::string out = "sha256-";
    unsigned bits = 0;
    int count = 0;
    for (const char c : hex) {
        bits = (bits << 4U) | digit(c);
        count += 4;
        if (count < 6) continue;
        count -= 6;
        out += letters[(bits >> static_cast<unsigned>(count)) & 63U];
    }
    // 256 bits leave four over.
    return out + letters[(bits << 2U) & 63U] + "=";
}

/// The sections that the script fills; one that has nothing to show removes itself.
std::string chart_sections() {
    struct Chart {
        const char* id;
        const char* title;
        const char* what;
    };
    constexpr Chart charts[] = {
        {"pareto", "Pareto front", "trade-off between objectives"},
        {"history", "Optimisation history", "objective by trial, with the best so far"},
        {"importance", "Parameter importance", "share of each parameter"},
        {"parallel", "Parallel coordinates", "one line a trial through all its parameters"},
        {"slice", "Slices", "objective by each parameter"},
        {"contour", "Contours", "objective over two parameters"},
        {"intermediate", "Intermediate values", "reported values by step"},
        {"trials", "Best trials", "table of the best trials"},
    };
    std::string out;
    for (const Chart& chart : charts) {
        out += fmt::format("<section id=\"{}\" hidden><h2>{}</h2>\n<div class=\"panel\" role=\"group\" aria-label=\"{}: {}\"></div></section>\n",
                           chart.id, chart.title, chart.title, chart.what);
    }
    return out;
}

}  // namespace

Result<std::string> study_html(const StudyData& data, const StudyLimits& limits) {
    SOFIA_CHECK(check(data));
    const std::string css = "\n" + std::string(style()) + std::string(study_style());
    const std::string script = "\n" + std::string(tables_script()) + std::string(study_script());
    std::string out = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
    out += fmt::format(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; "
        "form-action 'none'\">\n",
        policy_hash(script), policy_hash(css));
    out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" + escape(data.title) + "</title>\n<style>" + css +
           "</style>\n</head>\n<body>\n<main>\n<header><h1><bdi>" + escape(data.title) + "</bdi></h1>";
    if (!data.subtitle.empty()) out += "<p class=\"subtitle\">" + escape(data.subtitle) + "</p>";
    out += "</header>\n" + cards(data.headline);
    out += "<noscript><p class=\"notes\">The charts are drawn by the script of this page, which is switched off here.</p></noscript>\n";
    out += "<div id=\"bar\"></div>\n" + chart_sections() + notes_section(data.notes);
    out += "<footer>" + provenance_list(data.provenance) + "</footer>\n</main>\n<div id=\"told\" class=\"unseen\" aria-live=\"polite\"></div>\n";
    out += "<script type=\"application/json\" id=\"study-data\">" + study_json(data, limits) + "</script>\n";
    return out + "<script>" + script + "</script>\n</body>\n</html>\n";
}

Result<void> write_study_html(const std::filesystem::path& path, const StudyData& data, const StudyLimits& limits) {
    SOFIA_TRY(const std::string page, study_html(data, limits));
    return write_file(path, page);
}

}  // namespace sofia::report

#include "report/page_parts.hpp"

#include <cmath>

#include <fmt/format.h>

#include "report/page_text.hpp"

namespace sofia::report {

namespace {

bool is_negative(const Figure& figure) {
    const auto* number = std::get_if<double>(&figure.value);
    return number != nullptr && *number < 0.0;
}

}  // namespace

std::string unit_text(const std::string& unit) { return unit.empty() ? "" : " <span class=\"unit\">" + escape(unit) + "</span>"; }

std::string value_text(const Figure& figure) {
    if (const auto* text = std::get_if<std::string>(&figure.value)) return escape(*text);
    return format_number(std::get<double>(figure.value), figure.decimals);
}

std::string panel(const std::string& title, const std::string& body) {
    return "<div class=\"panel\"><h3>" + escape(title) + "</h3>" + body + "</div>\n";
}

std::string section(const std::string& title, const std::string& body) {
    return body.empty() ? "" : "<section><h2>" + escape(title) + "</h2>\n" + body + "</section>\n";
}

std::string cards(std::span<const Figure> figures) {
    if (figures.empty()) return "";
    std::string out = "<div class=\"cards\">\n";
    for (const Figure& figure : figures) {
        out += fmt::format("<div class=\"card\"><div class=\"name\">{}</div><div class=\"value{}\">{}{}</div>", escape(figure.name),
                           is_negative(figure) ? " loss-text" : "", value_text(figure),
                           figure.unit.empty() ? "" : "<small>" + escape(figure.unit) + "</small>");
        if (!figure.note.empty()) out += "<div class=\"note\">" + escape(figure.note) + "</div>";
        out += "</div>\n";
    }
    return out + "</div>\n";
}

std::string notes_section(std::span<const std::string> notes) {
    std::string body;
    for (const std::string& note : notes) body += "<p>" + escape(note) + "</p>\n";
    return section("Notes", body.empty() ? "" : "<div class=\"notes\">" + body + "</div>");
}

std::string provenance_list(std::span<const Figure> figures) {
    if (figures.empty()) return "";
    std::string out = "<dl>";
    for (const Figure& figure : figures) {
        out += "<dt>" + escape(figure.name) + "</dt><dd>" + value_text(figure) + unit_text(figure.unit) + "</dd>";
    }
    return out + "</dl>";
}

}  // namespace sofia::report

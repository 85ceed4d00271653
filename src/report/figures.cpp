#include "report/figures.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "report/page_text.hpp"

namespace sofia::report {

namespace {

/// A plot area with a vertical value axis.
struct Frame {
    double width = 560.0;
    double height = 260.0;
    double left = 58.0;
    double right = 12.0;
    double top = 12.0;
    double bottom = 44.0;
    double low = 0.0;
    double high = 1.0;

    [[nodiscard]] double plot_width() const { return width - left - right; }
    [[nodiscard]] double y(double value) const { return top + (high - value) / (high - low) * (height - top - bottom); }
};

std::string open_svg(double width, double height, const std::string& label) {
    return fmt::format("<svg class=\"figure\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">", width, height, escape(label));
}

std::string text_at(double x, double y, const char* style, const std::string& text) {
    return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\">{}</text>", x, y, style, escape(text));
}

std::string rectangle(double x, double y, double width, double height, const std::string& tone, const std::string& title) {
    return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"><title>{}</title></rect>", x, y,
                       std::max(width, 0.5), std::max(height, 0.5), tone, escape(title));
}

std::string line(double x1, double y1, double x2, double y2, const char* style) {
    return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>", x1, y1, x2, y2, style);
}

/// Sets the frame's range to its ticks and draws grid, tick labels and the axis title.
std::string value_axis(Frame& frame, double low, double high, const std::string& title) {
    const Ticks ticks = nice_ticks(low, high, 5);
    frame.low = ticks.values.front();
    frame.high = ticks.values.back();
    std::string out;
    for (const double value : ticks.values) {
        const double y = frame.y(value);
        out += line(frame.left, y, frame.width - frame.right, y, value == 0.0 ? "zero" : "grid");
        out += text_at(frame.left - 7.0, y + 4.0, "tick end", format_number(value, ticks.decimals));
    }
    const double middle = (frame.top + frame.height - frame.bottom) / 2.0;
    out += fmt::format("<text transform=\"translate(13 {:.1f}) rotate(-90)\" class=\"axis middle\">{}</text>", middle, escape(title));
    return out;
}

std::string shorten(const std::string& text, std::size_t length) {
    // Never in the middle of a UTF-8 sequence.
    if (text.size() <= length) return text;
    std::size_t end = length - 1;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return text.substr(0, end) + "…";
}

std::string with_unit(const std::string& name, const std::string& unit) { return unit.empty() ? name : name + " (" + unit + ")"; }

/// Decimals that show about three significant digits of values up to `size`.
int decimals_for(double size) {
    if (!(size > 0.0)) return 2;
    return std::clamp(2 - static_cast<int>(std::floor(std::log10(size))), 0, 8);
}

/// Labels under columns: tilted when there is not enough room.
std::string column_label(double x, double y, double room, const std::string& label) {
    if (static_cast<double>(label.size()) * 6.5 <= room) return text_at(x, y, "tick middle", label);
    return fmt::format("<text transform=\"translate({:.1f} {:.1f}) rotate(-35)\" class=\"tick end\">{}</text>", x + 4.0, y - 4.0,
                       escape(shorten(label, 14)));
}

}  // namespace

Ticks nice_ticks(double low, double high, int count) {
    if (!(high > low)) {
        const double pad = high == 0.0 ? 1.0 : std::abs(high) / 2.0;
        low -= pad;
        high += pad;
    }
    const double raw = (high - low) / count;
    const double power = std::pow(10.0, std::floor(std::log10(raw)));
    double step = 10.0 * power;
    for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
        if (factor * power >= raw * 0.999) {
            step = factor * power;
            break;
        }
    }
    Ticks ticks;
    const double exponent = std::floor(std::log10(step) + 1e-9);
    const bool quarter = std::abs(step / std::pow(10.0, exponent) - 2.5) < 1e-6;
    ticks.decimals = std::max(0, static_cast<int>(-exponent) + (quarter ? 1 : 0));
    const double first = std::floor(low / step + 1e-9);
    const double last = std::ceil(high / step - 1e-9);
    for (double i = first; i <= last; i += 1.0) ticks.values.push_back(i * step);
    return ticks;
}

std::string bar_list(std::span<const BarItem> items, const std::string& axis) {
    constexpr double width = 560.0;
    constexpr double left = 196.0;
    constexpr double right = 66.0;
    constexpr double row = 19.0;
    const double height = 8.0 + row * static_cast<double>(items.size()) + 26.0;
    double largest = 0.0;
    for (const BarItem& item : items) largest = std::max(largest, item.value);
    std::string out = open_svg(width, height, axis);
    double y = 8.0;
    for (const BarItem& item : items) {
        const double length = largest > 0.0 ? item.value / largest * (width - left - right) : 0.0;
        out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"name end\"><title>{}</title>{}</text>", left - 8.0, y + 12.0, escape(item.label),
                           escape(shorten(item.label, 28)));
        out += rectangle(left, y + 2.0, length, row - 6.0, item.tone, item.label + ": " + item.value_text);
        out += text_at(left + length + 6.0, y + 12.0, "tick", item.value_text);
        y += row;
    }
    out += line(left, 6.0, left, y, "zero");
    return out + text_at(left, y + 18.0, "axis", axis) + "</svg>";
}

std::string fold_columns(std::span<const FoldScore> folds, const std::string& axis) {
    double low = 0.0;
    double high = 0.0;
    for (const FoldScore& fold : folds) {
        if (!std::isfinite(fold.value)) continue;
        low = std::min(low, fold.value);
        high = std::max(high, fold.value);
    }
    Frame frame;
    std::string out = open_svg(frame.width, frame.height, axis);
    out += value_axis(frame, low, high, axis);
    const double slot = frame.plot_width() / static_cast<double>(std::max<std::size_t>(folds.size(), 1));
    const double thick = std::min(slot * 0.62, 54.0);
    const int decimals = decimals_for(std::max(high, -low));
    for (std::size_t i = 0; i < folds.size(); ++i) {
        const FoldScore& fold = folds[i];
        const double x = frame.left + (static_cast<double>(i) + 0.5) * slot;
        out += column_label(x, frame.height - frame.bottom + 16.0, slot, fold.name);
        if (!std::isfinite(fold.value)) continue;
        const double top = frame.y(std::max(fold.value, 0.0));
        const double bottom = frame.y(std::min(fold.value, 0.0));
        const std::string number = format_number(fold.value, decimals);
        out += rectangle(x - thick / 2.0, top, thick, bottom - top, fold.value < 0.0 ? "loss" : "accent",
                         fold.name + ": " + number + (fold.note.empty() ? "" : ", " + fold.note));
        if (slot > 34.0) out += text_at(x, fold.value < 0.0 ? bottom + 12.0 : top - 4.0, "tick middle", number);
    }
    return out + "</svg>";
}

std::string waterfall_chart(std::span<const WaterfallStep> steps, const std::string& unit) {
    double low = 0.0;
    double high = 0.0;
    double total = 0.0;
    for (const WaterfallStep& step : steps) {
        total += std::isfinite(step.value) ? step.value : 0.0;
        low = std::min(low, total);
        high = std::max(high, total);
    }
    Frame frame;
    const std::string title = with_unit("from gross to net", unit);
    std::string out = open_svg(frame.width, frame.height, title);
    out += value_axis(frame, low, high, title);
    const double slot = frame.plot_width() / static_cast<double>(steps.size() + 1);
    const double thick = std::min(slot * 0.62, 60.0);
    const int decimals = decimals_for(std::max(high, -low));
    double running = 0.0;
    const auto column = [&](std::size_t index, const std::string& name, double from, double to, const char* tone) {
        const double x = frame.left + (static_cast<double>(index) + 0.5) * slot;
        const std::string number = format_number(to - from, decimals);
        const double top = frame.y(std::max(from, to));
        out += rectangle(x - thick / 2.0, top, thick, frame.y(std::min(from, to)) - top, tone, name + ": " + number);
        out += text_at(x, top - 4.0, "tick middle", number);
        out += column_label(x, frame.height - frame.bottom + 16.0, slot, name);
        if (index < steps.size()) out += line(x + thick / 2.0, frame.y(to), x + slot - thick / 2.0, frame.y(to), "link");
    };
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const double value = std::isfinite(steps[i].value) ? steps[i].value : 0.0;
        column(i, steps[i].name, running, running + value, i == 0 ? "accent" : value < 0.0 ? "loss" : "gain");
        running += value;
    }
    column(steps.size(), "net", 0.0, total, total < 0.0 ? "loss strong" : "gain strong");
    return out + "</svg>";
}

std::string reliability_chart(std::span<const ReliabilityPoint> points) {
    Frame frame;
    frame.height = 300.0;
    std::size_t most = 1;
    for (const ReliabilityPoint& point : points) most = std::max(most, point.count);
    std::string out = open_svg(frame.width, frame.height, "reliability of the probabilities");
    out += value_axis(frame, 0.0, 1.0, "observed frequency");
    const auto x = [&](double p) { return frame.left + p * frame.plot_width(); };
    for (const double p : {0.0, 0.2, 0.4, 0.6, 0.8, 1.0})
        out += text_at(x(p), frame.height - frame.bottom + 16.0, "tick middle", format_number(p, 1));
    out += text_at(x(0.5), frame.height - 8.0, "axis middle", "predicted probability");
    out += line(x(0.0), frame.y(0.0), x(1.0), frame.y(1.0), "ideal");
    std::string path;
    std::string dots;
    for (const ReliabilityPoint& point : points) {
        if (!std::isfinite(point.predicted) || !std::isfinite(point.observed)) continue;
        path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : " L", x(point.predicted), frame.y(point.observed));
        const double radius = 3.0 + 6.0 * std::sqrt(static_cast<double>(point.count) / static_cast<double>(most));
        dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" class=\"accent dot\"><title>{}</title></circle>", x(point.predicted),
                            frame.y(point.observed), radius,
                            escape(format_number(static_cast<double>(point.count), 0) + " predictions near " + format_number(point.predicted, 3) +
                                   ", observed " + format_number(point.observed, 3)));
    }
    if (!path.empty()) out += "<path d=\"" + path + "\" class=\"curve\"/>";
    return out + dots + "</svg>";
}

std::string heat_map(const HeatMap& map) {
    constexpr double width = 560.0;
    constexpr double left = 150.0;
    constexpr double top = 26.0;
    constexpr double row = 40.0;
    const double bottom = top + row * static_cast<double>(map.y_classes.size());
    const double column = (width - left - 8.0) / static_cast<double>(std::max<std::size_t>(map.x_classes.size(), 1));
    double largest = 0.0;
    for (const auto& line_ : map.values) {
        for (const double value : line_) largest = std::isfinite(value) ? std::max(largest, std::abs(value)) : largest;
    }
    const int decimals = decimals_for(largest);
    std::string out = open_svg(width, bottom + 44.0, map.title);
    for (std::size_t i = 0; i < map.y_classes.size(); ++i) {
        const double y = bottom - row * static_cast<double>(i + 1);  // low ones below
        out += text_at(left - 8.0, y + row / 2.0 + 4.0, "tick end", shorten(map.y_classes[i], 22));
        for (std::size_t j = 0; j < map.x_classes.size(); ++j) {
            const double value = map.values[i][j];
            if (!std::isfinite(value)) continue;
            const double x = left + column * static_cast<double>(j);
            const bool marked = i == map.marked_y && j == map.marked_x;
            out += fmt::format(
                "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}{}\" fill-opacity=\"{:.3f}\"><title>{}</title></rect>",
                x + 1.5, y + 1.5, column - 3.0, row - 3.0, value < 0.0 ? "loss" : "gain", marked ? " marked" : "",
                largest > 0.0 ? 0.1 + 0.6 * std::abs(value) / largest : 0.1,
                escape(fmt::format("{} {}, {} {}: {} of {}", map.x_name, map.x_classes[j], map.y_name, map.y_classes[i],
                                   format_number(value, decimals), map.counts[i][j])));
            out += text_at(x + column / 2.0, y + row / 2.0 + 4.0, "tick middle", format_number(value, decimals));
        }
    }
    for (std::size_t j = 0; j < map.x_classes.size(); ++j) {
        out += text_at(left + column * (static_cast<double>(j) + 0.5), bottom + 16.0, "tick middle", shorten(map.x_classes[j], 16));
    }
    out += text_at(left + (width - left) / 2.0, bottom + 36.0, "axis middle", map.x_name);
    out += text_at(8.0, 15.0, "axis", map.y_name);  // above its classes: names of parameters are long
    return out + "</svg>";
}

std::string histogram(const Distribution& distribution) {
    std::vector<double> values;
    std::ranges::copy_if(distribution.values, std::back_inserter(values), [](double v) { return std::isfinite(v); });
    if (values.empty()) return "";
    const auto [least, greatest] = std::ranges::minmax(values);
    const Ticks classes = nice_ticks(least, greatest, 30);
    const double step = classes.values[1] - classes.values[0];
    std::vector<std::size_t> counts(classes.values.size() - 1, 0);
    for (const double value : values) {
        const auto index = static_cast<std::size_t>(std::max(0.0, std::floor((value - classes.values.front()) / step)));
        ++counts[std::min(index, counts.size() - 1)];
    }
    Frame frame;
    std::string out = open_svg(frame.width, frame.height, distribution.title);
    out += value_axis(frame, 0.0, static_cast<double>(*std::ranges::max_element(counts)), "count");
    const double first = classes.values.front();
    const double span = classes.values.back() - first;
    const auto x = [&](double value) { return frame.left + (value - first) / span * frame.plot_width(); };
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] == 0) continue;
        const double low = classes.values[i];
        const double top = frame.y(static_cast<double>(counts[i]));
        out +=
            rectangle(x(low) + 0.5, top, x(low + step) - x(low) - 1.0, frame.y(0.0) - top, low < -step / 2.0 ? "loss" : "gain",
                      format_number(low, classes.decimals) + " to " + format_number(low + step, classes.decimals) + ": " + std::to_string(counts[i]));
    }
    const Ticks labels = nice_ticks(first, classes.values.back(), 6);
    for (const double value : labels.values) {
        if (value < first - step / 2.0 || value > classes.values.back() + step / 2.0) continue;
        out += text_at(x(value), frame.height - frame.bottom + 16.0, "tick middle", format_number(value, labels.decimals));
    }
    out += text_at(frame.left + frame.plot_width() / 2.0, frame.height - 8.0, "axis middle",
                   distribution.unit.empty() ? distribution.title : distribution.unit);
    return out + "</svg>";
}

}  // namespace sofia::report

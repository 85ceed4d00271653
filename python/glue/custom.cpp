#include "custom.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bar_columns.hpp"
#include "base/text.hpp"
#include "base/yaml.hpp"
#include "param_value.hpp"

namespace sofia::python {

/// The first exception of a registered function with each message. Touched with Python's lock.
struct Registered::Raised {
    std::map<std::string, nb::object> by_message;
};

namespace {

using Raised = Registered::Raised;
using RaisedPtr = std::shared_ptr<Raised>;
using Matrix = nb::ndarray<const double, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

/// An object of Python that may be let go without its lock.
class Held {
public:
    explicit Held(nb::object object) : object_(new nb::object(std::move(object))) {}
    ~Held() {
        if (object_ == nullptr) return;
        const nb::gil_scoped_acquire locked;
        delete object_;
    }
    Held(Held&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    Held& operator=(Held&&) = delete;
    [[nodiscard]] const nb::object& get() const { return *object_; }

private:
    nb::object* object_;
};

/// The error that custom.py has made of an exception, which is kept to be raised as it is.
Error error_of(const nb::python_error& thrown, Raised& raised) {
    const nb::handle exception = thrown.value();
    if (!nb::hasattr(exception, "code") || !nb::hasattr(exception, "hint")) return {ErrorCode::internal, thrown.what(), ""};
    const nb::object codes = nb::module_::import_("sofia._core").attr("error_codes");
    Error error{static_cast<ErrorCode>(nb::cast<int>(codes.attr("index")(exception.attr("code")))), nb::cast<std::string>(exception.attr("message")),
                nb::cast<std::string>(exception.attr("hint"))};
    raised.by_message.try_emplace(error.message, nb::borrow(exception));
    return error;
}

/// Runs `work` with Python's lock and turns what it throws into an error.
template <class Work>
auto with_python(Raised& raised, const Work& work) -> Result<decltype(work())> {
    const nb::gil_scoped_acquire locked;
    try {
        return work();
    } catch (const nb::python_error& thrown) {
        return std::unexpected(error_of(thrown, raised));
    } catch (const std::exception& thrown) {
        return fail(ErrorCode::internal, std::string("a registered function: ") + thrown.what());
    }
}

std::vector<double> numbers_of(const nb::object& array) {
    const auto numbers = nb::cast<Doubles>(array);
    return {numbers.data(), numbers.data() + numbers.shape(0)};
}

class PythonFeature final : public features::Feature {
public:
    PythonFeature(const nb::handle& given, RaisedPtr raised)
        : raised_(std::move(raised)), sha256_(nb::cast<std::string>(given.attr("sha256"))), compute_(nb::object(given.attr("compute"))) {
        for (const nb::handle one : given.attr("specs")()) {
            const auto spec = nb::cast<nb::tuple>(one);
            features::FeatureSpec column;
            column.name = nb::cast<std::string>(spec[0]);
            column.formula = nb::cast<std::string>(spec[1]);
            column.unit = nb::cast<std::string>(spec[2]);
            column.warm_up = nb::cast<std::size_t>(spec[3]);
            column.version = nb::cast<int>(spec[4]);
            column.source = "registered in Python";
            columns_.push_back(std::move(column));
        }
    }
    [[nodiscard]] const std::vector<features::FeatureSpec>& columns() const override { return columns_; }
    [[nodiscard]] std::string source_sha256() const override { return sha256_; }
    [[nodiscard]] Result<std::vector<double>> compute(std::span<const market::Bar> bars) const override {
        return with_python(*raised_, [&] { return numbers_of(compute_.get()(columns_of(bars))); });
    }

private:
    RaisedPtr raised_;
    std::string sha256_;
    Held compute_;
    std::vector<features::FeatureSpec> columns_;
};

class PythonLabeler final : public labels::Labeler {
public:
    PythonLabeler(const nb::handle& given, RaisedPtr raised)
        : raised_(std::move(raised)), sha256_(nb::cast<std::string>(given.attr("sha256"))), compute_(nb::object(given.attr("compute"))) {
        spec_ = {nb::cast<std::string>(given.attr("name")), nb::cast<std::string>(given.attr("formula")), nb::cast<int>(given.attr("version"))};
    }
    [[nodiscard]] const labels::LabelerSpec& spec() const override { return spec_; }
    [[nodiscard]] std::string source_sha256() const override { return sha256_; }
    [[nodiscard]] Result<labels::BarLabels> compute(std::span<const market::Bar> bars, std::int64_t horizon) const override {
        return with_python(*raised_, [&] {
            const auto made = nb::cast<nb::tuple>(compute_.get()(columns_of(bars), horizon));
            const auto ends = nb::cast<Times>(made[1]);
            return labels::BarLabels{numbers_of(made[0]), {ends.data(), ends.data() + ends.shape(0)}};
        });
    }

private:
    RaisedPtr raised_;
    std::string sha256_;
    Held compute_;
    labels::LabelerSpec spec_;
};

/// The rows as an array of its own: a model may keep what it was fitted on.
nb::object array_of_rows(models::MatrixView rows) {
    return array_of(std::vector<double>(rows.values.begin(), rows.values.end()), rows.rows, rows.columns);
}

nb::object array_of_labels(std::span<const double> labels) {
    std::vector<std::int64_t> classes(labels.size());
    std::ranges::transform(labels, classes.begin(), [](double label) { return label > 0.5 ? 1 : 0; });
    return array_of(std::move(classes));
}

nb::object plain_of(const config::Yaml& scalar) {
    const std::string& text = scalar.text;
    if (!scalar.quoted) {
        if (text == "true" || text == "false") return nb::bool_(text == "true");
        if (text == "null" || text == "~" || text.empty()) return nb::none();
        if (const auto whole = parse_int(text)) return nb::int_(*whole);
        if (const auto number = parse_double(text)) return nb::float_(*number);
    }
    return python_text(text);
}

/// A YAML value as Python has it.
nb::object python_of(const config::Yaml& value) {
    using Kind = config::Yaml::Kind;
    if (value.kind == Kind::null) return nb::none();
    if (value.kind == Kind::scalar) return plain_of(value);
    if (value.kind == Kind::sequence) {
        nb::list list;
        for (const config::Yaml& item : value.items) list.append(python_of(item));
        return list;
    }
    nb::dict dict;
    for (const auto& [key, inner] : value.entries) dict[plain_of(key)] = python_of(inner);
    return dict;
}

nb::dict python_of(const std::map<std::string, std::string>& parameters) {
    nb::dict out;
    for (const auto& [name, yaml] : parameters) out[python_text(name)] = python_of(value_of(config::parse_yaml_value(yaml)));
    return out;
}

class PythonModel final : public models::LearntModel {
public:
    PythonModel(nb::object model, RaisedPtr raised) : raised_(std::move(raised)), model_(std::move(model)) {}
    [[nodiscard]] Result<std::vector<double>> predict(models::MatrixView rows) const override {
        return with_python(*raised_, [&] { return numbers_of(model_.get().attr("predict")(array_of_rows(rows))); });
    }
    [[nodiscard]] Result<std::string> bytes() const override {
        return with_python(*raised_, [&] {
            const nb::bytes made(model_.get().attr("dump")());
            return std::string(made.c_str(), made.size());
        });
    }

private:
    RaisedPtr raised_;
    Held model_;
};

class PythonLearner final : public models::Learner {
public:
    PythonLearner(const nb::handle& given, RaisedPtr raised)
        : raised_(std::move(raised)), sha256_(nb::cast<std::string>(given.attr("sha256"))), given_(nb::borrow(given)) {
        spec_ = {nb::cast<std::string>(given.attr("name")), nb::cast<std::string>(given.attr("description")), nb::cast<int>(given.attr("version")),
                 "model.pkl"};
    }
    [[nodiscard]] const models::LearnerSpec& spec() const override { return spec_; }
    [[nodiscard]] std::string source_sha256() const override { return sha256_; }
    [[nodiscard]] Result<void> check(const std::map<std::string, std::string>& parameters) const override {
        const auto checked = with_python(*raised_, [&] { return given_.get().attr("check")(python_of(parameters)).is_none(); });
        if (!checked) return std::unexpected(checked.error());
        return {};
    }
    [[nodiscard]] Result<std::unique_ptr<models::LearntModel>> fit(const models::LearningTask& task) const override {
        return with_python(*raised_, [&]() -> std::unique_ptr<models::LearntModel> {
            const nb::object made = given_.get().attr("fit")(array_of_rows(task.train), array_of_labels(task.y), array_of_rows(task.validation),
                                                             array_of_labels(task.validation_y), task.columns, python_of(task.parameters), task.seed);
            return std::make_unique<PythonModel>(made, raised_);
        });
    }
    [[nodiscard]] Result<std::unique_ptr<models::LearntModel>> load(const std::string& bytes, const std::string& name) const override {
        return with_python(*raised_, [&]() -> std::unique_ptr<models::LearntModel> {
            return std::make_unique<PythonModel>(given_.get().attr("load")(nb::bytes(bytes.data(), bytes.size()), name), raised_);
        });
    }

private:
    RaisedPtr raised_;
    std::string sha256_;
    Held given_;
    models::LearnerSpec spec_;
};

}  // namespace

Registered::Registered() : raised_(std::make_shared<Raised>()) {
    const nb::object all = nb::module_::import_("sofia.custom").attr("handed_over")();
    for (const nb::handle one : all) {
        const auto kind = nb::cast<std::string>(one.attr("kind"));
        const auto name = nb::cast<std::string>(one.attr("name"));
        if (kind == "feature") extensions_.features[name] = std::make_shared<PythonFeature>(one, raised_);
        if (kind == "label") extensions_.labels[name] = std::make_shared<PythonLabeler>(one, raised_);
        if (kind == "model") extensions_.learners[name] = std::make_shared<PythonLearner>(one, raised_);
    }
}

Registered::~Registered() = default;

void Registered::rethrow(const Failure& failure) const {
    const auto found = raised_->by_message.find(failure.error().message);
    if (found == raised_->by_message.end()) throw failure;
    PyErr_SetObject(found->second.type().ptr(), found->second.ptr());
    throw nb::python_error();
}

}  // namespace sofia::python

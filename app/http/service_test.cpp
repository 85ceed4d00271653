#include "app/http/service.hpp"

#include <cmath>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "base/json.hpp"
#include "net/http.hpp"

namespace sofia::http {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

/// One split at ret1 = 0: P(up) = 1 / (1 + e^-1) above, 1 / (1 + e) below; a missing ret1 goes left.
constexpr const char* stump =
    "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\nobjective=binary sigmoid:1\n"
    "feature_names=close ret1\nfeature_infos=[0:1] [-1:1]\ntree_sizes=242\n\n"
    "Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=1\nsplit_gain=1\nthreshold=0\ndecision_type=10\nleft_child=-1\nright_child=-2\n"
    "leaf_value=-1 1\nleaf_weight=1 1\nleaf_count=1 1\ninternal_value=0\ninternal_weight=2\ninternal_count=2\nis_linear=0\nshrinkage=1\n\n\n"
    "end of trees\n";

class HttpService : public ::testing::Test {
protected:
    HttpService() {
        put("AUSD", "2026-01-31", stump);
        hub_ = pipeline::ModelHub::open(root_, Logger()).value();
    }
    ~HttpService() override { fs::remove_all(root_); }

    void put(const std::string& symbol, const std::string& version, const std::string& text) const {
        fs::create_directories(root_ / symbol / version);
        ASSERT_TRUE(write_file(root_ / symbol / version / "lgbm.txt", text).has_value());
        ASSERT_TRUE(write_file(root_ / symbol / version / "model_card.json", R"({"horizon": 5})").has_value());
        fs::remove(root_ / symbol / "best_lgbm");
        fs::create_directory_symlink(version, root_ / symbol / "best_lgbm");
    }

    static net::ServerRequest asked(const std::string& method, const std::string& path, const std::string& body = "") {
        return {.method = method, .path = path, .query = "", .headers = {{"Content-Type", "application/json"}}, .body = body};
    }

    static Json json_of(const net::ServerResponse& response) { return parse_json(response.body, "answer").value(); }

    const fs::path root_ = fs::temp_directory_path() / ("sofia_http_" + std::to_string(getpid()));
    std::unique_ptr<pipeline::ModelHub> hub_;
    const double up_ = 1.0 / (1.0 + std::exp(-1.0));
};

TEST_F(HttpService, PredictsOneRowAndMany) {
    const Service service(*hub_, "");
    const Json one = json_of(service.answer(asked("POST", "/predict", R"({"symbol": "AUSD", "features": {"close": 1, "ret1": 0.5}})")));
    EXPECT_EQ(one["symbol"], "AUSD");
    EXPECT_EQ(one["version"], "2026-01-31");
    EXPECT_DOUBLE_EQ(one["proba_up"], up_);
    const Json many = json_of(service.answer(asked("POST", "/predict", R"({"rows": [{"ret1": 1, "close": 1}, {"close": 1, "ret1": null}]})")));
    EXPECT_DOUBLE_EQ(many["proba_up"][0], up_);
    EXPECT_DOUBLE_EQ(many["proba_up"][1], 1.0 - up_);
    const Json listed = json_of(service.answer(asked("POST", "/predict", R"({"columns": ["ret1", "close"], "rows": [[1, 1], [-1, null]]})")));
    EXPECT_EQ(listed["proba_up"], many["proba_up"]);
}

TEST_F(HttpService, SaysWhatIsWrongWithARequest) {
    const Service service(*hub_, "");
    const auto refused = [&](const std::string& body, int status) {
        const net::ServerResponse response = service.answer(asked("POST", "/predict", body));
        EXPECT_EQ(response.status, status) << body;
        return json_of(response)["error"]["message"].get<std::string>();
    };
    EXPECT_THAT(refused("not json", 400), HasSubstr("not JSON"));
    refused("[1]", 422);
    refused("{}", 422);
    refused(R"({"features": {}, "rows": []})", 422);
    refused(R"({"rows": []})", 422);
    refused(R"({"features": {"close": 1, "ret1": 1}, "columns": ["close"]})", 422);
    refused(R"({"columns": ["close", "ret1"], "rows": [[1]]})", 422);
    refused(R"({"columns": ["close", "close", "ret1"], "rows": [[1, 1, 1]]})", 422);
    EXPECT_THAT(refused(R"({"feature": {}})", 422), HasSubstr("feature"));
    EXPECT_THAT(refused(R"({"features": {"close": "1", "ret1": 1}})", 422), HasSubstr("features.close"));
    EXPECT_THAT(refused(R"({"rows": [{"close": 1, "ret1": 1}, {"close": 1}]})", 422), HasSubstr("row 1: the row lacks ret1"));
    EXPECT_THAT(refused(R"({"features": {"close": 1, "ret1": 1, "ret2": 1}})", 422), HasSubstr("did you mean ret1"));
    EXPECT_THAT(refused(R"({"symbol": "BUSD", "features": {"close": 1, "ret1": 1}})", 404), HasSubstr("AUSD"));
    EXPECT_EQ(service.answer(asked("GET", "/else")).status, 404);
    const auto method = service.answer(asked("GET", "/predict"));
    EXPECT_EQ(method.status, 405);
    EXPECT_EQ(method.headers.front(), (std::pair<std::string, std::string>{"Allow", "POST"}));
    net::ServerRequest form = asked("POST", "/predict", "close=1");
    form.headers = {{"content-type", "application/x-www-form-urlencoded"}};
    EXPECT_EQ(service.answer(form).status, 415);
}

TEST_F(HttpService, AsksForItsToken) {
    const Service service(*hub_, "the-token");
    const auto status = [&](const std::string& path, const std::string& authorization) {
        net::ServerRequest request = asked("GET", path);
        if (!authorization.empty()) request.headers.emplace_back("authorization", authorization);
        return service.answer(request).status;
    };
    for (const char* path : {"/engines/status", "/models", "/metrics", "/openapi.json"}) {
        EXPECT_EQ(status(path, ""), 401);
        EXPECT_EQ(status(path, "Bearer the-toke"), 401);
        EXPECT_EQ(status(path, "Bearer the-token2"), 401);
        EXPECT_EQ(status(path, "Basic the-token"), 401);
        EXPECT_EQ(status(path, "Bearer "), 401);
        EXPECT_EQ(status(path, "bearer the-token"), 200);
    }
    EXPECT_EQ(status("/healthz", ""), 200);
    EXPECT_EQ(status("/readyz", ""), 200);
    EXPECT_EQ(service.answer(asked("POST", "/predict", "{}")).status, 401);
}

TEST_F(HttpService, ShowsItsEnginesAndFollowsTheirLinks) {
    const Service service(*hub_, "");
    const auto engine = [&] { return json_of(service.answer(asked("GET", "/engines/status")))["engines"][0]; };
    EXPECT_EQ(engine()["health"], "ok");
    EXPECT_EQ(engine()["features"], (Json{"close", "ret1"}));
    EXPECT_EQ(engine()["card"]["horizon"], 5);
    put("AUSD", "2026-02-01", "tree\nversion=v4\n");
    hub_->refresh();
    EXPECT_EQ(engine()["health"], "stale");
    EXPECT_EQ(engine()["version"], "2026-01-31");
    put("AUSD", "2026-02-01-2", stump);
    put("AUSD", "2026-02-01-10", stump);
    put("BUSD", "2026-02-01", "nothing");
    hub_->refresh();
    EXPECT_EQ(engine()["version"], "2026-02-01-10");
    EXPECT_EQ(engine()["health"], "ok");
    const Json models = json_of(service.answer(asked("GET", "/models")))["models"];
    EXPECT_EQ(models[0]["versions"], (Json{"2026-01-31", "2026-02-01", "2026-02-01-2", "2026-02-01-10"}));
    EXPECT_TRUE(models[1]["version"].is_null());
    EXPECT_EQ(service.answer(asked("POST", "/predict", R"({"symbol": "BUSD", "features": {"close": 1, "ret1": 1}})")).status, 503);
    EXPECT_EQ(service.answer(asked("POST", "/predict", R"({"features": {"close": 1, "ret1": 1}})")).status, 422);  // which of the two?
}

TEST_F(HttpService, IsReadyWhileAModelAnswersAndItDoesNotStop) {
    const Service service(*hub_, "");
    EXPECT_EQ(service.answer(asked("GET", "/readyz")).status, 200);
    service.drain();
    EXPECT_EQ(service.answer(asked("GET", "/readyz")).status, 503);
    EXPECT_EQ(service.answer(asked("GET", "/healthz")).status, 200);
    fs::create_directories(root_ / "empty");
    const auto none = pipeline::ModelHub::open(root_ / "empty", Logger()).value();
    EXPECT_EQ(Service(*none, "").answer(asked("GET", "/readyz")).status, 503);
    EXPECT_FALSE(pipeline::ModelHub::open(root_ / "nothing", Logger()).has_value());
}

TEST_F(HttpService, CountsWithoutTakingLabelsFromClients) {
    const Service service(*hub_, "");
    static_cast<void>(service.answer(asked("POST", "/predict", R"({"rows": [{"close": 1, "ret1": 1}, {"close": 1, "ret1": 1}]})")));
    static_cast<void>(service.answer(asked("MADEUP", "/made/up")));
    const std::string text = service.answer(asked("GET", "/metrics")).body;
    EXPECT_THAT(text, HasSubstr("sofia_predictions_total{symbol=\"AUSD\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("sofia_http_requests_total{route=\"/predict\",method=\"POST\",status=\"200\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("sofia_http_requests_total{route=\"other\",method=\"other\",status=\"404\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("sofia_http_request_seconds_bucket{route=\"/predict\",le=\"+Inf\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("sofia_model_loaded{symbol=\"AUSD\"} 1\n"));
    EXPECT_THAT(text, Not(HasSubstr("made")));
}

TEST_F(HttpService, DescribesEveryRoute) {
    const Service service(*hub_, "");
    const Json document = json_of(service.answer(asked("GET", "/openapi.json")));
    EXPECT_EQ(document["openapi"], "3.1.0");
    for (const char* path : {"/engines/status", "/predict", "/models", "/healthz", "/readyz", "/metrics", "/openapi.json"}) {
        EXPECT_TRUE(document["paths"].contains(path)) << path;
    }
    // What a row has to hold is the model's affair.
    EXPECT_EQ(document["components"]["schemas"]["Row1"]["required"], (Json{"close", "ret1"}));
    EXPECT_EQ(document["components"]["schemas"]["Question"]["oneOf"].size(), 3U);
}

TEST_F(HttpService, ServesUntilItIsStopped) {
    StopFlag stop;
    pipeline::Context context;
    context.stop = &stop;
    std::string address;
    std::mutex mutex;
    context.log = Logger::to([&](LogLevel, std::string_view line) {
        const std::lock_guard lock(mutex);
        if (line.starts_with("serving")) address = std::string(line.substr(line.find("http://")));
    });
    pipeline::ServeRequest request;
    request.model_dir = root_;
    request.server.port = 0;
    Result<pipeline::Output> ended = fail(ErrorCode::internal, "runs");
    std::jthread thread([&] { ended = serve(request, context); });
    const auto url = [&] {
        const std::lock_guard lock(mutex);
        return address;
    };
    while (url().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const StopFlag never;
    net::HttpOptions once;
    once.retries = 0;
    const auto answer = net::send({.method = "POST",
                                   .url = url() + "/predict",
                                   .headers = {{"Content-Type", "application/json"}},
                                   .body = R"({"features": {"close": 1, "ret1": 1}})"},
                                  {}, never);
    EXPECT_EQ(answer.value().status, 200);
    stop.request();
    thread.join();
    ASSERT_TRUE(ended.has_value());
    EXPECT_FALSE(net::get(url() + "/healthz", once, never).has_value());
}

TEST_F(HttpService, BeyondThisMachineATokenIsNeeded) {
    StopFlag stop;
    stop.request();
    pipeline::Context context;
    context.stop = &stop;
    pipeline::ServeRequest request;
    request.model_dir = root_;
    request.server.host = "0.0.0.0";
    request.server.port = 0;
    const auto refused = serve(request, context);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::config);
    EXPECT_THAT(refused.error().message, HasSubstr("token"));
    request.token = "x";
    EXPECT_TRUE(serve(request, context).has_value());
}

}  // namespace
}  // namespace sofia::http

#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "app/http/metrics.hpp"
#include "app/pipeline/model_hub.hpp"
#include "app/pipeline/serve.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "net/server.hpp"

namespace sofia::http {

/// Rows of one request.
inline constexpr std::size_t rows_max = 10'000;

/// The service's answers, apart from sockets. Routes: GET /engines/status, /models, /healthz, /readyz, /metrics, /openapi.json; POST /predict.
/// Errors are JSON: {"error": {"code": …, "message": …, "hint": …}}. With a token every route but /healthz and /readyz asks for it
/// (`Authorization: Bearer …`, compared in constant time). Thread-safe.
class Service {
public:
    Service(const pipeline::ModelHub& hub, std::string token) : hub_(hub), token_(std::move(token)) {}

    [[nodiscard]] net::ServerResponse answer(const net::ServerRequest& request) const;

    /// Says on /readyz that nothing new should be sent here.
    void drain() const { draining_ = true; }

private:
    [[nodiscard]] net::ServerResponse route(const net::ServerRequest& request, std::string& name) const;
    [[nodiscard]] net::ServerResponse predict(const net::ServerRequest& request) const;
    [[nodiscard]] net::ServerResponse ready() const;
    [[nodiscard]] std::string metrics() const;
    [[nodiscard]] bool allowed(const net::ServerRequest& request) const;

    const pipeline::ModelHub& hub_;
    std::string token_;
    mutable Metrics metrics_;
    mutable std::atomic<bool> draining_{false};
    const TimeNs begun_ = wall_clock_now();
};

/// Serves until the context's stop flag is set, then finishes what was taken. Errors: io (no such folder, port taken), config (limits; an address
/// beyond this machine without a token).
[[nodiscard]] Result<pipeline::Output> serve(const pipeline::ServeRequest& request, const pipeline::Context& context);

/// The OpenAPI 3.1 document of the service, with the features of the models that answer now.
[[nodiscard]] std::string openapi(const std::string& version, const std::vector<pipeline::EngineStatus>& engines);

}  // namespace sofia::http

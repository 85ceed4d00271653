#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "base/result.hpp"
#include "net/server.hpp"

namespace sofia::pipeline {

/// What `sofia serve` is asked for.
struct ServeRequest {
    std::filesystem::path model_dir = "models";  ///< the parent of the symbols' folders
    net::ServerOptions server;
    std::string token;                           ///< asked of every client; empty: none, on loopback only
};

/// The service itself, which the command line is handed: it lies in a room of its own.
using Serve = std::function<Result<Output>(const ServeRequest&, const Context&)>;

}  // namespace sofia::pipeline

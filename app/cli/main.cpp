#include <csignal>

#include "app/cli/verb.hpp"

namespace {
// The one global of the program: a signal handler can reach nothing else.
sofia::StopFlag stop_flag;

void on_interrupt(int signal_number) {
    // A second Ctrl-C ends at once, for someone who does not want to wait for a clean stop.
    if (stop_flag.requested()) {
        std::signal(signal_number, SIG_DFL);
        std::raise(signal_number);
    }
    stop_flag.request();
}
}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGINT, on_interrupt);
    std::signal(SIGTERM, on_interrupt);
    std::signal(SIGPIPE, SIG_IGN);
    return sofia::cli::run(argc, argv, stop_flag);
}

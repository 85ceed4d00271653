#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "app/cli/verb.hpp"
#include "app/http/service.hpp"

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

/// A caller may have closed a standard stream (`2>&-`). The next file that is opened would take its number, and log lines would go into data.
void occupy_standard_streams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
        // The lowest free number is the closed one. What is written to a closed standard output is still lost, so writing must fail.
        const int flags = fd == STDOUT_FILENO ? O_RDONLY : O_RDWR;
        if (::open("/dev/null", flags) != fd) _exit(1);
    }
}
}  // namespace

int main(int argc, char** argv) {
    occupy_standard_streams();
    std::signal(SIGINT, on_interrupt);
    std::signal(SIGTERM, on_interrupt);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a file above `ulimit -f` is a failed write like any other
    return sofia::cli::run(argc, argv, stop_flag, sofia::http::serve);
}

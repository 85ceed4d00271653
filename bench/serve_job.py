"""The job `serve`: `sofia serve` under an open load of oha beside FastAPI and LightGBM (bench/serve_peer.py).

Requests are sent at a fixed rate whether or not the ones before are answered, and a latency counts from when its request was due (oha's
--latency-correction), so that a slow server cannot hide by being asked less. Standard library only.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import ROOT, BenchError, number

OHA = Path(os.environ.get("OHA", ROOT / "build" / "tools" / "bin" / "oha"))
CONNECTIONS, ROWS, RATE = 1_000, 10, 5_000
BODY = json.dumps({"columns": ["close", "ret1", "sma20_gap", "sma50_gap", "vol_z"],
                   "rows": [[round(0.1 * i, 3), round(0.37 - 0.11 * i, 3), -0.25, 0.5, round(0.2 * i - 1, 3)] for i in range(ROWS)]})
# Rates that are tried one after the other until one is not sustained.
RATES = (50, 100, 200, 300, 400, 600, 800, 1_000, 1_300, 1_600, 2_000, 2_500, 3_200, 4_000, 5_000, 6_500, 8_000, 10_000, 13_000, 16_000, 20_000)
SECONDS, LADDER_SECONDS = 20, 5


@dataclass
class Load:
    """What one rate did."""

    rate: float  # answered a second
    p50_ms: float
    p99_ms: float
    errors: int  # not answered, or answered with another status than 200

    def sustained(self, asked: float) -> bool:
        return self.errors == 0 and self.rate >= 0.97 * asked and self.p99_ms < 100


def load(url: str, rate: int, seconds: int) -> Load:
    words = [OHA, "--no-tui", "--output-format", "json", "-z", f"{seconds}s", "-c", CONNECTIONS, "-q", rate, "--latency-correction",
             "--wait-ongoing-requests-after-deadline", "-m", "POST", "-T", "application/json", "-d", BODY, f"{url}/predict"]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"oha ended with {done.returncode}: {done.stderr[-500:]}")
    told = json.loads(done.stdout)
    statuses = {int(code): count for code, count in told["statusCodeDistribution"].items()}
    errors = sum(told["errorDistribution"].values()) + sum(count for code, count in statuses.items() if code != 200)
    percentiles = told["latencyPercentiles"]
    if statuses.get(200, 0) == 0:
        return Load(0.0, float("inf"), float("inf"), max(errors, 1))
    return Load(statuses[200] / told["summary"]["total"], 1e3 * percentiles["p50"], 1e3 * percentiles["p99"], errors)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(command: list, port: int):
    """A server that answers on /healthz, and its URL."""
    process = subprocess.Popen([str(word) for word in command], cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{url}/healthz", timeout=1):
                    break
            except (urllib.error.URLError, OSError) as problem:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise BenchError(f"{command[0]} does not answer") from problem
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


def same_answers(ours: str, theirs: str) -> None:
    def ask(url: str) -> list[float]:
        request = urllib.request.Request(f"{url}/predict", BODY.encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())["proba_up"]

    if ask(ours) != ask(theirs):
        raise BenchError("sofia serve and its peer predict differently")


def ladder(url: str) -> tuple[float, Load]:
    """The largest rate that was sustained, and what it did."""
    best = (0.0, Load(0.0, 0.0, 0.0, 0))
    for rate in RATES:
        found = load(url, rate, LADDER_SECONDS)
        if not found.sustained(rate):
            break
        best = (found.rate, found)
    return best


def serve(bench) -> list:
    """Rows of the table: the latency at the rate of the target, and the rates that both sides sustain."""
    from jobs import Row, verdict
    if bench.small or not OHA.exists():
        # tests/e2e/test_serve.py asks the service itself.
        print(f"serve: left out, {'a load has no small size' if bench.small else f'{OHA} is not there (tools/setup --peers installs it where cargo is)'}", file=sys.stderr)
        return []
    # A thousand connections on both sides.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = bench.scratch("serve")
    subprocess.run([str(word) for word in bench.peer("serve_peer.py", "fit", folder)], cwd=ROOT, check=True)
    port, peer_port = free_port(), free_port()
    ours = [bench.tapes.sofia, "serve", "--model-dir", folder, "--port", port, "--quiet"]
    theirs = bench.peer("serve_peer.py", "serve", folder, peer_port)
    with running(ours, port) as url, running(theirs, peer_port) as peer_url:
        same_answers(url, peer_url)
    with running(ours, port) as url:
        load(url, RATE // 5, 2)  # not counted
        at_rate = load(url, RATE, SECONDS)
        own = ladder(url)
    with running(theirs, peer_port) as url:
        load(url, RATES[0], 2)
        peer = ladder(url)
    name = f"POST /predict, {ROWS} rows, {CONNECTIONS:,} connections, open loop"
    times = own[0] / peer[0] if peer[0] > 0 else float("inf")
    remark = "oha and the server share the cores. p99 counts from when a request was due."
    return [
        Row(f"{name}: {RATE:,} requests/s for {SECONDS} s", f"p50 {number(at_rate.p50_ms)} ms, p99 {number(at_rate.p99_ms)} ms, {at_rate.errors} errors", "", "",
            "p99 under 5 ms, no error", verdict(at_rate.p99_ms < 5 and at_rate.errors == 0 and at_rate.rate >= 0.99 * RATE), "", "",
            f"Answered {number(at_rate.rate)} a second. {remark}"),
        Row(f"{name}: sustained requests/s", f"{number(own[0])} (p99 {number(own[1].p99_ms)} ms)", f"FastAPI + LightGBM: {number(peer[0])} (p99 {number(peer[1].p99_ms)} ms)",
            f"{number(times)} x the rate", "10 x the rate", verdict(times >= 10), "", "",
            f"The largest of {len(RATES)} rates of {LADDER_SECONDS} s each at which every request is answered with 200, at least 97 % of the rate is reached and p99 stays "
            f"under 100 ms; {RATES[-1]:,} is the last one tried. The peer has two worker processes, uvloop and httptools."),
    ]

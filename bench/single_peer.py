"""One prediction after the other: LightGBM's own Python, and the two other ways to ask Sofia.

    single_peer.py rows FOLDER                          rows.csv for all sides
    single_peer.py lightgbm FOLDER COUNT                Booster.predict of one row, one thread
    single_peer.py python FOLDER COUNT PACKAGE          sofia.DirectionModel.predict_proba_up of a dict; PACKAGE is the folder that holds `sofia`
    single_peer.py http FOLDER COUNT PORT               POST /predict of one row, on one connection that stays open: from the first byte sent to the last received

Each prints a line of JSON: p50_us, p99_us, p999_us of single calls, and `sum`, of the first round through the rows. Loading is outside the time.
"""

import json
import socket
import sys
import time
from pathlib import Path

import numpy as np

NAMES = ["close", "ret1", "sma20_gap", "sma50_gap", "vol_z"]


def rows_of(folder: Path) -> np.ndarray:
    return np.loadtxt(folder / "rows.csv", delimiter=",", skiprows=1)


def write_rows(folder: Path) -> None:
    x = np.random.default_rng(9).normal(size=(4096, len(NAMES))).round(6)
    (folder / "rows.csv").write_text("\n".join([",".join(NAMES), *(",".join(map(repr, row)) for row in x.tolist())]) + "\n")


def measure(ask, questions: list, count: int) -> None:
    total = 0.0
    for question in questions:
        total += ask(question)
    times = np.empty(count)
    clock = time.perf_counter_ns
    for i in range(count):
        question = questions[i % len(questions)]
        begin = clock()
        ask(question)
        times[i] = clock() - begin
    times.sort()
    at = {name: times[min(count - 1, count * part // 1000)] / 1000 for name, part in (("p50_us", 500), ("p99_us", 990), ("p999_us", 999))}
    print(json.dumps({**at, "sum": total}))


def with_lightgbm(folder: Path, count: int) -> None:
    import lightgbm

    model = lightgbm.Booster(model_file=folder / "X/best_lgbm/lgbm.txt")
    measure(lambda row: float(model.predict(row, num_threads=1)[0]), [row.reshape(1, -1) for row in rows_of(folder)], count)


def with_python(folder: Path, count: int, package: str) -> None:
    sys.path.insert(0, package)
    import sofia

    measure(sofia.DirectionModel(folder / "X/best_lgbm").predict_proba_up, [dict(zip(NAMES, row)) for row in rows_of(folder).tolist()], count)


def with_http(folder: Path, count: int, port: int) -> None:
    def request(row) -> bytes:
        body = json.dumps({"features": dict(zip(NAMES, row))}).encode()
        head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(question: bytes) -> float:
        connection.sendall(question)
        answer = connection.recv(65536)
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65536)
        head, _, body = answer.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(65536)
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(answer.decode())
        return json.loads(body)["proba_up"]

    measure(ask, [request(row) for row in rows_of(folder).tolist()], count)


if __name__ == "__main__":
    what, where = sys.argv[1], Path(sys.argv[2])
    if what == "rows":
        write_rows(where)
    elif what == "lightgbm":
        with_lightgbm(where, int(sys.argv[3]))
    elif what == "python":
        with_python(where, int(sys.argv[3]), sys.argv[4])
    else:
        with_http(where, int(sys.argv[3]), int(sys.argv[4]))

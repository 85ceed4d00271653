"""Two Ray nodes in a network that has only loopback, three workers on one study, and a kill. Started by test_ray.py, in a namespace of its own.

One argument: JSON with config, storage, data, out, trials. The last line of its output is JSON: what the call returned, what was finished before the kill,
which node was killed.
"""

import fcntl
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path


def raise_loopback():
    """A new network namespace has `lo`, but down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP | IFF_RUNNING))
    names = [name for _, name in socket.if_nameindex()]
    assert names == ["lo"], f"not only loopback: {names}"


def family(pid):
    """A process and all that it has started."""
    children = [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]
    return [pid, *(inner for child in children for inner in family(child))]


def kill_when_in_the_middle(node, node_id, storage, given, seen):
    """SIGKILL for the node and its workers, once it has finished trials and others are under way there."""
    import sofia

    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        time.sleep(0.05)
        try:
            trials = sofia.load_study(study_name="s", storage=storage).trials
        except (sofia.UsageError, sofia.IoError, sofia.DataError):
            continue  # there is no study yet
        done = [trial for trial in trials if trial.state == sofia.TrialState.COMPLETE]
        there = [trial for trial in trials if str(trial.user_attrs.get("worker", "")).endswith(node_id)]
        ours = {trial.user_attrs["worker"].split("@")[1] for trial in done}
        if len(ours) < 2 or not any(trial.state == sofia.TrialState.RUNNING for trial in there) or len(done) < 5:
            continue
        for pid in family(node.all_processes["raylet"][0].process.pid):
            os.kill(pid, signal.SIGKILL)
        seen["before"] = [{"number": t.number, "value": t.value, "params": t.params, "worker": t.user_attrs["worker"]} for t in done]
        return


def interrupt(call, storage):
    """Ctrl-C once the study `stopped` has two finished trials; whether it came out as such."""
    import sofia

    def press():
        while True:
            time.sleep(0.1)
            try:
                trials = sofia.load_study(study_name="stopped", storage=storage).trials
            except sofia.UsageError:
                continue
            if sum(trial.state == sofia.TrialState.COMPLETE for trial in trials) >= 2:
                os.kill(os.getpid(), signal.SIGINT)
                return

    threading.Thread(target=press, daemon=True).start()
    try:
        call()
    except KeyboardInterrupt:
        return True
    return False


def main():
    given = json.loads(sys.argv[1])
    raise_loopback()
    import ray
    from ray.cluster_utils import Cluster

    import sofia

    quick = {"health_check_initial_delay_ms": 1000, "health_check_period_ms": 500, "health_check_timeout_ms": 1000, "health_check_failure_threshold": 3}
    common = {"node_ip_address": "127.0.0.1", "object_store_memory": 100 << 20}
    cluster = Cluster(initialize_head=True, head_node_args={**common, "num_cpus": 1, "include_dashboard": False, "_system_config": quick})
    second = cluster.add_node(num_cpus=2, **common)
    ray.init(address=cluster.address, _node_ip_address="127.0.0.1", log_to_driver=False)
    try:
        cluster.wait_for_nodes()
        data, out = Path(given["data"]), Path(given["out"])
        seen = {}
        killer = threading.Thread(target=kill_when_in_the_middle, args=(second, second.node_id, given["storage"], given, seen))
        killer.start()
        config = json.loads(Path(given["config"]).read_text())
        result = sofia.tune.on_ray(config, given["storage"], "s", data_dir=data / "MIN", model_dir=out / "models", trials=given["trials"], seed=3)
        killer.join()
        where = {"data_dir": data / "MIN", "model_dir": out / "models", "seed": 3}
        refused = []
        for wrong, study in (({**config, "no_such_key": 1}, "other"), (config, "s")):  # a wrong setting, a study that is there
            try:
                sofia.tune.on_ray(wrong, given["storage"], study, **where)
            except sofia.SofiaError as problem:
                refused.append(type(problem).__name__)
        interrupted = interrupt(lambda: sofia.tune.on_ray(config, given["storage"], "stopped", trials=10_000, **where), given["storage"])
        sofia.simulate(data, symbol="MIN2", planted="direction", days=2, seed=8)
        sofia.features.on_ray([data / "MIN", data / "MIN2"], out / "features", minute=True, horizon=3)
        print(json.dumps({"result": dict(result), "before": seen["before"], "killed": second.node_id, "refused": refused, "interrupted": interrupted}))
    finally:
        ray.shutdown()
        cluster.shutdown()


main()

"""An S3 server of the tests' own, on loopback: moto's, run from .venv-s3 (tools/setup)."""

import socket
import subprocess
import time
import urllib.error
import urllib.request

from binaries import ROOT

SERVER = ROOT / ".venv-s3" / "bin" / "moto_server"
KEY = "AKIATESTKEY0000"
SECRET = "s3cr3t/of+tests"  # with characters that a URL has to encode


def missing():
    """Why there is no server, or nothing."""
    return "" if SERVER.exists() else ".venv-s3 is not there: tools/setup"


class Server:
    def __enter__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen([SERVER, "-H", "127.0.0.1", "-p", str(self.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/moto-api/", timeout=5)
                return self
            except (urllib.error.URLError, ConnectionError):
                assert self.process.poll() is None, "moto's server ended"
                time.sleep(0.1)
        raise AssertionError("moto's server does not answer")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def bucket(self, name):
        """An empty bucket, and the URL of a store in it."""
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.port}/{name}", method="PUT"), timeout=10)
        secret = urllib.request.quote(SECRET, safe="")
        return f"s3://{KEY}:{secret}@{name}/features?region=us-east-1&scheme=http&endpoint_override=127.0.0.1:{self.port}"

"""A real cluster of two nodes on this machine; a folder of the head's is hidden from the other one."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RAY = str(Path(sys.executable).with_name("ray"))


@dataclass
class Cluster:
    """Where it is, and how to reach it.

    Attributes:
        address: of the head; dashboard: its URL.
        shared, alone: folders that both nodes see, and that only the head sees.
        environment: variables with the token; without RAY_ADDRESS.
        nodes: processes of the nodes.
    """

    address: str
    dashboard: str
    shared: Path
    alone: Path
    environment: dict[str, str]
    nodes: list[subprocess.Popen]

    def coop_icl(self, *arguments, address=None, timeout=240, **variables):
        """Run the command line; RAY_ADDRESS is the head unless ``address`` is given ("" for an embedded Ray)."""
        environment = {**self.environment, "RAY_ADDRESS": self.address if address is None else address, **variables}
        command = [sys.executable, "-m", "coop_icl.cli", *map(str, arguments)]
        return subprocess.run(
            command, cwd=self.shared, env=environment, capture_output=True, text=True, timeout=timeout
        )


def free_ports(count):
    """Ports that nobody listens at, outside of those that Ray gives its workers."""
    with contextlib.ExitStack() as stack:
        found = []
        while len(found) < count:
            port = secrets.randbelow(10_000) + 20_000
            try:
                stack.enter_context(socket.socket()).bind(("", port))
            except OSError:
                continue
            found.append(port)
        return found


def can_hide_folders():
    """Whether this user may give a process a file system of its own."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


@contextlib.contextmanager
def two_nodes():
    """The cluster, one CPU a node, with a token; everything ends with it."""
    from ray.util import get_node_ip_address

    folder = Path(tempfile.mkdtemp(prefix="two_"))  # short: Ray's sockets are below it
    shared, alone = folder / "shared", folder / "alone"
    shared.mkdir()
    alone.mkdir()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "120",  # a machine may be busy
    }
    gcs, dashboard, client, agent, other_agent = free_ports(5)
    address = f"{get_node_ip_address()}:{gcs}"
    common = ["start", "--block", "--num-cpus=1", "--object-store-memory=100000000"]
    head = [RAY, *common, "--head", f"--port={gcs}", f"--dashboard-port={dashboard}", f"--temp-dir={folder / 'ray'}"]
    head += [f"--ray-client-server-port={client}", f"--dashboard-agent-listen-port={agent}"]
    worker = [RAY, *common, f"--address={address}", f"--dashboard-agent-listen-port={other_agent}"]
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(alone), *worker]
    nodes = []
    try:
        for name, command in (("head", head), ("worker", hidden)):
            with (folder / f"{name}.log").open("wb") as log:
                nodes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True))
            wait_for_line(folder / f"{name}.log", "block forever", nodes[-1])
        yield Cluster(address, f"http://127.0.0.1:{dashboard}", shared, alone, environment, nodes)
    finally:
        for node in reversed(nodes):
            node.send_signal(signal.SIGTERM)
        for node in nodes:
            try:
                node.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(node.pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_line(log, words, process, seconds=180):
    """Wait until a log says something."""
    deadline = time.monotonic() + seconds
    while words not in log.read_text(errors="replace"):
        assert process.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < deadline, log.read_text(errors="replace")
        time.sleep(0.2)

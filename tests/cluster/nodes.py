"""A real cluster of two nodes on this machine; a folder of the head's is hidden from the other one."""

import contextlib
import json
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
TINY = ["train.updates=4", "train.episodes_per_learner=8", "game.options.rounds=12", "model.hidden_size=8"]
TINY += ["log.every=2", "log.checkpoint_every=2"]


@dataclass
class Cluster:
    """Where it is, and how to reach it.

    Attributes:
        address: of the head; dashboard: its URL.
        shared, alone: folders that both nodes see, and that only the head sees.
        environment: variables with the token; without RAY_ADDRESS.
        nodes: processes of the nodes.
        within: words before a command that make it run on the head's host.
    """

    address: str
    dashboard: str
    shared: Path
    alone: Path
    environment: dict[str, str]
    nodes: list[subprocess.Popen]
    within: tuple[str, ...] = ()

    def coop_icl(self, *arguments, address=None, timeout=240, **variables):
        """Run the command line; RAY_ADDRESS is the head unless ``address`` is given ("" for an embedded Ray)."""
        environment = {**self.environment, "RAY_ADDRESS": self.address if address is None else address, **variables}
        command = [*self.within, sys.executable, "-m", "coop_icl.cli", *map(str, arguments)]
        return subprocess.run(
            command, cwd=self.shared, env=environment, capture_output=True, text=True, timeout=timeout
        )

    def listed(self, what):
        """What ``ray list`` knows of actors (dead ones too) or nodes."""
        command = [*self.within, RAY, "list", what, "--address", self.dashboard, "--format", "json", "--limit", "500"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        return json.loads(done.stdout)


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


def can_make_hosts():
    """Whether this user may make network namespaces and connect them."""
    if shutil.which("ip") is None:
        return False
    return (
        subprocess.run(["unshare", "--net", "ip", "link", "add", "type", "veth"], capture_output=True).returncode == 0
    )


@contextlib.contextmanager
def two_hosts():
    """Two network namespaces joined by a cable; (words that run a command there, address) of each."""
    names = [f"coop{os.getpid()}{end}" for end in "ab"]
    addresses = ["10.77.0.1", "10.77.0.2"]

    def ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True)

    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", "eth0", "netns", names[0], "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for name, own, other in zip(names, addresses, reversed(addresses), strict=True):
            ip("-n", name, "address", "add", f"{own}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", name, "link", "set", device, "up")
            ip("-n", name, "route", "add", "default", "via", other)  # by which Ray finds its own address
        yield [(("ip", "netns", "exec", name), address) for name, address in zip(names, addresses, strict=True)]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def _environment():
    """Variables for nodes and what talks to them, with a token of its own; without RAY_ADDRESS."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "120",  # a machine may be busy
    }


@contextlib.contextmanager
def one_node(started_in, cpus=2, agent=None):
    """A cluster of a head alone, with a token; everything ends with it.

    Args:
        started_in: folder in which ``ray start`` runs.
        cpus: that it offers.
        agent: port of its job agent, one that is free by default.
    """
    from ray.util import get_node_ip_address

    folder = Path(tempfile.mkdtemp(prefix="one_"))  # short: Ray's sockets are below it
    shared = folder / "shared"
    shared.mkdir()
    gcs, dashboard, client, free = free_ports(4)
    command = [RAY, "start", "--block", "--head", f"--num-cpus={cpus}", "--object-store-memory=100000000"]
    command += [f"--port={gcs}", f"--dashboard-port={dashboard}", f"--ray-client-server-port={client}"]
    command += [f"--dashboard-agent-listen-port={agent or free}", f"--temp-dir={folder / 'ray'}"]
    nodes, environment = [], _environment()
    try:
        nodes.append(_started(command, folder / "head.log", environment, started_in))
        address = f"{get_node_ip_address()}:{gcs}"
        yield Cluster(address, f"http://127.0.0.1:{dashboard}", shared, shared, environment, nodes)
    finally:
        _end(nodes, folder)


def _started(command, log, environment, cwd=None):
    """A node that is up."""
    with log.open("wb") as out:
        node = subprocess.Popen(command, cwd=cwd, env=environment, stdout=out, stderr=out, start_new_session=True)
    try:
        wait_for_line(log, "block forever", node)
    except BaseException:
        node.send_signal(signal.SIGTERM)
        raise
    return node


def _end(nodes, folder):
    """Stop nodes, the last first, and remove their folder."""
    for node in reversed(nodes):
        node.send_signal(signal.SIGTERM)
    for node in nodes:
        try:
            node.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(node.pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def two_nodes(hosts=None):
    """The cluster, one CPU a node, with a token; everything ends with it.

    Args:
        hosts: of both nodes, as ``two_hosts`` gives them; None puts both on this one.
    """
    from ray.util import get_node_ip_address

    (at_head, head_address), (at_worker, worker_address) = hosts or [((), get_node_ip_address())] * 2

    folder = Path(tempfile.mkdtemp(prefix="two_"))  # short: Ray's sockets are below it
    shared, alone = folder / "shared", folder / "alone"
    shared.mkdir()
    alone.mkdir()
    environment = _environment()
    gcs, dashboard, client, agent, other_agent = free_ports(5)
    address = f"{head_address}:{gcs}"
    common = ["start", "--block", "--num-cpus=1", "--object-store-memory=100000000"]
    head = [RAY, *common, "--head", f"--port={gcs}", f"--dashboard-port={dashboard}", f"--temp-dir={folder / 'ray'}"]
    head += [f"--ray-client-server-port={client}", f"--dashboard-agent-listen-port={agent}"]
    head += [f"--node-ip-address={head_address}"]
    worker = [
        RAY,
        *common,
        f"--node-ip-address={worker_address}",
        f"--address={address}",
        f"--dashboard-agent-listen-port={other_agent}",
    ]
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(alone), *worker]
    nodes = []
    try:
        for name, command in (("head", [*at_head, *head]), ("worker", [*at_worker, *hidden])):
            nodes.append(_started(command, folder / f"{name}.log", environment))
        yield Cluster(address, f"http://127.0.0.1:{dashboard}", shared, alone, environment, nodes, at_head)
    finally:
        _end(nodes, folder)


def wait_for_line(log, words, process, seconds=180):
    """Wait until a log says something."""
    deadline = time.monotonic() + seconds
    while words not in log.read_text(errors="replace"):
        assert process.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < deadline, log.read_text(errors="replace")
        time.sleep(0.2)

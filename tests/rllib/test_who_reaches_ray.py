"""Nobody else reaches an embedded Ray: its sockets are on loopback, and its token is its user's."""

import os
import shutil
import stat
import subprocess
import sys
from functools import partial

import pytest

from coop_icl.rllib.auth_token import check_private, make_private
from coop_icl.rllib.cluster import ClusterError
from coop_icl.rllib.session import start
from tests.cluster.nodes import ROOT, can_make_hosts

OUTSIDE = "10.78.0.1"
HOST = f"""
ip link set lo up; ip link add out0 type veth peer name out1; ip address add {OUTSIDE}/24 dev out0
ip link set out0 up; ip link set out1 up; ip route add default via 10.78.0.2; exec "$@"
"""
STARTED = """
import subprocess, time, ray
from coop_icl.rllib.session import start, stop
start(num_cpus=1, dashboard=True)
ray.get(ray.remote(lambda: 0).remote())
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    sockets = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True).stdout
    if ":52365 " in sockets:  # the last of Ray's to come up
        break
    time.sleep(0.5)
print(sockets)
stop()
"""


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.timeout(120)
@pytest.mark.skipif(not can_make_hosts() or shutil.which("ss") is None, reason="needs ss and root, to make a host")
@pytest.mark.kind("exposed", case="gcs, raylet, workers and metrics listened on every address of the machine")
def test_an_embedded_ray_listens_on_loopback_only(home):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", HOST, "sh", sys.executable, "-c", STARTED],
        cwd=home, env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    where = [line.split()[3].rpartition(":")[0] for line in done.stdout.splitlines() if line.strip()]
    assert len(where) >= 8, done.stdout
    assert set(where) <= {"127.0.0.1", "[::ffff:127.0.0.1]", "[::1]"}, done.stdout
    assert mode(home / ".ray/auth_token") == 0o600


@pytest.mark.kind("exposed", case="Ray's token was made with mode 0644")
def test_a_token_is_made_private_whatever_the_umask(home):
    before = os.umask(0)
    try:
        make_private()
    finally:
        os.umask(before)
    file = home / ".ray/auth_token"
    assert (mode(file.parent), mode(file)) == (0o700, 0o600)
    token = file.read_text(encoding="ascii")
    assert len(token) == 64
    assert list(file.parent.iterdir()) == [file]
    make_private()
    assert file.read_text(encoding="ascii") == token


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o644])
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.kind("exposed", case="a token that others can read is refused, and left as it is")
def test_a_token_that_others_can_read_is_refused(home, bits, named, monkeypatch):
    file = home / ("mine" if named else ".ray/auth_token")
    file.parent.mkdir(exist_ok=True)
    file.write_text("secret", encoding="ascii")
    file.chmod(bits)
    if named:
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
    for check in (check_private, make_private, start, partial(start, address="127.0.0.1:1")):
        with pytest.raises(ClusterError, match=f"chmod 600 {file}$"):
            check()
    assert mode(file) == bits
    monkeypatch.setenv("RAY_AUTH_TOKEN", "another")
    make_private()  # the file is not used


@pytest.mark.parametrize("name", ["RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"])
@pytest.mark.kind("exposed", case="no token is made where Ray would not make one")
def test_none_is_made_where_none_is_wanted(home, name, monkeypatch):
    monkeypatch.setenv(name, {"RAY_AUTH_MODE": "disabled"}.get(name, "elsewhere"))
    make_private()
    assert list(home.iterdir()) == []

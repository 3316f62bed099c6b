"""A node leaves while a run trains and another joins: the run goes on, and uses the new one."""

import subprocess
import sys

import pytest

from tests.faults.runs import ROOT, environment

MOST = 60.0


@pytest.mark.injects("node leaves and another joins during training")
def test_nodes_come_and_go(record):
    program = [sys.executable, "-m", "tests.faults.nodes", str(record.times)]
    done = subprocess.run(program, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    same, *seconds = done.stdout.split()[-record.times - 1 :]
    used = [float(one) for one in seconds]
    assert same == "same"
    record(
        sum(one < MOST for one in used),
        f"new node used within {max(used):.0f} s; finished with the weights of an undisturbed run",
    )

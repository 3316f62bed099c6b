"""What the Makefile would do, as if no other ``make`` had started it."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAKEFILE = ROOT / "Makefile"
HANDED_ON = ("ARGS", "MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "RUNS_DIR", "SEED", "SEEDS")
"""Variables through which an outer ``make``, such as that of ``make test``, or the shell changes what it does."""


def make(*words):
    """The finished process of ``make -n`` with these words, its output captured."""
    own = {key: value for key, value in os.environ.items() if key not in HANDED_ON}
    command = ["make", "-n", "-f", str(MAKEFILE), *words]
    return subprocess.run(command, capture_output=True, encoding="utf-8", cwd=ROOT, env=own)

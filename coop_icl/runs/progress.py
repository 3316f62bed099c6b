"""How far a run has come: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TextIO

from tqdm import tqdm

PREFIX = "cooperation/learner-"
PREFERRED = ("learner", "tabular")


class Progress:
    """Shows the cooperation rates of a run, its speed and the time left; a context manager.

    Args:
        total: updates of the whole run.
        done: updates done before this process began.
        seconds: of training by then.
        stream: standard error by default.
    """

    def __init__(self, total: int, done: int = 0, seconds: float = 0.0, stream: TextIO | None = None) -> None:
        self._total, self._start = total, (done, seconds)
        self._stream = stream if stream is not None else sys.stderr
        self._bar: tqdm | None = None
        if self._stream.isatty():
            layout = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}"
            self._bar = tqdm(total=total, initial=done, file=self._stream, bar_format=layout, dynamic_ncols=True)

    def row(self, update: int, seconds: float, values: Mapping[str, float | None]) -> None:
        """Show a row of metrics; ``update`` and ``seconds`` count from the beginning of the run."""
        words = [f"{name} {rate:.2f}" for name, rate in headline_rates(values).items()]
        if words:
            words[0] = f"coop {words[0]}"
        if (speed := values.get("speed/rounds_per_second")) is not None:
            words.append(f"{short(speed)} rounds/s")
        done, before = self._start
        if update > done:
            words.append(f"{duration((seconds - before) / (update - done) * (self._total - update))} left")
        if self._bar is None:
            print(f"update {update}/{self._total}", *words, sep="  ", file=self._stream, flush=True)
        else:
            self._bar.set_postfix_str("  ".join(words), refresh=False)
            self._bar.update(update - self._bar.n)
            self._bar.refresh()

    def say(self, line: str) -> None:
        """Show a line of its own without breaking the bar."""
        if self._bar is None:
            print(line, file=self._stream, flush=True)
        else:
            self._bar.write(line, file=self._stream)

    def close(self) -> None:
        """Leave the bar as it is and begin a new line."""
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def headline_rates(values: Mapping[str, float | None]) -> dict[str, float]:
    """Learners' cooperation rates with each other and with tabular agents, or with any two kinds for want of those."""
    rates = {tag.removeprefix(PREFIX): rate for tag, rate in values.items() if tag.startswith(PREFIX)}
    known = {kind: rate for kind, rate in rates.items() if rate is not None}
    kinds = [kind for kind in PREFERRED if kind in known]
    kinds += [kind for kind in known if kind not in kinds]
    return {f"learner-{kind}": known[kind] for kind in kinds[: len(PREFERRED)]}


def short(number: float) -> str:
    """``950``, ``84k``, ``1.2M``."""
    if number < 999.5:
        return f"{number:.0f}"
    return f"{number / 1e3:.0f}k" if number < 999_500 else f"{number / 1e6:.1f}M"


def duration(seconds: float) -> str:
    """``45s``, ``3m10s``, ``2h05m``."""
    whole = max(0, round(seconds))
    minutes, hours = whole // 60, whole // 3600
    if hours:
        return f"{hours}h{minutes % 60:02d}m"
    return f"{minutes}m{whole % 60:02d}s" if minutes else f"{whole}s"

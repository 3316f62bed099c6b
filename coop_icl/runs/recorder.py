"""Rows of metrics, to files and to TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams as hparams_summaries

from coop_icl.runs.directory import RunDirectory
from coop_icl.runs.files import read_rows, to_line, write_rows
from coop_icl.runs.layout import layout

HEADLINES = ("cooperation/learner-learner", "cooperation/learner-tabular")
"""Metrics shown with the hyperparameters."""
IMAGE = "cooperation_by_round"


class Recorder:
    """Writes a run's metrics as they come; a context manager.

    TensorBoard's step is the number of updates done. On resume, rows after the checkpoint are dropped everywhere.

    Args:
        run: the folder, held by this process.
        settings: the resolved config, nested; becomes the hyperparameters ``train.lr.start``, ...
        kinds: of co-players that learners meet, for the layout of charts.
        resumed_at: updates done by the checkpoint that the run continues from, None in a new run.
        image_every: rows between pictures of cooperation by round.
    """

    def __init__(
        self,
        run: RunDirectory,
        settings: Mapping[str, Any],
        kinds: Sequence[str] = (),
        resumed_at: int | None = None,
        image_every: int = 10,
    ) -> None:
        rows = []
        if resumed_at is not None:
            for path in (run.metrics, run.rounds):
                rows = [row for row in read_rows(path) if row["update"] <= resumed_at]
                write_rows(path, rows)
        self._image_every, self._written = image_every, len(rows)
        self._undrawn: tuple[int, Mapping[str, NDArray[np.floating]]] | None = None
        self._metrics, self._rounds = (file.open("a", encoding="utf-8") for file in (run.metrics, run.rounds))
        purge = None if resumed_at is None else resumed_at + 1
        self._writer = SummaryWriter(str(run.tensorboard), purge_step=purge, flush_secs=5)
        if resumed_at is None:
            assert self._writer.file_writer is not None
            for summary in hparams_summaries(flatten(settings), dict.fromkeys(HEADLINES, 0.0)):
                self._writer.file_writer.add_summary(summary)
            self._writer.add_custom_scalars(layout(kinds))

    def row(
        self,
        update: int,
        rounds: int,
        seconds: float,
        values: Mapping[str, float],
        by_round: Mapping[str, NDArray[np.floating]] | None = None,
    ) -> dict[str, Any]:
        """Write one row.

        Args:
            update: updates done.
            rounds: played so far, summed over games.
            seconds: of training so far, those before a resume included.
            values: by tag, e.g. ``cooperation/learner-learner``, ``learning/learner_0/entropy``.
            by_round: cooperation rates [T] by name, e.g. ``learner-learner``.

        Returns:
            The row as it stands in ``metrics.jsonl``.
        """
        row = {"update": int(update), "rounds": int(rounds), "seconds": round(float(seconds), 3), **values}
        line = to_line(row)
        self._metrics.write(line)
        self._metrics.flush()
        for tag, value in {"progress/rounds": rounds, "progress/seconds": seconds, **values}.items():
            self._writer.add_scalar(tag, value, update)
        if by_round:
            curves = {name: np.round(np.asarray(curve, dtype=np.float64), 4) for name, curve in by_round.items()}
            self._rounds.write(to_line({"update": int(update), **curves}))
            self._rounds.flush()
            self._undrawn = (update, by_round)
            if self._written % self._image_every == 0:
                self._draw()
        self._written += 1
        return json.loads(line)

    def close(self, draw: bool = True) -> None:
        """Draw the last curves, unless told not to, and write out what is buffered."""
        if draw:
            self._draw()
        self._metrics.close()
        self._rounds.close()
        self._writer.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self.close(draw=error is None)

    def _draw(self) -> None:
        if self._undrawn is not None:
            update, curves = self._undrawn
            self._writer.add_image(IMAGE, picture(curves, f"update {update}"), update, dataformats="HWC")
            self._undrawn = None


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, bool | int | float | str]:
    """Dotted keys and values that hyperparameters can have; anything but numbers, truth and text becomes text."""
    flat: dict[str, bool | int | float | str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value if isinstance(value, bool | int | float | str) else json.dumps(value)
    return flat


def picture(curves: Mapping[str, NDArray[np.floating]], title: str) -> NDArray[np.uint8]:
    """Cooperation by round as an image [H, W, 3]."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3), dpi=100, layout="constrained")
    canvas, axes = FigureCanvasAgg(figure), figure.add_subplot()
    for name, curve in curves.items():
        axes.plot(np.arange(1, len(curve) + 1), curve, label=name, marker="." if len(curve) < 3 else None)
    axes.set(xlabel="round of the episode", ylabel="cooperation rate", ylim=(-0.02, 1.02), title=title)
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize="small")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()

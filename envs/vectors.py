"""What games have in common whose observations are vectors and no function of the last outcome."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class VectorGame:
    """The part of ``BatchedGame`` that says what follows from outcomes: nothing does, see ``BatchedGame.observe``."""

    def table(self) -> NDArray[np.float32] | None:
        """None: observations are no function of the outcome."""
        return None

    def stage(self) -> NDArray[np.float32] | None:
        """None: neither are payoffs."""
        return None

    def encode(
        self, outcomes: NDArray[np.integer], rounds: NDArray[np.integer] | int, seats: NDArray[np.integer] | int
    ) -> NDArray[np.float32]:
        """Raises TypeError; see ``observe``."""
        raise TypeError("a game that shows more than outcomes has nothing to encode: see observe()")

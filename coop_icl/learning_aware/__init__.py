"""Learning-aware methods between pairs of memory-1 policies, and what each method assumes; torch and numpy only."""

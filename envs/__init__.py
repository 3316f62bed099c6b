"""Games: each written once, batched; PettingZoo parallel environments are views of one game."""

"""Experiment files: one YAML a claim, read by name."""

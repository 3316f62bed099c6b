"""Sequence models and policies; torch only."""

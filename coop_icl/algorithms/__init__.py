"""Losses, advantages and schedules as pure functions; torch only."""

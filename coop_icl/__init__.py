"""Multi-agent cooperation through in-context co-player inference."""

__version__ = "0.1.0"

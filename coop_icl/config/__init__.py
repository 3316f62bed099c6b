"""Experiments: what may be set, how files and the command line set it, and what is refused."""

from coop_icl.config.loading import Loaded, find, from_mapping, load, names, nearest, read, to_yaml
from coop_icl.config.schema import ConfigError, ExperimentConfig

__all__ = [
    "ConfigError",
    "ExperimentConfig",
    "Loaded",
    "find",
    "from_mapping",
    "load",
    "names",
    "nearest",
    "read",
    "to_yaml",
]

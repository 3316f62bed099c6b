"""The only package that imports ray.rllib."""

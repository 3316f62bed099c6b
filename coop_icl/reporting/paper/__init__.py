"""The paper's figures from our runs: per-seed data, panels, verdicts, and the document that holds them.

``data`` measures finished runs into one file an experiment; everything else reads these files alone.
"""

"""Beyond the paper: other games, other methods, other models, and what the effect needs.

A part (``part.Part``) names what is trained, measures finished runs into per-seed data, and draws from these alone;
``parts`` knows them all, ``document`` puts ``docs/results/beyond.md`` together.
"""

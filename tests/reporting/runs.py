"""Finished runs as training leaves them, but quickly: policies that have learned nothing, metrics made up."""

import json

from coop_icl.config import load, to_yaml
from coop_icl.policy_store import save_policy
from coop_icl.rollouts.setting import build
from coop_icl.runs.directory import RunDirectory
from coop_icl.runs.files import write_rows

TINY = ["game.options.rounds=20", "model.hidden_size=8", "train.updates=40"]


def finished(root, experiment, seed=0, rows=None, along=(), policies=True, commit="abcdef0123", overrides=()):
    """A finished run of ``experiment``; ``rows`` of metrics, ``along`` updates whose policies were exported."""
    config = load(experiment, [*TINY, f"seed={seed}", *overrides], root)
    rows = rows or [{"update": 40, "rounds": 4000, "seconds": 6.0, "cooperation/learner-tabular": 0.25}]
    final = {tag: value for tag, value in rows[-1].items() if "/" in tag}
    with RunDirectory.create(root, config.name, seed) as run:
        run.config.write_text(to_yaml(config))
        run.provenance.write_text(json.dumps({"git": {"commit": commit}}))
        write_rows(run.metrics, rows)
        summary = {"experiment": config.name, "seed": seed, "finished": True, "final": final, **rows[-1]}
        run.summary.write_text(json.dumps({**summary, "updates": rows[-1]["update"]}))
        setting = build(config)
        for folder in ([run.policies / "final"] if policies else []) + [
            run.policies / f"update_{update:06d}" for update in along
        ]:
            for index, name in enumerate(setting.module_ids):
                policy = setting.make_policy(index)
                save_policy(folder / name, policy, config.game.name, dict(config.game.options), setting.spec, {})
    return run

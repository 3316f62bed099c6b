"""Arrows point down only: what each part of the project may import of the rest, and who may know of Ray."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MODELS = {"coop_icl.models"}
BOTTOM = {"envs", "coop_icl.errors", "coop_icl.matchups", "coop_icl.seeding"}
POPULATIONS = {"envs", "coop_icl.models", "coop_icl.matchups", "coop_icl.seeding", "coop_icl.policy_store"}
ABOVE_MODELS = {
    "coop_icl.config",
    "coop_icl.policy_store",
    "coop_icl.populations",
    "coop_icl.phase_data",
    "coop_icl.process",
    "coop_icl.trajectory",
}
ROLLOUTS = {*BOTTOM, *MODELS, *ABOVE_MODELS}
EVALUATION = {*ROLLOUTS, "coop_icl.rollouts", "coop_icl.policy_store", "coop_icl.runs", "coop_icl.hints"}
RLLIB = {*EVALUATION, "coop_icl.algorithms", "coop_icl.evaluation", "coop_icl.interrupt"}

MAY_IMPORT = {
    "envs": set(),
    "coop_icl.errors": set(),
    "coop_icl.hints": set(),
    "coop_icl.process": set(),
    "coop_icl.interrupt": set(),
    "coop_icl.seeding": set(),
    "coop_icl.matchups": set(),
    "coop_icl.models": set(),
    "coop_icl.trajectory": {"coop_icl.matchups"},
    "coop_icl.phase_data": {"coop_icl.errors", "coop_icl.trajectory"},
    "coop_icl.policy_store": {"envs", "coop_icl.errors", "coop_icl.models"},
    "coop_icl.populations": POPULATIONS,
    "coop_icl.algorithms": {"coop_icl.models", "coop_icl.trajectory"},
    # settings know the names of losses and the shape of models, so that a wrong one is refused where it is read
    "coop_icl.config": {"coop_icl.algorithms", "coop_icl.errors", "coop_icl.models"},
    "coop_icl.learning_aware": {"envs", "coop_icl.algorithms", "coop_icl.seeding"},
    "coop_icl.rollouts": ROLLOUTS,
    "coop_icl.runs": {
        "coop_icl",
        "coop_icl.config",
        "coop_icl.errors",
        "coop_icl.hints",
        "coop_icl.models",
    },
    "coop_icl.evaluation": EVALUATION,
    "coop_icl.rllib": RLLIB,
    # which algorithms are passes over a batch decides what a run costs; methods are shown with what they assume
    "coop_icl.reporting": {*EVALUATION, "coop_icl.evaluation", "coop_icl.algorithms", "coop_icl.learning_aware"},
    "coop_icl.jobs": {*RLLIB, "coop_icl.rllib", "coop_icl.interrupt"},
    "coop_icl.training": {*RLLIB, "coop_icl.rllib", "coop_icl.interrupt"},
    "coop_icl.stages": {*RLLIB, "coop_icl.training", "coop_icl.jobs"},
    "coop_icl.words": {"coop_icl.errors"},
    "coop_icl.reproducing": {
        "coop_icl.config",
        "coop_icl.errors",
        "coop_icl.reporting",
        "coop_icl.stages",
        "coop_icl.words",
    },
    "coop_icl.cli": {
        *RLLIB,
        "coop_icl.interrupt",
        "coop_icl.learning_aware",
        "coop_icl.rllib",
        "coop_icl.reporting",
        "coop_icl.training",
        "coop_icl.reproducing",
        "coop_icl.stages",
        "coop_icl.words",
    },
    "coop_icl.__main__": {"coop_icl.cli"},
    "coop_icl": set(),
    "experiments": set(),
}
"""Every part of the project and the other parts that it may import, at module level or inside a function."""

KNOWS_RAY = {"coop_icl.rllib", "coop_icl.training", "coop_icl.jobs", "coop_icl.stages", "coop_icl.cli"}
"""Of these only coop_icl.rllib may import ray.rllib; bench, which compares with it, stands outside."""


def part_of(module):
    """The part a dotted module name belongs to, e.g. ``coop_icl.models`` of ``coop_icl.models.stack``."""
    pieces = module.split(".")
    return pieces[0] if pieces[0] != "coop_icl" or len(pieces) == 1 else ".".join(pieces[:2])


def sources():
    for top in ("envs", "coop_icl", "experiments"):
        yield from sorted((ROOT / top).rglob("*.py"))


def name_of(path):
    pieces = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(pieces[:-1] if pieces[-1] == "__init__" else pieces)


def imported(text, module=""):
    """Every module that a source imports anywhere, with relative ones resolved and ``from x import y`` as ``x.y``."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*module.split(".")[: -node.level], *([base] if base else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "import_module",
            "__import__",
        ):
            yield from (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant))


def ours(path):
    """Parts of the project that a file imports, other than its own."""
    here = part_of(name_of(path))
    found = set()
    for module in imported(path.read_text(), name_of(path)):
        if module.split(".")[0] in ("envs", "coop_icl", "experiments", "bench", "tests"):
            part = part_of(module)
            # ``from coop_icl import __version__`` is an import of the package itself
            known = part in MAY_IMPORT or part.split(".")[0] != "coop_icl" or (ROOT / part.replace(".", "/")).exists()
            found.add(part if known or (ROOT / f"{part.replace('.', '/')}.py").exists() else "coop_icl")
    return found - {here}


every_source = pytest.mark.parametrize("path", list(sources()), ids=name_of)


@every_source
def test_arrows_point_down(path):
    here = part_of(name_of(path))
    assert here in MAY_IMPORT, f"say in the table what {here} may import"
    too_high = ours(path) - MAY_IMPORT[here]
    assert not too_high, f"{name_of(path)} must not import {', '.join(sorted(too_high))}"


def test_the_table_has_no_circles():
    graphlib.TopologicalSorter(MAY_IMPORT).prepare()


def test_nothing_imports_the_command_line_or_the_experiments():
    for part, allowed in MAY_IMPORT.items():
        assert "experiments" not in allowed
        assert "coop_icl.cli" not in allowed or part == "coop_icl.__main__"


@every_source
def test_only_the_rllib_package_knows_ray(path):
    here = part_of(name_of(path))
    for module in imported(path.read_text(), name_of(path)):
        if module.split(".")[0] == "ray":
            assert here in KNOWS_RAY, f"{name_of(path)} must not import {module}"
            assert here == "coop_icl.rllib" or not module.startswith("ray.rllib"), f"{name_of(path)}: {module}"


@every_source
def test_models_algorithms_and_games_need_little_of_others(path):
    here = part_of(name_of(path))
    outside = {module.split(".")[0] for module in imported(path.read_text(), name_of(path))} - {
        *sys.stdlib_module_names,
        "coop_icl",
        "envs",
    }
    if here == "coop_icl.models" or here == "coop_icl.algorithms":
        assert outside <= {"torch", "numpy"}
    if here == "envs":
        assert outside <= {"numpy", "gymnasium", "pettingzoo", "PIL"}
    if here in ("coop_icl.seeding", "coop_icl.matchups", "coop_icl.trajectory"):
        assert outside <= {"numpy"}


def test_the_reader_of_imports_reads_them_all():
    text = """
import a.b, c
from d.e import f as g
from . import h
from ..i import j
def later():
    import k
    importlib.import_module("l.m")
    if True:
        from n import o
"""
    found = set(imported(text, "p.q.r"))
    assert found == {"a.b", "c", "d.e.f", "p.q.h", "p.i.j", "k", "l.m", "n.o"}


def loaded(modules, unwanted):
    """Which of the ``unwanted`` packages a fresh interpreter has loaded after importing ``modules``."""
    code = f"import sys, {modules}; print(sorted({{m.split('.')[0] for m in sys.modules}} & set({unwanted})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout)


def test_evaluation_its_reports_and_all_below_do_not_load_ray():
    modules = "coop_icl.evaluation.analyses, coop_icl.evaluation.crossplay, coop_icl.evaluation.statistics"
    above = "coop_icl.reporting.evaluating, coop_icl.reporting.crossplay, coop_icl.reporting.playing"
    below = "coop_icl.rollouts.setting, coop_icl.algorithms.update, coop_icl.populations.frozen"
    assert loaded(f"{modules}, {above}, {below}, coop_icl.reporting.page.report", ["ray"]) == []
    assert loaded("json", ["json", "ray"]) == ["json"]


def test_games_load_neither_torch_nor_us():
    assert loaded("envs.registry", ["torch", "ray", "coop_icl"]) == []

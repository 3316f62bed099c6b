"""The command line: ``coop-icl --help`` lists everything.

Exit codes: 0 done, 1 a check did not hold, 2 wrong input (one line on stderr, nothing started), 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from coop_icl.errors import UserError
from coop_icl.interrupt import INTERRUPTED, end_when_told, leave, was_told
from coop_icl.process import is_program
from coop_icl.reproducing import add_commands
from coop_icl.words import OVERRIDE, check_overrides, check_ranges, names_in, seeds_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    _print_anywhere()
    if is_program():
        end_when_told()
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    takes_settings = options.command in ("train", "submit", "reproduce", "beyond")
    stray = [text for text in rest if not takes_settings or not OVERRIDE.match(text)]
    if stray:
        parser.error(f"unrecognized arguments: {' '.join(stray)}")
    if rest:  # settings given after options
        options.overrides += rest
    if options.command is None:
        parser.print_help()
        return 2
    try:
        check_ranges(vars(options))
        return int(options.run(options) or 0)
    except UserError as error:
        print(f"coop-icl: {' '.join(str(error).split())}", file=sys.stderr)  # one line, whatever it quotes
        return 2
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141 if options.command in ("train", "resume") else 0  # a run that stopped early is not done
    except OSError as error:
        if was_told():
            return _interrupted()
        if error.filename is None:
            raise
        print(f"coop-icl: {error.filename}: {error.strerror} (choose a place of your own)", file=sys.stderr)
        return 2
    except (Exception, SystemExit) as error:
        # a handler of Ray's stands for a moment while Ray starts; an import that was cut short may raise anything
        if was_told() or (isinstance(error, SystemExit) and error.code == signal.SIGTERM):
            return _interrupted()
        raise


def _interrupted() -> int:
    """End the program without waiting for what it has started; return the exit code where others call it."""
    if is_program():
        sys.stdout.flush()
        leave()
    return INTERRUPTED


def _print_anywhere() -> None:
    """Let signs that the terminal's encoding lacks be printed as ``?`` instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="coop-icl", description="Cooperation through in-context co-player inference: train, probe and compare."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    train = commands.add_parser("train", help="train an experiment, one seed or several")
    train.add_argument("experiment", help="name (see `coop-icl list`) or path of a YAML file")
    train.add_argument("overrides", nargs="*", metavar="key=value", help="settings, e.g. train.updates=200")
    train.add_argument("--seeds", help="a seed, a list or a range: 0   0,3   0-4 (default: the experiment's)")
    train.add_argument("--runs", default="runs", help="folder of runs (default runs)")
    train.add_argument(
        "--jobs", type=int, default=0, help="runs at once (default: a core each, or what a cluster holds)"
    )
    train.add_argument("--sweep", default="", metavar="key=a,b", help="settings to try, a folder of runs for each")
    train.set_defaults(run=_train)

    submit = commands.add_parser("submit", help="send the same as `train` to a cluster as a Ray job (RAY_ADDRESS)")
    submit.add_argument("experiment", help="name (see `coop-icl list`)")
    submit.add_argument("overrides", nargs="*", metavar="key=value", help="settings, e.g. train.updates=200")
    submit.add_argument("--seeds", help="a seed, a list or a range (default: the experiment's)")
    submit.add_argument("--runs", default="runs", help="folder of runs, as the cluster's nodes see it (default runs)")
    submit.add_argument("--sweep", default="", metavar="key=a,b", help="settings to try, a folder of runs for each")
    submit.add_argument("--jobs", type=int, default=0, help="runs at once (default: what the cluster holds)")
    submit.add_argument("--no-follow", action="store_true", help="do not wait for its end")
    submit.set_defaults(run=_submit)

    doctor = commands.add_parser("doctor", help="whether this machine, or the cluster it is part of, is fit for runs")
    doctor.add_argument("--runs", default="runs", help="folder of runs (default runs)")
    doctor.add_argument("--lock", default="", metavar="FILE", help="versions wanted (default: requirements.lock)")
    doctor.set_defaults(run=_doctor)

    resume = commands.add_parser("resume", help="continue a run from its latest checkpoint")
    resume.add_argument("path", metavar="RUN", help="e.g. runs/ipd_icl/seed_0")
    resume.set_defaults(run=_resume)

    evaluate = commands.add_parser("evaluate", help="ask a run's policies: probes, and what else is named")
    evaluate.add_argument("path", metavar="RUN", help="a run, or a folder of one exported policy")
    which = evaluate.add_mutually_exclusive_group()
    which.add_argument("--only", default="", metavar="NAME,...", help="analyses (default: probes, which take seconds)")
    which.add_argument("--all", action="store_true", help="every analysis, some of which take minutes")
    evaluate.add_argument("--learners", default="", metavar="NAME,...", help="policies (default: all)")
    evaluate.add_argument("--against", default="", help="comma-separated co-players of the probes (default: tft,...)")
    evaluate.add_argument("--episodes", type=int, default=512, help="episodes per matchup (default 512)")
    evaluate.add_argument("--seed", type=int, default=0, help="seed of the evaluation (default 0)")
    evaluate.set_defaults(run=_evaluate)

    report = commands.add_parser("report", help="one HTML page about a run: claim, curves, what its policies do")
    report.add_argument("path", metavar="RUN", help="e.g. runs/ipd_icl/seed_0")
    report.add_argument("--out", default="", metavar="FILE", help="the page (default RUN/report.html)")
    report.add_argument("--analyses", default="", metavar="NAME,...", help="what is shown (default: all that apply)")
    report.add_argument("--learners", default="", metavar="NAME,...", help="policies (default: all)")
    report.add_argument("--episodes", type=int, default=128, help="for what was not asked before (default 128)")
    report.add_argument("--seed", type=int, default=0, help="seed of the evaluation (default 0)")
    report.set_defaults(run=_report)

    play = commands.add_parser("play", help="play an episode against a trained agent, and see what it had in mind")
    play.add_argument("path", metavar="RUN", help="a run, or a folder of one exported policy")
    play.add_argument("--learner", default="", metavar="NAME", help="the agent (default: the first one)")
    play.add_argument("--rounds", type=int, default=None, help="of the episode (default: those of its training)")
    play.add_argument("--seed", type=int, default=0, help="of the agent's choices (default 0)")
    play.set_defaults(run=_play)

    crossplay = commands.add_parser("crossplay", help="everyone against everyone: runs, policies, co-players")
    crossplay.add_argument(
        "paths", nargs="+", metavar="RUN", help="runs, folders of exported policies, or files that `baselines` wrote"
    )
    crossplay.add_argument("--co-players", default="", metavar="NAME,...", help="who plays besides, e.g. tft,alld")
    crossplay.add_argument("--episodes", type=int, default=256, help="episodes per pair (default 256)")
    crossplay.add_argument("--seed", type=int, default=0, help="seed of the evaluation (default 0)")
    crossplay.add_argument("--learners", default="", metavar="NAME,...", help="of each run or pair (default: all)")
    crossplay.add_argument("--seeds", default="", help="runs and pairs of these seeds, e.g. 0-4 (default: all)")
    crossplay.add_argument(
        "--rounds", type=int, default=None, help="of one game for all, however long the games they were trained in"
    )
    crossplay.add_argument(
        "--by", choices=("player", "method"), default="player", help="method: a row an experiment, with verdicts"
    )
    crossplay.add_argument("--out", default="", metavar="FOLDER", help="for the figures and the heat map")
    crossplay.set_defaults(run=_crossplay)

    compare = commands.add_parser("compare", help="a table of runs, and TensorBoard on all of them in one chart")
    compare.add_argument("paths", nargs="+", metavar="RUN", help="runs or folders of runs")
    compare.add_argument("--port", type=int, default=6006, help="port of TensorBoard on 127.0.0.1 (default 6006)")
    compare.add_argument("--table", action="store_true", help="print the table only")
    compare.set_defaults(run=_compare)

    results = commands.add_parser("results", help="tables and pictures of docs/results from finished runs")
    results.add_argument("paths", nargs="+", metavar="RUNS", help="folders of runs")
    results.add_argument("--out", default="docs/results", help="folder to write to (default docs/results)")
    results.set_defaults(run=_results)

    add_commands(commands)

    baselines = commands.add_parser("baselines", help="learning-aware methods in pairs of memory-1 policies, by seed")
    baselines.add_argument("--pairs", default="", metavar="A:B,...", help="methods that meet (default: all recorded)")
    baselines.add_argument("--seeds", default="0-31", help="seeds, a pair each (default 0-31)")
    baselines.add_argument("--updates", type=int, help="simultaneous steps (default 300; with mfos 100)")
    baselines.add_argument("--out", default="docs/results/learning_aware", metavar="FOLDER", help="for a file a pair")
    baselines.set_defaults(run=_baselines)

    incentives = commands.add_parser(
        "incentives", help="what inferring co-players is worth, by game: exact, no training"
    )
    incentives.add_argument("--games", default="", metavar="NAME,...", help="e.g. ipd,public_goods (default: all)")
    incentives.add_argument("--draws", type=int, default=512, help="of co-players, for each prior (default 512)")
    incentives.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    incentives.add_argument("--rounds", type=int, default=100, help="of an episode (default 100)")
    incentives.add_argument("--bounds", action="store_true", help="what a Bayesian earns, too; takes minutes")
    incentives.add_argument("--out", default="", metavar="FOLDER", help="for the figures and a picture")
    incentives.set_defaults(run=_incentives)

    verify = commands.add_parser("verify", help="whether finished runs show what their experiment claims")
    verify.add_argument("experiment", help="name (see `coop-icl list`) or path of a YAML file")
    verify.add_argument("--runs", default="runs", help="folder of runs (default runs)")
    verify.set_defaults(run=_verify)

    listing = commands.add_parser("list", help="the experiments and what each claims")
    listing.set_defaults(run=_list)
    return parser


def _train(options: argparse.Namespace) -> int:
    from coop_icl.stages import train

    check_overrides(options.overrides)
    seeds, runs = _seeds(options), Path(options.runs)
    return train(options.experiment, options.overrides, seeds, runs, options.jobs, options.sweep)


def _seeds(options: argparse.Namespace) -> list[int] | None:
    """The seeds that ``--seeds`` names; None without it."""
    return None if options.seeds is None else seeds_of(options.seeds)


def _submit(options: argparse.Namespace) -> int:
    from coop_icl.rllib.submit import submit
    from coop_icl.stages import plan

    check_overrides(options.overrides)
    if options.experiment.endswith((".yaml", ".yml")):
        raise UserError(
            f"a job needs an experiment by name; put {options.experiment} into experiments/, which is sent along"
        )
    runs = Path(options.runs).absolute()
    plan(options.experiment, options.overrides, _seeds(options), runs, options.sweep)  # what is wrong shows here
    arguments = ["train", options.experiment, *options.overrides, "--runs", str(runs)]
    arguments += ["--seeds", options.seeds] if options.seeds is not None else []
    arguments += ["--sweep", options.sweep] if options.sweep else []
    arguments += ["--jobs", str(options.jobs)] if options.jobs else []
    return submit(arguments, not options.no_follow)


def _doctor(options: argparse.Namespace) -> int:
    from coop_icl.rllib.doctor import doctor

    return doctor(Path(options.runs), Path(options.lock) if options.lock else None)


def _resume(options: argparse.Namespace) -> int:
    from coop_icl.training import resume_one

    return resume_one(Path(options.path))


def _evaluate(options: argparse.Namespace) -> int:
    from coop_icl.evaluation import ANALYSES, Effort
    from coop_icl.evaluation.analyses import QUICK
    from coop_icl.reporting.evaluating import evaluate_path

    only = list(ANALYSES) if options.all else names_in(options.only) or QUICK
    effort = Effort(options.episodes, options.seed)
    return evaluate_path(Path(options.path), only, names_in(options.learners), effort, names_in(options.against))


def _report(options: argparse.Namespace) -> int:
    from coop_icl.evaluation import Effort
    from coop_icl.reporting.page.report import report

    effort = Effort(options.episodes, options.seed)
    out = Path(options.out) if options.out else None
    print(
        f"written to {report(Path(options.path), out, names_in(options.analyses), names_in(options.learners), effort)}"
    )
    return 0


def _play(options: argparse.Namespace) -> int:
    from coop_icl.reporting.playing import play_path

    return play_path(Path(options.path), options.learner, options.rounds, options.seed)


def _crossplay(options: argparse.Namespace) -> int:
    from coop_icl.reporting.crossplay import crossplay_paths

    out = Path(options.out) if options.out else None
    names, seeds = names_in(options.learners), seeds_of(options.seeds) if options.seeds else []
    return crossplay_paths(
        options.paths,
        names_in(options.co_players),
        options.episodes,
        options.seed,
        out,
        rounds=options.rounds,
        learners=names,
        seeds=seeds,
        by_method=options.by == "method",
    )


def _compare(options: argparse.Namespace) -> int:
    from coop_icl.runs.board import open_tensorboard
    from coop_icl.runs.compare import compare

    paths = [Path(path) for path in options.paths]
    print(compare(paths))
    if not options.table:
        open_tensorboard(paths, options.port)
    return 0


def _results(options: argparse.Namespace) -> int:
    from coop_icl.reporting.main_job import write

    return write([Path(path) for path in options.paths], Path(options.out))


def _baselines(options: argparse.Namespace) -> int:
    from coop_icl.learning_aware.record import PAIRS, record

    pairs = [(first, second or first) for first, _, second in (name.partition(":") for name in names_in(options.pairs))]
    try:
        print(record(pairs or PAIRS, seeds_of(options.seeds), options.updates, Path(options.out)))
    except ValueError as error:
        raise UserError(f"--pairs: {error}") from None
    return 0


def _incentives(options: argparse.Namespace) -> int:
    from coop_icl.reporting.incentives import show

    out = Path(options.out) if options.out else None
    return show(names_in(options.games), options.draws, options.seed, options.rounds, options.bounds, out)


def _verify(options: argparse.Namespace) -> int:
    from coop_icl.reporting.verify import verify

    return verify(options.experiment, Path(options.runs))


def _list(options: argparse.Namespace) -> int:
    from coop_icl.config import load, names

    for name in names():
        print(f"{name}\n    {' '.join(load(name).claim.split())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

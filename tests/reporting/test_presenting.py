"""Every analysis can be shown: a picture, a table and a sentence."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from coop_icl.evaluation import ANALYSES, Effort, evaluate
from coop_icl.reporting.presenting import presenter
from coop_icl.reporting.tables import columns, markdown
from envs.registry import MATRIX_GAMES
from tests.evaluation.exported import export_run


@pytest.mark.parametrize("game", MATRIX_GAMES)
@pytest.mark.parametrize("name", ANALYSES)
def test_an_answer_can_be_shown(name, game, tmp_path):
    result = evaluate(export_run(tmp_path, game), [name], ["learner_0"], Effort(episodes=6))[name]["learner_0"]
    if "skipped" in result:
        pytest.skip(result["skipped"])
    show = presenter(name)
    header, rows = show.table(result)
    assert rows
    assert all(len(row) == len(header) and all(isinstance(cell, str) for cell in row) for row in rows)
    figure = show.draw(result)
    assert isinstance(figure, Figure)
    assert figure.axes
    plt.close(figure)
    verdict = show.verdict(result)
    assert verdict.endswith(".")
    assert verdict[0].isupper() or verdict[0].isdigit()
    assert "\n" not in verdict


def test_the_verdict_on_probes_follows_the_rates():
    def result(**rates):
        return {"probes": [{"co_player": k, "cooperation_late": r} for k, r in rates.items()], "meetings": []}

    show = presenter("probes")
    apart = show.verdict(result(tft=0.9, allc=0.1, alld=0.0, wsls=1.0))
    assert apart.startswith("It tells co-players apart: late in an episode it cooperates at a rate of 0.90 with tft, ")
    assert apart.endswith("0.10 with allc and 0.00 with alld.")
    assert "much alike" in show.verdict(result(tft=0.9, allc=0.8, alld=0.7))
    assert show.verdict(result(uniform=0.25)) == "Late in an episode it cooperates at a rate of 0.25 with uniform."


def test_tables_obey_nobody():
    hostile = "a|b\x1b[31m\nc\u202e"
    for text in (markdown(("x", "y"), [(hostile, "1")]), columns(("x", "y"), [(hostile, "1")])):
        assert not set(text) & {"\x1b", "\u202e"}
        assert len(text.splitlines()) in (2, 3)
    assert "a\\|b" in markdown(("x",), [(hostile,)])

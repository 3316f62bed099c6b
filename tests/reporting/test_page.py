"""The report of a run: one page that is well formed, needs nothing else, shows everything and obeys nobody."""

import itertools
import json
import re
from html.parser import HTMLParser

import pytest

from coop_icl.cli import main
from coop_icl.config import to_yaml
from coop_icl.errors import UserError
from coop_icl.evaluation import ANALYSES, Effort
from coop_icl.evaluation.crossplay import crossplay
from coop_icl.evaluation.kept import file_of, kept
from coop_icl.evaluation.subjects import subjects_of
from coop_icl.reporting.analyses.crossplay import table_crossplay, verdict_crossplay
from coop_icl.reporting.page.charts import chart
from coop_icl.reporting.page.html import element, page, table
from coop_icl.reporting.page.meetings import SCRIPTED, meetings
from coop_icl.reporting.page.report import report
from coop_icl.reporting.presenting import presenter
from coop_icl.reporting.tables import sentence
from coop_icl.runs.reading import config_of
from tests.reporting.runs import finished

VOID = {"meta", "br", "hr", "img", "input", "link", "base", "source", "col", "area", "embed", "wbr", "track"}
HOSTILE = """"><script>alert(1)</script><img src=x onerror=alert(1)> & ' $\\frac{ </style> \x1b[31m \u202e"""
FEW = Effort(episodes=4)
ROWS = [
    {
        "update": update,
        "rounds": 100 * update,
        "seconds": 0.15 * update,
        "cooperation/learner-learner": update / 40,
        "cooperation/learner-tabular": 0.25,
        "payoff_gap/learner_0": 0.1,
        "payoff_gap/learner_0-learner_1": 0.1,
        "payoff_gap/learners": 0.2,
    }
    for update in (10, 20, 30, 40)
]


class Reader(HTMLParser):
    """Elements of a page with their attributes and text; refuses what is not closed as it was opened."""

    def __init__(self, text):
        super().__init__()
        self.open, self.found, self.words = [], [], {}
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        assert len({name for name, _ in attributes}) == len(attributes)
        self.found.append((tag, dict(attributes), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.words[self.open[-1]] = self.words.get(self.open[-1], "") + data

    def all(self, tag):
        return [attributes for name, attributes, _ in self.found if name == tag]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run, its page as text, and as it is read."""
    run = finished(tmp_path_factory.mktemp("runs"), "ipd_icl", rows=ROWS, overrides=["train.learners=2"])
    text = report(run.path, effort=FEW).read_text()
    return run, text, Reader(text)


def test_every_analysis_and_every_learner_is_shown(made):
    run, _, read = made
    ids = {attributes.get("id") for _, attributes, _ in read.found}
    assert {"training", "crossplay", "config", "provenance", *ANALYSES} <= ids
    for name, subject in itertools.product(ANALYSES, subjects_of(run.path)):
        entry, learner = kept(run.path, name, subject), subject.name
        words = entry["skipped"] if "skipped" in entry else presenter(name).verdict(entry["result"])
        assert words in read.words["dd" if "result" in entry else "p"], (name, learner)
        assert "skipped" in entry or (run.path / "report" / f"{name}-{learner}.png").stat().st_size > 1000
    assert {"cooperation.png", "payoff_gap.png", "crossplay.png"} <= {
        path.name for path in (run.path / "report").iterdir()
    }
    assert all((run.policies / "final" / learner / "MODEL_CARD.md").is_file() for learner in ("learner_0", "learner_1"))


def test_claim_verdict_config_and_origin_are_shown(made):
    run, _, read = made
    config = config_of(run)
    words = " ".join(" ".join(read.words.values()).split())
    assert " ".join(config.claim.split()) in words
    assert to_yaml(config).strip() == read.words["pre"].strip()
    assert "abcdef0123" in words
    assert ("not shown" in words, "pass" in read.words["td"]) == (False, True)  # the last rate is 1


def test_nothing_is_loaded_from_elsewhere(made):
    _, text, read = made
    tags = {tag for tag, _, _ in read.found}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "audio", "video", "form"}
    ids = [attributes["id"] for _, attributes, _ in read.found if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for tag, attributes, _ in read.found:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster", "background"):
                assert value.startswith(("#", "data:image/")) or tag == "a", (tag, name, value)
                if value.startswith("#"):
                    assert value[1:] in ids
    assert not re.search(r"@import|url\((?!#)", text)
    assert set(re.findall(r"url\(#([^)]*)\)", text)) <= set(ids)
    assert "http" not in read.words["style"]


def test_it_can_be_read_by_all(made):
    _, text, read = made
    assert text.startswith("<!doctype html>")
    assert read.all("html")[0]["lang"] == "en"
    names = {meta.get("name"): meta.get("content") for meta in read.all("meta")}
    assert "width=device-width" in names["viewport"]
    assert "prefers-color-scheme: dark" in text
    assert len(read.all("h1")) == 1
    levels = [int(tag[1]) for tag, _, _ in read.found if re.fullmatch(r"h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert len(read.all("caption")) == len(read.all("table")) > 0
    for tag, attributes, above in read.found:
        if tag == "svg":
            assert attributes["role"] == "img"
            assert len(attributes["aria-label"]) > 20
        if tag == "th":
            assert attributes["scope"] in ("row", "col")
        if tag in ("svg", "table"):
            assert "div" in above  # which scrolls where it is too wide


def test_charts_take_the_colours_of_the_page(made):
    _, text, _ = made
    charts = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(charts) >= 3
    for one in charts:
        assert not re.search(r"#000000|#141413|<style|<metadata|DejaVu", one)
        assert "currentColor" in one
    assert any("var(--blue)" in one for one in charts)


def test_what_was_answered_is_not_asked_again(made, capsys):
    run, text, _ = made
    before = {name: file_of(run.path, name).read_text() for name in ANALYSES}
    capsys.readouterr()
    assert main(["report", str(run.path), "--episodes", "7", "--out", str(run.path / "again.html")]) == 0
    assert capsys.readouterr().err == ""
    assert (run.path / "again.html").read_text() == text
    assert before == {name: file_of(run.path, name).read_text() for name in ANALYSES}


def test_kept_cross_play_of_other_weights_is_played_again_and_damage_is_refused(made, tmp_path):
    subjects, file = subjects_of(made[0].path), tmp_path / "evaluation/crossplay.json"
    shown = meetings(tmp_path, tmp_path, subjects, FEW, tmp_path)
    good = json.loads(file.read_text())
    for text in ("{", "{}", "[]", json.dumps({**good, "result": {}}), json.dumps({**good, "result": 3})):
        file.write_text(text)
        with pytest.raises(UserError, match=r"crossplay\.json is no kept cross-play"):
            meetings(tmp_path, tmp_path, subjects, FEW, tmp_path)
    file.write_text(json.dumps({**good, "result": {}, "weights_sha256": {"learner_0": "of another"}}))
    assert [list(one.itertext()) for one in meetings(tmp_path, tmp_path, subjects, FEW, tmp_path)] == [
        list(one.itertext()) for one in shown
    ]
    assert json.loads(file.read_text())["result"] == good["result"]


def test_what_is_hostile_stays_text(tmp_path):
    rows = [{**row, f"cooperation/learner-{HOSTILE}": 0.5, f"payoff_gap/{HOSTILE}": 0.1} for row in ROWS]
    run = finished(tmp_path, "smoke", rows=rows, policies=True)
    text = run.config.read_text()
    run.config.write_text(
        re.sub(r"claim:.*?\nseed", lambda _: f"claim: {json.dumps(HOSTILE)}\nseed", text, flags=re.DOTALL)
    )
    run.provenance.write_text(
        json.dumps({HOSTILE: HOSTILE, "git": {"commit": HOSTILE}, "versions": {HOSTILE: HOSTILE}})
    )
    (run.policies / "final" / "learner_1").rename(run.policies / "final" / "<b onclick=x>$\\frac{")
    read = Reader(report(run.path, names=["probes"], effort=FEW).read_text())
    tags = {tag for tag, _, _ in read.found}
    assert not tags & {"script", "img", "b"}
    assert not any(name.startswith("on") for _, attributes, _ in read.found for name in attributes)
    words = " ".join(read.words.values())
    assert "<script>alert(1)</script>" in words
    assert not set(words) & {"\x1b", "\u202e"}
    assert all(re.fullmatch(r"[\w-]+\.png", path.name) for path in (run.path / "report").iterdir())


def test_a_run_without_policies_has_a_page_too(tmp_path):
    run = finished(tmp_path, "smoke", policies=False)
    run.summary.unlink()
    read = Reader(report(run.path).read_text())
    words = " ".join(read.words.values())
    assert "nothing can be asked" in words
    assert "has not ended" in words


def test_choosing_what_is_shown(made, tmp_path):
    run, _, _ = made
    out = tmp_path / "one.html"
    assert main(["report", str(run.path), "--out", str(out), "--analyses", "probes", "--learners", "learner_1"]) == 0
    words = " ".join(Reader(out.read_text()).words.values())
    assert "learner_1" in words
    assert "learner_0" not in Reader(out.read_text()).words["dt"]
    assert "crossplay" not in {attributes.get("id") for _, attributes, _ in Reader(out.read_text()).found}


def test_cross_play_is_shown_as_it_is_played(made):
    run, _, read = made
    played = crossplay({one.name: one.loaded for one in subjects_of(run.path)}, SCRIPTED, FEW.episodes, FEW.seed)
    assert f"{sentence(verdict_crossplay(played))}." in read.words["p"]
    for _, *cells in table_crossplay(played)[1]:
        assert all(cell in read.words["td"] for cell in cells)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--analyses", "prbes"], "probes"),
        (["--learners", "learner_8"], "learner_8"),
        (["--out", "nowhere/page.html"], "nowhere/page.html"),
        (["--episodes", "0"], "episodes"),
    ],
)
def test_wrong_wishes_are_refused(arguments, word, tmp_path, capsys):
    run = finished(tmp_path, "smoke")
    assert main(["report", str(run.path), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert word in error
    assert not (run.path / "report.html").exists()


def test_a_verdict_that_falls_short_is_said(tmp_path):
    run = finished(tmp_path, "ipd_icl", rows=[{**row, "cooperation/learner-learner": 0.1} for row in ROWS])
    read = Reader(report(run.path, names=["probes"], learners=["learner_0"], effort=FEW).read_text())
    assert "not shown" in read.words["span"]
    assert "falls short" in read.words["td"]


def test_pieces():
    text = page("a <b>", "", element("p", "x & y", element("i", "<z>"), "\x00tail"), table("c", ("h",), [("r",)]))
    assert "<p>x &amp; y<i>&lt;z&gt;</i>tail</p>" in text
    Reader(text)


def test_a_chart_keeps_what_no_theme_may_change(tmp_path):
    import matplotlib.pyplot as plt

    def draw():
        figure, axis = plt.subplots()
        axis.plot([0, 1], color="#123456")
        axis.imshow([[0, 1]])
        axis.set_title("<hostile> & $x")
        return figure

    svg = chart(draw, "one", "a line", tmp_path)
    text = page("t", "", svg)
    Reader(text)
    assert "#123456" in text
    assert "data:image/png;base64" in text
    assert "&lt;hostile&gt; &amp; $x" in text
    assert (tmp_path / "one.png").is_file()

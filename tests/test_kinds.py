"""The document on reliability says what the tests' markers say."""

from tests.kinds import KINDS, RESULTS, rows, section


def test_every_marker_names_a_known_kind_and_a_case():
    found = rows()
    assert {kind for kind, _, _ in found} <= KINDS.keys()
    assert all(case.strip() for _, case, _ in found)


def test_no_case_stands_twice_at_one_test():
    assert len(set(rows())) == len(rows())


def test_the_document_is_current():
    document = (RESULTS / "reliability.md").read_text(encoding="utf-8")
    assert section() in document, "write it anew: python -m tests.kinds"

"""The grammar of rules: what is read, and where an error points."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tb_xai_plugin.gates.check import parsed
from tb_xai_plugin.gates.grammar import COMPARISONS, LONGEST_RULE, RuleError, parse, whole
from tb_xai_plugin.gates.measures import MEASURES

pytestmark = pytest.mark.viewing


@pytest.mark.parametrize(
    ("text", "quantity", "arguments", "options", "comparison", "limit"),
    [
        ("share(corner) < 0.3", "share", ["corner"], {}, "<", 0.3),
        ("  share( 'record number' , over = max,at=best )<=30 %  ", "share", ["record number"], {"over": "max", "at": "best"}, "<=", 0.3),
        ('share("0,0,8,8") > 1e-3', "share", ["0,0,8,8"], {}, ">", 1e-3),
        ("share(40:60) ≥ .5", "share", ["40:60"], {}, ">=", 0.5),
        (r"share('it\'s \\ here') != -2", "share", [r"it's \ here"], {}, "!=", -2),
        ("share(größe) < 3", "share", ["größe"], {}, "<", 3),
        ("agreement(logs/base-1.2) > 80%", "agreement", ["logs/base-1.2"], {}, ">", 0.8),
        ("events() == 0", "events", [], {}, "==", 0),
        ("val_f1-score>.9", "val_f1-score", [], {}, ">", 0.9),
        ("onset(corner) == never", "onset", ["corner"], {}, "==", None),
    ],
)
def test_a_rule_is_taken_apart_as_it_is_meant(text, quantity, arguments, options, comparison, limit) -> None:
    rule = parse(text)
    assert rule.quantity.text == quantity
    assert [value.text for value in rule.arguments] == arguments
    assert {name: value.text for name, value in rule.options.items()} == options
    assert (rule.comparison, rule.limit.number) == (comparison, limit)
    assert rule.text == text.strip()


@pytest.mark.parametrize(
    ("text", "sentence", "marked"),
    [
        ("shaer(corner) < 0.3", "nothing is called 'shaer'; did you mean 'share'?", "shaer"),
        ("share(corner) = 0.3", "'=' compares nothing; write '=='", "="),
        ("share(corner < 0.3", "where ',' or ')' is expected", "<"),
        ("share corner < 0.3", "where '(' or one of < <= > >= == != is expected", "corner"),
        ("share(corner) < 0.3 and x > 1", "write two rules", "and"),
        ("0.1 < share(corner)", "what is measured stands before the comparison", "0.1"),
        ("share(corner, at=best, at=last) < 1", "at= is given twice", "at"),
        ("share(corner, top=3) < 1", "share has no option top=", "top"),
        ("share(at=best, corner) < 1", "stands before those with one", "corner"),
        ("share(0,0,8,8) < 1", "takes one argument, the region; a name with a comma stands in quotes", "0"),
        ('share("corner) < 1', "has no closing quote", '"corner) < 1'),
        ("share(corner; x) < 1", "';' means nothing in a rule", ";"),
        ("share(corner) < high", "share can't be compared with 'high'; give a number", "high"),
        ("onset(corner) == nevr", "give a number or never", "nevr"),
        ("verdict(a) == 3", "give same or different or unclear", "3"),
        ("verdict(a) < same", "compare it by == or !=", "same"),
        ("share() < 1", "share needs a region", "share"),
        ("epochs(3) > 1", "epochs takes no argument", "3"),
        ("share(corner) <", "the rule ends here", ""),
        ("< 0.3", "where the name of what is measured", "<"),
        ("", "the rule ends here", ""),
    ],
)
def test_an_error_says_what_is_wrong_and_points_at_the_place(text: str, sentence: str, marked: str) -> None:
    with pytest.raises(RuleError, match=re.escape(sentence)) as raised:
        parsed(text)
    _, shown, marks = str(raised.value).split("\n")
    start = marks.index("^")
    assert shown[start : start + marks.count("^")].startswith(marked)
    assert marks.count("^") == max(1, len(marked))


def test_an_error_names_what_is_known() -> None:
    with pytest.raises(RuleError) as raised:
        parsed("nothing(at=all) > 1")
    assert all(name in str(raised.value) for name in MEASURES)
    with pytest.raises(RuleError, match=r"explainer, class, at, over, probes, label, slice"):
        parsed("share(corner, everywhere=3) > 1")


def test_nothing_of_a_rule_is_ever_run(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    for text in ("__import__('os').mkdir('x') < 1", "share((1).__class__) < 1", "share(corner) < open('x','w')", "mean(share([1])) < 2"):
        with pytest.raises(RuleError):
            parsed(text)
    assert list(tmp_path.iterdir()) == []


def test_any_text_is_a_rule_or_an_error_that_points_into_it() -> None:
    """Pieces of rules in any order: the parser ends, and never raises anything else."""
    pieces = ["share", "(", ")", ",", "=", "corner", "'a b'", '"', "0.3", "%", "<", "==", " ", "at", "never", "−1", "\\", "\n", "ß", "#"]
    rng = np.random.default_rng(0)
    read, errors = 0, []
    for _ in range(2000):
        try:
            read += parse("".join(rng.choice(pieces, rng.integers(1, 9)))).comparison in COMPARISONS
        except RuleError as error:
            errors.append(error)
    assert read > 3
    assert all(0 <= error.start <= error.end <= len(error.rule) for error in errors)


def test_a_file_in_place_of_a_rule_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="at most 1000 characters"):
        parse("x" * (LONGEST_RULE + 1))
    with pytest.raises(TypeError, match="a rule is a text"):
        parse(0.3)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["--3", "\u00b2", "1.0", "", "-", "3 "])
def test_a_whole_number_is_digits_with_a_sign_at_most(text: str) -> None:
    assert whole(text) is None
    assert [whole(number) for number in ("3", "-1", "007")] == [3, -1, 7]

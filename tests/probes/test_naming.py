"""What a probe is called: the same words in Python and on the page, whose own code says them here; and what people read."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
from support.named import NamedRun, table, texts
from support.records import FRONTEND

from tb_xai_plugin import read_run
from tb_xai_plugin.judgement import words
from tb_xai_plugin.probes import naming

CHARACTERS = "aé猫🎬 \t\u00a0\u3000“\"',();x"


def drawn(rng: random.Random, most: int) -> str:
    return "".join(rng.choices(CHARACTERS, k=rng.randint(0, most)))


def records(seed: int) -> list[dict[str, object]]:
    rng, made = random.Random(seed), []
    for _ in range(100):
        classes, count = rng.randint(1, 5), 4
        labels, sets = (
            [rng.randrange(classes) for _ in range(count)],
            [rng.sample(range(classes), rng.randint(0, classes)) for _ in range(count)],
        )
        which = rng.choice(["labels", "label_sets", "none"])
        made.append(
            {
                "labels": labels if which == "labels" else None,
                "label_sets": sets if which == "label_sets" else None,
                "class_names": rng.choice([None, [drawn(rng, 90) or "class" for _ in range(classes)]]),
                "names": rng.choice([None, [drawn(rng, 90) for _ in range(count)]]),
                "words": rng.choice([None, [naming.first_words(drawn(rng, 60)) for _ in range(count)]]),
            }
        )
    return made


def test_the_page_and_python_call_every_probe_the_same() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: install Node.js 20 or newer to run this test.")
    given = records(0)
    code = f"""
      import {{ probeName }} from {json.dumps((FRONTEND / "words" / "probes.js").as_uri())};
      let text = "";
      for await (const part of process.stdin) text += part;
      console.log(JSON.stringify(JSON.parse(text).map((probes) => [0, 1, 2, 3].map((probe) => probeName(probes, probe)))));
    """
    done = subprocess.run(
        [node, "--input-type=module", "-e", code], input=json.dumps(given), capture_output=True, text=True, encoding="utf-8", check=True
    )
    said = [[naming.name_in(one, probe, one["words"][probe] if one["words"] else None) for probe in range(4)] for one in given]
    assert json.loads(done.stdout) == said


def test_probes_are_called_by_number_label_and_name_or_first_words(tmp_path: Path) -> None:
    for name, given, expected in (
        ("rows", table(), ["probe 0 “died” (Mr Owen)", "probe 2 “survived” (Miss Bonnell)"]),
        ("unlabelled", table(labels=None), ["probe 0 (Mr Owen)", "probe 2 (Miss Bonnell)"]),
        ("numbers", table(names=None, class_names=None), ["probe 0 “0”", "probe 2 “1”"]),
        ("texts", texts(), ["probe 0 “good” (“A film that nobody will…”)", "probe 2 “good” (“Good film, GOOD plot”)"]),
        ("words", texts(labels=None), ["probe 0 “A film that nobody will…”", "probe 2 “Good film, GOOD plot”"]),
    ):
        run = read_run(NamedRun(tmp_path / name, given=given).write([0]).log_dir)
        assert [words.probe_name(run, probe) for probe in (0, 2)] == expected
        # As it was given, before any record.
        assert [given.probe_name(probe) for probe in (0, 2)] == expected


@pytest.mark.parametrize("seed", range(5))
def test_first_words_are_whole_words_of_at_most_24_characters(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(200):
        text = " ".join("".join(rng.choices("abé猫", k=rng.randint(1, 12))) for _ in range(rng.randint(1, 8)))
        if len(text) == naming.MOST_OF_TEXT + 1:
            continue  # for textwrap, one letter more has room where nothing is left out
        assert naming.first_words(f" {text}\n") == textwrap.shorten(text, naming.MOST_OF_TEXT + 1, placeholder="…")


def test_a_long_first_word_and_long_names_are_cut() -> None:
    assert naming.first_words("x" * 40) == "x" * 24 + "…"
    assert len(naming.cut("n" * 200)) == 60
    assert naming.cut("begin" + "n" * 200 + "end").startswith("begin")
    assert naming.cut("begin" + "n" * 200 + "end").endswith("end")

"""Fits, again and again: every epoch is kept, the record is that of the model it says, each change is said, and training is as without the callback.

What is expected of a sequence is given by fits: `of(1, range(2), at=3)` are the epochs 0 and 1 of the second fit, as steps 3 and 4. The oracle
of a step is Keras: its loss, and the outputs that follow from the weights that the model had at the end of that epoch.
"""

from __future__ import annotations

import copy
import gc
import os
import pickle
import re
import weakref
from collections.abc import Sequence as Listed
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest
from support import sequences
from support.fits import OTHER_PROBES, PROBES, At, Notebook, Sequence, network, outputs_of, played, steps_kept

import tb_xai_plugin as xai

Epochs = dict[int, tuple[int, int]]  # {step: (number of the fit, epoch of that fit)}

# What a sentence has to say, whatever else it says.
GOES_ON = r"so it goes on.*: epoch 0 of this fit is logged as epoch \d"
BEGINS = r"a new (record|one) begins at epoch \d|the record begins anew"


def of(fit: int, epochs: Listed[int], at: int | None = None) -> Epochs:
    """These epochs of a fit, from the step `at` on; by default each has its own number."""
    return {epoch if at is None else at + place: (fit, epoch) for place, epoch in enumerate(epochs)}


@dataclass
class Expected:
    """What is left of a sequence.

    Attributes:
        main: the record in the log_dir.
        aside: {run below the log_dir: its record}.
        said: one pattern for each sentence, in any order; None where nothing is said about sentences here.
        untrained: runs that begin with an untrained model.
    """

    main: Epochs
    aside: dict[str, Epochs] = field(default_factory=dict)
    said: list[str] | None = field(default_factory=list)
    untrained: Listed[str] = (".",)


def moved(number: int) -> str:
    return rf"earlier-{number}"


ONE_FIT_AFTER_ANOTHER = of(0, range(2)) | of(1, range(2), at=2)
TWO_RUNS = Expected(of(1, range(2)), {"earlier-1": of(0, range(2))}, [moved(1)], (".", "earlier-1"))
CANNOT_GO_ON = Expected(of(1, range(2)), {"earlier-1": of(0, range(2))}, [moved(1)], ("earlier-1",))

EXPECTED: dict[Sequence, Expected] = {
    # the same model
    sequences.in_a_loop: Expected({step: (step, 0) for step in range(5)}, said=[GOES_ON]),
    sequences.twice: Expected(of(0, range(2)) | of(1, range(3), at=2), said=[GOES_ON]),
    sequences.a_cell_run_twice: Expected(ONE_FIT_AFTER_ANOTHER, said=[GOES_ON]),
    sequences.shorter_after_longer: Expected(of(0, range(5)) | of(1, range(3), at=5), said=[GOES_ON]),
    sequences.continued_by_initial_epoch: Expected(of(0, range(2)) | {2: (1, 0), 3: (1, 1)}),
    sequences.initial_epoch_too_small: Expected(
        {0: (0, 0), 1: (1, 0), 2: (1, 1)}, {"earlier-1": of(0, range(4))}, [moved(1)], (".", "earlier-1")
    ),
    sequences.initial_epoch_too_large: Expected(of(0, range(2)) | {5: (1, 0), 6: (1, 1)}),
    sequences.the_same_weights_in_another_object: Expected(ONE_FIT_AFTER_ANOTHER, said=[GOES_ON]),
    sequences.an_earlier_epoch_put_back: Expected(
        of(0, range(2)) | of(1, range(2), at=2), {"earlier-1": of(0, range(3))}, [moved(1)], (".", "earlier-1")
    ),
    sequences.compiled_again: Expected(ONE_FIT_AFTER_ANOTHER, said=[GOES_ON]),
    # another model
    sequences.other_models: Expected(
        of(2, range(2)), {"earlier-1": of(0, range(2)), "earlier-2": of(1, range(2))}, [moved(1), moved(2)], (".", "earlier-1", "earlier-2")
    ),
    sequences.a_cell_run_twice_with_a_new_model: TWO_RUNS,
    sequences.shorter_with_a_new_model: Expected(of(1, range(3)), {"earlier-1": of(0, range(5))}, [moved(1)], (".", "earlier-1")),
    sequences.initial_weights_put_back: Expected(
        of(2, range(2)), {"earlier-1": of(0, range(2)), "earlier-2": of(1, range(2))}, [moved(1), moved(2)], (".", "earlier-1", "earlier-2")
    ),
    sequences.two_models_in_turn: Expected(
        {step: (2 * step + 1, 0) for step in range(3)}, {"earlier-1": {step: (2 * step, 0) for step in range(3)}}, None, (".", "earlier-1")
    ),
    sequences.two_models_in_turn_with_new_loggers: Expected(
        {0: (1, 0), 1: (1, 1), 2: (3, 0), 3: (3, 1)},
        {"earlier-1": {0: (0, 0), 1: (0, 1), 2: (2, 0), 3: (2, 1)}},
        None,
        (".", "earlier-1"),
    ),
    sequences.one_of_two_models_goes_back: Expected(
        of(1, range(2)),
        {
            "earlier-1": of(0, range(2)) | {2: (2, 0), 3: (3, 0)},
            "earlier-2": of(0, range(2)) | {2: (2, 0), 3: (2, 1)},
        },
        [moved(1), moved(1), moved(2)],
        (".", "earlier-1", "earlier-2"),
    ),
    sequences.a_record_kept_aside_is_removed: Expected(
        of(2, range(2)), {"earlier-2": of(1, range(2))}, [moved(1), "removed", moved(2)], ("earlier-2",)
    ),
    sequences.built_by_the_first_batch: Expected(of(2, range(2)), {"earlier-1": ONE_FIT_AFTER_ANOTHER}, [GOES_ON, moved(1)], ()),
    sequences.a_wrapper: Expected(of(2, range(2)), {"earlier-1": ONE_FIT_AFTER_ANOTHER}, [GOES_ON, moved(1)], (".", "earlier-1")),
    # interrupted
    sequences.interrupted_in_its_first_epoch: Expected(of(1, range(2)), untrained=(".",)),
    sequences.interrupted_in_mid_epoch: Expected(ONE_FIT_AFTER_ANOTHER, said=[GOES_ON]),
    sequences.interrupted_then_a_new_callback: Expected(ONE_FIT_AFTER_ANOTHER, said=[GOES_ON]),
    sequences.interrupted_then_a_new_model: TWO_RUNS,
    sequences.interrupted_in_mid_explanation: Expected(ONE_FIT_AFTER_ANOTHER, said=[GOES_ON]),
    sequences.a_crash_and_backup: Expected(of(0, range(2)) | {2: (1, 0), 3: (1, 1), 4: (1, 2)}),
    sequences.a_crash_before_the_backup: Expected(
        of(0, range(2)) | {2: (1, 0), 3: (1, 1), 4: (1, 2)}, {"earlier-1": of(0, range(3))}, [moved(1)], (".", "earlier-1")
    ),
    # folders that change
    sequences.removed_between: Expected(of(1, range(2)), said=[BEGINS], untrained=()),
    sequences.removed_between_models: Expected(of(1, range(2)), said=[BEGINS]),
    sequences.removed_in_mid_run: Expected(of(0, range(2, 5)), said=[BEGINS], untrained=()),
    sequences.record_recreated_in_mid_run: Expected(of(0, range(2, 5)), said=[BEGINS], untrained=()),
    sequences.renamed_in_mid_run: Expected(of(0, range(2, 5)), said=[BEGINS], untrained=()),
    sequences.replaced_by_a_file_in_mid_run: Expected(of(0, range(4, 6)), said=None, untrained=()),
    sequences.log_dir_replaced_by_a_file_between: Expected(of(1, range(1, 3)), said=None, untrained=()),
    sequences.moved_aside_by_another_fit: Expected(of(1, range(2)), {"earlier-1": of(0, range(4))}, None, (".", "earlier-1")),
    sequences.another_fit_begins_before_the_first_write: Expected(of(0, range(3)), {"earlier-1": of(1, range(2))}, [moved(1)], ()),
    sequences.moved_aside_by_another_process: Expected(of(1, range(2)), {"earlier-1": of(0, range(4))}, None, (".", "earlier-1")),
    # copies
    sequences.copied: Expected(
        of(2, range(2)), {"earlier-1": of(0, range(2)), "earlier-2": of(1, range(2))}, [moved(1), moved(2)], (".", "earlier-1", "earlier-2")
    ),
    sequences.copied_in_mid_fit: Expected(
        of(2, range(2)), {"earlier-1": of(0, range(3)) | of(1, range(2), at=3)}, [GOES_ON, moved(1)], (".", "earlier-1")
    ),
    sequences.pickled: Expected(ONE_FIT_AFTER_ANOTHER, said=[GOES_ON]),
    # records that cannot go on
    sequences.other_options: CANNOT_GO_ON,
    sequences.other_options_and_an_initial_epoch: Expected(
        {2: (1, 0), 3: (1, 1)}, {"earlier-1": of(0, range(2))}, [moved(1)], ("earlier-1",)
    ),
    sequences.other_probes: CANNOT_GO_ON,
    sequences.a_record_that_was_cut_off: Expected(ONE_FIT_AFTER_ANOTHER, said=[GOES_ON]),
    sequences.other_classes: Expected({2: (1, 0), 3: (1, 1)}, {"earlier-1": of(0, range(2))}, [moved(1)], ("earlier-1",)),
    sequences.several_probe_sets: Expected(of(2, range(2)), {"earlier-1": ONE_FIT_AFTER_ANOTHER}, [GOES_ON, moved(1)], (".", "earlier-1")),
}
assert len({sequence.__name__ for sequence in EXPECTED}) == len(EXPECTED)


def both(sequence: Sequence, folder: Path) -> Notebook:
    """The sequence with the callback; the same without it trains the same, to the last bit, and neither raises."""
    plain, logged = played(sequence, folder / "plain", logged=False), played(sequence, folder / "logged")
    for with_it, without in zip(logged.fits, plain.fits, strict=True):
        assert with_it.error == without.error
        assert with_it.losses == without.losses
        assert len(with_it.state) == len(without.state) > 0
        for ours, theirs in zip(with_it.state, without.state, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    return logged


def holds(
    folder: Path,
    notebook: Notebook,
    epochs: Epochs,
    probes: xai.TabularProbes = PROBES,
    probe_set: str | None = None,
    *,
    all_explained: bool = True,
) -> xai.Run:
    """A record that has these epochs and no others, complete and of these models."""
    run = xai.read_run(folder, probe_set)
    steps, logs = run.log_series()
    assert steps.tolist() == list(epochs)
    assert logs["loss"].tolist() == [notebook.fits[fit].losses[place] for fit, place in epochs.values()]
    weights = [notebook.fits[fit].weights[place] for fit, place in epochs.values()]
    explained = np.isin(steps, run.steps)
    assert explained.all() if all_explained else explained.any()
    np.testing.assert_allclose(
        run.outputs, [outputs_of(w, probes) for w, there in zip(weights, explained, strict=True) if there], atol=1e-6
    )
    assert np.isfinite(run.values(run.explainers[0])).all()
    assert run.gaps == {}
    assert run.missing == 0
    np.testing.assert_array_equal(run.probes.inputs, probes.inputs)
    return run


def one_sentence_each(said: list[str], patterns: list[str]) -> None:
    left = list(said)
    for pattern in patterns:
        matching = [sentence for sentence in left if re.search(pattern, sentence)]
        assert matching, f"nothing says {pattern!r}: {said}"
        left.remove(matching[0])
    assert left == []


@pytest.mark.parametrize("sequence", EXPECTED, ids=lambda sequence: sequence.__name__.replace("_", " "))
def test_a_sequence_of_fits_leaves_the_records_that_are_expected_and_says_so(sequence: Sequence, tmp_path: Path) -> None:
    notebook, expected = both(sequence, tmp_path), EXPECTED[sequence]
    records = {".": expected.main, **expected.aside}
    probes = {sequences.other_probes: {".": OTHER_PROBES}}.get(sequence, {})
    assert sorted(steps_kept(notebook.logs)) == sorted(records)
    for name, epochs in records.items():
        run = holds(notebook.logs / name, notebook, epochs, probes.get(name, PROBES))
        assert (run.untrained(run.explainers[0]) is not None) == (name in expected.untrained), name
    if expected.said is not None:
        one_sentence_each(notebook.said, expected.said)
    assert {path.name for path in notebook.logs.iterdir()} == {"xai", *expected.aside}


def test_two_models_in_turn_is_said_once(tmp_path: Path) -> None:
    """That the first is moved, that it goes on there, and that each goes on counting: not once a fit."""
    said = played(sequences.two_models_in_turn, tmp_path).said
    assert any(re.search(r"goes on in .*earlier-1", sentence) for sentence in said)
    assert len(said) == len(set(said)) <= 4


def test_the_untrained_model_of_a_new_record_is_that_of_its_own_fit(tmp_path: Path) -> None:
    notebook = played(sequences.a_cell_run_twice_with_a_new_model, tmp_path)
    for name, fit in ((".", notebook.fits[1]), ("earlier-1", notebook.fits[0])):
        model = network()
        model.set_weights(fit.before)
        np.testing.assert_allclose(
            xai.read_run(notebook.logs / name).untrained("shap"), xai.explain(model, PROBES, "shap")["shap"].values, atol=1e-5
        )


def test_shap_values_after_going_on_are_those_of_the_model_in_memory(tmp_path: Path) -> None:
    notebook = played(sequences.twice, tmp_path)
    run, model = xai.read_run(notebook.logs), network()
    for place, weights in enumerate([*notebook.fits[0].weights, *notebook.fits[1].weights]):
        model.set_weights(weights)
        np.testing.assert_allclose(run.values("shap")[place], xai.explain(model, PROBES, "shap")["shap"].values, atol=1e-5)


def test_both_probe_sets_go_on_and_are_kept(tmp_path: Path) -> None:
    notebook = played(sequences.several_probe_sets, tmp_path)
    for name, epochs in ((".", of(2, range(2))), ("earlier-1", ONE_FIT_AFTER_ANOTHER)):
        holds(notebook.logs / name, notebook, epochs, PROBES, "one")
        holds(notebook.logs / name, notebook, epochs, OTHER_PROBES, "other")


# ---- folders


def test_a_run_that_its_user_renames_keeps_what_it_had(tmp_path: Path) -> None:
    notebook = played(sequences.renamed_in_mid_run, tmp_path)
    holds(tmp_path / "renamed", notebook, of(0, range(2)))


@pytest.mark.parametrize("sequence", [sequences.replaced_by_a_file_in_mid_run, sequences.log_dir_replaced_by_a_file_between])
def test_a_file_in_place_of_the_record_is_one_warning(sequence: Sequence, tmp_path: Path) -> None:
    said = played(sequence, tmp_path).said
    failures = [sentence for sentence in said if re.search(r"(?i)training goes on", sentence)]
    assert len(failures) == 1
    assert os.fspath(tmp_path) in failures[0]
    assert len(said) <= 2  # and that a new record begins


def test_a_disk_that_is_full_for_a_while_leaves_gaps_and_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    full: list[int] = []
    add_event = EventFileWriter.add_event

    def add_or_fail(self: EventFileWriter, event: object) -> None:
        if full:
            raise OSError("No space left on device")
        add_event(self, event)

    def lasting(n: Notebook) -> None:
        n.fit(network(), n.logger(), At(1, lambda: full.append(1)), At(3, full.clear), epochs=5)

    monkeypatch.setattr(EventFileWriter, "add_event", add_or_fail)
    notebook = both(lasting, tmp_path)
    assert xai.read_run(notebook.logs).steps.tolist() == [0, 3, 4]
    one_sentence_each(notebook.said, ["No space left on device.*Training goes on"])


def test_nothing_else_in_the_log_dir_is_touched(tmp_path: Path) -> None:
    def beside(n: Notebook) -> None:
        for _ in range(2):
            n.fit(network(), keras.callbacks.TensorBoard(n.logs), n.logger())
            (n.logs / "note.txt").write_text("mine")

    notebook = played(beside, tmp_path)
    assert sorted(path.name for path in notebook.logs.iterdir()) == ["earlier-1", "note.txt", "train", "xai"]
    assert [path.name for path in (notebook.logs / "earlier-1").iterdir()] == ["xai"]


def test_the_number_of_an_earlier_record_is_the_first_that_is_free(tmp_path: Path) -> None:
    def taken(n: Notebook) -> None:
        n.fit(network(), n.logger())
        (n.logs / "earlier-1").mkdir()
        (n.logs / "earlier-1" / "note.txt").write_text("mine")
        n.fit(network(), n.logger())

    notebook = played(taken, tmp_path)
    assert steps_kept(notebook.logs) == {".": [0, 1], "earlier-2": [0, 1]}
    assert (notebook.logs / "earlier-1" / "note.txt").read_text() == "mine"


def test_nothing_is_moved_before_a_fit_begins(tmp_path: Path) -> None:
    """At construction the folder stays as it was, whatever it holds; it is only looked at when a model is there."""
    notebook = Notebook(tmp_path)
    with notebook.listening():
        notebook.fit(network(), notebook.logger())
        files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        notebook.logger(seed=1)
        notebook.logger()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files
    assert notebook.said == []


@pytest.mark.parametrize("sequence", [sequences.a_damaged_record, sequences.another_version_of_the_schema])
def test_a_record_that_cannot_be_read_is_moved_aside_as_it_is(sequence: Sequence, tmp_path: Path) -> None:
    notebook = both(sequence, tmp_path)
    holds(notebook.logs, notebook, of(1, range(2)))
    assert list((notebook.logs / "earlier-1" / "xai").glob("*tfevents*"))
    one_sentence_each(notebook.said, [moved(1)])


# ---- two fits, or two loggers, at once


def test_two_loggers_of_one_fit_need_two_log_dirs(tmp_path: Path) -> None:
    model, notebook = network(), Notebook(tmp_path)
    before = model.get_weights()
    one, other = notebook.logger(), notebook.logger(log_dir=Path(f"{notebook.logs}/../logs/"))
    with pytest.raises(ValueError, match=f"^ExplanationLogger: .*log_dir.*{re.escape(os.fspath(notebook.logs))}"):
        notebook.fit(model, one, other)
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with notebook.listening():
        notebook.fit(model, one, notebook.logger(log_dir=tmp_path / "second"))
    assert notebook.fits[-1].error is None
    assert steps_kept(tmp_path) == {"logs": [0, 1], "second": [0, 1]}


def test_a_pickled_callback_goes_on_in_another_process_with_the_same_model(tmp_path: Path) -> None:
    notebook = played(sequences.pickled_for_another_process, tmp_path)
    run = xai.read_run(notebook.logs)
    assert steps_kept(notebook.logs) == {".": [0, 1, 2, 3]}
    np.testing.assert_allclose(run.outputs[:2], [outputs_of(weights) for weights in notebook.fits[0].weights], atol=1e-6)
    assert run.logs["loss"].tolist() == [*notebook.fits[0].losses, *notebook.fits[1].losses]
    one_sentence_each(notebook.said, [GOES_ON])


needs_keras_tuner = pytest.mark.skipif(find_spec("keras_tuner") is None, reason="no KerasTuner: `pip install keras-tuner`")


@needs_keras_tuner
def test_every_trial_of_keras_tuner_has_a_run_of_its_own(tmp_path: Path) -> None:
    notebook = both(sequences.keras_tuner, tmp_path)
    trials = sorted(path.name.removeprefix("trial_") for path in (notebook.folder / "search" / "search").glob("trial_*"))
    assert len(trials) == 3
    assert sorted(steps_kept(notebook.logs)) == trials
    for fit, trial in enumerate(trials):
        holds(notebook.logs / trial, notebook, of(fit, range(2)))
    assert not (notebook.logs / "xai").exists()


@needs_keras_tuner
def test_every_execution_of_keras_tuner_is_beside_its_tensorboard_run(tmp_path: Path) -> None:
    notebook = played(sequences.keras_tuner_beside_tensorboard, tmp_path)
    assert [fit.error for fit in notebook.fits] == [None] * 6
    beside = sorted(folder.parent.relative_to(notebook.logs).as_posix() for folder in notebook.logs.rglob("train"))
    assert len(beside) == 6
    assert sorted(steps_kept(notebook.logs)) == beside
    for fit, run in enumerate(beside):
        holds(notebook.logs / run, notebook, of(fit, range(2)))
    assert not any("earlier" in sentence for sentence in notebook.said)


def test_a_callback_that_is_no_copy_stays_in_its_log_dir_whatever_tensorboard_does(tmp_path: Path) -> None:
    def inside(n: Notebook) -> None:
        n.fit(network(), keras.callbacks.TensorBoard(n.logs / "board"), n.logger())

    assert list(steps_kept(played(inside, tmp_path).logs)) == ["."]


def test_a_copy_shares_nothing_of_a_fit_with_the_logger_it_was_made_from(tmp_path: Path) -> None:
    """Neither an open file, nor a model, which may hold much memory: it is gone when the logger is, however many copies there are."""

    def trained_and_copied() -> tuple[weakref.ref[keras.Model], list[keras.callbacks.Callback]]:
        notebook, model = Notebook(tmp_path), network()
        logger, copies = notebook.logger(), []
        notebook.fit(model, logger, At(1, lambda: copies.extend([copy.copy(logger), copy.deepcopy(logger)])))
        assert len(copies) == 2
        copies += [copy.copy(logger), pickle.loads(pickle.dumps(logger))]
        for each in copies:
            assert each.log_dir == logger.log_dir
            assert each.model is None
            assert each._steps is not logger._steps
            assert each._steps.engines == {}
            assert each._steps.recorder._writer is not logger._steps.recorder._writer
        assert logger.model is model
        return weakref.ref(model), copies

    alive, _copies = trained_and_copied()
    gc.collect()
    assert alive() is None


# ---- options


def test_every_counts_on_and_each_fit_ends_with_an_explanation(tmp_path: Path) -> None:
    notebook = both(sequences.every_five, tmp_path)
    run = holds(notebook.logs, notebook, of(0, range(7)) | of(1, range(7), at=7), all_explained=False)
    assert {0, 5, 6, 13} <= set(run.steps.tolist())
    assert len(run.steps) < 9


def test_max_overhead_goes_on_and_moves_aside_too(tmp_path: Path) -> None:
    notebook = both(sequences.max_overhead, tmp_path)
    run = holds(notebook.logs / "earlier-1", notebook, of(0, range(3)) | of(1, range(3), at=3), all_explained=False)
    assert {2, 5} <= set(run.steps.tolist())
    run = holds(notebook.logs, notebook, of(2, range(3)), all_explained=False)
    assert 2 in run.steps
    assert run.untrained("shap") is not None
    for pattern in (GOES_ON, moved(1)):
        assert any(re.search(pattern, sentence) for sentence in notebook.said)

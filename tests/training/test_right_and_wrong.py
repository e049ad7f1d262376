"""Right and wrong, by label and by probe, and true values of regressions, through a training and its record: held against the model's own predict."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, hamming_loss
from sklearn.multiclass import OneVsRestClassifier
from support.reading import scalars_of

import tb_xai_plugin as xai
from tb_xai_plugin.cli.main import main

COUNT, CLASSES = 24, 5
X, SETS = make_multilabel_classification(200, 8, n_classes=CLASSES, n_labels=2, allow_unlabeled=True, random_state=3)
X = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)
RNG = np.random.default_rng(0)


def network(outputs: int, activation: str | None, loss: str | keras.losses.Loss, rate: float = 0.03, seed: int = 1) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((X.shape[1],)), layers.Dense(12, activation="relu"), layers.Dense(outputs, activation=activation)]
    )
    model.compile(keras.optimizers.Adam(rate), loss)
    return model


class Answers(keras.callbacks.Callback):
    """The oracle: the model's own outputs on the probes, before training and after every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.of: list[np.ndarray] = []

    def on_train_begin(self, logs: object = None) -> None:
        self.of.append(self.model(X[:COUNT]).numpy())

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.of.append(self.model(X[:COUNT]).numpy())


def table(labels: object, **options: object) -> xai.TabularProbes:
    return xai.TabularProbes(X[:COUNT], labels, background=X[:60], **options)


def trained(
    folder: Path, model: keras.Model, y: np.ndarray, labels: object, epochs: int = 6, **options: object
) -> tuple[xai.Run, list[np.ndarray]]:
    answers = Answers()
    logger = xai.ExplanationLogger(folder, table(labels), "shap", evaluations=64, on_error="raise", **options)
    model.fit(X, y, epochs=epochs, verbose=0, callbacks=[answers, logger])
    return xai.read_run(folder), answers.of


@pytest.fixture(scope="module")
def multi(tmp_path_factory: pytest.TempPathFactory) -> tuple[xai.Run, list[np.ndarray], Path]:
    folder = tmp_path_factory.mktemp("multi") / "run"
    run, answers = trained(folder, network(CLASSES, "sigmoid", "binary_crossentropy"), SETS, SETS[:COUNT])
    return run, answers, folder


def test_a_probe_is_right_where_all_its_labels_are(multi: tuple[xai.Run, list[np.ndarray], Path]) -> None:
    run, answers, _ = multi
    assert np.array_equal(run.label_sets, SETS[:COUNT])
    assert np.array_equal(run.probes.label_sets, SETS[:COUNT])
    assert run.labelled
    known = run.answers()
    for place, outputs in enumerate(answers):
        predicted = outputs >= 0.5
        right = known["right_labels"][place]
        assert [accuracy_score(SETS[i], predicted[i], normalize=False) for i in range(COUNT)] == right.tolist()
        assert right.sum() / (COUNT * CLASSES) == pytest.approx(1 - hamming_loss(SETS[:COUNT], predicted))
        assert (right == CLASSES).mean() == accuracy_score(SETS[:COUNT], predicted)
        truth = np.where(SETS[:COUNT], outputs, 1 - outputs).mean(axis=1)
        assert np.allclose(known["label_probability"][place], truth, atol=1e-6)
    same = known["predicted_set"][:, :, None] == known["predicted_set"][:, None, :]
    for place, outputs in enumerate(answers):
        assert np.array_equal(same[place], ((outputs >= 0.5)[:, None] == (outputs >= 0.5)[None]).all(axis=-1))


def test_events_are_of_the_whole_set(multi: tuple[xai.Run, list[np.ndarray], Path]) -> None:
    run, answers, _ = multi
    expected = []
    for probe in range(COUNT):
        was, ever = False, False
        for step, outputs in enumerate(answers[1:]):
            right = bool(((outputs[probe] >= 0.5) == SETS[probe]).all())
            if right != was:
                expected.append((step, probe, "forgotten" if was else "relearned" if ever else "learned"))
            was, ever = right, ever or right
    found = [(event.step, event.probe, event.kind) for event in run.events("shap") if not event.explainer]
    assert found == sorted(expected)
    assert {"learned", "forgotten"} <= {kind for _, _, kind in found}
    sizes = {(event.step, event.probe): event.size for event in run.events("shap") if not event.explainer}
    truth = [np.where(SETS[:COUNT], outputs, 1 - outputs).mean(axis=1) for outputs in answers]
    for (step, probe), size in sizes.items():
        assert size == pytest.approx(truth[step + 1][probe] - truth[step][probe], abs=1e-5)


def test_the_scalars_of_a_run_have_the_same_events(multi: tuple[xai.Run, list[np.ndarray], Path]) -> None:
    run, _, folder = multi
    written, happened = scalars_of(folder), Counter((event.step, event.kind) for event in run.events("shap"))
    for kind in ("learned", "forgotten", "relearned"):
        assert written[f"xai/events/{kind}"] == {step: happened[step, kind] for step in run.steps.tolist()}
    assert np.allclose(list(written["xai/drift/shap"].values()), np.nanmedian(run.drift("shap"), axis=1), rtol=2e-3)


def test_the_class_of_a_probe_is_its_first_true_label_or_the_likeliest(multi: tuple[xai.Run, list[np.ndarray], Path]) -> None:
    run, answers, _ = multi
    wanted = run.wanted_class("label")
    assert (~SETS[:COUNT].any(axis=1)).any(), "some have none"
    for place, outputs in enumerate(answers):
        for probe in range(COUNT):
            true = np.flatnonzero(SETS[probe])
            assert wanted[place, probe] == (true[0] if len(true) else outputs[probe].argmax())


def test_a_data_frame_says_of_each_target_whether_it_is_true(multi: tuple[xai.Run, list[np.ndarray], Path]) -> None:
    frame = multi[0].to_dataframe()
    assert np.array_equal(frame["label"], SETS[:COUNT].astype(bool)[frame["probe"], frame["target"]])


def test_show_and_compare_know_what_was_learned(
    multi: tuple[xai.Run, list[np.ndarray], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _, folder = multi
    other, answers = trained(tmp_path / "other", network(CLASSES, "sigmoid", "binary_crossentropy", seed=5), SETS, SETS[:COUNT])
    compared = run.compare(other, "shap")
    right = np.stack([((of >= 0.5) == SETS[:COUNT]).all(axis=1) for of in (multi[1][-1], answers[-1])], axis=-1)
    assert np.array_equal(compared.right[-1], right)
    assert compared.labelled
    assert main(["compare", str(folder), str(tmp_path / "other"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    learned = sum(event.kind == "learned" for event in run.events("shap"))
    assert report["runs"]["A"]["events"]["learned"] == learned > 0


ONE_HOT = np.eye(CLASSES, dtype=int)[RNG.integers(0, CLASSES, 200)]


def test_one_hot_rows_of_independent_outputs_are_sets_of_labels(tmp_path: Path) -> None:
    run, answers = trained(tmp_path, network(CLASSES, "sigmoid", "binary_crossentropy"), ONE_HOT, ONE_HOT[:COUNT], 2)
    assert np.array_equal(run.label_sets, ONE_HOT[:COUNT])
    assert run.answers()["right_labels"].tolist() == [((of >= 0.5) == ONE_HOT[:COUNT]).sum(axis=1).tolist() for of in answers]


def test_class_numbers_of_independent_outputs_stay_single_labels(tmp_path: Path) -> None:
    numbers = ONE_HOT.argmax(axis=1)
    run, answers = trained(tmp_path, network(CLASSES, "sigmoid", "binary_crossentropy"), ONE_HOT, numbers[:COUNT], 2)
    assert run.label_sets is None
    assert run.record["probes"]["labels"] == numbers[:COUNT].tolist()
    assert np.array_equal(run.predicted()[-1], answers[-1].argmax(axis=1))


def test_multi_label_logits_are_right_from_zero_on(tmp_path: Path) -> None:
    run, answers = trained(tmp_path, network(CLASSES, None, keras.losses.BinaryCrossentropy(from_logits=True)), SETS, SETS[:COUNT] == 1, 3)
    assert run.settings["head"] == "sigmoid logits"
    assert run.answers()["right_labels"].tolist() == [((of >= 0) == SETS[:COUNT]).sum(axis=1).tolist() for of in answers]


def test_labels_of_several_hundred_tags_have_the_first_explained(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tags = (RNG.random((200, 300)) < 0.02).astype(np.float32)
    with caplog.at_level(logging.WARNING, logger="tb_xai_plugin"):
        run, answers = trained(tmp_path, network(300, "sigmoid", "binary_crossentropy"), tags, tags[:COUNT], 3)
    assert (
        "TabularProbes: the model has 300 independent classes, of which the first 16 are explained; choose others with classes=[…]"
        in caplog.text
    )
    assert run.record["targets"] == list(range(16))
    assert run.answers()["right_labels"].tolist() == [((of >= 0.5) == tags[:COUNT]).sum(axis=1).tolist() for of in answers]
    wanted = run.wanted_class("label")
    for place, outputs in enumerate(answers):
        for probe in range(COUNT):
            true = np.flatnonzero(tags[probe, :16])
            assert wanted[place, probe] == (true[0] if len(true) else outputs[probe, :16].argmax())
    assert np.isfinite(run.values("shap")).all()
    truly = tags[:COUNT, :16].any(axis=1)
    assert np.isfinite(run.drift("shap")[1:, truly]).all()


# Regressions

WEIGHTS = RNG.normal(size=(8, 24))


def true_values(kind: str) -> np.ndarray:
    one = X @ WEIGHTS[:, 0]
    return {
        "prices": np.round(250000 + 30000 * one).astype(int),
        "counts": np.maximum(np.round(3 + 2 * one), 0).astype(int),
        "signed whole numbers": np.round(4 * one),
        "24 outputs": (X @ WEIGHTS).astype(np.float32),
        "three whole outputs": np.round(X @ WEIGHTS[:, :3] * 10).astype(int),
        "booleans": one > 0,
    }[kind]


@pytest.mark.parametrize("kind", ["prices", "counts", "signed whole numbers", "24 outputs", "three whole outputs", "booleans"])
@pytest.mark.filterwarnings("ignore:the model returns only the numbers")
def test_targets_of_a_regression_are_true_values_whatever_numbers_they_are(kind: str, tmp_path: Path) -> None:
    y = true_values(kind)
    columns = y.reshape(len(y), -1).astype(np.float64)
    run, answers = trained(tmp_path, network(columns.shape[1], None, "mse"), (columns - columns.mean()) / columns.std(), y[:COUNT], 4)
    assert np.array_equal(run.probes.truth, columns[:COUNT])
    assert run.probes.labels is None
    assert not run.labelled
    assert np.allclose(run.outputs, answers[1:], atol=1e-5, rtol=1e-5)
    assert np.allclose(run.answers()["probability"], [of[:, 0] for of in answers], atol=1e-5, rtol=1e-5)
    frame = run.to_dataframe()
    assert np.array_equal(frame["label"], columns[frame["probe"], frame["target"]])
    drift = run.drift("shap")
    assert np.isfinite(drift[1:]).all(), "the explained outputs are the same at every epoch"
    assert not {event.kind for event in run.events("shap")} & {"learned", "forgotten", "relearned"}


def test_of_many_outputs_the_first_are_explained_in_the_whole_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    y = true_values("24 outputs")
    with caplog.at_level(logging.WARNING, logger="tb_xai_plugin"):
        run, _ = trained(tmp_path / "auto", network(24, None, "mse"), y, y[:COUNT], 3)
    assert (
        "the model has 24 outputs, of which the first 16 are explained; choose others with classes=[…], or all with classes='all'"
        in caplog.text
    )
    assert np.array_equal(run.all_targets(), np.broadcast_to(np.arange(16), (4, COUNT, 16)))
    every, _ = trained(tmp_path / "all", network(24, None, "mse"), y, y[:COUNT], 3, classes="all")
    assert np.allclose(run.values("shap"), every.values("shap")[:, :, :16], atol=1e-5)
    chosen, answers = trained(tmp_path / "some", network(24, None, "mse"), y, y[:COUNT], 3, classes=[20, 7])
    assert (chosen.wanted_class("label") == 7).all()
    assert np.allclose(chosen.answers()["probability"][-1], answers[-1][:, 7], atol=1e-5)
    assert np.isfinite(chosen.drift("shap")[1:]).all()


def test_classes_that_exclude_each_other_are_explained_as_before(tmp_path: Path) -> None:
    numbers = RNG.integers(0, 20, 200)
    run, answers = trained(tmp_path, network(20, "softmax", "sparse_categorical_crossentropy"), numbers, numbers[:COUNT], 2)
    assert run.record["targets"] is None
    for probe in range(COUNT):
        others = [number for number in np.argsort(-answers[-1][probe], kind="stable") if number != numbers[probe]]
        assert run.all_targets()[-1, probe].tolist() == [numbers[probe], *others[:2]]


# Fractions


@pytest.mark.parametrize("shape", [(COUNT,), (COUNT, 1)])
def test_fractions_under_a_binary_loss_are_read_as_the_likeliest_class(shape: tuple[int, ...], tmp_path: Path) -> None:
    fractions = RNG.integers(0, 6, 200) / 5
    run, answers = trained(tmp_path, network(1, "sigmoid", "binary_crossentropy"), fractions, fractions[:COUNT].reshape(shape), 2)
    labels = (fractions[:COUNT] >= 0.5).astype(int)
    assert run.record["probes"]["labels"] == labels.tolist()
    assert np.array_equal(run.probes.label_fractions, fractions[:COUNT, None])
    p = answers[-1][:, 0]
    assert np.allclose(run.answers()["label_probability"][-1], np.where(labels, p, 1 - p), atol=1e-6)


@pytest.mark.parametrize(("activation", "loss"), [("softmax", "categorical_crossentropy"), ("sigmoid", "binary_crossentropy")])
def test_shares_of_annotators_are_read_by_class_or_by_label(activation: str, loss: str, tmp_path: Path) -> None:
    shares = RNG.dirichlet([0.3] * CLASSES, 200)
    run, answers = trained(tmp_path, network(CLASSES, activation, loss), shares, shares[:COUNT], 2)
    assert np.allclose(run.probes.label_fractions, shares[:COUNT])
    if activation == "softmax":
        assert run.record["probes"]["labels"] == shares[:COUNT].argmax(axis=1).tolist()
        right = answers[-1].argmax(axis=1) == shares[:COUNT].argmax(axis=1)
        assert np.array_equal(run.predicted()[-1] == run.record["probes"]["labels"], right)
    else:
        assert run.answers()["right_labels"][-1].tolist() == ((answers[-1] >= 0.5) == (shares[:COUNT] >= 0.5)).sum(axis=1).tolist()


def test_smoothed_one_hot_rows_are_their_classes(tmp_path: Path) -> None:
    smoothed = ONE_HOT * 0.9 + 0.1 / CLASSES
    run, _ = trained(tmp_path, network(CLASSES, "softmax", "categorical_crossentropy"), smoothed, smoothed[:COUNT], 1)
    assert run.record["probes"]["labels"] == ONE_HOT[:COUNT].argmax(axis=1).tolist()


# Refusals

WRONG: dict[str, tuple[Callable[[], keras.Model], object, str]] = {
    "a class too many": (lambda: network(3, "softmax", "sparse_categorical_crossentropy"), [0, 1, 5] * 8, "label 5 is out of range: the model has 3 classes"),
    "several labels of exclusive classes": (lambda: network(CLASSES, "softmax", "categorical_crossentropy"), SETS[:COUNT], "classes exclude each other"),
    "labels of other columns": (lambda: network(4, "sigmoid", "binary_crossentropy"), SETS[:COUNT], r"labels has shape \(24, 5\), but the model has 4 classes"),
    "true values of other columns": (lambda: network(2, None, "mse"), SETS[:COUNT] * 3.5, r"\(24, 5\), but the model has 2 outputs of a regression"),
    "prices of a classifier": (lambda: network(1, "sigmoid", "binary_crossentropy"), [250000, 310000] * 12, "label 250000 is out of range: .*head='regression'"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_labels_that_do_not_fit_stop_the_fit_before_its_first_epoch(name: str, tmp_path: Path) -> None:
    make, labels, sentence = WRONG[name]
    logger = xai.ExplanationLogger(tmp_path, table(labels), "shap", evaluations=64)
    with pytest.raises(ValueError, match=f"^ExplanationLogger: TabularProbes: .*{sentence}"):
        make().fit(X, np.zeros((200, 1)), epochs=1, verbose=0, callbacks=[logger])
    assert not (tmp_path / "xai").exists()


# Explanation, outside a training


def test_an_explanation_has_the_reading_of_its_model() -> None:
    model = network(CLASSES, "sigmoid", "binary_crossentropy")
    explanation = xai.explain(model, table(SETS[:COUNT]), "shap", evaluations=64)["shap"]
    assert np.array_equal(explanation.probes.label_sets, SETS[:COUNT])
    frame = explanation.to_dataframe()
    assert np.array_equal(frame["label"], SETS[:COUNT].astype(bool)[frame["probe"], frame["target"]])
    assert repr(explanation).split("the first: ")[1].startswith(f"class {SETS[0].argmax()} ")
    prices = xai.explain(network(1, None, "mse"), table(true_values("prices")[:COUNT]), "shap", evaluations=64)["shap"]
    assert np.array_equal(prices.to_dataframe()["label"], true_values("prices")[:COUNT].repeat(8))


@pytest.mark.parametrize(
    "make", [lambda: OneVsRestClassifier(LogisticRegression()), lambda: ExtraTreesClassifier(20, max_depth=3, random_state=0)]
)
def test_sets_of_labels_make_the_probabilities_of_a_callable_independent(make: Callable[[], Any]) -> None:
    model = make().fit(X, SETS)

    def predict(x: np.ndarray) -> np.ndarray:
        found = model.predict_proba(x)  # a forest has one array for each label
        return np.stack([of_label[:, 1] for of_label in found], axis=1) if isinstance(found, list) else found

    explanation = xai.explain(predict, table(SETS[:COUNT]), "shap", evaluations=64)["shap"]
    assert np.array_equal(explanation.probes.label_sets, SETS[:COUNT])
    p = np.clip(predict(X[:COUNT]), 1e-6, 1 - 1e-6)
    assert explanation.unit == "log-odds"
    assert np.allclose(explanation.outputs, np.log(p / (1 - p)), atol=1e-3)
    margins = OneVsRestClassifier(LogisticRegression()).fit(X, SETS).decision_function
    of_margins = xai.explain(margins, table(SETS[:COUNT]), "occlusion", head="logits")["occlusion"]
    assert np.array_equal(of_margins.probes.label_sets, SETS[:COUNT])
    assert np.allclose(of_margins.outputs, margins(X[:COUNT]), atol=1e-5)


def test_what_the_sentences_name_solves_it(tmp_path: Path) -> None:
    softmax = network(CLASSES, "softmax", "categorical_crossentropy")
    with pytest.raises(ValueError, match=r"exclude each other; .*head='probabilities' if each output is a label of its own"):
        xai.explain(softmax, table(SETS[:COUNT]), "shap", evaluations=64)
    explanation = xai.explain(softmax, table(SETS[:COUNT]), "shap", evaluations=64, head="probabilities")["shap"]
    assert np.array_equal(explanation.probes.label_sets, SETS[:COUNT])
    prices = true_values("prices")[:COUNT]
    sigmoid = network(1, "sigmoid", "binary_crossentropy")
    with pytest.raises(ValueError, match=r"label 250000 is out of range: .*head=.regression."):
        xai.explain(sigmoid, table([250000, 310000] * 12), "shap", evaluations=64)
    assert xai.explain(sigmoid, table(prices), "shap", evaluations=64, head="regression")["shap"].probes.truth is not None
    several = network(3, None, "mse")
    with pytest.raises(ValueError, match=r"choose one output with model_output=lambda outputs: outputs\[:, :1\]"):
        xai.explain(several, table(prices / 3), "shap", evaluations=64)
    one = xai.explain(several, table(prices / 3), "shap", evaluations=64, model_output=lambda outputs: outputs[:, :1], head="regression")
    assert np.allclose(one["shap"].outputs, several.predict(X[:COUNT], verbose=0)[:, :1], atol=1e-5)


def test_values_of_one_class_of_a_users_own_explainer_belong_to_the_first_true_label() -> None:
    values = RNG.normal(size=(COUNT, 8))
    own = xai.Custom("own", lambda model, probes: values)
    explanation = xai.explain(network(CLASSES, "sigmoid", "binary_crossentropy"), table(SETS[:COUNT]), own)["own"]
    for probe in np.flatnonzero(SETS[:COUNT].any(axis=1)):
        assert np.allclose(explanation.values[probe, SETS[probe].argmax()], values[probe], atol=1e-6)


def test_curves_are_measured_for_the_first_true_label(tmp_path: Path) -> None:
    run, _ = trained(tmp_path, network(CLASSES, "sigmoid", "binary_crossentropy"), SETS, SETS[:COUNT], 1, curves=True)
    places = run.measures("shap").index("deletion")
    measured = np.isfinite(run.all_fidelity("shap")[-1, :, :, places])
    assert np.array_equal(measured.argmax(axis=1), run.wanted_class("label")[-1])
    assert (measured.sum(axis=1) == 1).all()

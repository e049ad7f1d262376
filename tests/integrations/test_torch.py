"""PyTorch, Lightning and Hugging Face: a module is explained as it is, and its training is what it is without the logger."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tb_xai_plugin as xai

torch = pytest.importorskip("torch", reason="PyTorch is not installed; install torch")

from tb_xai_plugin.integrations.torch import TorchModel  # noqa: E402  # only where PyTorch is there

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(12, 6, 8, 3)).astype(np.float32)
LABELS = np.arange(12) % 2
SEGMENTS = np.tile(np.repeat(np.arange(4), 2), (6, 1))
PROBES = xai.ImageProbes(IMAGES[:3], LABELS[:3], segments=SEGMENTS, baseline=0)
OPTIONS: dict[str, Any] = {"head": "logits", "evaluations": 16}


def network() -> Any:
    """A network with what tells training from inference: a normalisation over the batch, and a dropout."""
    torch.manual_seed(0)
    layers = [
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(96, 2),
    ]
    return torch.nn.Sequential(*layers)


def trained(log_dir: Path | None, wrap: Callable[[Any], Any] = TorchModel) -> tuple[Any, list[Any]]:
    """A plain loop, and the numbers that dropout has drawn."""
    module, images, labels = network(), torch.tensor(IMAGES).permute(0, 3, 1, 2), torch.tensor(LABELS)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    log = xai.RunLogger(log_dir, PROBES, "shap", **OPTIONS) if log_dir else None
    model, losses = wrap(module), []
    for epoch in range(3):
        module.train()
        module[1].eval()  # a part that is frozen stays so
        loss = torch.nn.functional.cross_entropy(module(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if log:
            log(model, epoch, {"loss": loss})
            assert [one.training for one in module] == [True, False, True, True, True, True]
    if log:
        log.close()
    return module, losses


@pytest.mark.parametrize("wrap", [TorchModel, lambda module: module], ids=["TorchModel", "the module as it is"])
def test_a_plain_loop_is_explained_and_trains_bit_for_bit_as_without(wrap: Callable[[Any], Any], tmp_path: Path) -> None:
    plain, losses = trained(None)
    module, with_it = trained(tmp_path, wrap)
    assert with_it == losses
    for one, other in zip(module.state_dict().values(), plain.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    run = xai.read_run(tmp_path)
    np.testing.assert_allclose(run.logs["loss"], losses, rtol=1e-6)
    assert run.returned("shap") is not None  # the record knows the module by its weights
    module.eval()

    def by_hand(batch: np.ndarray) -> np.ndarray:
        return module(torch.tensor(batch.transpose(0, 3, 1, 2))).detach().numpy()

    np.testing.assert_allclose(run.values("shap")[-1], xai.explain(by_hand, PROBES, "shap", **OPTIONS)["shap"].values, atol=1e-5)
    exact = torch.softmax(torch.tensor(by_hand(IMAGES[:3])), dim=1).numpy()
    np.testing.assert_allclose(run.outputs[-1], exact, atol=1e-6)


def test_a_module_is_a_model_wherever_one_of_keras_is(tmp_path: Path) -> None:
    """As it is: in evaluation mode, in its own precision whatever is switched on around, and then as before."""
    module = network()
    wrapped = xai.explain(TorchModel(module), PROBES, "shap", **OPTIONS)["shap"]
    module[4].train(False)
    before = [one.training for one in module.modules()]
    torch.manual_seed(3)
    drawn = torch.rand(1)
    torch.manual_seed(3)
    with torch.autocast("cpu"):
        once = xai.explain(module, PROBES, "shap", **OPTIONS)["shap"]
    assert torch.equal(torch.rand(1), drawn)
    assert [one.training for one in module.modules()] == before
    assert all(one.grad is None for one in module.parameters())
    np.testing.assert_array_equal(once.values, wrapped.values)
    run = xai.log_model(module, PROBES, tmp_path / "logged", "shap", **OPTIONS)
    np.testing.assert_array_equal(run.returned("shap"), once.values)

    paths = []
    for epoch in (1, 2):
        module[5].bias.data += 1
        paths.append(tmp_path / f"{epoch}.pt")
        torch.save(module.state_dict(), paths[-1])

    def build(path: str) -> Any:
        built = network()
        built.load_state_dict(torch.load(path))
        return built

    xai.explain_checkpoints(paths, PROBES, tmp_path / "checkpoints", explainers="shap", build=build, **OPTIONS)
    of_checkpoints = xai.read_run(tmp_path / "checkpoints")
    np.testing.assert_allclose(of_checkpoints.values("shap")[-1], xai.explain(module, PROBES, "shap", **OPTIONS)["shap"].values, atol=1e-6)


def test_a_module_that_fails_is_named_with_what_it_was_given() -> None:
    other = xai.ImageProbes(IMAGES[:3, :, :, :1], LABELS[:3])
    with pytest.raises(
        ValueError,
        match=r"the module 'Sequential' failed on .* of shape \(6, 8, 1\).* \(n, channels, height, width\); .* TorchModel\(module, inputs=…\)",
    ):
        xai.explain(network(), other, "shap")
    with pytest.raises(TypeError, match=r"TorchModel: module is function; give a torch\.nn\.Module"):
        TorchModel(lambda x: x)


def test_several_arguments_several_outputs_and_half_precision() -> None:
    class Two(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(4, 2, dtype=torch.bfloat16)

        def forward(self, rows: Any, scale: Any) -> dict[str, Any]:
            return {"features": rows, "logits of both": self.linear(rows) * scale}

    rows = np.eye(4, dtype=np.float32)
    probes = xai.TabularProbes(rows[:2], [0, 1], background=np.zeros((2, 4)))
    both = TorchModel(Two(), inputs=lambda batch: (torch.tensor(batch, dtype=torch.bfloat16), torch.tensor(2.0)))
    values = xai.explain(both, probes, "shap", model_output="logits of both", output="raw", head="logits")["shap"].values
    weight = both.module.linear.weight.float().detach().numpy()
    np.testing.assert_allclose(values[0, :, 0], 2 * weight[:, 0], atol=0.02)


@pytest.mark.filterwarnings("ignore:.*treespec:FutureWarning")  # Lightning's own
def test_lightning_explains_the_module_at_each_epoch_with_its_metrics(tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning.pytorch", reason="Lightning is not installed; install lightning")
    from tb_xai_plugin.integrations.lightning import ExplanationLogger

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = network()

        def forward(self, images: Any) -> Any:
            return self.network(images)

        def training_step(self, batch: Any, _: int) -> Any:
            return torch.nn.functional.cross_entropy(self(batch[0]), batch[1])

        def validation_step(self, batch: Any, _: int) -> None:
            self.log("val_accuracy", (self(batch[0]).argmax(1) == batch[1]).float().mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    def fitted(*callbacks: Any) -> Any:
        module = Module()
        batch = [(torch.tensor(IMAGES).permute(0, 3, 1, 2), torch.tensor(LABELS))]
        quiet = {
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "accelerator": "cpu",
        }
        trainer = lightning.Trainer(max_epochs=3, callbacks=list(callbacks), default_root_dir=tmp_path, **quiet)
        load = torch.utils.data.DataLoader(batch, batch_size=None)
        trainer.fit(module, load, load)
        return module, trainer

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    module, trainer = fitted(ExplanationLogger(tmp_path / "run", PROBES, "shap", **OPTIONS))
    plain, _ = fitted()
    for one, other in zip(module.state_dict().values(), plain.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    run = xai.read_run(tmp_path / "run")
    assert run.steps.tolist() == [0, 1, 2]
    assert run.logs["val_accuracy"][-1] == pytest.approx(float(trainer.callback_metrics["val_accuracy"]))
    np.testing.assert_allclose(run.values("shap")[-1], xai.explain(TorchModel(module), PROBES, "shap", **OPTIONS)["shap"].values, atol=1e-6)
    first = xai.explain(TorchModel(network()), PROBES, "shap", **OPTIONS)["shap"].values
    np.testing.assert_allclose(run.untrained("shap"), first, atol=1e-6)


WORDS = ["[PAD]", "[UNK]", "good", "bad", "film", "a"]
TEXTS = ["a good film", "a bad film", "good good film", "bad a film"]


def encode(texts: list[str]) -> dict[str, np.ndarray]:
    """What a tokenizer of Hugging Face returns: numbers of words, padded, and which are words."""
    ids = np.zeros((len(texts), 4), dtype=np.int64)
    for row, text in enumerate(texts):
        for place, word in enumerate(text.split()):
            ids[row, place] = WORDS.index(word) if word in WORDS else 1
    return {"input_ids": ids, "attention_mask": (ids > 0).astype(np.int64)}


@pytest.mark.parametrize("strategy", ["no", "epoch", "steps"])
def test_the_trainer_of_hugging_face_is_followed_epoch_by_epoch_or_at_its_evaluations(tmp_path: Path, strategy: str) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed; install 'transformers[torch]'")
    pytest.importorskip("accelerate", reason="accelerate is not installed; install 'transformers[torch]'")
    from tb_xai_plugin.integrations.transformers import ExplanationLogger

    config = transformers.DistilBertConfig(
        vocab_size=len(WORDS), dim=8, hidden_dim=8, n_layers=1, n_heads=1, max_position_embeddings=4, num_labels=2
    )
    labels = [1, 0, 1, 0]
    rows = [{**{name: array[row] for name, array in encode(TEXTS).items()}, "labels": labels[row]} for row in range(4)]
    probes = xai.TextProbes(TEXTS[:2], labels[:2], encode=encode, mask_token="[UNK]")
    arguments = transformers.TrainingArguments(
        str(tmp_path / "trained"),
        num_train_epochs=3,
        per_device_train_batch_size=2,
        eval_strategy=strategy,
        eval_steps=3,
        save_strategy="no",
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )

    def trained(*callbacks: Any) -> tuple[Any, Any]:
        torch.manual_seed(0)
        model = transformers.DistilBertForSequenceClassification(config)
        trainer = transformers.Trainer(model, arguments, train_dataset=rows, eval_dataset=rows, callbacks=list(callbacks))
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
        return model, trainer

    model, trainer = trained(ExplanationLogger(tmp_path / "run", probes, "shap", evaluations=16))
    for one, other in zip(model.state_dict().values(), trained()[0].state_dict().values(), strict=True):
        assert torch.equal(one, other)
    run = xai.read_run(tmp_path / "run")
    assert run.steps.tolist() == ([3, 6] if strategy == "steps" else [0, 1, 2])
    assert ("val_loss" in run.logs) == (strategy != "no")
    assert np.isfinite(run.logs["loss"]).all(), json.dumps(trainer.state.log_history)
    once = xai.explain(TorchModel(model), probes, "shap", head="logits", evaluations=16)["shap"]
    np.testing.assert_allclose(run.values("shap")[-1], once.values, atol=1e-5)
    assert run.untrained("shap") is not None

"""Hugging Face: a callback for `Trainer` of transformers."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from transformers import TrainerCallback

from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.integrations.hooked import Hooked
from tb_xai_plugin.integrations.torch import TorchModel
from tb_xai_plugin.probes import ProbeSet


class ExplanationLogger(TrainerCallback):  # type: ignore[misc]  # transformers is not installed where types are checked
    """Explains a fixed set of probes before the training and at each epoch of `Trainer.train`, for TensorBoard's XAI tab.

    With eval_strategy="steps" it explains at each evaluation instead, and its step is the `global_step` of the trainer. It explains the logits, in inference mode.
    In a training on several devices the first process explains.

    Args:
        log_dir, probes, explainers, options: see `RunLogger`. Of texts, `encode` returns what the model takes: `lambda texts: dict(tokenizer(texts, padding=True, return_tensors="np"))`.
        every: the number of epochs (with eval_strategy="steps": of steps) from one explanation to the next; the last epoch is always explained. Or a callable step -> bool, which then decides alone.
        untrained: whether to explain the model before its first step too, as step -1.
        inputs: see `TorchModel`.
        head: see `RunLogger`.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        probes: ProbeSet | Mapping[str, ProbeSet],
        explainers: Sequence[str | AnyExplainer] | str | AnyExplainer = ("lime", "shap"),
        *,
        every: int | Callable[[int], bool] = 1,
        untrained: bool = True,
        inputs: Callable[[Any], Any] | None = None,
        head: str = "logits",
        **options: Any,
    ) -> None:
        self._hooked = Hooked(log_dir, probes, explainers, every, {"head": head, **options})
        self._untrained, self._inputs = untrained, inputs
        self._model: TorchModel | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """`train` begins."""
        self._model = None
        if not state.is_world_process_zero:
            return
        self._model = TorchModel(model, inputs=self._inputs)
        self._hooked.begin()
        if self._untrained and state.global_step == 0:
            self._hooked.untrained(self._model)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """An epoch is done. Its evaluation, if there is one, follows."""
        if args.eval_strategy == "no":
            self._at_epoch(args, state, control, {})

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        """The model was evaluated. It may be after the training, too."""
        if self._model is None:
            return
        if args.eval_strategy == "epoch":
            self._at_epoch(args, state, control, metrics or {})
        elif args.eval_strategy == "steps":
            self._hooked.step(self._model, state.global_step, _logs(state, metrics or {}), last=state.global_step >= state.max_steps)

    def _at_epoch(self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any]) -> None:
        if self._model is not None and state.epoch:  # an evaluation on start belongs to no epoch
            # The best model may be loaded before the training says that it is done.
            last = control.should_training_stop or state.epoch >= math.ceil(args.num_train_epochs)
            self._hooked.step(self._model, round(state.epoch) - 1, _logs(state, metrics), last=last)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """`train` is done."""
        if self._model is not None:
            self._hooked.finish()
        self._model = None


def _logs(state: Any, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics, under the names that they have in Keras ("val_accuracy" for "eval_accuracy"), and the loss that was logged last."""
    loss = next((entry["loss"] for entry in reversed(state.log_history) if "loss" in entry), None)
    named = {f"val_{name.removeprefix('eval_')}" if name.startswith("eval_") else name: value for name, value in metrics.items()}
    return {**({} if loss is None else {"loss": loss}), **named}

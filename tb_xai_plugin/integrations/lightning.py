"""Lightning: a callback for `Trainer`, of the package `lightning` or `pytorch_lightning`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:
    from pytorch_lightning.callbacks import Callback

from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.integrations.hooked import Hooked
from tb_xai_plugin.integrations.torch import TorchModel
from tb_xai_plugin.probes import ProbeSet


class ExplanationLogger(Callback):  # type: ignore[misc]  # Lightning is not installed where types are checked
    """Explains a fixed set of probes before the first epoch and after every epoch of `Trainer.fit`, for TensorBoard's XAI tab.

    It explains what `forward` of the LightningModule returns, in inference mode. In a training on several devices the first process explains. The metrics of the epoch are in the record.

    Args:
        log_dir, probes, explainers, options: see `RunLogger`; give head="logits" where `forward` returns logits.
        every: the number of epochs from one explanation to the next; the last one is always explained. Or a callable epoch -> bool, which then decides alone.
        untrained: whether to explain the model before its first epoch too, as step -1.
        inputs: see `TorchModel`.
        model: a callable from the LightningModule to the torch.nn.Module that is explained, e.g. model=lambda module: module.student.
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
        model: Callable[[Any], Any] = lambda module: module,
        **options: Any,
    ) -> None:
        super().__init__()
        self._hooked = Hooked(log_dir, probes, explainers, every, options)
        self._untrained, self._inputs, self._network = untrained, inputs, model
        self._model: TorchModel | None = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """`fit` begins."""
        self._model = None
        if not trainer.is_global_zero:
            return
        self._model = TorchModel(self._network(pl_module), inputs=self._inputs)
        self._hooked.begin()
        if self._untrained and trainer.global_step == 0:
            self._hooked.untrained(self._model)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """An epoch is done, with its validation."""
        if self._model is not None:
            self._hooked.step(self._model, trainer.current_epoch, {name: float(value) for name, value in trainer.callback_metrics.items()})

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """`fit` is done."""
        if self._model is not None:
            self._hooked.finish()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """`fit` was interrupted."""
        self._hooked.end()

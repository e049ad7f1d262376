"""PyTorch: a module as a model of `RunLogger`, `explain` and `log_model`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


class TorchModel:
    """A PyTorch module as a callable from NumPy arrays to NumPy arrays, in inference mode and without gradients.

    The module is as before after each call: its modes of training are put back, and no random number of PyTorch's is drawn. Its weights are read at each call, so
    one TorchModel serves a whole training.

    Args:
        module: a torch.nn.Module. Of an output with `logits`, as models of Hugging Face have, these are explained.
        inputs: a callable from a batch of masked probes, a NumPy array, to what the module takes: a tensor, a tuple of arguments, or a dict of named ones. By default a tensor of the
            module's own type; images (n, H, W, C) become (n, C, H, W); whole numbers stay whole numbers where the module has an embedding, or the batch is a dict.
        device: where inputs are put; by default where the module's first parameter is.

    Example:

        model = TorchModel(net)
        with RunLogger("logs/torch", probes, head="logits") as log:
            for epoch in range(10):
                train_one_epoch(net)
                log(model, epoch)
    """

    def __init__(self, module: torch.nn.Module, *, inputs: Callable[[Any], Any] | None = None, device: Any = None) -> None:
        if not isinstance(module, torch.nn.Module):
            raise TypeError(f"TorchModel: module is {type(module).__name__}; give a torch.nn.Module.")
        self.module, self._inputs, self._device = module, inputs, device
        self.name = type(module).__name__

    @property
    def weights(self) -> list[torch.Tensor]:
        """All parameters and buffers; a record tells models apart by their shapes."""
        return list(self.module.state_dict().values())

    def __call__(self, batch: Any) -> Any:
        with _as_it_was(self.module), torch.no_grad():
            given = self._inputs(batch) if self._inputs else self._tensors(batch)
            device = self._device or self._place().device
            moved = _each(lambda one: one.to(device) if isinstance(one, torch.Tensor) else one, given)
            if isinstance(moved, Mapping):
                outputs = self.module(**moved)
            else:
                outputs = self.module(*moved) if isinstance(moved, tuple) else self.module(moved)
            return _each(_array, getattr(outputs, "logits", outputs))

    def _place(self) -> torch.Tensor:
        """The first parameter, or a number on the CPU, which tells the type and the device of inputs."""
        numbers = (one for one in self.module.parameters() if one.is_floating_point())
        return next(numbers, torch.zeros(()))

    def _tensors(self, batch: Any) -> Any:
        if isinstance(batch, Mapping):
            return {name: self._tensor(array, whole=True) for name, array in batch.items()}
        if isinstance(batch, list | tuple):
            return tuple(self._tensor(array, whole=False) for array in batch)
        return self._tensor(batch, whole=any(isinstance(one, torch.nn.Embedding | torch.nn.EmbeddingBag) for one in self.module.modules()))

    def _tensor(self, array: Any, *, whole: bool) -> torch.Tensor:
        tensor = torch.from_numpy(np.array(array))
        if not (whole and not tensor.is_floating_point()):
            tensor = tensor.to(self._place().dtype)
        return tensor.movedim(-1, 1) if tensor.ndim == 4 else tensor


def _each(function: Callable[[Any], Any], value: Any) -> Any:
    """A function of a value, or of each of several."""
    if isinstance(value, Mapping):
        return {name: function(one) for name, one in value.items()}
    return tuple(map(function, value)) if isinstance(value, tuple | list) else function(value)


def _array(output: Any) -> Any:
    if not isinstance(output, torch.Tensor):
        return output
    # NumPy has no bfloat16.
    return (output.float() if output.is_floating_point() else output).cpu().numpy()


@contextmanager
def _as_it_was(module: torch.nn.Module) -> Iterator[None]:
    """Inside, a module infers. At the end, each part is in its own mode again, and random states are what they were."""
    training = [one for one in module.modules() if one.training]
    devices = sorted({one.device.index or 0 for one in module.parameters() if one.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices):
        module.eval()
        try:
            yield
        finally:
            for one in training:
                one.training = True

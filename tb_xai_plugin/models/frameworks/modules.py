"""Plain PyTorch: a module as a callable on NumPy arrays. This file imports PyTorch when a module is there, and not before."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


class TorchModel:
    """A PyTorch module as a callable from NumPy arrays to NumPy arrays: in evaluation mode, without gradients, and without automatic mixed precision.

    The module is as before after each call: its modes of training are put back, and no random number of PyTorch's is drawn. Its weights are read at each call, so
    one TorchModel serves a whole training. A module that is given as it is becomes a TorchModel without further arguments.

    Args:
        module: a torch.nn.Module. Of an output with `logits`, as models of Hugging Face have, these are explained.
        inputs: a callable from a batch of masked probes, a NumPy array, to what the module takes: a tensor, a tuple of arguments, or a dict of named ones. By default a tensor of the
            module's own type; images (n, H, W, C) become (n, C, H, W); whole numbers stay whole numbers where the module has an embedding, or the batch is a dict.
        device: where inputs are put; by default where the module's first parameter is.

    Raises:
        TypeError: module is none.

    Example:

        model = TorchModel(net)
        with RunLogger("logs/torch", probes, head="logits") as log:
            for epoch in range(10):
                train_one_epoch(net)
                log(model, epoch)
    """

    def __init__(self, module: torch.nn.Module, *, inputs: Callable[[Any], Any] | None = None, device: Any = None) -> None:
        if not _is_module(module):
            raise TypeError(f"TorchModel: module is {type(module).__name__}; give a torch.nn.Module.")
        self.module, self._inputs, self._device = module, inputs, device
        self.name = type(module).__name__

    @property
    def weights(self) -> list[torch.Tensor]:
        """All parameters and buffers; a record tells models apart by their shapes, and states of one model by their values."""
        return list(self.module.state_dict().values())

    @property
    def built(self) -> bool:
        """Whether all weights are there: a lazy module makes them when it is first called."""
        import torch

        return not any(torch.nn.parameter.is_lazy(one) for one in [*self.module.parameters(), *self.module.buffers()])

    def __call__(self, batch: Any) -> Any:
        import torch

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
        import torch

        numbers = (one for one in self.module.parameters() if one.is_floating_point())
        return next(numbers, torch.zeros(()))

    def _tensors(self, batch: Any) -> Any:
        import torch

        if isinstance(batch, Mapping):
            return {name: self._tensor(array, whole=True) for name, array in batch.items()}
        if isinstance(batch, list | tuple):
            return tuple(self._tensor(array, whole=False) for array in batch)
        return self._tensor(batch, whole=any(isinstance(one, torch.nn.Embedding | torch.nn.EmbeddingBag) for one in self.module.modules()))

    def _tensor(self, array: Any, *, whole: bool) -> torch.Tensor:
        import torch

        array = np.array(array)
        if array.dtype.kind not in "fiub":
            raise TypeError(
                f"the module {self.name} takes tensors, and PyTorch has none of {array.dtype}; give encode=, or TorchModel(module, inputs=…)."
            )
        tensor = torch.from_numpy(array)
        if not (whole and not tensor.is_floating_point()):
            tensor = tensor.to(self._place().dtype)
        return tensor.movedim(-1, 1) if tensor.ndim == 4 else tensor


def as_callable(model: Any) -> Any:
    """A plain PyTorch module as a TorchModel; any other model, such as one of Keras, as it is."""
    keras = sys.modules.get("keras")  # on PyTorch, a layer of Keras is a module too
    if not _is_module(model) or (keras is not None and isinstance(model, keras.Layer)):
        return model
    return TorchModel(model)


def _is_module(model: Any) -> bool:
    torch = sys.modules.get("torch")  # where PyTorch is not imported, no module exists
    return torch is not None and isinstance(model, torch.nn.Module)


@contextmanager
def torch_random_state_kept() -> Iterator[None]:
    """Restore PyTorch's global random states, of the CPU and of the GPUs that are in use."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        yield


def _each(function: Callable[[Any], Any], value: Any) -> Any:
    """A function of a value, or of each of several."""
    if isinstance(value, Mapping):
        return {name: function(one) for name, one in value.items()}
    return tuple(map(function, value)) if isinstance(value, tuple | list) else function(value)


def _array(output: Any) -> Any:
    import torch

    if not isinstance(output, torch.Tensor):
        return output
    # NumPy has no bfloat16.
    return (output.float() if output.is_floating_point() else output).cpu().numpy()


@contextmanager
def without_autocast() -> Iterator[None]:
    """Inside, PyTorch computes in the precision of the weights, whatever the training loop around has switched on."""
    import torch

    with ExitStack() as stack:
        for device in ("cpu", "cuda", "mps", "xpu"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


@contextmanager
def modes_kept(modules: Iterable[Any]) -> Iterator[None]:
    """At the end, each part of some modules is in its own mode again, that of training or of evaluation."""
    before = [(one, one.training) for module in modules for one in module.modules()]
    try:
        yield
    finally:
        for one, training in before:
            one.training = training


@contextmanager
def _as_it_was(module: torch.nn.Module) -> Iterator[None]:
    """Inside, a module infers. At the end, each part is in its own mode again, and random states are what they were."""
    with modes_kept([module]), torch_random_state_kept(), without_autocast():
        module.eval()
        yield

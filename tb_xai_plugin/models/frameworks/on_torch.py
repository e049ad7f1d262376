"""Keras on PyTorch: the forward pass runs operation by operation, without a record for gradients. `torch.compile` would take longer to set up than it saves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from tb_xai_plugin.models.batches import MaskedModel
from tb_xai_plugin.models.forward import Forward
from tb_xai_plugin.models.frameworks import on_others
from tb_xai_plugin.models.frameworks.contract import (
    Explained,
    NoFeatureMapsError,
    NotDifferentiableError,
    is_map,
    listed,
    with_channels_last,
)
from tb_xai_plugin.models.frameworks.modules import modes_kept, without_autocast
from tb_xai_plugin.models.frameworks.scopes import recording
from tb_xai_plugin.models.frameworks.tensors import array, tensor
from tb_xai_plugin.models.layers import calls_replaced, layers_of


def on_cpu() -> bool:
    return bool(tensor(np.zeros(1, dtype=np.float32)).device.type == "cpu")


def kept(model: Any) -> AbstractContextManager[None]:
    return modes_kept(layers_of(model))  # a layer that wraps a module of PyTorch puts it into the mode of its last call


@contextmanager
def _without_gradients() -> Iterator[None]:
    import torch

    # Not torch.inference_mode, which is as fast: what a layer keeps of a call, such as a mask or a table of positions, could not be trained with afterwards.
    with torch.no_grad(), without_autocast():
        yield


def compiled(forward: Forward, batch: int, before_batch: Callable[[], None] | None) -> MaskedModel:
    return on_others.compiled(forward, batch, before_batch, _without_gradients)


def called(forward: Forward, inputs: Any, size: int, kept: dict[Any, Any], *, in_graph: bool, afresh: bool) -> Any:
    with _without_gradients():
        return forward.outputs(inputs, size)


def tried_once(forward: Forward, inputs: Any, size: int) -> None:
    called(forward, inputs, size, {}, in_graph=False, afresh=False)


@contextmanager
def _with_gradients(forward: Forward) -> Iterator[None]:
    """Inside, a call of the model is recorded. The model's variables keep their values until the end: no gradient goes back through a value that was written over."""
    import torch

    written: dict[int, Any] = {}
    scope = recording({}, written)
    with torch.enable_grad(), without_autocast(), forward.tracing(), scope:
        yield
    for variable in written.values():
        variable.assign(scope.get_current_value(variable).detach())


def of_players(explained: Explained, forward: Forward, size: int) -> Callable[[np.ndarray, Any, np.ndarray], np.ndarray]:
    def run(points: np.ndarray, parts: Any, targets: np.ndarray) -> np.ndarray:
        rows = tensor(points).requires_grad_()
        with _with_gradients(forward):
            gradients = _by_target(explained(rows, parts, tensor(targets)), rows)
        return np.stack([array(gradient) for gradient in gradients], axis=1)

    return run


def of_feature_maps(
    explained: Explained, forward: Forward, layers: list[Any], size: int
) -> Callable[[np.ndarray, Any, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    def run(full: np.ndarray, parts: Any, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import torch

        layer_outputs: list[tuple[Any, Any]] = []

        def record(layer: Any, output: Any) -> Any:
            if isinstance(output, torch.Tensor):
                layer_outputs.append((layer, output))
            return output

        with _with_gradients(forward):
            with calls_replaced(layers, record):
                wanted = explained(tensor(full).requires_grad_(), parts, tensor(targets))
            for layer, output in reversed(layer_outputs):
                if is_map(layer, tuple(output.shape)) and output.requires_grad and _first_gradient(wanted, output) is not None:
                    gradients = np.stack([array(gradient[0].float()) for gradient in _by_target(wanted, output)])
                    return with_channels_last(layer, array(output[0].float()), gradients)
        raise NoFeatureMapsError(listed([(layer, tuple(output.shape)) for layer, output in layer_outputs]))

    return run


def _first_gradient(explained: Any, source: Any) -> Any:
    """The gradient of the first target; None where it does not depend on the source."""
    import torch

    if not explained.requires_grad:
        return None
    return torch.autograd.grad(explained[0].sum(), source, retain_graph=True, allow_unused=True)[0]


def _by_target(explained: Any, source: Any) -> list[Any]:
    """Gradients of each row of `explained`, (targets, batch). Those of the weights are not touched."""
    import torch

    gradients = []
    for row in explained:
        gradient = torch.autograd.grad(row.sum(), source, retain_graph=True, allow_unused=True)[0] if row.requires_grad else None
        if gradient is None:
            raise NotDifferentiableError
        gradients.append(gradient)
    return gradients

"""Compiled models: a Keras model behind a masker as one fast function for every probe and epoch, on the framework that Keras runs on."""

from __future__ import annotations

from collections.abc import Callable

from tb_xai_plugin.models.batches import MaskedModel
from tb_xai_plugin.models.forward import Forward
from tb_xai_plugin.models.frameworks import on_jax, on_others, on_tensorflow, on_torch
from tb_xai_plugin.models.frameworks.contract import Framework

FRAMEWORKS: dict[str, Framework] = {"tensorflow": on_tensorflow, "jax": on_jax, "torch": on_torch}


def framework() -> Framework:
    """The framework that Keras runs on."""
    import keras

    return FRAMEWORKS.get(keras.backend.backend(), on_others)


def differentiable() -> bool:
    """Whether the framework that Keras runs on has gradients."""
    return framework() is not on_others


def compiled(forward: Forward, batch: int, before_batch: Callable[[], None] | None = None) -> MaskedModel:
    """A Keras model behind a masker.

    before_batch: called before every batch, where the model's state must be put back; batches then run one by one.
    """
    return framework().compiled(forward, batch, before_batch)

"""Limits NumPy's matrix products to one thread. They take milliseconds here, but hundreds where their threads wait for cores that TensorFlow holds."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any


@cache
def _blas() -> Any:
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[None]:
    """A context in which BLAS uses one thread; it does nothing where threadpoolctl is not installed."""
    controller = _blas()
    return controller.limit(limits=1, user_api="blas") if controller else nullcontext()

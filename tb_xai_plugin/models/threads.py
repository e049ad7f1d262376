"""One thread for NumPy's products: they take milliseconds here, and threads that wait for cores which TensorFlow's still hold make that hundreds."""

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
    """Nothing happens where threadpoolctl is not installed."""
    controller = _blas()
    return controller.limit(limits=1, user_api="blas") if controller else nullcontext()

"""Choice: which of a model's outputs is explained, and its shape (n,) or (n, classes)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

# A message lists at most this many names of outputs.
MOST_LISTED = 20

# A key or number of one of several outputs, or a callable on outputs (and inputs).
ModelOutput = str | int | Callable[..., Any]


class WrongOutputError(Exception):
    """The model's output is not (n,) or (n, classes), or is not to be found."""


@dataclass(frozen=True)
class Choice:
    """Chooses what is explained among a model's outputs.

    Attributes:
        option: the option `model_output`.
        names: names of the outputs in order, where the model has them.
        hint: name of the probe set, which chooses the output of the same name where the option does not choose.
    """

    option: ModelOutput | None = None
    names: tuple[str, ...] = ()
    hint: str | None = None

    @classmethod
    def of(cls, option: Any, model: Any, hint: str | None = None) -> Choice:
        """The choice for a model.

        Raises:
            TypeError: the option is no key, number or callable.
        """
        if option is not None and (isinstance(option, bool) or not (isinstance(option, str | int) or callable(option))):
            raise TypeError(f"model_output is {option!r}; give the name or number of an output, or a callable that takes the outputs.")
        names = getattr(model, "output_names", None) or ()
        return cls(option, tuple(map(str, names)), hint)

    @property
    def computed(self) -> bool:
        """Whether a function of the user makes what is explained."""
        return callable(self.option)

    @property
    def named(self) -> str | None:
        """The name of the chosen output, where it is chosen by name."""
        return self.option if isinstance(self.option, str) else self.hint if self.option is None else None

    @property
    def described(self) -> str | int | None:
        """The option, for the record."""
        if callable(self.option):
            return str(getattr(self.option, "__qualname__", type(self.option).__name__))
        return self.option

    def __call__(self, outputs: Any, inputs: Any) -> Any:
        """The chosen output, from all outputs of a batch and the inputs that they were made from."""
        if callable(self.option):
            try:
                result = self.option(outputs, inputs) if _takes_inputs(self.option) else self.option(outputs)
            except Exception as error:  # whatever a function of the user raises
                reason = (str(error).splitlines() or [""])[0]
                raise WrongOutputError(
                    f"model_output failed on the model's outputs, {_shapes(outputs)} ({type(error).__name__}: {reason}); it takes the outputs of a batch, or outputs and "
                    "inputs, and must use keras.ops for a Keras model."
                ) from error
            return _checked(result)
        if not isinstance(outputs, Mapping | list | tuple):
            if self.option is not None and self.option not in self.names[:1]:
                raise WrongOutputError(
                    f"model_output is {self.option!r}, and the model has one output; leave model_output out (classes= chooses among its columns)."
                )
            return outputs
        named = self._named(outputs)
        if self.option is None:
            if len(named) == 1:
                return next(iter(named.values()))
            if self.hint in named:
                return named[self.hint]
            raise WrongOutputError(
                f"the model has {len(named)} outputs, {_listed(named)}; choose one, e.g. model_output={next(iter(named))!r}, or give a callable on the outputs; "
                "for several, give ExplanationLogger one probe set for each, {name of the output: probes}."
            )
        if self.option in named:
            return named[self.option]
        values = list(named.values())
        if isinstance(self.option, int) and -len(values) <= self.option < len(values):
            return values[self.option]
        raise WrongOutputError(
            f"model_output is {self.option!r}, and the model has {len(named)} outputs, {_listed(named)}; give one of these."
        )

    def _named(self, outputs: Any) -> dict[Any, Any]:
        if isinstance(outputs, Mapping):
            return dict(outputs)
        if len(self.names) == len(outputs) == len(set(self.names)):
            return dict(zip(self.names, outputs, strict=True))
        return dict(enumerate(outputs))

    def place(self, count: int) -> int | None:
        """The number of the chosen output among `count`; None where it is not known before the model is called, or none of them."""
        if isinstance(self.named, str):
            return self.names.index(self.named) if self.named in self.names else 0 if count == 1 else None
        if self.option is None:
            return 0 if count == 1 else None
        return self.option % count if isinstance(self.option, int) and -count <= self.option < count else None


def as_columns(outputs: Any, batch: int, *, computed: bool = False) -> Any:
    """Outputs (n,), (n, classes), (n, 1, …, classes) or (n, 1, …, 1), as (n, columns).

    batch: n; while a graph is traced, the outputs' own n may be unknown, because TextVectorization loses it. computed: whether `model_output` made them.
    """
    if not hasattr(outputs, "shape"):
        raise WrongOutputError(
            f"the model's output is {type(outputs).__name__}; give model_output=, a callable that returns (n,) or (n, classes)."
        )
    shape = tuple(outputs.shape)
    right = len(shape) > 0 and shape[0] in (None, batch) and all(size == 1 for size in shape[1:-1]) and shape[-1] != 0
    if not right:
        given = f"{_with_n(shape, batch)} for n probes; {_reducer(shape, batch)}"
        raise WrongOutputError(f"model_output's result has shape {given}" if computed else f"the model's output has shape {given}")
    if len(shape) == 2:
        return outputs
    width = 1 if len(shape) == 1 else shape[-1]
    if isinstance(outputs, np.ndarray):
        return outputs.reshape(-1, width)
    import keras

    return keras.ops.reshape(outputs, (-1, width))


def _with_n(shape: tuple[int | None, ...], batch: int) -> str:
    sizes = ["n" if place == 0 and size in (None, batch) else str(size) for place, size in enumerate(shape)]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _reducer(shape: tuple[int | None, ...], batch: int) -> str:
    """The advice for an output with too many axes."""
    if len(shape) < 3 or shape[0] not in (None, batch):
        return "give model_output=, a callable that returns (n,) or (n, classes), one row per probe."
    axes = ", ".join(map(str, range(1, len(shape) - 1)))
    mean = f"keras.ops.mean(y, axis=({axes}))" if len(shape) > 3 else "keras.ops.mean(y, axis=1)"
    one = "" if len(shape) > 3 else ", or lambda y: y[:, -1] for the last step"
    return f"give a reducer to (n,) or (n, classes), e.g. model_output=lambda y: {mean}{one}."


def _checked(result: Any) -> Any:
    if hasattr(result, "shape"):
        return result
    raise WrongOutputError(f"model_output returned {type(result).__name__}; it must return (n,) or (n, classes), a tensor or an array.")


def _takes_inputs(function: Callable[..., Any]) -> bool:
    """Whether a callable takes the inputs as its second argument."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    required = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty]
    return len(required) >= 2


def _shapes(outputs: Any) -> str:
    """Shapes of outputs, for messages."""
    if isinstance(outputs, Mapping):
        return "{" + ", ".join(f"{key!r}: {_shapes(value)}" for key, value in outputs.items()) + "}"
    if isinstance(outputs, list | tuple):
        return f"[{', '.join(map(_shapes, outputs))}]"
    shape = getattr(outputs, "shape", None)
    return f"of shape ({', '.join(['n', *map(str, tuple(shape)[1:])])})" if shape is not None else type(outputs).__name__


def _listed(named: Mapping[Any, Any]) -> str:
    names = [repr(name) for name in named]
    if len(names) > MOST_LISTED:
        return f"{', '.join(names[:MOST_LISTED])}, …"
    return f"{', '.join(names[:-1])} and {names[-1]}"

"""Checkpoint files of Keras: loaded safely, told from those of other models, and refused in one sentence."""

from __future__ import annotations

import json
import os
import pickle
import threading
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tb_xai_plugin.clusters.places import CODE, SUFFIX
from tb_xai_plugin.models.refusals import is_keras_model

# Models are loaded and bound one at a time: what warns then is caught, and the filters of warnings belong to all threads of a process.
LOADING = threading.RLock()


class CheckpointError(ValueError):
    """A checkpoint that can't be explained: a sentence that begins with its name."""


@contextmanager
def quietly() -> Iterator[list[warnings.WarningMessage]]:
    """Catch warnings, in one thread at a time."""
    with LOADING, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def signature(path: str) -> str | None:
    """What the models of two files must have in common, so that one takes the weights of the other: layers, and files beside the weights.

    Names that Keras gives to layers do not count. None for a file that is no .keras archive.

    Raises:
        CheckpointError: the file is half written, or no archive.
    """
    if not path.endswith(SUFFIX):
        return None
    name = os.path.basename(path)
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            archive.getinfo("model.weights.h5")
            assets = sorted((entry.filename, entry.CRC) for entry in archive.infolist() if entry.filename.startswith("assets/"))
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError) as error:
        raise CheckpointError(
            f"{name} is half written or damaged ({type(error).__name__}: {error}); save it again, or leave it out"
        ) from error
    config.pop("compile_config", None)
    return json.dumps([_without_names(config), assets], sort_keys=True)


# Keys of a config whose values name layers; and one whose values have names of their own.
REFERRING = frozenset({"name", "keras_history", "input_layers", "output_layers", "inbound_nodes"})
# Of these keys, a value may be a dict of the user's names: {"class": ["dense_1", 0, 0]}.
BY_NAME = frozenset({"input_layers", "output_layers"})
UNNAMED = frozenset({"dtype"})


def _without_names(config: Any) -> Any:
    """A model's config in which every name of a layer is its number. What else is called like a layer stays: an activation "relu" is not the layer "relu"."""
    names: dict[str, str] = {}

    def collect(part: Any) -> None:
        if isinstance(part, dict):
            if isinstance(part.get("name"), str):
                names.setdefault(part["name"], f"#{len(names)}")
            for key, value in part.items():
                if key not in UNNAMED:
                    collect(value)
        elif isinstance(part, list):
            for value in part:
                collect(value)

    def replaced(part: Any, key: str = "") -> Any:
        if key in UNNAMED:
            return part
        if isinstance(part, dict):
            return {name: replaced(value, key if key in BY_NAME else name) for name, value in part.items() if name != "shared_object_id"}
        if isinstance(part, list):
            return [replaced(value, key) for value in part]
        return names.get(part, part) if isinstance(part, str) and key in REFERRING else part

    collect(config)
    return replaced(config)


def loaded(path: str, *, trusted: bool) -> Any:
    """The model of a file, with its loss where Keras knows it. Call it inside `quietly`.

    Raises:
        CheckpointError: it can't be loaded, or only by running code.
    """
    name = os.path.basename(path)
    if path.endswith(CODE) and not path.endswith((".h5", ".hdf5")):
        return _unpickled(path)
    import keras

    try:
        try:
            return keras.models.load_model(path, safe_mode=not trusted)
        except Exception:
            model = keras.models.load_model(path, safe_mode=not trusted, compile=False)
    except Exception as error:  # whatever Keras raises on what it can't load
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        if "safe_mode" in str(error) or "unsafe" in str(error):
            raise CheckpointError(
                f"{name} has a function in it, which runs as code when it is loaded; if you trust whoever wrote it, give trusted=True, else build="
            ) from error
        if "locate class" in str(error) or "register_keras_serializable" in str(error) or "locate function" in str(error):
            raise CheckpointError(
                f"{name} has custom classes that Keras does not find here ({reason[:200]}); give build=, a function from its path to the model, that imports them"
            ) from error
        raise CheckpointError(f"{name} can't be loaded ({type(error).__name__}: {reason[:200]}); save it again, or leave it out") from error
    warnings.warn(
        f"{name} was loaded without its loss, which Keras does not know here; where the loss tells what outputs mean, give head=.",
        stacklevel=2,
    )
    return model


def _unpickled(path: str) -> Any:
    """What a pickle holds, as a callable."""
    name = os.path.basename(path)
    try:
        if path.endswith(".joblib"):
            import joblib

            model = joblib.load(path)
        else:
            with open(path, "rb") as file:
                model = pickle.load(file)
    except Exception as error:  # a pickle may raise anything
        raise CheckpointError(f"{name} can't be unpickled ({type(error).__name__}: {error}); save it again, or leave it out") from error
    return model if callable(model) else getattr(model, "predict_proba", None) or getattr(model, "predict", model)


def without_optimizer(model: Any) -> Any:
    """A Keras model without its optimizer: the state of which takes twice the time of the weights to load, and explanations do not need it."""
    if is_keras_model(model) and getattr(model, "optimizer", None) is not None:
        model.optimizer = None
    return model


def outputs_of(model: Any) -> tuple[Any, ...] | None:
    """The shape of a model's output; None where it is not known."""
    try:
        shape = model.output_shape
    except Exception:  # a callable, or a subclassed model
        return None
    return tuple(shape) if isinstance(shape, tuple | list) else None

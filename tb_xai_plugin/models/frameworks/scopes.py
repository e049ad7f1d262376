"""Scopes of Keras in which variables keep their values, and what is written inside is known."""

from __future__ import annotations

from typing import Any


def recording(read: dict[int, Any], written: dict[int, Any]) -> Any:
    """A scope that notes the variables that are read and written inside, by their ids. What is written is seen inside, by `scope.get_current_value(variable)` afterwards."""
    import keras

    class Recording(keras.StatelessScope):  # type: ignore[misc]  # Keras has no types
        def get_current_value(self, variable: Any) -> Any:
            read[id(variable)] = variable
            return super().get_current_value(variable)

        def add_update(self, update: tuple[Any, Any]) -> None:
            written[id(update[0])] = update[0]
            super().add_update(update)

    return Recording()

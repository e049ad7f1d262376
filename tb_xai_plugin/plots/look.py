"""Which players a picture shows, and how: the options that overlays of all kinds of probes share."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.plots.colors import YELLOW

CHOICES = {"sign": ("both", "for", "against"), "rest": ("show", "hide"), "view": ("overlay", "map", "image")}


@dataclass(frozen=True)
class Look:
    """What of an attribution is shown, and how.

    Attributes:
        sign: "both" | "for" (only players that speak for the class) | "against".
        strongest: the number of strongest players to show, after the choice of `sign`; None for all.
        least: the least |value| to show, in the unit of the values.
        rest: "show" | "hide" the players that are not chosen.
        outlines: True (of all players, in grey) | a colour (of the chosen players) | None.
        view: of images: "overlay" (a tint on the grey image) | "map" (the attribution map alone) | "image" (the image alone, e.g. with outlines).
        opacity: of the strongest tint, 0 to 1.
        scale: the |value| that has the full colour; None for the largest of what is drawn.
        region: the name of a region of images to outline with a dashed line.
        classic: the picture that LIME's users know: the five strongest segments that speak for the class, in yellow outlines, and the rest hidden.
        legend: whether a colour bar is drawn.
        most: the most players that a picture of bars has room for.
    """

    sign: str = "both"
    strongest: int | None = None
    least: float = 0.0
    rest: str = "show"
    outlines: bool | str | None = None
    view: str = "overlay"
    opacity: float = 0.8
    scale: float | None = None
    region: str | None = None
    classic: bool = False
    legend: bool = True
    most: int = 12

    @classmethod
    def of(cls, who: str, options: dict[str, Any]) -> Look:
        """The look that keyword arguments of a plot ask for.

        Raises:
            TypeError: an unknown option. ArgumentError (a ValueError): a value that an option can't have.
        """
        known = [field.name for field in fields(cls)]
        for name, given in options.items():
            if name not in known:
                raise TypeError(f"{who}: there is no option {name!r}; choose from {known}, ax and dark.")
            if name in CHOICES and given not in CHOICES[name]:
                raise ArgumentError(f"{who}: unknown {name} {given!r}; choose from {list(CHOICES[name])}.")
        look = cls(**options)
        if look.strongest is not None and (isinstance(look.strongest, bool) or look.strongest < 1):
            raise ArgumentError(f"{who}: strongest is {look.strongest!r}; give the number of players to show, e.g. 5.")
        if not 0 <= look.opacity <= 1:
            raise ArgumentError(f"{who}: opacity is {look.opacity!r}; give a number from 0 to 1.")
        if look.scale is not None and not look.scale > 0:
            raise ArgumentError(f"{who}: scale is {look.scale!r}; give the |value| that has the full colour, e.g. 2.0.")
        if look.classic:
            given = {name: getattr(look, name) for name in options}
            look = replace(cls(sign="for", strongest=5, rest="hide", outlines=YELLOW, view="image"), **given)
        return look

    @property
    def leaves_out(self) -> bool:
        """Whether some players may be left out."""
        return self.sign != "both" or self.strongest is not None or self.least > 0

    def chosen(self, values: np.ndarray) -> np.ndarray:
        """bool (players,): the players that are shown; as in `get_image_and_mask` of the lime package, the sign is chosen first."""
        sized = np.abs(np.nan_to_num(values))
        shown: np.ndarray = np.isfinite(values) & (sized >= self.least)
        if self.sign != "both":
            shown &= values > 0 if self.sign == "for" else values < 0
        if self.strongest is not None:
            order = np.argsort(-np.where(shown, sized, -1.0), kind="stable")
            few = np.zeros_like(shown)
            few[order[: self.strongest]] = True
            shown &= few
        return shown

    def end(self, *values: np.ndarray) -> float:
        """The end of the colour scale of some values; 1 where all of them are 0 or missing."""
        if self.scale is not None:
            return self.scale
        largest = max((float(np.abs(np.nan_to_num(part)).max(initial=0)) for part in values), default=0.0)
        return largest or 1.0

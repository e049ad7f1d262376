"""XaiLoader: the entry point through which TensorBoard finds the plugin. TensorBoard imports this module at every start, so its imports are few."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tensorboard.plugins import base_plugin

if TYPE_CHECKING:
    from tb_xai_plugin.serving.plugin import XaiPlugin

PLUGIN_NAME = "xai"  # the same as wire.PLUGIN_NAME, whose import would import numpy; a test compares them

# More epochs than any training has. Not 0: loaders take that as "all", but a data provider takes it as "none".
ALL_STEPS = 1_000_000

logger = logging.getLogger(__name__)


class XaiLoader(base_plugin.TBLoader):  # type: ignore[misc]  # TensorBoard has no types
    """Makes TensorBoard keep every epoch, and loads the plugin.

    By default, TensorBoard keeps 10 (Python loader) or 100 (data server) random steps of a tag of a third-party plugin. `fix_flags` runs
    before either loader is built.
    """

    def fix_flags(self, flags: Any) -> None:
        samples = getattr(flags, "samples_per_plugin", None)
        if isinstance(samples, dict):
            samples.setdefault(PLUGIN_NAME, ALL_STEPS)  # the user's own --samples_per_plugin has precedence

    def load(self, context: base_plugin.TBContext) -> XaiPlugin | None:
        try:
            from tb_xai_plugin.serving.plugin import XaiPlugin
        except ImportError as error:
            logger.warning("The XAI tab is off: %s. Reinstall it with 'pip install tb_xai_plugin'.", error)
            return None
        return XaiPlugin(context)

"""XaiLoader: how TensorBoard finds the plugin. TensorBoard imports this module at every start, so it imports next to nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tensorboard.plugins import base_plugin

if TYPE_CHECKING:
    from tb_xai_plugin.serving.plugin import XaiPlugin

PLUGIN_NAME = "xai"  # wire.PLUGIN_NAME, without importing numpy; a test holds them equal

# More epochs than anybody trains. Not 0: that means "all" to the loaders, but "none" to a plugin that passes it on.
ALL_STEPS = 1_000_000

logger = logging.getLogger(__name__)


class XaiLoader(base_plugin.TBLoader):
    """Makes TensorBoard keep every epoch, and loads the plugin.

    By default TensorBoard keeps a random 10 (Python loader) or 100 (data server) steps of a third-party plugin's tag. `fix_flags` runs
    before either loader is built.
    """

    def fix_flags(self, flags: Any) -> None:
        samples = getattr(flags, "samples_per_plugin", None)
        if isinstance(samples, dict):
            samples.setdefault(PLUGIN_NAME, ALL_STEPS)  # the user's own --samples_per_plugin stays in charge

    def load(self, context: base_plugin.TBContext) -> XaiPlugin | None:
        try:
            from tb_xai_plugin.serving.plugin import XaiPlugin
        except ImportError as error:
            logger.warning("The XAI tab is off: %s. Reinstall it with 'pip install tb_xai_plugin'.", error)
            return None
        return XaiPlugin(context)

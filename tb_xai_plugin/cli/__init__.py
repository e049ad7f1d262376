"""tb-xai: the analysis of the XAI tab on the command line."""

from tb_xai_plugin.cli.main import main

__all__ = ["main"]

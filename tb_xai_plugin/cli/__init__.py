"""tb-xai: what the XAI tab shows, on the command line."""

from tb_xai_plugin.cli.main import main

__all__ = ["main"]

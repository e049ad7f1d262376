"""PyTorch: a module with inputs or a device of its own as a model of `RunLogger`, `explain` and `log_model`. Any other module is given to them as it is."""

from tb_xai_plugin.models.frameworks.modules import TorchModel

__all__ = ["TorchModel"]

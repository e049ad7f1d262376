"""Start TensorBoard in this process, ask it for the page's index.js, and end: does an installed package reach the browser?

python serve_once.py LOGDIR     prints where the package lies, and what was served
"""

from __future__ import annotations

import sys
import urllib.request
from importlib.metadata import version
from importlib.resources import files

from tensorboard import program

import tb_xai_plugin

if tb_xai_plugin.__version__ != version("tb_xai_plugin"):
    sys.exit(f"{tb_xai_plugin.__file__} is {tb_xai_plugin.__version__}, and {version('tb_xai_plugin')} is installed")
for name in ("ImageProbes", "SequenceProbes", "TabularProbes", "TextProbes", "explain", "read_run", "read_runs"):
    getattr(tb_xai_plugin, name)

tensorboard = program.TensorBoard()
tensorboard.configure(argv=["tensorboard", "--logdir", sys.argv[1], "--port", "0", "--load_fast", "false"])
address = tensorboard.launch() + "data/plugin/xai/static/index.js"
with urllib.request.urlopen(address, timeout=30) as reply:
    served = reply.read()
if served != files("tb_xai_plugin.frontend").joinpath("index.js").read_bytes():
    sys.exit(f"{address} is another file than the package's")
print(tb_xai_plugin.__file__, f"{len(served):,} bytes of index.js", sep="\n")

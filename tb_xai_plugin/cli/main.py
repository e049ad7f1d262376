"""tb-xai: the analysis of the XAI tab on the command line. Reads records from log directories; no TensorBoard process is needed."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence

from tb_xai_plugin.version import __version__

# {command: what it answers}. Each has a module, which declares its options, and sets `command` to what runs it. It is imported, with NumPy and all that it needs, when
# its command is given: help comes at once.
COMMANDS = {
    "show": "what is recorded?",
    "summary": "what do runs say, one row each?",
    "compare": "do two runs have the same reasons?",
    "check": "do runs keep some rules?",
    "export": "a report, pictures or tables of runs",
    "explain": "explain the checkpoints of a training",
}

# Exit code for a path or a record that can't be read; argparse uses the same for its own errors.
MISTAKE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="tb-xai", description="Analyse how explanations changed during training, from the records of ExplanationLogger."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    arguments = sys.argv[1:] if arguments is None else arguments
    for name, answers in COMMANDS.items():
        if name in arguments:
            importlib.import_module(f"tb_xai_plugin.cli.{name}").add_to(commands)
        else:
            commands.add_parser(name, help=answers)
    given = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # for a remote log, TensorBoard imports TensorFlow where there is one
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a character shows "?"
    try:
        run: Callable[[argparse.Namespace], int] = given.command
        return run(given)
    except BrokenPipeError:  # `| head`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return 0
    except (ValueError, OSError) as error:
        from tb_xai_plugin.cli.reply import printed

        print(printed(f"tb-xai: {error}"), file=sys.stderr)
        return MISTAKE


if __name__ == "__main__":
    sys.exit(main())

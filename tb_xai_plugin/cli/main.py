"""tb-xai: the analysis of the XAI tab on the command line. Reads records from log directories; no TensorBoard process is needed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from tb_xai_plugin.version import __version__


def _compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from tb_xai_plugin.cli import compare

    compare.add_to(commands)


def _check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from tb_xai_plugin.cli import check

    check.add_to(commands)


def _show(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from tb_xai_plugin.cli import show

    show.add_to(commands)


def _summary(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from tb_xai_plugin.cli import summary

    summary.add_to(commands)


def _explain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from tb_xai_plugin.cli import explain

    explain.add_to(commands)
def _export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from tb_xai_plugin.cli import export

    export.add_to(commands)


# {command: (what it answers, what declares its options, and sets `command` to what runs it)}. A module for each, which is imported, with NumPy and
# all that it needs, when its command is given: help comes at once.
COMMANDS = {
    "show": ("what is recorded?", _show),
    "summary": ("what do runs say, one row each?", _summary),
    "compare": ("do two runs have the same reasons?", _compare),
    "check": ("do runs keep some rules?", _check),
    "explain": ("explain the checkpoints of a training", _explain),
    "compare": ("do two runs have the same reasons?", _compare),
    "export": ("a report, pictures or tables of runs", _export),
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
    for name, (answers, declare) in COMMANDS.items():
        if name in arguments:
            declare(commands)
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
        print(f"tb-xai: {error}", file=sys.stderr)
        return MISTAKE


if __name__ == "__main__":
    sys.exit(main())

"""How a wrong argument is told: in the words in which people gave it, `make load INBOX=…`."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

_MISSING = "the following arguments are required: "


# Of an argument that is left out or is `yes`; a slip must not be taken for `no`.
YES_OR_NO: dict[str, Any] = {"nargs": "?", "choices": ("yes", "no"), "const": "yes", "default": "no"}


class MakeParser(argparse.ArgumentParser):
    """A parser of one of make's commands. A wrong argument ends the program with 2, as argparse does."""

    def error(self, message: str) -> NoReturn:
        if message.startswith(_MISSING):
            names = [self._in_make(name) for name in message.removeprefix(_MISSING).split(", ")]
            told = f"{' and '.join(f'{name}=…' for name in names)} {'is' if len(names) == 1 else 'are'} missing"
        else:
            told = re.sub(r"^argument (--[\w-]+): ", "", message)
            if (blamed := re.match(r"argument (--[\w-]+)", message)) is not None:
                told = f"{self._in_make(blamed[1])}: {told}"
        sys.stderr.write(f"{self.prog}: {told}\nIt is asked like this: {self._example()}\n")
        raise SystemExit(2)

    def _in_make(self, option: str) -> str:
        found = next((action for action in self._actions if option in action.option_strings), None)
        return str(found.metavar or found.dest).upper() if found else option

    def _example(self) -> str:
        asked = [action for action in self._actions if action.option_strings and action.help != argparse.SUPPRESS]
        shown = [
            (action.required, f"{self._in_make(action.option_strings[0])}={'yes' if action.nargs == '?' else '…'}")
            for action in asked
            if action.dest != "help"
        ]
        return " ".join([self.prog, *(text if needed else f"[{text}]" for needed, text in shown)])


def day(text: str) -> date:
    """A date as this program takes it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it like 2026-06-30") from None


def place(text: str) -> Path:
    """A file or folder. `INBOX=~/files` comes with its `~` from zsh and sh: only bash looks there."""
    path = Path(text)
    return path.expanduser() if text == "~" or text.startswith("~/") else path


def whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None

"""Taking one person out of the files of an instance's home: exports, the inbox, logs, what simulators keep.

Text files are rewritten in their own encoding, workbooks cell by cell. PostgreSQL's own files are not looked at: there
the tables are cleaned and vacuumed.
"""

from __future__ import annotations

import errno
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from warehouse.forget_text import Replacer

# PostgreSQL's data, and secrets: neither holds a person's data as text of ours.
LEFT_ALONE = ("postgres", "secrets")
# dbt's compiled project is our own text, its examples with invented people included; only its logs tell of data.
COMPILED = "dbt_target"
ENCODINGS = ("utf-8", "cp1251")
WIDE = "utf-16-le"  # of Windows' programs
LARGEST = 512 * 2**20


@dataclass(frozen=True, slots=True)
class CleanedFile:
    """A file of the home by its path there, and what became of it: `rewritten`, or why a person must look."""

    path: str
    what: str


def clean_home(home: Path, replacer: Replacer) -> list[CleanedFile]:
    """Rewrite every file under `home` in which the person is; the files that changed or could not be read or written.

    Raises OSError where the disk is full. What was cleaned by then is no obstacle to doing it again.
    """
    done = []
    for path in _files(home):
        try:
            what = _clean(path, replacer)
        except FileNotFoundError:
            continue  # whose it was has removed it meanwhile
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            what = f"cannot be read or written ({error.strerror}): look yourself"
        if what:
            done.append(CleanedFile(replacer.text(str(path.relative_to(home))), what))
    return done


def _files(home: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(home):
        if Path(folder) == home:
            names[:] = [name for name in names if name not in LEFT_ALONE]
        for name in sorted(files):
            path = Path(folder) / name
            if path.relative_to(home).parts[0] == COMPILED and path.suffix != ".log":
                continue
            if path.is_file() and not path.is_symlink():
                yield path


def _clean(path: Path, replacer: Replacer) -> str:
    if path.stat().st_size > LARGEST:
        return "larger than 512 MB: not looked at"
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        return _clean_workbook(path, replacer)
    data = path.read_bytes()
    encodings = () if b"\x00" in data[:4096] else ENCODINGS
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        cleaned = replacer.lines(text)
        if cleaned == text:
            return ""
        _write(path, cleaned.encode(encoding, errors="replace"))
        return "rewritten"
    return "no text that can be rewritten, and it holds the person: delete it" if _holds(data, replacer) else ""


def _write(path: Path, content: bytes) -> None:
    """A log in its place: a service holds it open and writes on at its end. Any other file at once or not at all."""
    if path.suffix == ".log":
        with path.open("r+b") as file:
            file.write(content)
            file.truncate()
        return
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.chmod(path.stat().st_mode & 0o777)
    fresh.replace(path)


def _holds(data: bytes, replacer: Replacer) -> bool:
    """Whether the person is in the clear in what is no text: a workbook of old, SQLite's or Python's own files."""
    shown = [data.decode(encoding, errors="replace") for encoding in (*ENCODINGS, WIDE)]
    shown.append(data[1:].decode(WIDE, errors="replace"))
    return any(replacer.text(text) != text for text in shown)


def _clean_workbook(path: Path, replacer: Replacer) -> str:
    from openpyxl import load_workbook

    try:
        book = load_workbook(path)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError):
        return "a workbook that cannot be read: look yourself"
    changed = False
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                written = str(cell.value) if isinstance(cell.value, str | int) else ""
                text = replacer.text(written)
                if text != written:
                    cell.value, changed = text, True
    if changed:
        content = BytesIO()
        book.save(content)
        _write(path, content.getvalue())
    return "rewritten" if changed else ""

"""From a file to headers and rows of cells, one at a time: CSV of any common dialect, and workbooks.

Rows are numbered as a spreadsheet shows them: the header is 1 and empty rows count; a line break inside a quoted cell
does not. Everything here is read by streaming, except that a workbook keeps its shared texts in memory.
"""

from __future__ import annotations

import codecs
import csv
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TextIO, cast
from xml.etree.ElementTree import ParseError

from extractors.core.errors import PayloadError
from extractors.sources.files.cells import Cell

SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xlsm"})
_BLOCK = 1 << 20
_SEPARATORS = (",", ";", "\t", "|")
_TEXT_CONTROLS = frozenset({9, 10, 11, 12, 13, 26, 27})
# A line that no file holds, put after the last one: if it ends up inside a cell, a quotation mark was never closed.
_END = "\x1e\x1eend of file\x1e\x1e"
_WORKBOOK_MAGIC = b"PK\x03\x04"
_OLD_WORKBOOK_MAGIC = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is read where its look alone does not say; null: find out."""

    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    header_row: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Headers as written, and the rows under them as (row number, cells); empty rows are left out.

    separated: cells are told apart by a separator, so one too many means that a value held it.
    """

    headers: tuple[str, ...]
    rows: Iterator[tuple[int, Sequence[Cell]]]
    separated: bool = False


def open_table(path: Path, options: Options = Options()) -> Table:
    """Begin to read a file. Raises PayloadError, here or while rows are drawn, when it cannot be read as a whole."""
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(_WORKBOOK_MAGIC):
        numbered = _workbook_rows(path, options)
    elif start.startswith(_OLD_WORKBOOK_MAGIC):
        raise PayloadError(f"{path.name}: an old Excel workbook (.xls). Save it as .xlsx or as CSV UTF-8.")
    elif path.suffix.lower() in (".xlsx", ".xlsm"):
        what = "is empty" if not start else "is no workbook, whatever its name says"
        raise PayloadError(f"{path.name}: the file {what}. Save it again as .xlsx or as CSV UTF-8.")
    else:
        numbered = _csv_rows(path, options)
    for number, cells in numbered:
        if number >= (options.header_row or 1) and _holds_something(cells):
            headers = tuple("" if cell is None else " ".join(str(cell).strip("\ufeff").split()) for cell in cells)
            return Table(headers, _filled(numbered), separated=not start.startswith(_WORKBOOK_MAGIC))
    raise PayloadError(f"{path.name}: the file is empty, there is no row of headers. Save it again with its columns.")


def _filled(numbered: Iterable[tuple[int, Sequence[Cell]]]) -> Iterator[tuple[int, Sequence[Cell]]]:
    return (row for row in numbered if _holds_something(row[1]))


def _holds_something(cells: Sequence[Cell]) -> bool:
    return any(cell is not None and cell != "" and not (isinstance(cell, str) and cell.isspace()) for cell in cells)


def _csv_rows(path: Path, options: Options) -> Iterator[tuple[int, Sequence[Cell]]]:
    encoding = options.encoding or detect_encoding(path)
    number = 1
    try:
        with path.open("r", encoding=encoding, newline="") as file:
            opening, separator = _opening_lines(file, options)
            reader = csv.reader(_with_end(opening, file), delimiter=separator)
            for row in reader:
                if row and row[-1].endswith(_END):
                    if row != [_END]:
                        raise PayloadError(
                            f"{path.name}, row {number}: a quotation mark is opened here or shortly above and never "
                            "closed; the rest of the file would be one cell. Close it, or save the file again."
                        )
                    return
                yield number, cast("Sequence[Cell]", row)
                number += 1
    except UnicodeDecodeError as error:
        raise PayloadError(f"{path.name}: the text is not {encoding}. Save the file as CSV UTF-8.") from error
    except LookupError as error:
        raise PayloadError(f"{path.name}: unknown encoding {encoding!r} in mapping.yml.") from error
    except csv.Error as error:
        raise PayloadError(
            f"{path.name}, row {number}: {error}. Is a quotation mark missing? Save the file again as CSV UTF-8."
        ) from error


def _opening_lines(file: TextIO, options: Options) -> tuple[list[str], str]:
    """The lines up to the headers, and the separator found there; a line `sep=;` before them says it and goes."""
    lines = [file.readline()]
    separator = options.separator
    if lines[0][:4].lower() == "sep=" and len(lines[0].strip()) == 5:
        separator = separator or lines[0][4]
        lines = [file.readline()]
    while lines[-1] and (not lines[-1].strip() or len(lines) < (options.header_row or 1)):
        lines.append(file.readline())
    return lines, separator or _likely_separator(lines[-1])


def _with_end(opening: Iterable[str], rest: Iterable[str]) -> Iterator[str]:
    last = ""
    for line in chain(opening, rest):
        last = line or last
        yield line
    if not last.endswith(("\n", "\r")):
        yield "\n"  # the last line has no end of its own; the sentinel must begin a line
    yield _END


def _likely_separator(header: str) -> str:
    """The separator that cuts the header line into most pieces without cutting through quotation marks."""

    def pieces(separator: str) -> tuple[bool, int]:
        found = next(csv.reader([header], delimiter=separator), [])
        return not any('"' in piece for piece in found), len(found)

    return max(_SEPARATORS, key=pieces)


# Russian words as names are written, a capital before small letters: nobody writes nAMES, so that of one is rare where
# the text is in another.
_WORDS = {
    "cp1251": re.compile(rb"(?<![\x80-\xff])[\xc0-\xdf][\xe0-\xff\xb8]{2,}(?![\x80-\xff])"),
    "koi8-r": re.compile(rb"(?<![\x80-\xff])[\xe0-\xff][\xc0-\xdf\xa3]{2,}(?![\x80-\xff])"),
    "cp866": re.compile(rb"(?<![\x80-\xff])[\x80-\x9f][\xa0-\xaf\xe0-\xef\xf1]{2,}(?![\x80-\xff])"),
}


def detect_encoding(path: Path) -> str:
    """UTF-8 if the whole file is that, else cp1251. Raises PayloadError for no text, and for other Russian."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    total = 0
    words: Counter[str] = Counter()
    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        file.seek(0)
        while block := file.read(_BLOCK):
            if not total:
                # A stray one is a slip of some program, one in a hundred is no text.
                controls = sum(byte < 32 and byte not in _TEXT_CONTROLS for byte in block)
                if controls > max(4, len(block) // 100):
                    raise PayloadError(f"{path.name}: this is no text. Save the table as CSV UTF-8 or as .xlsx.")
            total += len(block)
            if is_utf8:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    is_utf8 = False
            if not is_utf8:
                for name, word in _WORDS.items():
                    words[name] += len(word.findall(block))
        if is_utf8:
            try:
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                is_utf8 = False
    if is_utf8:
        return "utf-8-sig"
    likely = max(_WORDS, key=lambda name: words[name])
    if words[likely] > words["cp1251"]:
        raise PayloadError(
            f"{path.name}: this looks like {likely}, which would load as nonsense. Save the table as CSV UTF-8, or say"
            f" `encoding: {likely}` of the file in mapping.yml."
        )
    return "cp1251"


def _workbook_rows(path: Path, options: Options) -> Iterator[tuple[int, Sequence[Cell]]]:
    # Here, because it brings numpy along: 17 MB that no load of a vendor's rows needs.
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    broken = PayloadError(f"{path.name}: the workbook cannot be read. Open it, save it again as .xlsx or CSV UTF-8.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles that do not matter here
            workbook = load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError, ParseError, TypeError) as error:
        raise broken from error
    try:
        if not workbook.worksheets:
            raise PayloadError(f"{path.name}: the workbook has no sheet with cells.")
        if options.sheet is None:
            sheet: Any = workbook.worksheets[0]
        elif options.sheet in workbook.sheetnames:
            sheet = workbook[options.sheet]
        else:
            names = ", ".join(workbook.sheetnames)
            raise PayloadError(f"{path.name}: no sheet '{options.sheet}'. The workbook has: {names}.")
        # Some programs write a wrong size of the sheet; without it openpyxl looks for itself.
        sheet.reset_dimensions()
        try:
            yield from enumerate(sheet.iter_rows(values_only=True), 1)
        except (zipfile.BadZipFile, KeyError, ValueError, OSError, ParseError, TypeError, EOFError) as error:
            raise broken from error
    finally:
        workbook.close()

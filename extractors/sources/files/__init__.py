"""Import files: what a clinic without an API starts with (CONTRACT.md section 2).

A folder of CSV files and workbooks → `staging.files__<kind>`. Each file is one kind by its name, or what a
`mapping.yml` says. By hand: `python -m extractors.sources.files <folder> --url postgresql://…`. The details are in
docs/sources/files.md.
"""

from extractors.sources.files.load import load_inbox
from extractors.sources.files.summary import FileResult, LoadSummary

__all__ = ["FileResult", "LoadSummary", "load_inbox"]

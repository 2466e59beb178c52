"""Settings that no figure follows from: they say how long something is kept, or noted, and as of when is built.

A change of one explains no change of a figure (`ops.publications.rules`), and asks for no build of everything.
"""

SETTINGS_OF_NO_FIGURE = (
    "as_of", "history_days", "raw_days", "journal_days", "personal_reads_days", "audit_personal_reads",
)  # fmt: skip

"""Which suites a gate asks. A new source, or a new group of marts, is a file here beside and one word below."""

from __future__ import annotations

from expectations import (
    bitrix24,
    calltouch,
    channel_report,
    deals,
    files,
    inquiries,
    money,
    open_dental,
    yandex_direct,
)
from expectations.rule import Rule

LANDED: dict[str, tuple[Rule, ...]] = {
    "files": files.SUITE,
    "yandex_direct": yandex_direct.SUITE,
    "calltouch": calltouch.SUITE,
    "bitrix24": bitrix24.SUITE,
    "open_dental": open_dental.SUITE,
}

MARTS: dict[str, tuple[Rule, ...]] = {
    "inquiries": inquiries.SUITE,
    "money": money.SUITE,
    "channel_report": channel_report.SUITE,
    "deals": deals.SUITE,
}

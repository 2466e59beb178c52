"""What the ads of a campaign carry in `utm_campaign`: by that spend and visits meet."""

from __future__ import annotations

from collections.abc import Mapping

from extractors.core.errors import ConfigError
from extractors.core.spec import Context


def carried(context: Context, source: str, campaign_id: str, name: str | None) -> str | None:
    """What the table `utm_campaigns` says of the campaign, whose tag stays when it is renamed. Else its number, where
    the setting `utm_campaign` is `id`, or its name. Raises ConfigError for a table that is none.
    """
    table = context.settings.get("utm_campaigns")
    if table is not None and not isinstance(table, Mapping):
        raise ConfigError(
            f"{source}: the setting `utm_campaigns` must map a campaign's number to what its ads carry in utm_campaign."
            f" See docs/sources/{source}.md."
        )
    told = table.get(campaign_id) if table else None
    return str(told) if told else campaign_id if context.settings.get("utm_campaign") == "id" else name

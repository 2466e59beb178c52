"""Yandex.Direct API v5: Reports (offline and online), Campaigns, Clients, Changes."""

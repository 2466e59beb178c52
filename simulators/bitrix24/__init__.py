"""Bitrix24 REST version 2 behind an incoming webhook: deals, contacts, stage history, dictionaries, users."""

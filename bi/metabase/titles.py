"""Titles in English and Russian: of reports, of filters, and of columns, these from the words of all dashboards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bi.spec import words

TITLES: Mapping[str, tuple[str, str]] = {
    "marts": ("Facts and dimensions", "Факты и справочники"),
    "channels_and_sources": ("Ad channels and sources", "Рекламные каналы и источники"),
    "attribution": ("Attribution", "Атрибуция"),
    "ad_payback": ("Ad payback", "Окупаемость рекламы"),
    "administrator_conversion": ("Administrators' conversion", "Конверсия администраторов"),
    "inquiry_history": ("History of inquiries", "История обращений"),
    "lost_inquiries": ("Lost inquiries", "Потерянные обращения"),
    "direction_load": ("Direction load", "Загрузка направлений"),
    "deal_journal": ("Deal journal", "Журнал сделок"),
    "deal_summary": ("Deals of a period", "Сводка по сделкам"),
    "top_deals": ("Top deals", "Лучшие сделки"),
    "traffic_influence": ("Influence of traffic on sales", "Влияние трафика на продажи"),
    "service_sales": ("Service sales", "Продажа услуг"),
    "service_buyers": ("Who bought a service", "Кто покупал услугу"),
    "service_dips": ("Seasonal dips", "Сезонные спады"),
    "lead_plan": ("Lead plan", "План лидов"),
    "expiring_subscriptions": ("Expiring subscriptions", "Заканчивающиеся абонементы"),
    "client_path": ("Client path", "Путь клиента"),
    "freshness": ("Freshness", "Свежесть данных"),
}
BY_DAY = ("by day", "по дням")
LABELS: Mapping[str, tuple[str, str]] = {
    "date_from": ("From", "С"),
    "date_to": ("To", "По"),
    "clinic": ("Clinic", "Клиника"),
    "level": ("Level", "Уровень"),
    "topic": ("Topic", "Тема"),
    "channel": ("Channel", "Канал"),
    "audience": ("Audience", "Аудитория"),
    "basis": ("Count results", "Результаты считать"),
    "attribution_model": ("Attribution model", "Модель атрибуции"),
    "conversion": ("Conversion", "Конверсия"),
    "model": ("Model", "Модель"),
    "step": ("Step", "Шаг"),
    "with_referrals": ("With recommendations", "С рекомендациями"),
    "hide_employee_referrals": ("Hide recommended by employees", "Скрыть рекомендации сотрудников"),
    "person_key": ("Person", "Человек"),
    "budget": ("Budget", "Бюджет"),
}


def title_of(name: str, language: str) -> str:
    """The title of a report, or of what stands beside it, in that language."""
    english, russian = TITLES.get(name, (name.replace("_", " ").capitalize(),) * 2)
    return russian if language == "ru" else english


def label(name: str, language: str) -> str:
    english, russian = LABELS.get(name, (name.replace("_", " ").capitalize(),) * 2)
    return russian if language == "ru" else english


def column_titles(columns: Iterable[str], language: str) -> dict[str, Any]:
    """Titles of columns in that language, as far as the dashboards' common words have them (bi/words.yml)."""
    known = words().columns
    return {
        "column_settings": {
            json.dumps(["name", name], separators=(",", ":")): {"column_title": known[name].titles[language]}
            for name in columns
            if name in known
        }
    }

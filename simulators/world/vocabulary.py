"""Invented names, services and habits of the city."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

FEMALE_FIRST = ("Анна", "Вера", "Галина", "Дарья", "Елена", "Жанна", "Зоя", "Инна", "Кира", "Лидия", "Мария", "Нина")
MALE_FIRST = ("Антон", "Борис", "Виктор", "Глеб", "Денис", "Егор", "Захар", "Игорь", "Кирилл", "Лев", "Марк", "Олег")
# Invented stems: no such families are meant.
LAST_STEMS = (
    "Ветрогор", "Синелуг", "Тихобор", "Звонар", "Полевик", "Яснодар", "Громобор", "Снегирик", "Берестян", "Рябинник",
    "Дубровник", "Ключевик", "Озёрник", "Туманник", "Костровик", "Медовник", "Искорник", "Луговик",
)  # fmt: skip
STREETS = ("Tverskaya", "Lenina", "Sadovaya", "Mira", "Parkovaya", "Naberezhnaya")
TIME_ZONES = ("Europe/Moscow", "Asia/Yekaterinburg", "Europe/Samara", "Asia/Novosibirsk", "Europe/Kaliningrad")


@dataclass(frozen=True, slots=True)
class Service:
    code: str
    name: str
    fee: Decimal


@dataclass(frozen=True, slots=True)
class Topic:
    """A line of work. `demand` is its share of inquiries, `season` the months (1–12) with more of them."""

    word: str
    demand: float
    booking: float
    season: tuple[int, ...]
    services: tuple[Service, ...]
    plan_share: float
    deal_share: float
    search_word: str


def _s(code: str, name: str, fee: int) -> Service:
    return Service(code, name, Decimal(fee))


TOPICS: tuple[Topic, ...] = (
    Topic(
        "therapy",
        0.34,
        0.62,
        (1, 2, 9, 10),
        (
            _s("D0150", "Осмотр и консультация", 900),
            _s("D2391", "Пломба светового отверждения", 5600),
            _s("D3310", "Лечение канала", 9800),
        ),
        0.35,
        0.03,
        "лечение зубов",
    ),
    Topic(
        "hygiene",
        0.22,
        0.70,
        (3, 5, 11, 12),
        (_s("D1110", "Профессиональная гигиена", 4900), _s("D9972", "Отбеливание", 18500)),
        0.05,
        0.04,
        "чистка зубов",
    ),
    Topic(
        "implants",
        0.18,
        0.45,
        (2, 3, 9, 10),
        (
            _s("D0140", "Консультация имплантолога", 1500),
            _s("D6010", "Установка имплантата", 46000),
            _s("D6058", "Коронка на имплантат", 38000),
        ),
        0.6,
        0.55,
        "имплантация зубов",
    ),
    Topic(
        "orthodontics",
        0.12,
        0.48,
        (6, 8, 9),
        (
            _s("D8660", "Консультация ортодонта", 1500),
            _s("D8080", "Установка брекетов", 75000),
            _s("D8670", "Визит по брекетам", 4200),
        ),
        0.6,
        0.5,
        "брекеты",
    ),
    Topic(
        "paediatrics",
        0.14,
        0.66,
        (5, 6, 8),
        (_s("D0145", "Осмотр ребёнка", 900), _s("D2930", "Лечение молочного зуба", 4300)),
        0.2,
        0.0,
        "детский стоматолог",
    ),
)
REFUSALS = ("expensive", "no convenient time", "far away", "chose another clinic", "will think", "no such service")
NOT_ARRIVED = ("fell ill", "forgot", "could not be reached", "moved the visit", "stuck in traffic", "")
HOW_LEARNED = (
    ("advertising", 30),
    ("internet", 25),
    ("referral_patient", 16),
    ("referral_employee", 6),
    ("maps", 9),
    ("signboard", 6),
    (None, 8),
)
PRODUCTS = {
    "implants": ("Имплантат под ключ", "Коронка"),
    "orthodontics": ("Брекет-система", "Ретейнер"),
    "therapy": ("Лечение под микроскопом",),
    "hygiene": ("Отбеливание",),
}
STAGES: tuple[tuple[str, str, str], ...] = (
    ("NEW", "Новая", "P"),
    ("PREPARATION", "Консультация назначена", "P"),
    ("PREPAYMENT_INVOICE", "План лечения", "P"),
    ("EXECUTING", "Лечение", "P"),
    ("FINAL_INVOICE", "Оплата", "P"),
    ("WON", "Сделка успешна", "S"),
    ("LOSE", "Отказ", "F"),
    ("APOLOGY", "Анализ причины отказа", "F"),
)
# In old history only: the stage was removed from the dictionary later.
REMOVED_STAGE = "UC_KW9988"
COUNTERPARTIES = ("Стерильные материалы", "Зуботехническая лаборатория", "Курьерская служба")

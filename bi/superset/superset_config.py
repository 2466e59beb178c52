"""Superset's settings. Everything that differs between installations comes by environment, secrets as files' contents.

Superset imports this file by SUPERSET_CONFIG_PATH; names in capitals are its settings.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import superset

from bi.superset.bridge import Bridge, Warehouse
from bi.superset.languages import NUMBERS, TIMES
from bi.superset.lighter import NoLog
from bi.superset.security import EmployeesOnly, clock, currency, finish, may, open_as_viewer
from bi.superset.static_files import StaticFiles
from bi.superset.theme import THEME

SECRET_KEY = os.environ["CHAIRSIDE_BI_KEY"]
SQLALCHEMY_DATABASE_URI = os.environ["CHAIRSIDE_BI_METADATA"]
SQLALCHEMY_ENGINE_OPTIONS = {"pool_pre_ping": True, "pool_size": 8}
APP_NAME = "Chairside"

# Each viewer is himself.
CHAIRSIDE_WAREHOUSE = Warehouse(url=os.environ["CHAIRSIDE_BI_WAREHOUSE"])
CHAIRSIDE_BRIDGE = Bridge(
    CHAIRSIDE_WAREHOUSE, os.environ["CHAIRSIDE_BI_BRIDGE_ROLE"], Path(os.environ["CHAIRSIDE_BI_BRIDGE_SECRET"])
)
CUSTOM_SECURITY_MANAGER = EmployeesOnly
DB_CONNECTION_MUTATOR = open_as_viewer
FLASK_APP_MUTATOR = finish
EVENT_LOGGER = NoLog()
ADDITIONAL_MIDDLEWARE = [lambda given: StaticFiles(given, Path(superset.__file__).parent / "static" / "assets")]
JINJA_CONTEXT_ADDONS = {"may": may, "clock": clock, "currency": currency}
AUTH_USER_REGISTRATION = False
GUEST_TOKEN_JWT_SECRET = os.environ["CHAIRSIDE_BI_KEY"] + "guest"  # unused, but the default is known to everybody

FEATURE_FLAGS = {
    "CACHE_QUERY_BY_USER": True,
    "DASHBOARD_RBAC": True,
    "ENABLE_TEMPLATE_PROCESSING": True,
    "DRILL_TO_DETAIL": True,
    "ALLOW_FULL_CSV_EXPORT": True,  # a table shows ROW_LIMIT rows and says so; a file of it can hold them all
    "DASHBOARD_VIRTUALIZATION_DEFER_DATA": True,  # what is below the screen is asked for when it comes into sight
    "DRILL_BY": False,  # it would sum whatever column it finds
    "ALERT_REPORTS": False,
    "EMBEDDED_SUPERSET": False,
    "ESTIMATE_QUERY_COST": False,
}

# Answers stay in this process only; their key holds viewer, rights and publication (security.py, answers.py).
DATA_CACHE_CONFIG: dict[str, Any] = {"CACHE_TYPE": "SimpleCache", "CACHE_DEFAULT_TIMEOUT": 300, "CACHE_THRESHOLD": 500}
CACHE_CONFIG: dict[str, Any] = {"CACHE_TYPE": "NullCache"}
FILTER_STATE_CACHE_CONFIG: dict[str, Any] = {"CACHE_TYPE": "SimpleCache", "CACHE_DEFAULT_TIMEOUT": 86400}
EXPLORE_FORM_DATA_CACHE_CONFIG: dict[str, Any] = {"CACHE_TYPE": "SimpleCache", "CACHE_DEFAULT_TIMEOUT": 86400}

LANGUAGES = {"en": {"flag": "gb", "name": "English"}, "ru": {"flag": "ru", "name": "Русский"}}
BABEL_DEFAULT_LOCALE = os.environ.get("CHAIRSIDE_BI_LANGUAGE", "en")


def COMMON_BOOTSTRAP_OVERRIDES_FUNC(data: dict[str, Any]) -> dict[str, Any]:
    """Numbers and dates as the reader of this language writes them."""
    return {"d3_format": NUMBERS.get(data["locale"], {}), "d3_time_format": TIMES.get(data["locale"], {})}


ROW_LIMIT = 10_000
SQL_MAX_ROW = 100_000
CSV_STREAMING_ROW_THRESHOLD = SQL_MAX_ROW + 1  # never: streamed files have raw names and no byte order mark
NATIVE_FILTER_DEFAULT_ROW_LIMIT = 1000
PREVENT_UNSAFE_DB_CONNECTIONS = True

WTF_CSRF_ENABLED = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = os.environ.get("CHAIRSIDE_BI_HTTPS") == "1"
SESSION_COOKIE_NAME = "chairside_bi"  # beside Airflow on the same host
PERMANENT_SESSION_LIFETIME = timedelta(hours=12).total_seconds()
TALISMAN_ENABLED = True
# A reader's browser asks this server and nobody else: no counting pixel, no maps, no fonts of others.
TALISMAN_CONFIG = {
    "content_security_policy": {
        "default-src": ["'self'"],
        "base-uri": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,  # whoever stands in front decides
    "session_cookie_secure": SESSION_COOKIE_SECURE,
}
RATELIMIT_ENABLED = True
RATELIMIT_APPLICATION = "200 per second"
AUTH_RATE_LIMIT = "10 per 20 second"
ENABLE_UI_THEME_ADMINISTRATION = False
THEME_DEFAULT = THEME
THEME_DARK = None
SUPERSET_WEBSERVER_TIMEOUT = 60
LOGO_TARGET_PATH = "/dashboard/list/"
WELCOME_PAGE_LAST_TAB = "all"

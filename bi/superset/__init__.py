"""What runs inside Superset's own environment (requirements/superset.txt), never beside dbt or Airflow."""

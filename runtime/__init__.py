"""What starts and stops on one machine: embedded PostgreSQL, Airflow, simulators, and the `make` commands."""

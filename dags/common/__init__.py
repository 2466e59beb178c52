"""What the DAG files share."""

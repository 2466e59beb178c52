"""What the documentation says is true: its commands run, its pictures are current."""

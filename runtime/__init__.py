"""Core -> a run."""

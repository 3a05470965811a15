"""Text -> checked program. Knows nothing of cost or models."""

"""Orch: what LLM agents cost, before they run."""

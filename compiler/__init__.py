"""Checked program -> core -> sizes -> equations -> solutions -> report. Pure: no I/O, no clock, no randomness."""

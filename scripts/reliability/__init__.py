"""Plays out what goes wrong, and writes what came of it to docs/reliability.md: matrix, kills, updates."""

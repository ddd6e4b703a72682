"""Generates from the kernel tables, and builds the engine's modules."""

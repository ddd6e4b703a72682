"""Tests: one module per module of packager; web/ holds those in a real browser, by behaviour."""

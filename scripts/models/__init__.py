"""Real trained models for the demo, the tests and the benchmarks, taken out of packages by pinned hash."""

"""Fuzzing: mutated manifests, mutated models and hostile request paths, each from a seed. See __main__.py."""

"""Where and with what a variant runs: each target says whether it can take a model, and lowers it.

A target is a module with ``PRECISIONS``, those of its variants, the finest first; ``check``; and ``lower``.
"""

from packager.targets.candidates import KNOWN, Candidate, candidates, check, lower
from packager.targets.verdict import Verdict

__all__ = ["KNOWN", "Candidate", "Verdict", "candidates", "check", "lower"]

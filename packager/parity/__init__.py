"""Agreement of a variant with the reference on sample inputs: run as shipped, natively and in a real browser."""

from packager.browser import INSTALL as BROWSER_REMEDY
from packager.native import RUNNER as NATIVE_RUNNER
from packager.parity.browser import BrowserRun, browser_reason, run_in_browser
from packager.parity.compare import Agreement, compare
from packager.parity.native import referee, run_natively, run_reference

__all__ = [
    "BROWSER_REMEDY",
    "NATIVE_RUNNER",
    "Agreement",
    "BrowserRun",
    "browser_reason",
    "compare",
    "referee",
    "run_in_browser",
    "run_natively",
    "run_reference",
]

"""`packager bench`: what a visitor will feel, measured in a real browser, with a budget that can fail a build."""

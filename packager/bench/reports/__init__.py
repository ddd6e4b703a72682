"""A report for people and for other programs: terminal, Markdown, HTML, JUnit XML."""

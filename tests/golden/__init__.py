"""Golden vectors of pre- and post-processing: inputs and what must come of them, read by the tests of both languages.

They are made by ``python -m tests.golden.generate`` from sources other than this project's own code: Pillow for pictures,
Hugging Face's tokenizers for texts, exact arithmetic for scores and vectors.
"""

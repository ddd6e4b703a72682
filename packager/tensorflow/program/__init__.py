"""Reads Keras models and SavedModels, and runs them: a program of its own, for an interpreter that has TensorFlow.

    python -m program convert MODEL FOLDER    writes FOLDER/model.json and what it names, and FOLDER/about.json
    python -m program run MODEL FOLDER        FOLDER/in-<sample>-<input>.npy → FOLDER/out-<sample>-<output>.npy

It imports nothing of packager's, so that the two need not share an environment. Where it fails it writes FOLDER/error.json
(``what``, ``remedy``) and ends with exit code 3.
"""

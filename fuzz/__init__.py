"""Fuzzing of parser and compiler: `python -m fuzz.run`, and a harness for atheris."""

"""Colours for editors and pages that know a text only word by word: one table of words, and who is made of it."""

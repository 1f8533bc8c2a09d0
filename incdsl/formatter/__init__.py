"""The layout of `.inc`: the tokens of a file stay as they are, and so do its comments; only blanks are chosen anew."""

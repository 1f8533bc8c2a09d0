"""`python -m incdsl`."""

from incdsl.cli import main

main()

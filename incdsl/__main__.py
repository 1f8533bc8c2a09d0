"""`python -m incdsl`."""

from incdsl.cli import main

if __name__ == "__main__":
    main()

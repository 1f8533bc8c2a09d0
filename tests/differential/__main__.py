"""`python -m tests.differential --count N --seed S`: random nets, compared with the interpreter as well."""

import sys

from incdsl.testing.__main__ import main
from tests.differential.compare import differences

if __name__ == "__main__":
    sys.exit(main(["nets", *sys.argv[1:]], differences))

"""Comments stay between the tokens where they were, and what they ask for is done."""

import pytest

from incdsl.formatter.fmt import formatted

ALREADY = {
    "about the file, a definition, a value, a rail": (
        "# Before\ninc 1\n# The file\n\n# A unit\nunit u = relu  # behind\n\n# A block\nblock B {\n  # A value\n"
        "  a = in -> relu  # behind\n\n  # Apart\n\n  # An output\n  output y = a -> add {\n    # The first\n"
        "    | identity\n    | relu  # behind\n    # The last\n  }\n  # Nothing follows\n}\n# The end\n"
    ),
    "inside a chain": "inc 1\nblock B = relu  # one\n  # two\n  -> gap\n  # three\n  -> relu\n",
    "behind braces": "inc 1\nblock B {  # one\n  output y = in -> add {  # two\n    | relu\n  }  # three\n}  # four\n",
    "in braces without anything": "inc 1\nnet N {\n  # one\n\n  # two\n}\n",
    "inside settings": (
        "inc 1\nblock B = conv2d 3x3 @8 (bias: false,  # why\n    # and how\n    dilation: 2)\n  -> relu\n"
    ),
    "behind signs": "inc 1\nblock B =  # one\n    relu\n  ->  # two\n     gap\n",
}


@pytest.mark.parametrize("text", ALREADY.values(), ids=ALREADY)
def test_comments_stay(text):
    assert formatted(text) == text


def test_comments_are_indented_and_their_ends_trimmed():
    text = "inc 1\nblock B {\n# a \t\n\n\n\n      # b\n  output y = in#c  \n        #d\n}"
    assert formatted(text) == "inc 1\nblock B {\n  # a\n\n  # b\n  output y = in  #c\n  #d\n}\n"


OFF = """inc 1
# fmt: off
unit   a = conv2d   ->relu
unit   b = relu
# fmt: on
unit c = relu
net N {
  input x [3, 8, 8]
  # fmt: off
    y   = x->relu
  z =   y   -> relu
}
net M {
  input x [3, 8, 8]
  y = x -> relu
    # fmt: off
  output z   = y
    # fmt: on
}
"""


def test_what_is_switched_off_stays():
    assert formatted(OFF) == OFF
    for here in ("unit c", "net N", "net M", "}\nnet M", "  input x [3, 8, 8]\n  y"):
        assert formatted(OFF.replace(here, here.replace(" ", "   "))) == OFF


def test_what_is_skipped_stays():
    text = (
        "inc 1\nunit   a=relu # fmt: skip, a table\nunit   b=relu\nnet N {\n  input   x [3, 8, 8]  # fmt: skip\n"
        "  output   y=x\n}\nnet   M {\n  input   x [3, 8, 8]\n} # fmt: skip\n"
    )
    assert formatted(text) == (
        "inc 1\nunit   a=relu  # fmt: skip, a table\nunit b = relu\nnet N {\n  input   x [3, 8, 8]  # fmt: skip\n"
        "  output y = x\n}\nnet   M {\n  input   x [3, 8, 8]\n}  # fmt: skip\n"
    )


def test_it_is_never_switched_off_by_other_comments():
    text = "inc 1\n# off\n# fmt: offside\nunit   a=relu # skip\n"
    assert formatted(text) == "inc 1\n# off\n# fmt: offside\nunit a = relu  # skip\n"

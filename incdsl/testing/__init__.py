"""What holds the compiler, and ops of your own, to PyTorch; it needs `pip install 'incdsl[testing]'`."""

from incdsl.testing.checks import check_net
from incdsl.testing.random_nets import Spec
from incdsl.testing.rules import check_shape_rule
from incdsl.testing.strategies import blocks, nets, ops

__all__ = ["Spec", "blocks", "check_net", "check_shape_rule", "nets", "ops"]

"""Compares a generated module with the interpreter, in float64."""

from tests.compare import distance
from tests.differential.interpreter import interpret

TOLERANCE = 1e-10


def differences(subject):
    """Outputs and heads that differ, with the relative l2 distance."""
    inputs = subject.inputs(subject.sizes)
    outputs = subject.run(inputs)
    known = interpret(subject.graph, inputs, subject.module.state_dict())
    for (name, node), output in zip(subject.ends().items(), outputs, strict=True):
        error = distance(output, known[node])
        if not error <= TOLERANCE and not bool((output == known[node]).all()):
            yield f"{name}: the module is {error:.3g} from the interpreter"

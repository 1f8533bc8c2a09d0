"""From the surface tree back to text, in the one layout that the language has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from incdsl.syntax import tree

WIDTH = 110
INDENT = "  "


def show(file: tree.File) -> str:
    """The text of a file. Parsing it gives the tree again, up to spans and to comments inside definitions."""
    edition = file.edition.number if file.edition else 1
    imports = [_import(each) for each in file.imports]
    parts = ["\n".join([f"inc {edition}", *(f"# {line}" for line in file.header), *imports])]
    parts += ["\n".join(_definition(each)) for each in file.definitions]
    return "\n\n".join(parts) + "\n"


def _import(item: tree.Import) -> str:
    used = [
        each.name.text if each.name.text == each.own.text else f"{each.name.text} as {each.own.text}"
        for each in item.names
    ]
    return f'from "{item.file.value}" use {", ".join(used)}'


# Definitions


def _definition(each: tree.Unit | tree.Block | tree.Net) -> list[str]:
    above = [f"# {line}" for line in each.comments]
    if isinstance(each, tree.Unit):
        return [*above, *_unit(each, "")]
    word = "block" if isinstance(each, tree.Block) else "net"
    head = f"{word} {each.name.text}{_params(each.params)}"
    if isinstance(each, tree.Block) and each.chain:
        return [*above, *_chain(f"{head} = ", each.chain, "")]
    if isinstance(each, tree.Net) and each.variant:
        return [*above, *_variant(f"{head} = ", each.variant)]
    return [*above, f"{head} {{", *_body(each.items), "}"]


def _body(items: Iterable[tree.Tree]) -> list[str]:
    written: list[str] = []
    for item in items:
        if isinstance(item, tree.Inputs):
            written.append(f"{INDENT}input {', '.join(name.text for name in item.names)}")
        elif isinstance(item, tree.Input):
            written.append(f"{INDENT}input {item.name.text} [{_dims(item.dims)}]")
        elif isinstance(item, tree.Expect):
            written.append(_expect(item))
        elif isinstance(item, tree.Let):
            written.append(f"{INDENT}let {item.name.text} = {expression(item.value)}")
        elif isinstance(item, tree.Aux | tree.Output | tree.Bind):
            names = (item.name,) if isinstance(item, tree.Aux) else item.names
            word = {tree.Output: "output ", tree.Aux: "aux "}.get(type(item), "")
            args = f" {_args(item.args)}" if isinstance(item, tree.Aux) and item.args else ""
            head = f"{INDENT}{word}{', '.join(name.text for name in names)}{args} = "
            written += _chain(head, item.chain, INDENT)
    return written


def _expect(item: tree.Expect) -> str:
    value = f'"{item.value.value}"' if isinstance(item.value, tree.Text) else expression(item.value)
    return f"{INDENT}expect {item.fact.text} = {value}"


def _unit(unit: tree.Unit, indent: str) -> list[str]:
    return _chain(f"{indent}unit {unit.name.text}{_params(unit.params)} = ", unit.chain, indent)


def _variant(head: str, variant: tree.Variant) -> list[str]:
    head += variant.base.text + (_args(variant.args) if variant.args else "")
    written: list[str] = []
    for change in variant.items:
        if isinstance(change, tree.Expect):
            written.append(_expect(change))
        elif isinstance(change, tree.Unit):
            written += _unit(change, INDENT)
        elif isinstance(change, tree.Without):
            written.append(f"{INDENT}without {change.name.text}")
        elif isinstance(change, tree.Input | tree.Output):
            written += _body([change])
        elif isinstance(change, tree.Override):
            written += _chain(f"{INDENT}{change.path.text}: ", change.chain, INDENT)
    return [f"{head} with {{", *written, "}"] if written else [head]


def _params(params: Sequence[tree.Param]) -> str:
    return f"({', '.join(map(_param, params))})" if params else ""


def _param(param: tree.Param) -> str:
    default = param.default
    if default is None:
        return param.name.text
    if isinstance(default, tree.Words):
        return f"{param.name.text} = {' | '.join(name.text for name in default.names)}"
    return f"{param.name.text} = {expression(default)}"


# Chains


def _chain(head: str, chain: tree.Chain, indent: str) -> list[str]:
    """A chain behind its head: on one line, or a line for each step."""
    line = head + _flat(chain)
    if len(line) <= WIDTH and not _tall(chain):
        return [line]
    steps = [_step(step, indent if i == 0 else indent + INDENT) for i, step in enumerate(chain.steps)]
    written = [f"{head}{steps[0][0]}", *steps[0][1:]]
    for step in steps[1:]:
        written += [f"{indent}{INDENT}-> {step[0]}", *step[1:]]
    return written


def _tall(chain: tree.Chain) -> bool:
    """Whether rails stand in a chain of a definition, which get a line each."""
    return any(isinstance(step.atom, tree.Merge) for step in chain.steps)


def _step(step: tree.Step, indent: str) -> list[str]:
    flat = _flat_step(step)
    if not isinstance(step.atom, tree.Merge):
        return [flat]
    merge = step.atom
    head = f"{_labels(step)}{_merge_head(merge)} {{"
    rails: list[str] = []
    for rail in merge.rails:
        rails += _chain(f"{indent}{INDENT}| {_guard(rail.guard)}", rail.chain, indent + INDENT)
    return [head, *rails, f"{indent}}}{_tail(step)}"]


def _flat(chain: tree.Chain) -> str:
    return " -> ".join(map(_flat_step, chain.steps))


def _flat_step(step: tree.Step) -> str:
    return f"{_labels(step)}{_atom(step.atom)}{_tail(step)}"


def _labels(step: tree.Step) -> str:
    if not step.labels:
        return ""
    return ", ".join(f"{label.text}{'..' if label.counts else ''}" for label in step.labels) + ": "


def _tail(step: tree.Step) -> str:
    return f"{_repeat(step.repeat)}{f' : [{_dims(step.shape)}]' if step.shape else ''}"


def _repeat(repeat: tree.Times | tree.Each | tree.When | tree.Else | None) -> str:
    match repeat:
        case tree.Times(count=count):
            return f" times {_count(count)}"
        case tree.Each(names=names, rows=rows):
            return f" for {', '.join(name.text for name in names)} in {expression(rows)}"
        case tree.When(test=condition, other=other):
            return f" if {expression(condition)}{f' else {_flat_step(other)}' if other else ''}"
        case tree.Else(test=condition):
            return f" else if {expression(condition)}" if condition else " else"
    return ""


def _atom(atom: tree.Atom) -> str:
    match atom:
        case tree.Call():
            return _call(atom)
        case tree.BlockInput():
            return "in"
        case tree.Group(chain=chain):
            return f"({_flat(chain)})"
        case tree.Bundle(names=names):
            return f"({', '.join(name.text for name in names)})"
        case tree.Error():
            return " ".join(token.text for token in atom.tokens)
        case tree.Merge(rails=rails):
            return f"{_merge_head(atom)} {{ {' '.join(f'| {_guard(r.guard)}{_flat(r.chain)}' for r in rails)} }}"


def _merge_head(merge: tree.Merge) -> str:
    return f"{merge.word.text} {_args(merge.args)}" if merge.args else merge.word.text


def _guard(guard: tree.Each | tree.When | tree.Else | None) -> str:
    return f"{_repeat(guard).lstrip()}: " if guard else ""


def _call(call: tree.Call) -> str:
    kernel = f" {_kernel(call.kernel)}" if call.kernel else ""
    stride = ""
    if call.stride is not None:
        stride = f"/{_kernel(call.stride) if isinstance(call.stride, tree.Kernel) else _count(call.stride)}"
        stride = stride if kernel else f" {stride}"
    block = call.name.text[:1].isupper() and call.args and not (kernel or stride)
    is_padding = call.name.text == "pad" and call.padding
    words = [] if is_padding else [f"{call.name.text}{kernel}{stride}{_args(call.args) if block else ''}"]
    if call.width is not None:
        words.append(f"@{_count(call.width)}")
    if call.padding:
        words.append(_padding(call.padding))
    if call.ceil:
        words.append("ceil")
    if call.number:
        words.append(expression(call.number))
    if (call.args and not block) or (call.name.text == "pad" and not call.padding):
        words.append(_args(call.args))
    if call.factors:
        words.append(_factors(call.factors))
    return " ".join(words)


def _padding(padding: tree.Padding) -> str:
    if not padding.amount:
        return f"pad {_args(padding.sides)}" if padding.word == "pad" else padding.word
    height, width = padding.amount
    return f"pad {height}" if height == width else f"pad {height}x{width}"


def _factors(factors: tree.Factors) -> str:
    items = [f"{_kernel(f.kernel)}{f' @{_count(f.width)}' if f.width is not None else ''}" for f in factors.items]
    return f"as {{ {' '.join(f'| {item}' for item in items)} }}" if factors.parallel else f"as {', '.join(items)}"


def _kernel(kernel: tree.Kernel | tree.Error) -> str:
    return "" if isinstance(kernel, tree.Error) else f"{kernel.height}x{kernel.width}"


# Settings and expressions


def _args(args: Sequence[tree.Arg | tree.Error]) -> str:
    shown = (arg for arg in args if isinstance(arg, tree.Arg))
    return f"({', '.join(f'{a.name.text}: {expression(a.value)}' if a.name else expression(a.value) for a in shown)})"


def expression(node: tree.Expr, least: int = 0) -> str:
    """An expression, with the parentheses that its tree needs where only what binds so closely may stand."""
    text = _expression(node)
    return f"({text})" if _level(node) < least else text


def _level(node: tree.Expr) -> int:
    """How closely an expression binds: from a choice, which holds least together, to a name."""
    match node:
        case tree.Conditional():
            return 0
        case tree.Junction(word=word):
            return 1 if word == "or" else 2
        case tree.Negation():
            return 3
        case tree.Comparison():
            return 4
        case tree.Arithmetic(rest=rest):
            return 5 if rest[0][0] in ("+", "-") else 6
        case tree.Negative():
            return 7
    return 8


def _expression(node: tree.Expr) -> str:
    match node:
        case tree.Number(value=number):
            return _number(number)
        case tree.Boolean(value=truth):
            return str(truth).lower()
        case tree.Variable(name=name):
            return name
        case tree.InChannels():
            return "in"
        case tree.Word(word=word):
            return word
        case tree.List(items=items):
            return f"[{', '.join(map(expression, items))}]"
        case tree.Nested(name=name, args=args):
            return f"{name.text}{_args(args)}"
        case tree.Parenthesized(inner=inner):
            return f"({expression(_bare(inner))})"
    return _operation(node)


def _operation(node: tree.Expr) -> str:
    match node:
        case tree.Conditional(then=then, test=test, other=other):
            return f"{expression(then, 1)} if {expression(test, 1)} else {expression(other)}"
        case tree.Junction(word=word, tests=tests):
            return f" {word} ".join(expression(test, _level(node) + 1) for test in tests)
        case tree.Negation(test=test):
            return f"not {expression(test, 3)}"
        case tree.Comparison(left=left, operator=operator, right=right):
            return f"{expression(left, 5)} {operator} {expression(right, 5)}"
        case tree.Negative(operand=operand):
            return f"-{expression(operand, 8)}"
        case tree.Arithmetic(first=first, rest=rest):
            inside = _level(node) + 1
            return expression(first, inside) + "".join(f" {sign} {expression(each, inside)}" for sign, each in rest)
    return ""


def _bare(node: tree.Expr) -> tree.Expr:
    """An expression without parentheses around all of it."""
    while isinstance(node, tree.Parenthesized):
        node = node.inner
    return node


def _number(number: int | float) -> str:
    if isinstance(number, int):
        return f"{number:_}" if number >= 100_000 else str(number)
    plain = repr(float(number)).replace("e+", "e")
    negative, digits, exponent = Decimal(plain).normalize().as_tuple()
    scientific = f"{'-' if negative else ''}{''.join(map(str, digits))}e{exponent}"
    return min(plain, scientific, key=len)


def _count(node: tree.Expr) -> str:
    """A number where a sigil ends: anything but a number or a name stands in parentheses."""
    plain = isinstance(node, tree.Variable | tree.InChannels | tree.Parenthesized) or (
        isinstance(node, tree.Number) and _is_int(node)
    )
    return expression(node) if plain else f"({expression(node)})"


def _is_int(node: tree.Number) -> bool:
    return isinstance(node.value, int)


def _dims(dims: tree.Dims) -> str:
    return ", ".join(map(expression, dims.items))

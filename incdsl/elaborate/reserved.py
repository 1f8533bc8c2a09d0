"""Names that generated code cannot use; a test compares the table with torch."""

from __future__ import annotations

import builtins
import keyword
from functools import lru_cache

from incdsl.syntax.lexer import MAX_NAME

MODULE_ATTRIBUTES = frozenset(
    """
    T_destination add_module append apply bfloat16 buffers call_super_init children clear compile cpu cuda
    double dump_patches eval extend extra_repr float forward get_buffer get_extra_state get_parameter
    get_submodule half insert ipu items keys load_state_dict modules mtia named_buffers named_children
    named_modules named_parameters parameters pop register_backward_hook register_buffer register_forward_hook
    register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule
    share_memory state_dict to to_empty train training type update values xpu zero_grad
    """.split()
)
"""Public attributes of `nn.Module` and of the containers that hold labels."""

_GENERATED = {
    **dict.fromkeys(("torch", "nn", "Tensor", "ClassVar", "NamedTuple"), "the generated file imports this name"),
    "F": "`F` is `torch.nn.functional` in the generated file",
    **dict.fromkeys(("self", "super"), "generated methods use this name"),
    **dict.fromkeys(("empty_image", "empty_output", "filled", "fork"), "generated methods for GPUs use this name"),
    **dict.fromkeys(
        ("avg_pool_padded", "avg_pool_same", "pad_same", "without_scale"),
        "generated files may have a function of this name",
    ),
}
_BUILTINS = frozenset(dir(builtins))


@lru_cache(maxsize=10_000)
def why_no_attribute(name: str) -> str:
    """Why a label cannot be this name; empty if it can."""
    if name.isdigit():
        return ""
    if len(name) > MAX_NAME:
        return f"names have at most {MAX_NAME} characters"
    if keyword.iskeyword(name):
        return "it is a keyword of Python"
    if not name[0].isalpha():
        return "names start with a letter"
    if name in MODULE_ATTRIBUTES:
        return "`nn.Module` has an attribute of this name"
    return ""


def why_no_identifier(name: str) -> str:
    """Why a parameter, input, output or class cannot be this name; empty if it can."""
    if name.isdigit():
        return "names start with a letter"
    if name in _GENERATED:
        return _GENERATED[name]
    if name in _BUILTINS:
        return "Python has a builtin of this name"
    return why_no_attribute(name)

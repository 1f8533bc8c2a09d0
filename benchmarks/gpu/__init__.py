"""How fast generated modules are on a GPU, beside PyTorch's own ways to run the same network.

`prepare` writes modules and what each of their layers costs, and is all that imports incdsl. Everything else needs
PyTorch and the standard library alone, so that it runs where nothing can be installed. How to run it is told in
docs/benchmarks.md.
"""

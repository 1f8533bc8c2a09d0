"""Surface tree to graph: names, blocks, repetition, factorization, and every shape checked on the way."""

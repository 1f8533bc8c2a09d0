"""The papers that rules refer to."""

GOING_DEEPER = "Szegedy et al., arXiv:1409.4842"
RETHINKING = "Szegedy et al., arXiv:1512.00567"
BATCH_NORM = "Ioffe and Szegedy, arXiv:1502.03167"
DISHARMONY = "Li et al., arXiv:1801.05134"

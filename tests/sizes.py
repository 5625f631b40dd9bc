"""Random sizes and numbers for Hypothesis, the sizes in the project's one alphabet."""

import numpy as np
from hypothesis import strategies as st

rngs = st.builds(np.random.default_rng, st.integers(0, 2**16))
FEW = dict(B=3, H=3)  # streams and heads: enough to be mixed up


def sizes(names, **largest):
    """For @given, a size of at least 1 for each name: {name: strategy}.

    sizes("B H T", T=20): at most 3 streams, 3 heads and 20 tokens; else at most 6.
    """
    bounds = FEW | largest
    return {name: st.integers(1, bounds.get(name, 6)) for name in names.split()}

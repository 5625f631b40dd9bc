"""Train a vocabulary on a text that takes much longer than a test may."""

import numpy as np

from minimt import tokenizer

tokenizer.LONGEST = 10**9
text = "".join(np.random.default_rng(0).choice(list("ACGT"), size=2_000_000))
print("training", flush=True)
tokenizer.train_vocabulary([text], 4000, ".")

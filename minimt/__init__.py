"""minimt: Memorizing Transformers, step by step, in NumPy and PyTorch."""

__version__ = "0.2.0"

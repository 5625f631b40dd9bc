"""The paper's findings on a small scale: the engine, and a file for each claim."""

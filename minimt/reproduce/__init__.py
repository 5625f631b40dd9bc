"""The paper's findings again, in small: the engine, and a file for each claim."""

"""The bench: what search and memory cost, measured side by side."""

"""The command line: commands, their flags, and tables for a terminal."""

COMMANDS = dict(
    train="Train a model with memory and one without, and compare them.",
    recall="Train on phone books with and without memory: which recalls far numbers?",
    bench="Measure what search and memory cost, on the keys of a trained model.",
    evaluate="Evaluate a run's models on held-out documents, or on another folder.",
    generate="Continue a prompt, after reading a file into memory.",
    inspect="Show the tokens that gain most from memory, and what they looked up.",
    reproduce="Test a finding of the paper on a small scale; --quick takes minutes.",
)

"""The claims, a file each: measure, rows, verdict and draw."""

CLAIMS = {  # in reading order, and what each asks
    "memory": "does a larger memory lower perplexity on every kind of text?",
    "finetune": "train with a small memory, then with a large one: does it pay?",
    "scale": "how large is a model without memory that does as well?",
    "retrofit": "can a model trained without memory learn to use one?",
    "approximate": "how much recall does the search need?",
    "lookups": "which tokens gain, and do they look up definitions?",
    "ablations": "what is each choice worth?",
    "staleness": "do normalised keys stay fresh for longer?",
    "formation": "does lookup form by itself?",
}

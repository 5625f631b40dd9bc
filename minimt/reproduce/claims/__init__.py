"""The claims, each in a file with measure, rows, verdict and draw."""

CLAIMS = {  # in reading order, with the question that each asks
    "memory": "does a larger memory lower perplexity on every kind of text?",
    "finetune": "can a trained model be given a larger memory at little cost?",
    "scale": "how large must a model without memory be to do as well?",
    "retrofit": "can a model trained without memory learn to use one?",
    "approximate": "how much recall does the search need?",
    "distraction": "how much do the keys of other documents distract a lookup?",
    "lookups": "which tokens gain, and do they look up definitions?",
    "ablations": "what is each design choice worth?",
    "staleness": "how do stored keys age, normalised or not?",
    "formation": "when does a lookup form, and does it by itself?",
}

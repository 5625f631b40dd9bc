"""The command line: commands, their flags, and tables for a terminal."""

COMMANDS = dict(
    train="Train a model with memory and one without, and compare them.",
    inspect="Show which tokens gain most from memory, and what they looked up.",
    generate="Continue a prompt, after reading a file into memory.",
    recall="Test how far back models recall the numbers of a phone book.",
    evaluate="Evaluate a run's models on held-out documents, or on a folder.",
    reproduce="Test a claim of the paper or a related one; --quick takes minutes.",
    bench="Measure what search and memory cost, on a trained model's keys.",
)
EXAMPLES = dict(  # of each command
    train=["", "--data DIR --minutes 30", "--resume runs/stdlib"],
    inspect=["runs/stdlib FILE", "runs/stdlib FILE --html page.html"],
    generate=['runs/stdlib --prompt "def main(" --read FILE'],
    recall=["", "--steps 600"],
    evaluate=["runs/stdlib", "runs/stdlib --data DIR"],
    reproduce=["memory --quick", "finetune --out DIR"],
    bench=["--repeats 4 --json bench.json"],
    grade=["mine", "mine --step attention", "mine --watch"],
    stubs=["mine"],
    notebooks=["DIR"],
    nbgrader=["DIR"],
)
GROUPS = {  # titles of the commands in `minimt --help`
    "try": ("train", "inspect", "generate", "recall"),
    "study": ("evaluate", "reproduce", "bench"),
    "course": ("grade", "stubs", "notebooks", "nbgrader"),
}


def overview(commands):
    """The commands {name: sentence} in their groups, each with a line."""
    lines = ["Memorizing Transformers, small enough for a laptop."]
    for title, names in GROUPS.items():
        lines += ["", f"{title}:"]
        lines += [f"  {name:11}{commands[name]}" for name in names]
    lines += ["", "examples:"]
    lines += [example(name, EXAMPLES[name][0]) for name, *_ in GROUPS.values()]
    return "\n".join(lines)


def examples(name):
    """The examples of a command, a line each."""
    return "\n".join(["examples:", *(example(name, x) for x in EXAMPLES[name])])


def example(name, flags):
    """A line that runs a command with some flags."""
    return f"  python -m minimt {name} {flags}".rstrip()

"""Results as tables for a terminal."""

import shutil
import textwrap

from ..figures import intervals
from ..reproduce import results
from .colours import bold

GAP = 2  # spaces between columns


def table(rows):
    """Rows of cells as text; the first column is left-aligned, the others right.

    A table that is wider than the terminal becomes several, one below the other, which
    all begin with the columns that tell its rows apart.
    """
    cells = [
        [cell if isinstance(cell, str) else number(cell) for cell in row]
        for row in rows
    ]
    columns = list(zip(*cells))
    names = naming(cells)
    return "\n\n".join(
        aligned([columns[i] for i in [*range(names), *part]])
        for part in fitting([max(map(len, column)) for column in columns], names)
    )


def naming(cells):
    """How many of the first columns are enough to tell the rows apart."""
    counts = range(1, len(cells[0]))
    rows = len(cells)
    return next((n for n in counts if len({tuple(x[:n]) for x in cells}) == rows), 1)


def fitting(widths, names):
    """The columns after the first `names`, in parts that fit beside these."""
    most = shutil.get_terminal_size().columns
    used = first = sum(widths[:names]) + GAP * (names - 1)
    parts = [[]]
    for i in range(names, len(widths)):
        if used + GAP + widths[i] > most and parts[-1]:
            parts.append([])
            used = first
        parts[-1].append(i)
        used += GAP + widths[i]
    return parts


def aligned(columns):
    """Columns of text side by side, the first row as a heading."""
    widths = [max(map(len, column)) for column in columns]
    heading, *lines = (
        (" " * GAP).join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths))
        )
        for row in zip(*columns)
    )
    return "\n".join([bold(heading), *lines])


def number(x):
    """A number with three decimals, or three digits if it is large."""
    return f"{x:.3f}" if abs(x) < 1e6 else f"{x:.3g}"


def comparison(metrics):
    """What `train` and `evaluate` found."""
    keys = ("nats_per_token", "perplexity", "bits_per_byte")
    heading = metrics.get("documents", "held-out documents")
    rows = [(heading, "nats/token", "perplexity", "bits/byte")]
    for name in ("with_memory", "without_memory"):
        if name in metrics:
            label = name.replace("_", " ")
            rows.append((label, *(metrics[name][key] for key in keys)))
    for row in metrics["by_memory"]:
        rows.append((f"  memory of {row['memory']}", *(row[key] for key in keys)))
    lines = [table(rows), ""]
    if "gain" in metrics:
        lines += gain(metrics)
    twice = metrics["read_twice"]
    lines += [
        f"a second reading of a document saves {twice['saved']:.3f} nats per token:",
        f"  {twice['first']:.3f} the first time, {twice['second']:.3f} the second",
    ]
    gates = ", ".join(f"{gate:.2f}" for gate in metrics["gates"])
    lines.append(f"gate per head: {gates}")
    return "\n".join(lines)


def gain(metrics):
    """What memory saves: how much of it by lookup, how much by training with it.

    Both parts add up to the whole; the second is often below zero.
    """
    names = "with_memory", "without_memory"
    found, without = (metrics[name]["nats_per_token"] for name in names)
    off = metrics["by_memory"][0]["nats_per_token"]
    return [
        bold(f"memory saves {number(without - found)} nats per token") + ", the sum of",
        f"  {number(off - found):>6} by lookup: the same weights, memory off and on",
        f"  {number(without - off):>6} by training: weights trained without it and "
        "with it, memory off",
    ]


def recall(metrics):
    """What `recall` found."""
    rows = [("numbers recalled, tokens ago", *intervals(metrics["gaps"]))]
    by_size = metrics["with_memory"]["by_gap"]
    named = {f"with a memory of {M}": x for M, x in by_size.items()}
    named["without memory"] = metrics["without_memory"]["by_gap"][0]
    for name, shares in named.items():
        rows.append((name, *("–" if x is None else f"{x:.1%}" for x in shares)))
    seconds = sum(
        metrics[name]["seconds"] for name in ("with_memory", "without_memory")
    )
    return table(rows) + f"\nguessing: {metrics['chance']:.1%}; {seconds:.0f} seconds"


def bench(result):
    """What `bench` found; ratios are medians, with the lowest and highest round."""
    sizes = ", ".join(f"{name} {n}" for name, n in result["sizes"].items())
    threads = result["machine"]["threads"]
    about = f"{sizes}; threads: {threads}; keys: {result['keys']}"
    parts = [textwrap.fill(about, shutil.get_terminal_size().columns), ""]
    for base in ("product", "exact"):
        names = result["search"][0]["to_" + base]
        rows = [(f"time, {base} = 1", *(f"M {x['memory']}" for x in result["search"]))]
        for name in names:
            found = (x["to_" + base].get(name) for x in result["search"])
            rows.append((name, *(with_range(x) for x in found)))
        parts += [table(rows), ""]
    head = ("LSH", "streams", "cells", "pages", "recall", "exact search, µs per query")
    rows = [head]
    for x in result["search"]:
        probed = (
            *(str(x[n]) for n in ("streams", "cells", "probes")),
            f"{x['recall']:.3f}",
        )
        exact = f"{x['microseconds']['exact']['median']:.1f}"
        rows.append((f"M {x['memory']}", *probed, exact))
    parts += [table(rows), ""]
    rows = [("training step", "ms", "tokens/s", "time, without memory = 1")]
    for x in result["step"]:
        speed = f"{x['tokens_per_second']['median']:.0f}"
        cells = (
            f"{x['milliseconds']['median']:.0f}",
            speed,
            with_range(x["to_no_memory"]),
        )
        rows.append((x["model"], *cells))
    return "\n".join([*parts, table(rows), *_quality(result)])


def _quality(result):
    """Tables of what can be measured on a trained model only."""
    parts = []
    if "recall" in result:
        rows = [("search", "setting", "recall", "keys scored", "time, exact = 1")]
        for x in result["recall"]["rows"]:
            share = "–" if x["scored"] is None else f"{x['scored']:.1%}"
            last = share, with_range(x["time"])
            rows.append((x["method"], str(x["setting"]), f"{x['recall']:.3f}", *last))
        M = result["recall"]["memory"]
        parts += ["", f"recall with a memory of {M}", table(rows)]
    if "losses" in result:
        rows = [("held-out documents", "pages probed", "nats/token")]
        for x in result["losses"]["rows"]:
            rows.append((x["search"], str(x["probes"] or "–"), x["nats_per_token"]))
        M = result["losses"]["memory"]
        parts += ["", f"held-out loss with a memory of {M}", table(rows)]
    return parts


def claim(result):
    """What `reproduce` found: the verdict, and the table."""
    module = results.module(result["claim"])
    cells = [[str(cell) for cell in row] for row in module.rows(result)]
    verdict = textwrap.fill(module.verdict(result), shutil.get_terminal_size().columns)
    return f"{bold(verdict)}\n\n{table(cells)}"


def with_range(x):
    """A median with its range, as text."""
    return f"{x['median']:.2f} ({x['low']:.2f}–{x['high']:.2f})" if x else "–"

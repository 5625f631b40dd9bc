"""The cache of trained models: weights and readings, each made once for all claims."""

import hashlib
import io
import json
import pathlib
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from modulefinder import ModuleFinder

import numpy as np

from ..checkpoints import check, load_checkpoint, save_checkpoint
from ..config import Config
from ..corpus import Source, digest, load_corpus
from ..environment import versions
from ..evaluate import document_losses
from ..files import locked, replace_file
from ..formation import Formation, watched_text
from ..optimizer import Training
from ..torch_model import MemorizingTransformer
from ..train import run_trainer, text_trainer
from .variants import VARIANTS

PACKAGE = pathlib.Path(__file__).parent.parent
PIECE = 32_768  # tokens; longer documents, such as books, are cut into pieces of this
HELD_OUT = 65_536  # tokens of held-out documents to read, if there are as many

KINDS = {"text": text_trainer, "repetition": Formation, "watched text": watched_text}


@dataclass(frozen=True)
class Case:
    """A model to train: on what, how, and starting from which other case's weights.

    training.seed decides the initial weights and the order of the documents. Which ones
    are held out depends on the seed of the first of the trainings.
    """

    source: Source
    config: Config
    training: Training
    before: "Case | None" = None
    variant: str = ""  # a name in VARIANTS
    kind: str = "text"  # a name in KINDS

    @property
    def first_seed(self):
        """The seed of its first training, which decides what is held out."""
        return self.before.first_seed if self.before else self.training.seed


@dataclass(frozen=True)
class TrainedModels:
    """A folder of trained weights and readings, and the device to make them on."""

    folder: pathlib.Path
    device: str = "cpu"

    def weights(self, case):
        """The path of a case's weights."""
        return self.path(asdict(case), case, ".pt")

    def path(self, content, case, ending):
        """The path of a file that depends on this content of a case."""
        device = "" if self.device == "cpu" else f"-{self.device}"
        return self.folder / f"{key(content, case.source)}{device}{ending}"

    def load(self, case):
        """What is stored of a trained case: losses, curve, seconds, config, weights."""
        path = self.weights(case)
        saved = load_checkpoint(path)
        check(path, saved, origin=path.stem)
        return saved

    def model(self, case, parts=None, **changes):
        """A trained case's model, with some fields of its config, or parts, changed."""
        parts, config = parts or VARIANTS[case.variant].parts, case.config
        model = MemorizingTransformer(replace(config, **changes), parts=parts)
        model.load_state_dict(self.load(case)["model"])
        return model.to(self.device)

    def first_model(self, case):
        """The model of a case before it is trained."""
        if case.before:
            changes = asdict(case.config)
            return self.model(case.before, VARIANTS[case.variant].parts, **changes)
        variant, seed = VARIANTS[case.variant], case.training.seed
        model = MemorizingTransformer(case.config, seed, variant.parts)
        return model.load_numpy(variant.weights(case.config, seed)).to(self.device)

    def corpus(self, case):
        """A case's documents: long ones in pieces, and not too many held-out ones."""
        folder = self.folder.resolve() / ".vocabularies"
        return corpus(case.source, case.config.vocab, case.first_seed, folder)

    def train(self, case):
        """Train one case and store its weights; continues if it was stopped before."""
        path = self.weights(case)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f".{path.stem}.lock")
        lock.touch()
        with locked(lock, wait=True):  # another command may be training it
            if not path.exists():
                self.train_now(case, path)

    def train_now(self, case, path):
        """Train one case and store its weights at `path`."""
        unfinished, model = path.with_suffix(".unfinished"), self.first_model(case)
        make = partial(KINDS[case.kind], model, case.training)
        corpus = self.corpus(case)
        trainer = run_trainer(unfinished, path.stem, make, corpus, shown=False)
        content = dict(origin=path.stem, losses=trainer.losses, seconds=trainer.seconds)
        content |= dict(config=asdict(case.config), training=asdict(case.training))
        content["curve"] = getattr(trainer, "curve", None)
        save_checkpoint(path, content | dict(model=model.state_dict()))
        unfinished.unlink()

    def read(self, case, changes):
        """Nats per token of a case's held-out documents: a list of arrays (n − 1,).

        changes: fields of its config that get other values for this reading.
        """
        path = self.path([asdict(case), changes], case, ".npz")
        nats = stored(path)
        if nats is None:
            model, docs = self.model(case, **changes), self.corpus(case).held.docs
            nats, buffer = document_losses(model, docs), io.BytesIO()
            lengths = [len(x) for x in nats]
            np.savez(buffer, nats=np.concatenate(nats), lengths=lengths)
            replace_file(path, buffer.getvalue())
        return nats


def stored(path):
    """The arrays that a reading stored; None if they are not there, or damaged."""
    try:
        with np.load(path, allow_pickle=False) as saved:
            return np.split(saved["nats"], np.cumsum(saved["lengths"])[:-1])
    except Exception:  # a damaged file may raise anything
        return None


def key(content, source):
    """A short name for what a result depends on: content, texts, code and versions."""
    depends = [content, digest(documents(source)), code_digest(), versions()]
    text = json.dumps(depends, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@lru_cache
def documents(source):
    """All documents of a source [(name, text)], read once."""
    return source.read()


@lru_cache
def code_digest(root=PACKAGE.parent):
    """A hash of the source files, of the minimt in `root`, that decide a result.

    They are this file and all that it imports from the package, directly or indirectly.
    """
    others = [path.stem for path in root.iterdir() if path.stem != PACKAGE.stem]
    finder = ModuleFinder([str(root)], excludes=others)  # others: torch, if installed
    finder.import_hook(__name__)
    paths = sorted(x.__file__ for x in finder.modules.values() if x.__file__)
    digests = (hashlib.sha256(pathlib.Path(path).read_bytes()) for path in paths)
    return hashlib.sha256(b"".join(x.digest() for x in digests)).hexdigest()


@lru_cache(maxsize=2)
def corpus(source, vocab, seed, folder):
    """A source, split and encoded, with long training documents cut into pieces."""
    source = replace(source, held_out_tokens=HELD_OUT)
    whole = load_corpus(source, Config(vocab=vocab), seed, folder)
    return replace(whole, train=[piece for doc in whole.train for piece in pieces(doc)])


def pieces(doc):
    """A document (n,) as documents of at most PIECE tokens, token 0 first in each."""
    parts = np.array_split(doc[1:], -(-len(doc) // PIECE))
    return [np.concatenate([doc[:1], part]) for part in parts]

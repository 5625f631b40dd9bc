"""The shelf: trained weights and readings, each made once and kept for all claims."""

import hashlib
import io
import json
import pathlib
import zipfile
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from modulefinder import ModuleFinder

import numpy as np

from ..config import Config
from ..corpus import HeldOut, Source, load_corpus
from ..environment import versions
from ..errors import InputError
from ..evaluate import document_losses
from ..experiments.compare import train_one
from ..files import replace_file
from ..torch_model import MemorizingTransformer
from ..train import Training, load_checkpoint, save_checkpoint
from .variants import first_weights, variant

PACKAGE = pathlib.Path(__file__).parent.parent
PIECE = 32_768  # tokens; longer documents, such as books, are cut into such pieces
HELD_OUT = 65_536  # tokens of held-out documents that are read, if there are as many


@dataclass(frozen=True)
class Case:
    """A model to train: on what, how, and from which other case's weights on.

    training.seed draws the weights and the order of reading, and in a case that goes on
    from none the held-out documents.
    """

    source: Source
    config: Config
    training: Training
    before: "Case | None" = None
    variant: str = ""  # one of minimt.reproduce.variants

    @property
    def first_seed(self):
        """The seed of the first of its trainings, by which documents are held out."""
        return self.before.first_seed if self.before else self.training.seed


@dataclass(frozen=True)
class Shelf:
    """A folder of what was trained and read, and the device to do so on."""

    folder: pathlib.Path
    device: str = "cpu"

    def weights(self, case):
        """The path of a case's weights."""
        return self.path(asdict(case), case, ".pt")

    def path(self, content, case, ending):
        """Where something that depends on this content of a case is kept."""
        device = "" if self.device == "cpu" else f"-{self.device}"
        return self.folder / f"{key(content)}{device}{ending}"

    def trained(self, case):
        """What is kept of a trained case: its losses, seconds, config and weights."""
        path = self.weights(case)
        try:
            return load_checkpoint(path)
        except InputError:
            raise InputError(f"{path} is damaged: delete it and try again") from None

    def model(self, case, **changes):
        """A trained case's model, with some fields of its config changed."""
        model = MemorizingTransformer(replace(case.config, **changes))
        model.load_state_dict(self.trained(case)["model"])
        return model.to(self.device)

    def corpus(self, case):
        """A case's documents: long ones in pieces, and not too many held-out ones."""
        folder = self.folder.resolve() / ".vocabularies"
        return corpus(case.source, case.config.vocab, case.first_seed, folder)

    def train(self, case):
        """Train one case and keep its weights; goes on where it was stopped."""
        path, config, training = self.weights(case), case.config, case.training
        if path.exists():
            return
        unfinished = path.with_suffix(".unfinished")
        with variant(case.variant):
            weights = first_weights(case.variant, config, training.seed)
            if case.before:
                weights = self.model(case.before).to_numpy()
            about = config, training, self.corpus(case), self.device
            trainer = train_one(unfinished, *about, weights=weights)
        kept = dict(config=asdict(config), training=asdict(training))
        kept |= dict(losses=trainer.losses, seconds=trainer.seconds)
        save_checkpoint(path, kept | dict(model=trainer.model.state_dict()))
        unfinished.unlink()

    def read(self, case, changes):
        """Nats per token of a case's held-out documents: a list of arrays (n − 1,).

        changes: fields of the trained case's config that are read with other values.
        """
        path = self.path([asdict(case), changes], case, ".npz")
        try:
            with np.load(path, allow_pickle=False) as saved:
                return list(saved.values())
        except (OSError, ValueError, zipfile.BadZipFile):  # not there, or damaged
            pass
        with variant(case.variant):
            model = self.model(case, **changes)
            nats = document_losses(model, self.corpus(case).held.docs)
        buffer = io.BytesIO()
        np.savez(buffer, *nats)
        replace_file(path, buffer.getvalue())
        return nats


def key(content):
    """A short name for what a result depends on: content, code and versions."""
    text = json.dumps([content, code(), versions()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@lru_cache
def code(folder=PACKAGE.parent):
    """A hash of the sources, of the minimt in a folder, that decide a training.

    They are this file and all that it imports from the package, however far down.
    """
    finder = ModuleFinder([str(folder)])
    finder.import_hook(__name__)
    paths = sorted(x.__file__ for x in finder.modules.values() if x.__file__)
    texts = [pathlib.Path(path).read_bytes() for path in paths]
    digests = [hashlib.sha256(text).hexdigest() for text in texts]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


@lru_cache(maxsize=2)
def corpus(source, vocab, seed, folder):
    """A source, split and encoded, with long documents cut into pieces."""
    whole = load_corpus(source, Config(vocab=vocab), seed, folder)
    train = [piece for doc in whole.train for piece in pieces(doc)]
    names, texts, docs = [], [], []
    for name, text, doc in zip(whole.held.names, whole.held.texts, whole.held.docs):
        for piece in pieces(doc):
            if sum(map(len, docs)) < HELD_OUT:
                uncut = len(piece) == len(doc)
                cut_text = whole.vocabulary.decode(piece[1:].tolist())
                names.append(name)
                texts.append(text if uncut else cut_text)
                docs.append(piece)
    return replace(whole, train=train, held=HeldOut(tuple(names), tuple(texts), docs))


def pieces(doc):
    """A document (n,) as documents of at most PIECE tokens, token 0 first in each."""
    parts = np.array_split(doc[1:], -(-len(doc) // PIECE))
    return [np.concatenate([doc[:1], part]) for part in parts]

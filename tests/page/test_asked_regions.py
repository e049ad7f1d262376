"""Regions by name on the page, and how probes are called there; the oracle is numpy over the values that were written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs

import numpy as np
import pytest
from playwright.sync_api import expect
from support.browsing import READY, Open
from support.named import NamedRun, table, texts
from support.records import TensorBoard, serving

EPOCHS = 4
KINDS = {
    "table": {"given": table()},
    "texts": {"given": texts()},
    "price": {
        "given": table(labels=[12.5, 3.25, 8.0, -4.0], class_names=None, regions={}, unit="€/m²"),
        "head": "regression",
        "classes": 1,
    },
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NamedRun]:
    logdir = tmp_path_factory.mktemp("logs")
    return {kind: NamedRun(logdir / kind, **options).write(range(-1, EPOCHS)) for kind, options in KINDS.items()}


@pytest.fixture(scope="module")
def server(runs: dict[str, NamedRun], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(runs["table"].log_dir.parent)) as process:
        for name in runs:
            process.wait_for_epochs(f"{name}/xai", EPOCHS)
        yield process


def percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %".replace(".0 %", " %")


def test_a_feature_that_was_typed_is_a_region_that_the_address_keeps(
    server: TensorBoard, runs: dict[str, NamedRun], open_tab: Open
) -> None:
    page, tab = open_tab(server, "a=table/xai&epoch=3")
    expect(tab.locator(READY)).to_be_visible()
    field = tab.get_by_role("combobox", name="Add a region: feature or group")
    expect(tab.locator("#region-names option")).to_have_count(6)
    field.fill("cabin")
    field.press("Enter")
    expect(tab.locator(".area")).to_have_count(0)
    field.fill("age, deck")
    field.press("Enter")
    values = np.abs(runs["table"].truth[3].values["shap"][np.arange(4), runs["table"].probes.labels])
    share = percent(float((values[:, [0, 2]].sum(axis=1) / values.sum(axis=1)).mean()))
    area = tab.locator(".area")
    expect(area.locator(".region-shares")).to_contain_text(f"now {share}")
    expect(area).to_contain_text("its size: 67 % of the features")
    expect(tab.locator("figcaption").filter(has_text="share on “age, deck”")).to_be_visible()
    page.wait_for_url(lambda url: "areas" in url)
    kept = {key: values[0] for key, values in parse_qs(page.url.partition("#")[2]).items() if key.startswith("p.xai.")}
    assert kept["p.xai.areas"] == "age%2C%20deck::nage,deck"
    _, again = open_tab(server, "&".join(f"{key.removeprefix('p.xai.')}={value}" for key, value in kept.items()))
    expect(again.locator(".area .region-shares")).to_contain_text(f"now {share}")
    # The declared region of that name is chosen, not the feature.
    field = again.get_by_role("combobox", name="Add a region: feature or group")
    field.fill("fare")
    field.press("Enter")
    expect(again.locator(".region").filter(has_text="fare").get_by_role("checkbox")).to_be_checked()
    expect(again.locator(".area")).to_have_count(1)


def test_a_token_that_no_text_has_is_a_warning_beside_its_region(server: TensorBoard, open_tab: Open) -> None:
    # The browser logs the reply of the second region, a 404.
    _, tab = open_tab(server, "a=texts/xai&areas=some::nfilm,Spielberg;none::nSpielberg&region=some", errors=True)
    expect(tab.locator(READY)).to_be_visible()
    expect(tab.locator(".area").first.get_by_role("status")).to_have_text("not in this record: “Spielberg”")
    expect(tab.locator(".area").last.get_by_role("status")).to_have_text(
        "no text has the token 'Spielberg'; give tokens as they are in the texts, or leave them out."
    )
    expect(tab.locator(".area").last.locator(".region-shares")).to_have_text(re.compile("^now \N{EN DASH}"))


def test_probes_have_their_number_label_and_name_wherever_they_are_named(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=table/xai&probe=2&events=all")
    expect(tab.get_by_role("heading", name="Probe 2 “survived” (Miss Bonnell)")).to_be_visible()
    expect(tab.locator(".card[aria-pressed=true]")).to_have_attribute("title", "probe 2 “survived” (Miss Bonnell)")
    expect(tab.locator(".event").first).to_contain_text(re.compile(r"probe \d “\w+” \(M\w+ \w+\)"))
    # The one-hot columns of the deck are one player: the active column stands beside it.
    expect(tab.locator(".bar-name").filter(has_text="deck").locator(".bar-value")).to_have_text("B")
    _, tab = open_tab(server, "a=texts/xai&probe=0")
    expect(tab.get_by_role("heading", name="Probe 0 “good” (“A film that nobody will…”)")).to_be_visible()


def test_probes_of_a_regression_are_sorted_and_filtered_by_their_error(
    server: TensorBoard, runs: dict[str, NamedRun], open_tab: Open
) -> None:
    run = runs["price"]
    errors = run.truth[3].full[:, 0] - run.probes.truth[:, 0]
    order = np.argsort(-np.abs(errors), kind="stable").tolist()
    _, tab = open_tab(server, "a=price/xai&sort=error&epoch=3")
    expect(tab.locator(READY)).to_be_visible()
    expect(tab.get_by_role("combobox", name="Sort probes by")).to_have_value("error")
    expect(tab.locator(".card")).to_have_count(4)
    titles = [tab.locator(".card").nth(place).get_attribute("title") for place in range(4)]
    assert [int(re.search(r"probe (\d)", title)[1]) for title in titles] == order
    assert all(
        f"true value {float(run.probes.truth[probe, 0]):.3g}"[:14] in title
        for probe, title in zip(order, titles, strict=True)
        if probe != 3
    )
    for place, probe in enumerate(order):
        expect(tab.locator(".card").nth(place).locator(".card-error")).to_have_text(
            f"{errors[probe]:+.{1 if abs(errors[probe]) >= 10 else 2}f}".replace("-", "\N{MINUS SIGN}")
        )
    tab.get_by_role("checkbox", name="larger errors only").check()
    expect(tab.locator(".card")).to_have_count(int((np.abs(errors) > np.abs(errors).mean()).sum()))

"""The page is for everybody: axe-core finds nothing serious, the keyboard reaches everything, motion stops where it is not wanted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Page, expect
from support.browsing import READY, Open
from support.records import ROOT, FakeRun, TensorBoard, serving

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = {"serious", "critical"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    """Two runs that compare and one that does not, one of them with a gap."""
    logdir = tmp_path_factory.mktemp("logs")
    FakeRun(logdir / "a").write(range(-1, 5))
    FakeRun(logdir / "b", seed=0).write([-1, 0, 1, 3, 4])
    FakeRun(logdir / "c", players=(8, 8, 8)).write(range(3))
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(logdir)) as process:
        for name, epochs in {"a": 5, "b": 4, "c": 3}.items():
            process.wait_for_epochs(f"{name}/xai", epochs)
        yield process


def tab_frame(page: Page) -> Frame:
    return next(frame for frame in page.frames if "name=xai" in frame.url)


def grave(frame: Frame) -> list[str]:
    """Serious and critical findings of axe-core, each with the element it is about."""
    frame.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = frame.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert found["passes"], "axe looked at nothing"
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed; run `npm install` (needs Node) to check accessibility.")
@pytest.mark.parametrize(
    ("state", "dark"),
    [
        ("a=a/xai&b=b/xai&probe=1&epoch=3", False),
        ("a=a/xai&b=b/xai&probe=1&epoch=3", True),
        ("a=a/xai&b=&view=map", False),
        ("a=a/xai&b=b/xai&epoch=2&lock=0&align=best&film=all", True),
        ("a=c/xai&view=image", False),
    ],
    ids=["pair", "pair-dark", "one run", "gap-dark", "no partner"],
)
def test_axe_finds_nothing_serious(state: str, dark: bool, server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, state, dark=dark)
    expect(tab.locator(READY)).to_be_visible()
    assert grave(tab_frame(page)) == []
    tab.get_by_role("button", name="keys").click()
    expect(tab.get_by_role("dialog")).to_be_visible()
    assert grave(tab_frame(page)) == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed; run `npm install` (needs Node) to check accessibility.")
def test_axe_finds_nothing_serious_where_there_is_nothing(open_tab: Open, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    with serving(tmp_path, "--logdir", str(tmp_path / "logs")) as empty:
        page, tab = open_tab(empty)
        expect(tab.get_by_role("heading", name="No explanations in this log directory")).to_be_visible()
        assert grave(tab_frame(page)) == []
        page.close()  # before the server ends: it looks for new runs all the time


def focused(frame: Frame) -> tuple[str, bool]:
    """What has the focus, and whether an outline shows it."""
    return tuple(
        frame.evaluate("""() => {
          const element = document.activeElement;
          const { outlineStyle, outlineWidth } = getComputedStyle(element);
          const text = element.getAttribute('aria-label') || element.id || element.textContent.trim().slice(0, 40) || element.type || '';
          return [`${element.tagName} ${text}`, outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1];
        }""")
    )


def test_tab_reaches_every_control_and_the_focus_is_always_seen(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a/xai&b=b/xai&probe=1&epoch=3")
    expect(tab.locator(READY)).to_be_visible()
    tab.locator(".runs-room .filter").focus()
    frame = tab_frame(page)
    reached = []
    while not frame.evaluate("document.activeElement === document.body"):
        name, seen = focused(frame)
        assert seen, name
        reached.append(name)
        assert len(reached) < 80, "the focus never leaves the page"
        page.keyboard.press("Tab")
    words = "\n".join(reached)
    for control in (
        "a as run A",
        "LIME",
        "Class that is explained",
        "Epoch",
        "Sort probes by",
        "Play",
        " probe (",
        "copy link",
        "keys",
        "export",
    ):
        assert control in words, (control, words)


def test_keys_work_at_once_and_a_field_of_tensorboard_keeps_them(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a/xai&b=&epoch=3", whole=True)
    expect(tab.locator(READY)).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(tab.locator(".cursor-epoch")).to_contain_text("epoch 2")
    page.evaluate("location.hash = '#timeseries'")
    expect(tab.locator(".cursor-epoch")).not_to_be_visible()
    page.evaluate("document.activeElement.blur(); location.hash = '#xai'")
    page.wait_for_function("document.activeElement.tagName === 'IFRAME'")
    page.keyboard.press("ArrowLeft")
    expect(tab.locator(".cursor-epoch")).to_contain_text("epoch 1")
    page.evaluate("location.hash = '#timeseries'")
    expect(tab.locator(".cursor-epoch")).not_to_be_visible()
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('input'), { id: 'typed' }));"
        "document.querySelector('#typed').focus();"
        "location.hash = '#xai'"
    )
    expect(tab.locator(".cursor-epoch")).to_be_visible()
    page.wait_for_timeout(300)
    assert page.evaluate("document.activeElement.id") == "typed"


def test_nothing_moves_where_motion_is_not_wanted(server: TensorBoard, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page.clock.install()
    page.goto(f"{server.url}/#xai&p.xai.a=a%2Fxai&p.xai.b=b%2Fxai&p.xai.compare=blink")
    tab = page.frame_locator('iframe[src*="name=xai"]')
    expect(tab.locator(READY)).to_be_visible()
    frame = tab_frame(page)
    moving = "document.getAnimations().filter((animation) => animation.playState === 'running').length"
    assert frame.evaluate(moving) == 0
    shown = "document.querySelector('.pictures').textContent"
    before = frame.evaluate(shown)
    page.clock.run_for(2500)  # two beats of a blinking picture
    assert frame.evaluate(shown) == before
    page.close()

"""The tab as a guest: keys, focus, address, theme and files in frames of other pages, and alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Page, expect
from support.browsing import READY, Open, is_complaint, tab_frame
from support.hosting import Host, hosting
from support.records import FakeRun, TensorBoard, serving

STATE = "#xai&p.xai.a=a%2Fxai&p.xai.b=b%2Fxai&p.xai.probe=1&p.xai.epoch=3"
ALONE = "/data/plugin_entry.html?name=xai"

# What people type into around a frame, and how its text is read.
FIELDS = {
    "text field": ('<input id="field">', "field.value"),
    "text area": ('<textarea id="field"></textarea>', "field.value"),
    "contenteditable": ('<div id="field" contenteditable tabindex="0" style="height: 20px"></div>', "field.textContent"),
    "shadow DOM": (
        '<div id="outer"></div><script>outer.attachShadow({mode: "open"}).innerHTML = "<input id=field>"</script>',
        'outer.shadowRoot.querySelector("#field").value',
    ),
}
TYPED = "p 12, . [x] 1 ?"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    logdir = tmp_path_factory.mktemp("logs")
    FakeRun(logdir / "a").write(range(-1, 6))
    FakeRun(logdir / "b", seed=0).write(range(-1, 6))
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(logdir)) as process:
        for name in "ab":
            process.wait_for_epochs(f"{name}/xai", 6)
        yield process


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with hosting() as made:
        yield made


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """visit(address, **options of the page): at the end there must have been no error on the page or in its console."""
    complaints: list[str] = []
    pages: list[Page] = []

    def start(address: str, *, expected: str = "", viewport: tuple[int, int] = (1440, 1000), **options: Any) -> Page:
        page = browser.new_page(viewport={"width": viewport[0], "height": viewport[1]}, **options)
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        page.context.expected = expected  # type: ignore[attr-defined]
        return page

    yield start
    known = [page.context.expected for page in pages if page.context.expected]  # type: ignore[attr-defined]
    for page in pages:
        page.close()
    assert [words for words in complaints if not any(re.search(one, words) for one in known)] == []


def epoch_of(frame: Frame) -> str:
    return frame.locator(".cursor-epoch").inner_text()


# Keys and focus


@pytest.mark.parametrize("field", FIELDS)
def test_who_types_around_the_frame_goes_on_typing(field: str, server: TensorBoard, host: Host, visit: Callable[..., Page]) -> None:
    """TensorBoard in a frame of another page, as in a notebook: it comes into view while somebody types."""
    markup, read = FIELDS[field]
    page = visit(host.framing(server.url + "/" + STATE, before=f"{markup}<div style='height: 1500px'></div>"))
    page.locator("#field").click()
    page.keyboard.type(TYPED, delay=5)
    page.evaluate("window.scrollTo(0, 1500)")
    frame = tab_frame(page)
    for _ in range(3):
        page.keyboard.type(TYPED, delay=5)
        page.evaluate("window.scrollTo(0, 0)")
        page.wait_for_timeout(50)
        page.keyboard.type(TYPED, delay=5)
        page.evaluate("window.scrollTo(0, 1500)")
        page.wait_for_timeout(50)
    assert page.evaluate(read) == TYPED * 7
    assert "epoch 3" in epoch_of(frame)
    # Who clicks into the frame has its keys.
    frame.locator(".status").click()
    page.keyboard.press("ArrowLeft")
    expect(frame.locator(".cursor-epoch")).to_contain_text("epoch 2")
    assert page.evaluate(read) == TYPED * 7


def test_a_list_beside_the_frame_keeps_its_keys(server: TensorBoard, host: Host, visit: Callable[..., Page]) -> None:
    before = '<select id="field"><option>a<option>b<option>c</select>'
    page = visit(host.framing(server.url + "/" + STATE, before=before))
    page.locator("#field").focus()
    frame = tab_frame(page)
    page.keyboard.press("c")
    assert page.locator("#field").input_value() == "c"
    assert "epoch 3" in epoch_of(frame)


@pytest.mark.parametrize("field", ["text area", "shadow DOM", "a page that is edited"])
def test_who_types_in_a_page_of_tensorboards_own_origin_goes_on_typing(field: str, server: TensorBoard, visit: Callable[..., Page]) -> None:
    """A portal or a notebook behind the same proxy, with the tab itself in a frame: its address and its focus are its own."""
    markup, read = FIELDS.get(field, ('<div id="field">-</div>', 'field.textContent.replace("-", "")'))
    options = {"expected": "favicon"}
    page = visit(server.url + "/data/environment", **options)
    typed = "document.body.contentEditable = 'true'; getSelection().collapse(field, 0); document.body.focus()"
    address = f"{server.url}/portal.html"
    body = f'<!doctype html><body style="margin: 0">{markup}<iframe id=framed src="{server.url}{ALONE}{STATE}" style="width: 900px; height: 700px"></iframe>'
    page.route("**/portal.html*", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(address)
    if field in FIELDS:
        page.locator("#field").focus()
    else:
        page.evaluate(typed)
    page.keyboard.type("before ")
    tab_frame(page)
    page.wait_for_timeout(500)
    page.keyboard.type("p1,.x")
    assert page.evaluate(read).replace("\u00a0", " ").strip() == "before p1,.x"
    assert page.url == address


def test_the_page_leaves_a_key_to_what_it_was_typed_into(server: TensorBoard, open_tab: Open) -> None:
    """Fields, sliders, lists and what extensions put into the page: none of their keys moves the page's cursor."""
    page, tab = open_tab(server, "a=a/xai&b=b/xai&probe=1&epoch=3&compare=swipe")
    expect(tab.locator(READY)).to_be_visible()
    frame = next(one for one in page.frames if "name=xai" in one.url)
    frame.evaluate("""() => {
      const add = (tag, id, more) => document.body.prepend(Object.assign(document.createElement(tag), { id, ...more }));
      add('div', 'edited', { contentEditable: 'true', textContent: 'x' });
      add('extension-panel', 'closed', { tabIndex: 0 });
      add('extension-panel', 'shadow', {});
      document.querySelector('#shadow').attachShadow({ mode: 'open' }).innerHTML = '<input>';
      add('input', 'date', { type: 'date' });
      add('input', 'number', { type: 'number' });
      add('input', 'colour', { type: 'color' });
      add('textarea', 'area', {});
      add('details', 'more', { innerHTML: '<summary>more</summary>words' });
    }""")
    keys = ["Home", "End", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "p", "1", "2", ",", "?"]
    shown = "() => [document.querySelector('.cursor-epoch').textContent, document.querySelector('.probe-title').textContent, document.querySelector('.reading-head')?.textContent, !!document.querySelector('.help')].join()"
    before = frame.evaluate(shown)
    own = {
        "#edited": keys,
        "#closed": keys,
        "#shadow input": keys,
        "#date": keys,
        "#number": keys,
        "#area": keys,
        "#colour": ["Home", "p", "1"],
        ".runs-room .filter": keys,
    }
    sliders = {
        ".look-room input[type=range]": ["Home", "End", "ArrowLeft", "ArrowUp", "PageUp"],
        ".edge": ["Home", "End", "ArrowLeft", "ArrowRight"],
    }
    for target, pressed in {**own, **sliders}.items():
        tab.locator(target).first.focus()
        for key in pressed:
            page.keyboard.press(key)
        assert frame.evaluate(shown) == before, target
    tab.locator("#more summary").focus()
    page.keyboard.press(" ")
    expect(tab.locator("#more[open]")).to_have_count(1)
    frame.evaluate("document.activeElement.blur()")
    for key in (
        "Control+ArrowLeft",
        "Alt+ArrowLeft",
        "Meta+ArrowLeft",
        "Control+k",
        "Control+Shift+p",
        "Control+Home",
        "Meta+1",
        "Alt+2",
        "Control+Shift+ArrowRight",
    ):
        name = key.split("+")[-1]
        held = {f"{one.lower()}Key": one in key.split("+") for one in ("Ctrl", "Alt", "Meta", "Shift")} | {"ctrlKey": "Control" in key}
        taken = frame.evaluate(
            "([key, held]) => !document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...held }))",
            [name, held],
        )
        assert not taken, key
    assert frame.evaluate(shown) == before


def test_keys_of_an_input_method_and_of_a_right_hand_alt_go_where_they_belong(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a/xai&b=b/xai&probe=1&epoch=3")
    expect(tab.locator(READY)).to_be_visible()
    frame = next(one for one in page.frames if "name=xai" in one.url)
    press = "([key, more]) => !document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }))"
    # Composing a word: the keys choose among candidates.
    for key in ("ArrowLeft", "Home", "1", "p", " "):
        assert not frame.evaluate(press, [key, {"isComposing": True}]), key
        assert not frame.evaluate(press, [key, {"keyCode": 229}]), key
    assert "epoch 3" in epoch_of(frame)
    # A key that somebody else has handled.
    frame.evaluate("document.body.addEventListener('keydown', (event) => event.preventDefault(), { once: true })")
    frame.evaluate(press, ["ArrowLeft", {}])
    assert "epoch 3" in epoch_of(frame)
    # On a German keyboard, [ and ] are typed with AltGr, which Windows reports as Ctrl and Alt.
    title = frame.locator(".probe-title").inner_text()
    assert frame.evaluate(press, ["]", {"ctrlKey": True, "altKey": True, "modifierAltGraph": True}])
    expect(tab.locator(".probe-title")).not_to_have_text(title)


def test_an_export_that_fails_does_not_take_the_focus_of_who_types_on(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a/xai&b=b/xai&probe=1&epoch=3", errors=True)
    expect(tab.locator(READY)).to_be_visible()
    gates: list[Any] = []
    page.route("**/exports/csv.js", lambda route: gates.append(route))
    page.route("**/exports/index.js", lambda route: gates.append(route))
    tab.get_by_role("button", name="export").click()
    tab.get_by_role("menuitem", name="Numbers as CSV", exact=True).click()
    tab.locator(".runs-room .filter").click()
    page.keyboard.type("a")
    page.wait_for_function("() => true")
    for gate in gates:
        gate.abort()
    expect(tab.locator(".export-menu [role=alert]")).to_be_visible()
    page.keyboard.type("b")
    expect(tab.locator(".runs-room .filter")).to_have_value("ab")


# The address


def test_credentials_in_the_address_are_not_in_the_way(server: TensorBoard, visit: Callable[..., Page]) -> None:
    page = visit(server.url.replace("http://", "http://reader:secret@") + "/" + STATE)
    frame = tab_frame(page)
    expect(frame.locator(".cursor-epoch")).to_contain_text("epoch 3")
    page.evaluate("window.copied = []; navigator.clipboard.writeText = async (text) => copied.push(text); null")
    frame.evaluate("navigator.clipboard.writeText = async (text) => parent.copied.push(text); null")
    frame.get_by_role("button", name="copy link").click()
    page.wait_for_function("copied.length")
    assert "secret" not in page.evaluate("copied[0]")


@pytest.mark.parametrize("credentials", ["", "reader:secret@"], ids=["without", "with credentials"])
def test_alone_the_page_keeps_an_address_that_opens_it_again(credentials: str, server: TensorBoard, visit: Callable[..., Page]) -> None:
    page = visit(server.url.replace("http://", f"http://{credentials}") + ALONE + STATE)
    expect(page.locator(READY)).to_be_visible()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("location.hash.includes('epoch=2')")
    assert page.url.partition("#")[0].replace(credentials, "") == server.url + ALONE
    page.reload()
    expect(page.locator(READY)).to_be_visible()
    expect(page.locator(".cursor-epoch")).to_contain_text("epoch 2")
    page.evaluate("window.copied = []; navigator.clipboard.writeText = async (text) => copied.push(text); null")
    page.get_by_role("button", name="copy link").click()
    page.wait_for_function("copied.length")
    link = page.evaluate("copied[0]")
    assert link.startswith(server.url + ALONE + "#xai")
    other = visit(link)
    expect(other.locator(READY)).to_be_visible()
    expect(other.locator(".cursor-epoch")).to_contain_text("epoch 2")


# Frames that forbid things


def test_a_frame_that_may_not_save_files_never_says_that_it_did(server: TensorBoard, host: Host, visit: Callable[..., Page]) -> None:
    """A sandbox without allow-downloads, of another origin: the page cannot know. The browser says so in its console."""
    sandbox = 'sandbox="allow-scripts allow-same-origin"'
    page = visit(
        host.framing(server.url + "/" + STATE, attributes=sandbox, width=1200),
        expected="(?i)download.*(disallowed|sandbox)|sandbox.*download",
    )
    frame = tab_frame(page)
    saved: list[Any] = []
    page.on("download", lambda download: saved.append(download))
    frame.get_by_role("button", name="export").click()
    note = frame.locator(".export-note")
    expect(note).to_contain_text("If no file comes")
    # A tab that this frame opened would have its sandbox.
    expect(note.get_by_role("link")).to_have_count(0)
    expect(note).to_contain_text("copy link")
    frame.get_by_role("menuitem", name="Numbers as CSV", exact=True).click()
    expect(frame.locator(".export-button")).to_have_text("sent to the browser")
    assert "saved" not in frame.locator(".export").inner_text()
    assert saved == []


def test_a_tab_whose_sandbox_cannot_be_seen_never_says_saved(server: TensorBoard, visit: Callable[..., Page]) -> None:
    """A header makes the sandbox, as of a tab that a sandboxed frame opened: no attribute of any frame tells of it."""
    page = visit(server.url + "/data/environment", expected="(?i)favicon|download.*(disallowed|sandbox)|sandbox.*download")

    def sandboxed(route: Any) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, headers={**reply.headers, "content-security-policy": "sandbox allow-scripts allow-same-origin"})

    page.route("**/plugin_entry.html*", sandboxed)
    page.goto(server.url + ALONE + STATE)
    expect(page.locator(READY)).to_be_visible()
    saved: list[Any] = []
    page.on("download", lambda download: saved.append(download))
    page.get_by_role("button", name="export").click()
    page.get_by_role("menuitem", name="Numbers as CSV", exact=True).click()
    expect(page.locator(".export-button")).to_have_text("sent to the browser")
    assert "saved" not in page.locator(".export").inner_text()
    assert saved == []


def test_a_frame_that_is_known_to_forbid_files_offers_none(server: TensorBoard, visit: Callable[..., Page]) -> None:
    page = visit(server.url + "/data/environment", expected="favicon")
    body = f'<!doctype html><iframe sandbox="allow-scripts allow-same-origin" src="{server.url}/{STATE}" style="width: 1200px; height: 800px"></iframe>'
    page.route("**/portal.html*", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(f"{server.url}/portal.html")
    frame = tab_frame(page)
    frame.get_by_role("button", name="export").click()
    expect(frame.locator(".export-note")).to_contain_text("This frame may not save files.")
    for item in frame.get_by_role("menuitem").all():
        expect(item).to_be_disabled()


@pytest.mark.parametrize("way", ["refuses", "throws", "is not there"])
def test_what_was_not_copied_is_offered_for_copying_by_hand(way: str, server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a/xai&b=b/xai&probe=1&epoch=3")
    expect(tab.locator(READY)).to_be_visible()
    frame = next(one for one in page.frames if "name=xai" in one.url)
    clipboard = {
        "refuses": "{ writeText: async () => { throw new DOMException('no', 'NotAllowedError'); } }",
        "throws": "{ get writeText() { throw new Error('no'); } }",
        "is not there": "undefined",
    }[way]
    older = "throw new Error('no')" if way == "throws" else "return false"
    frame.evaluate(
        f"Object.defineProperty(navigator, 'clipboard', {{ value: {clipboard} }}); document.execCommand = () => {{ {older} }}; null"
    )
    tab.get_by_role("button", name="copy link").click()
    field = tab.locator(".by-hand input")
    expect(field).to_be_focused()
    expect(field).to_have_value(re.compile(r"^http://127\.0\.0\.1:\d+/\?darkMode=false#xai&p\.xai\.a=a%2Fxai.*epoch=3"))
    assert (
        frame.evaluate(
            "getSelection().toString() || document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)"
        )
        == field.input_value()
    )
    assert "copied" not in tab.locator(".status").inner_text()
    tab.get_by_role("button", name="copy link").click()
    expect(field).to_have_count(0)


def test_a_frame_without_an_origin_says_what_it_lacks(server: TensorBoard, host: Host, visit: Callable[..., Page]) -> None:
    address = host.framing(server.url + ALONE + STATE, attributes='sandbox="allow-scripts"', width=1000)
    page = visit(address, expected="CORS|Failed to load resource|net::ERR_FAILED")
    expect(page.frame_locator("#framed").locator(".notice")).to_contain_text(
        "sandboxed frame that keeps it from TensorBoard: give the frame “allow-same-origin”"
    )


def test_a_browser_that_refuses_addresses_and_storage_changes_nothing(server: TensorBoard, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script("""{
      const no = () => { throw new DOMException('no', 'SecurityError'); };
      if (location.href.includes('plugin_entry')) {
        parent.history.replaceState = history.replaceState = no;
        for (const name of ['localStorage', 'sessionStorage', 'indexedDB']) Object.defineProperty(window, name, { get: no });
      }
    }""")
    page.goto(server.url + "/" + STATE)
    frame = tab_frame(page)
    page.keyboard.press("ArrowLeft")
    expect(frame.locator(".cursor-epoch")).to_contain_text("epoch 2")
    page.wait_for_timeout(500)  # the address is written by now
    assert errors == []
    page.close()

"""What the tab's menu hands out, as tests read it: tables, and the colours of pictures."""

from __future__ import annotations

import base64
import csv
from pathlib import Path

import numpy as np
from playwright.sync_api import Download, FrameLocator, Page, expect
from support.browsing import READY


def export(page: Page, tab: FrameLocator, item: str) -> Download:
    expect(tab.locator(READY)).to_be_visible()
    tab.get_by_role("button", name="export").click()
    with page.expect_download() as download:
        tab.get_by_role("menuitem", name=item, exact=True).click()
    expect(tab.locator(".export-button")).to_have_text("sent to the browser")
    return download.value


def table(download: Download) -> list[dict[str, str]]:
    data = Path(download.path()).read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")  # Excel reads UTF-8 by this mark alone
    text = data.decode("utf-8-sig")
    assert text.endswith("\r\n")
    return list(csv.DictReader(text.splitlines()))


def column(rows: list[dict[str, str]], name: str) -> np.ndarray:
    """float32; NaN where a cell is empty."""
    return np.array([float(row[name] or "nan") for row in rows], dtype=np.float32)


def png_size(data: bytes) -> tuple[int, int]:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def colours(page: Page, data: bytes, kind: str, points: list[tuple[float, float]], frame: int = 0) -> np.ndarray:
    """(points, 3) of a picture, as the browser decodes it."""
    read = """async ([data, type, points, frameIndex]) => {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        const { image } = await new ImageDecoder({ data: bytes, type }).decode({ frameIndex });
        const canvas = new OffscreenCanvas(image.displayWidth, image.displayHeight);
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        return points.map(([x, y]) => [...context.getImageData(x, y, 1, 1).data.slice(0, 3)]);
    }"""
    return np.array(page.evaluate(read, [base64.b64encode(data).decode(), f"image/{kind}", points, frame]))

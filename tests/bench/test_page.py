"""The page of a comparison, also in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeseg.bench.comparison.compare import compare
from edgeseg.bench.page import Picture, html_page
from edgeseg.core.record import Record
from edgeseg.data.images import write_png
from tests import chromium

HOSTILE = "</style><script>document.title='owned'</script><img src=x onerror=alert(1)>&amp;\"'"
needs_browser = pytest.mark.skipif(
    chromium.EXECUTABLE is None, reason="no Chromium here; apt-get install chromium to test the page in it"
)


@pytest.fixture
def records(four: list[Record], record: Callable[..., Record]) -> list[Record]:
    elsewhere = {"cpu_model": "Cortex-A76"}
    return [
        *four,
        record(name=HOSTILE, model="bad", sha256="e" * 64, classmap_ms=(99.0,) * 64, miou_percent=61.0),
        record(name="slow.onnx", environment=elsewhere, classmap_ms=(100.5,) * 64, notes=(HOSTILE,)),
        record(name="unmeasured.onnx", miou_percent=None, class_iou_percent={}),
    ]


@pytest.fixture
def page(tmp_path: Path, records: list[Record]) -> Path:
    write_png(tmp_path / "comparison.png", np.zeros((8, 12, 3), np.uint8))
    path = tmp_path / "page.html"
    runs = ["first"] * 6 + [HOSTILE]
    pictures = [Picture(HOSTILE, tmp_path / "comparison.png")]
    path.write_text(html_page("Networks & <numbers>", compare(records, "model", None, runs), pictures))
    return path


def test_texts_are_escaped_and_nothing_is_fetched(page: Path) -> None:
    text = page.read_text()
    assert text.count("<script") == text.count("</style>") == 1
    assert "<img src=x" not in text
    assert "default-src &#x27;none&#x27;" in text
    for word in ("http:", "https:", "//", "@import", "url("):
        assert word not in text.partition("<script>")[0].replace("data:,", ""), word


def test_what_is_shared_stands_above_and_what_was_not_measured_is_blank(page: Path) -> None:
    text = page.read_text()
    assert "<p>All: head scores; size 256x512; batch 1; device cpu; threads 2; evaluation plain</p>" in text
    assert text.count('<tr id="row-') == 7
    assert text.count('data-value=""></td>') > 0


def test_a_page_of_one_row_without_accuracy(record: Callable[..., Record]) -> None:
    text = html_page("One", compare([record(miou_percent=None, class_iou_percent={})]))
    assert text.count("nothing was measured that could be drawn") == 2
    assert "<h2>Classes</h2>" not in text
    assert "<h2>Pictures</h2>" not in text


@pytest.mark.parametrize(
    ("changes", "fronts"),
    [({}, (1, 1)), ({"head": "logits"}, (2, 1)), ({"image_counts": (((8, 2), (11, 5), (8, 7)),)}, (2, 2))],
)
def test_a_front_is_of_points_on_the_same_terms(
    record: Callable[..., Record], changes: dict[str, object], fronts: tuple[int, int]
) -> None:
    counts = (((8, 2), (10, 5), (8, 7)),)
    first = [record(image_counts=counts), record(image_counts=counts, classmap_ms=(99.0,) * 64, miou_percent=61.0)]
    other = [replace(each, **changes) for each in first]
    text = html_page("Several terms", compare([*first, *other]))
    latency, size = text.split('id="size"')
    assert (latency.count("<polyline"), size.partition("<h2>")[0].count("<polyline")) == fronts


@pytest.fixture
def browser(page: Path) -> Iterator[chromium.Chromium]:
    with chromium.Chromium() as opened:
        opened.open(page.as_uri())
        yield opened


@needs_browser
def test_in_a_browser(browser: chromium.Chromium, page: Path) -> None:
    sent = [request["request"]["url"] for request in browser.told("Network.requestWillBeSent")]
    assert [url for url in sent if not url.startswith("data:")] == [page.as_uri()]
    assert browser.ask("document.querySelectorAll('#latency a.point').length") == 6
    assert browser.ask("document.querySelectorAll('#size a.point').length") == 6
    assert browser.ask("document.querySelectorAll('#size polyline.front').length") == 1
    assert browser.ask("document.querySelectorAll('#latency polyline.front').length") == 2
    assert browser.ask("[document.title, document.scripts.length]") == ["Networks & <numbers>", 1]
    assert browser.ask("[document.images.length, document.images[0].naturalWidth]") == [1, 12]
    assert browser.ask("document.querySelectorAll('#classes td.bar[style]').length") == 6
    _sorts_by_keyboard(browser)
    _points_lead_to_rows(browser)
    _has_both_schemes(browser)
    for kind in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
        assert browser.told(kind) == []


def _sorts_by_keyboard(browser: chromium.Chromium) -> None:
    heading = "Array.from(document.querySelectorAll('thead button')).find(b => b.textContent.startsWith('image to'))"
    column = f"{heading}.closest('th').cellIndex"
    shown = f"Array.from(document.querySelectorAll('tr[id]')).map(r => r.cells[{column}].textContent)"
    browser.ask(f"{heading}.focus()")
    browser.press("Enter", 13, "\r")
    assert browser.ask(shown) == ["6.00", "8.00", "12.00", "12.00", "12.00", "99.00", "100.50"]
    assert browser.ask(f"{heading}.closest('th').ariaSort") == "ascending"
    browser.press("Enter", 13, "\r")
    assert browser.ask(shown)[:2] == ["100.50", "99.00"]
    assert browser.ask("document.querySelectorAll('[aria-sort]').length") == 1
    loss = "Array.from(document.querySelectorAll('thead button')).find(b => b.textContent == 'mIoU, %')"
    for last in ("ascending", "descending"):
        browser.ask(f"{loss}.click()")
        assert browser.ask(f"{loss}.closest('th').ariaSort") == last
        assert browser.ask("Array.from(document.querySelectorAll('tr[id] th')).at(-1).textContent") == "unmeasured.onnx"


def _points_lead_to_rows(browser: chromium.Chromium) -> None:
    browser.ask("document.querySelector('#latency a.point').focus()")
    browser.press("Tab", 9)
    words = browser.ask("document.activeElement.getAttribute('aria-label')")
    assert words == browser.ask("document.querySelectorAll('#latency a.point')[1].getAttribute('aria-label')")
    browser.press("Enter", 13, "\r")
    name = browser.ask("document.querySelector('tr:target th').textContent")
    assert words.startswith(name)


def _has_both_schemes(browser: chromium.Chromium) -> None:
    papers = set()
    for scheme in ("light", "dark"):
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        papers.add(browser.ask("getComputedStyle(document.body).backgroundColor"))
    assert papers == {"rgb(255, 255, 255)", "rgb(20, 23, 26)"}

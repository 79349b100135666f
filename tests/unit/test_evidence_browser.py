"""The report in a real browser without a network: no request leaves, no script runs, nothing overlaps."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from pipeline.policy.topics import AUDIT
from tests.evidence_traffic import SCRIPT, lane
from tests.exporting import POLICY, chained, write_export
from tests.inside import inside

CHROMIUM = shutil.which("chromium")
OVERLAPS = """() => {
  const texts = [...document.querySelectorAll('svg')].map(svg => [...svg.querySelectorAll('text')]);
  const found = [];
  for (const each of texts) for (let a = 0; a < each.length; a++) for (let b = a + 1; b < each.length; b++) {
    const p = each[a].getBoundingClientRect(), q = each[b].getBoundingClientRect();
    if (p.left < q.right && q.left < p.right && p.top < q.bottom && q.top < p.bottom)
      found.push(each[a].textContent + ' over ' + each[b].textContent);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if CHROMIUM is None:
        pytest.skip("NO CHROMIUM ON THIS MACHINE: the report is not looked at in a browser")
    place = tmp_path_factory.mktemp("evidence")
    (place / "policy.yaml").write_text(POLICY)
    logs = {(AUDIT, number): chained(number, lane(number)) for number in range(2)}
    write_export(place / "export", logs, "2026-11-01T00:00:00.000Z")
    places = "--export", str(place / "export"), "--policy", str(place / "policy.yaml"), "--index", str(place / "index")
    ended = inside("evidence", "--out", str(place / "pack"), "--from", "2026-10-01", "--to", "2026-10-31", *places)
    assert ended.code == 0, ended.err
    return place / "pack/report.html"


@pytest.fixture(scope="module")
def browsed(report: Path) -> Iterator[tuple[Page, list[str]]]:
    """The page, and every address that it asked for beside its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1100, "height": 900}, offline=True).new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri())
        yield page, asked
        browser.close()


def test_nothing_leaves_and_no_script_of_an_events_runs(browsed: tuple[Page, list[str]], report: Path) -> None:
    page, asked = browsed
    assert asked == [report.as_uri()]
    assert page.title().startswith("Evidence: panlock")
    assert page.locator("script, img, link, iframe").count() == 0
    assert SCRIPT in page.locator("body").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 700])
def test_plots_are_labelled_with_units_and_no_text_lies_over_another(
    browsed: tuple[Page, list[str]], scheme: str, width: int
) -> None:
    page, _ = browsed
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    assert page.locator("figure svg").count() == 6
    assert page.evaluate(OVERLAPS) == []
    assert {each.get_attribute("aria-label") for each in page.locator("svg").all()} == {
        "records per day", "places", "decisions", "records", "certificates", "denials",
    }  # fmt: skip
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    ink, ground = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert (ink, ground) == (
        ("rgb(27, 35, 48)", "rgb(255, 255, 255)") if scheme == "light" else ("rgb(230, 234, 240)", "rgb(20, 24, 31)")
    )


def test_it_prints_on_pages_in_dark_as_in_light(browsed: tuple[Page, list[str]]) -> None:
    page, _ = browsed
    page.emulate_media(color_scheme="dark", media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.emulate_media(media="screen")

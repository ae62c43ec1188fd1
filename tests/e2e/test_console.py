"""The console in a real browser, against the local stack: what a person does there works, for every person.

Its pictures of the pages are the README's: with TRIPTYCH_SCREENSHOTS=docs/images they are written there anew.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from rich.console import Console

from records.table import PolicyTable
from testkit.console_server import serve_console
from testkit.generated_records import fill_table
from testkit.template import ROOT
from tests.support.samples import READABLE, sample
from tests.support.uploads import policy
from triptych.review.promotion import PolicyChange, Promotions
from triptych.review.reviews import Reviews
from triptych.stack import Home, Stack
from triptych.storage import connection, inbox
from triptych.storage.inbox import FileUpload
from triptych.storage.results import Results

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--no-sandbox",  # the only pages that it opens are ours
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
COMMAND = Path(sys.executable).with_name("triptych")
WIDE, NARROW = (1280, 860), (390, 844)
PATIENCE_MS = 120_000  # a busy machine; it says nothing about how quick the console is

pytestmark = pytest.mark.timeout(900)  # a browser, a stack and a busy machine
expect.set_options(timeout=PATIENCE_MS)
numbers = count(1)


@dataclass
class Visit:
    """A page, and what its console said."""

    page: Page
    home: str
    complaints: list[str] = field(default_factory=list)

    def to(self, path: str) -> Page:
        self.page.goto(self.home + path)
        return self.page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip("There is no Chromium here: apt-get install chromium, or put one on the PATH.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(stack: Stack, home: Home) -> Iterator[str]:
    """Of a console that the command itself started."""
    command = [str(COMMAND), "console", "--no-browser", "--by", "ann"]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "TRIPTYCH_HOME": str(home.path)}, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    told = re.search(r"http://\S+", process.stderr.readline())
    assert told, "the command did not say where the console is"
    yield told[0]
    process.terminate()
    assert process.wait(10) is not None


@pytest.fixture(scope="module")
def month(stack: Stack) -> Iterator[str]:
    """The address of a console on a month of made-up records, some of them labelled, in a table of their own."""
    to = replace(connection.connect_local(), table_name="a-month")
    fill_table(to, 1600, labelled=0.7, console=Console(quiet=True))
    PolicyTable(to.table).add(policy(1, weights={"v1": 1.0}, champion="v1"))
    try:
        with serve_console(to) as served:
            yield served.sign_in_url
    finally:
        to.table.delete()


@pytest.fixture
def visit(chromium: Browser, address: str) -> Iterator[Visit]:
    with opened(chromium, address, WIDE, "light") as made:
        yield made
    assert made.complaints == []


class opened:  # noqa: N801 -- used as a function
    """A browser window of a person who came by the printed address."""

    def __init__(self, chromium: Browser, address: str, size: tuple[int, int], theme: str) -> None:
        self._context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
        )
        self._context.set_default_timeout(PATIENCE_MS)
        self.visit = Visit(self._context.new_page(), address.split("/?")[0])
        page, complaints = self.visit.page, self.visit.complaints
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)

    def __enter__(self) -> Visit:
        return self.visit

    def __exit__(self, *_: object) -> None:
        self._context.close()


@pytest.fixture(scope="module")
def documents(stack: Stack) -> None:
    """The samples, each with a record."""
    to = connection.connect_local()
    results = Results(to.table)
    for name in [*READABLE, "upload-interrupted.jpg"]:
        dropped = inbox.put_file(to.s3, to.bucket, FileUpload(sample(name), name))
        assert results.wait_for(dropped, PATIENCE_MS / 1000), name


def carry(page: Page, file: Path, name: str) -> None:
    """Drag a file over the page and let it go."""
    page.evaluate(
        """async ([bytes, name]) => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(bytes)], name));
            for (const kind of ["dragenter", "dragover", "drop"])
                document.querySelector("#documents").dispatchEvent(
                    new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
        }""",
        [list(file.read_bytes()), name],
    )


def card(page: Page, name: str) -> Locator:
    return page.locator(".card").filter(has=page.get_by_text(name, exact=True))


class TestLive:
    def test_a_dropped_file_shows_its_verdict_without_reloading(self, visit: Visit, documents: None) -> None:
        page = visit.to("/")
        page.evaluate("window.neverReloaded = true")
        name = f"dropped-{next(numbers)}.jpg"
        carry(page, sample("receipt-lunch.jpg"), name)
        expect(page.locator("#tray")).to_contain_text("receipt")
        expect(card(page, name).locator(".headline")).to_contain_text("receipt")
        expect(card(page, name).locator(".panel")).to_have_count(3)
        assert page.evaluate("window.neverReloaded")

    def test_chosen_files_too_several_at_once_and_a_refusal_is_told(self, visit: Visit, documents: None) -> None:
        page = visit.to("/")
        chosen = [sample("slide-07.png"), sample("letter.tif"), sample("meeting-notes.zip")]
        page.set_input_files("#files", chosen)
        tray = page.locator("#tray li.done")
        expect(tray).to_have_count(3)
        expect(page.locator("#tray")).to_contain_text("rejected")

    def test_documents_of_others_arrive_by_themselves(self, visit: Visit, documents: None) -> None:
        page = visit.to("/")
        to, name = connection.connect_local(), f"from-elsewhere-{next(numbers)}.pdf"
        inbox.put_file(to.s3, to.bucket, FileUpload(sample("paper.pdf"), name))
        expect(card(page, name).locator(".headline")).to_contain_text("scientific paper")
        picture = card(page, name).locator("img")
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalHeight") > 100  # the page itself, not the sign for none

    def test_the_choice_of_documents_is_a_question_to_the_table(self, visit: Visit, documents: None) -> None:
        page = visit.to("/")
        page.get_by_label("Show").select_option("status:REJECTED")
        expect(page).to_have_url(re.compile("show=status%3AREJECTED"))
        headlines = page.locator(".card .headline")
        expect(headlines.first).to_have_text("rejected")
        assert set(headlines.all_inner_texts()) == {"rejected"}

    def test_by_keyboard_to_a_document_and_back(self, visit: Visit, documents: None) -> None:
        page = visit.to("/")
        page.keyboard.press("j")
        page.keyboard.press("j")
        second = page.locator(".card .name").nth(1).inner_text()
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text(second)
        page.keyboard.press("l")
        expect(page.locator("#documents")).to_be_visible()
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("v")
        expect(page.locator("h1")).to_have_text("Which version to trust")


def test_a_document_shows_its_page_and_every_version(visit: Visit, documents: None) -> None:
    page = visit.to("/")
    card(page, "fax.tif").first.locator(".open").click()
    pages = page.locator("img.page")
    expect(pages).to_have_count(2)
    expect(pages.first).to_have_js_property("complete", True)
    assert pages.first.evaluate("image => image.naturalWidth") > 400
    expect(page.locator(".distributions thead th")).to_have_count(3)
    expect(page.locator(".waterfall")).to_contain_text("v3 infer")
    page.get_by_text("The record", exact=True).click()
    expect(page.locator("pre")).to_contain_text('"sequencer"')


class TestReview:
    def test_ten_documents_by_keyboard_and_the_versions_page_changes(
        self, visit: Visit, stack: Stack, documents: None
    ) -> None:
        to = connection.connect_local()
        fill_queue(to, 11)
        page = visit.to("/versions")
        before = labels_counted(page)

        page.keyboard.press("r")
        expect(page.locator(".choice").first).to_be_visible()
        labelled = []
        started = time.monotonic()
        for number in range(1, 11):
            labelled.append(on_the_desk(page))
            page.keyboard.press(str(number % 9 + 1))
            expect(page.locator(".progress b")).to_have_text(str(number))
        print(f"ten labels in {time.monotonic() - started:.1f} s")
        assert len(set(labelled)) == 10

        page.keyboard.press("u")
        expect(page.locator(".progress b")).to_have_text("9")
        assert on_the_desk(page) == labelled[-1]
        page.keyboard.press("0")
        expect(page.locator(".progress b")).to_have_text("10")

        stored = [record for record in Reviews(to.table).labelled() if record.review and record.review.by == "ann"]
        assert {(record.upload.document, record.upload.sort_key) for record in stored} >= set(labelled)
        assert "none-of-these" in {record.review.label for record in stored if record.review}

        page.keyboard.press("v")
        expect(page.locator(".advice")).to_be_visible()
        assert labels_counted(page) == before + 10
        expect(page.locator(".chart canvas").first).to_be_visible()

    def test_a_key_that_is_pressed_while_a_field_is_typed_in_is_a_letter(self, visit: Visit, documents: None) -> None:
        page = visit.to("/versions")
        page.locator("[name=why]").press_sequentially("lrv? 1")
        expect(page.locator("[name=why]")).to_have_value("lrv? 1")
        expect(page).to_have_url(re.compile("/versions$"))


def test_light_or_dark_is_the_systems_until_a_person_chooses(visit: Visit, documents: None) -> None:
    page, root = visit.to("/"), visit.page.locator("html")
    expect(root).to_have_attribute("data-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-theme", "dark")
    page.locator("#theme").click()
    expect(root).to_have_attribute("data-theme", "light")
    page.reload()
    expect(root).to_have_attribute("data-theme", "light")


def test_a_promotion_is_recorded_and_shown(visit: Visit, documents: None) -> None:
    page = visit.to("/versions")
    weights = page.locator(".promote [name=weight]")
    weights.nth(0).fill("0")
    weights.nth(2).fill("3")
    page.locator(".promote [name=champion]").nth(2).check()
    page.locator("[name=why]").fill("tried in a browser")
    page.get_by_role("button", name="Promote").click()
    expect(page.locator("#policy")).to_contain_text("champion v3, made by ann")
    expect(page.locator("#policy")).to_contain_text("tried in a browser")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_everybody_can_use_every_page(
    chromium: Browser, address: str, documents: None, size: tuple[int, int], theme: str
) -> None:
    fill_queue(connection.connect_local(), 2)
    with opened(chromium, address, size, theme) as made:
        for name, path in PAGES.items():
            page = made.to(path)
            page.wait_for_load_state("networkidle")
            if name == "document":
                page.locator(".card .open").first.click()
                page.wait_for_load_state("networkidle")
                page.locator("summary", has_text="Label it").click()
            check(page, f"{name} at {size}, {theme}")
            if name != "versions":  # there is more to see in the month below
                take_picture(page, name, size, theme)
        assert made.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_everybody_can_read_what_a_month_of_labels_proves(
    chromium: Browser, month: str, size: tuple[int, int], theme: str
) -> None:
    """With all that the Versions page can show: intervals, confusion, both charts, and a version to promote."""
    with opened(chromium, month, size, theme) as made:
        page = made.to("/versions")
        expect(page.locator(".chart canvas")).to_have_count(2)
        expect(page.locator(".confusion")).to_have_count(3)
        expect(page.locator(".advice")).to_contain_text("v3")
        take_picture(page, "versions", size, theme)
        page.locator("summary", has_text="The figures").click()
        check(page, f"versions at {size}, {theme}")
        page.get_by_role("link", name="Promote v3").click()
        expect(page.locator(".promote [name=weight]").nth(2)).to_have_value("1")
        expect(page.locator(".promote [name=why]")).to_have_value(re.compile("v3 is better"))
        assert made.complaints == []


def check(page: Page, what: str) -> None:
    """No page may keep anybody out."""
    found = [
        (finding["impact"], finding["id"], [node["html"][:120] for node in finding["nodes"][:3]])
        for finding in Axe().run(page).response["violations"]
        if finding["impact"] in ("moderate", "serious", "critical")
    ]
    assert found == [], what
    too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert too_wide <= 0, f"{what}: must be scrolled sideways"


PAGES = {"live": "/", "document": "/?show=label%3Aform", "review": "/review", "versions": "/versions"}


def test_a_console_without_a_stack_says_so_and_finds_it(chromium: Browser, home: Home, tmp_path: Path) -> None:
    command = [str(COMMAND), "console", "--no-browser"]
    environment = {**os.environ, "TRIPTYCH_HOME": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = re.search(r"http://\S+", process.stderr.readline())
        assert told
        with opened(chromium, told[0], WIDE, "light") as made:
            expect(made.page.locator(".trouble")).to_contain_text("triptych up")
            (tmp_path / "state.json").write_bytes(home.state_file.read_bytes())  # as if it had been started here
            expect(made.page.locator("#documents")).to_be_visible(timeout=PATIENCE_MS)
        process.terminate()


def fill_queue(to: connection.StackConnection, wanted: int) -> None:
    """Drop documents until so many wait for a person. Everything is audited from here on: whatever comes waits."""
    reviews, results = Reviews(to.table), Results(to.table)
    promotions = Promotions(PolicyTable(to.table), results)
    if promotions.current().audit_share < 1:
        promotions.promote(PolicyChange(audit_share=1.0), by="ann", why="a trial")
    while (counts := reviews.counts(most=100)).review + counts.audit < wanted:
        number = next(numbers)
        name = READABLE[number % len(READABLE)]
        dropped = inbox.put_file(to.s3, to.bucket, FileUpload(sample(name), f"{number:03}-{name}"))
        assert results.wait_for(dropped, PATIENCE_MS / 1000)


def on_the_desk(page: Page) -> tuple[str | None, str | None]:
    """The upload that is shown: one document may wait twice, uploaded twice."""
    document, sequencer = (page.locator(f"#desk [name={name}]") for name in ("document", "sequencer"))
    return document.get_attribute("value"), sequencer.get_attribute("value")


def labels_counted(page: Page) -> int:
    told = page.locator(".advice .meta span").first.inner_text()
    return int(told.split()[0])


def take_picture(page: Page, name: str, size: tuple[int, int], theme: str) -> None:
    """For the README: small, for a repository keeps every picture for ever."""
    folder = os.environ.get("TRIPTYCH_SCREENSHOTS")
    wanted = {("live", WIDE, "light"), ("review", WIDE, "light"), ("versions", WIDE, "light"), ("live", NARROW, "dark")}
    if not folder or (name, size, theme) not in wanted:
        return
    from PIL import Image

    file = Path(folder) / f"console-{name}{'-narrow' if size == NARROW else ''}.png"
    page.screenshot(path=file)
    Image.open(file).convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=4).save(file, optimize=True)

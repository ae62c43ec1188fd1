"""Protects: the console works in a real browser against the local stack, and is accessible.

With TRIPTYCH_SCREENSHOTS=docs/images, the tests also take the README's screenshots.
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

from records.table import PolicyTable, RecordTable
from testkit.console_server import serve_console
from testkit.generated_records import fill_table
from testkit.template import ROOT, table_definition
from tests.support.candidates import write_candidate
from tests.support.samples import READABLE, sample
from tests.support.uploads import policy, prediction, record, upload
from triptych.commands.candidates import CandidateFolder
from triptych.review.promotion import PolicyChange, Promotions
from triptych.review.reviews import Reviews
from triptych.stack import Home, Stack
from triptych.storage import connection, inbox
from triptych.storage.inbox import FileUpload
from triptych.storage.results import RecordQuery, Results

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",  # it opens only the console's pages
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
COMMAND = Path(sys.executable).with_name("triptych")
WIDE, NARROW = (1280, 860), (390, 844)
TIMEOUT_MS = 120_000  # for a busy machine

pytestmark = pytest.mark.timeout(900)  # a browser, a stack and a busy machine
expect.set_options(timeout=TIMEOUT_MS)
every_appearance = pytest.mark.parametrize(
    ("size", "theme"),
    [
        pytest.param(WIDE, "light", id="wide-light"),
        pytest.param(NARROW, "dark", id="narrow-dark"),
        pytest.param(WIDE, "dark", id="wide-dark", marks=pytest.mark.slow),
        pytest.param(NARROW, "light", id="narrow-light", marks=pytest.mark.slow),
    ],
)
numbers = count(1)


@dataclass
class Visit:
    """A browser page, with the errors and warnings of its JavaScript console."""

    page: Page
    base_url: str
    errors: list[str] = field(default_factory=list)

    def to(self, path: str) -> Page:
        self.page.goto(self.base_url + path)
        return self.page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip("Chromium is not installed: apt-get install chromium, or add one to the PATH.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(stack: Stack, home: Home) -> Iterator[str]:
    """The address of a console started by the command."""
    command = [str(COMMAND), "console", "--no-browser", "--by", "ann"]
    environment = {**os.environ, "TRIPTYCH_HOME": str(home.path)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        match = re.search(r"http://\S+", process.stderr.readline())
        assert match, "the command did not print the console's address"
        yield match[0]
        process.terminate()
        assert process.wait(10) is not None


@pytest.fixture(scope="module")
def month_of_records(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a console with generated records of a month, some labelled, in a separate table.

    It offers a candidate, which answered 200 of the documents.
    """
    month = replace(connection.connect_local(), table_name="a-month")
    fill_table(month, 1600, labelled=0.7, console=Console(quiet=True))
    PolicyTable(month.table).add(policy(1, weights={}, champion="v1"))
    models = tmp_path_factory.mktemp("candidates")
    answers = write_candidate(month, models / "v4", Results(month.table).newest(RecordQuery(), limit=200), "invoice")
    try:
        with serve_console(month, CandidateFolder(models)) as served:
            yield served.sign_in_url
    finally:
        answers.unlink()
        month.table.delete()


@pytest.fixture(scope="module")
def forty_labels(stack: Stack) -> Iterator[str]:
    """The address of a console whose review queue has documents with forty labels, in a separate table."""
    many = replace(connection.connect_local(), table_name="forty-labels")
    probabilities = dict.fromkeys((f"kind_{number:02}" for number in range(40)), 0.01) | {"kind_07": 0.61}
    outcome = prediction("kind_07", 0.61, probabilities=probabilities, abstained=True)
    table = many.session.resource("dynamodb", endpoint_url=many.endpoint_url).create_table(
        **table_definition("forty-labels")
    )
    try:
        table.wait_until_exists()
        for key in ("one.pdf", "two.pdf"):
            made = record(dict.fromkeys(("v1", "v2", "v3"), outcome), of=upload(key, bucket=many.bucket))
            RecordTable(many.table).save(made, replacing=None)
        with serve_console(many) as served:
            yield served.sign_in_url
    finally:
        table.delete()


@pytest.fixture
def visit(chromium: Browser, address: str) -> Iterator[Visit]:
    with open_page(chromium, address, WIDE, "light") as visit:
        yield visit
    assert visit.errors == []


class open_page:  # noqa: N801 -- used as a function
    """A browser window that is signed in with the printed address."""

    def __init__(self, chromium: Browser, address: str, size: tuple[int, int], theme: str) -> None:
        self._context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
        )
        self._context.set_default_timeout(TIMEOUT_MS)
        self.visit = Visit(self._context.new_page(), address.split("/?")[0])
        page, errors = self.visit.page, self.visit.errors
        page.on(
            "console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)

    def __enter__(self) -> Visit:
        return self.visit

    def __exit__(self, *_: object) -> None:
        self._context.close()


@pytest.fixture(scope="module")
def documents(stack: Stack) -> None:
    """The sample documents, each with a record."""
    for name in [*READABLE, "upload-interrupted.jpg"]:
        classify(name, name)


def classify(name: str, key: str) -> None:
    """Upload a sample document under a key, and wait for its record."""
    stack_connection = connection.connect_local()
    stored = inbox.put_file(stack_connection.s3, stack_connection.bucket, FileUpload(sample(name), key))
    assert Results(stack_connection.table).wait_for(stored, TIMEOUT_MS / 1000), name


def drop_file(page: Page, file: Path, name: str) -> None:
    """Drag a file over the page and drop it."""
    page.evaluate(
        """async ([bytes, name]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], name));
            for (const kind of ["dragenter", "dragover", "drop"])
                document.querySelector("#documents").dispatchEvent(
                    new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        [list(file.read_bytes()), name],
    )


def card(page: Page, name: str) -> Locator:
    return page.locator(".card").filter(has=page.get_by_text(name, exact=True))


class TestLive:
    def test_dropped_file_shows_its_verdict_without_reloading(self, visit: Visit, documents: None) -> None:
        page = visit.to("/")
        page.evaluate("window.neverReloaded = true")
        name = f"dropped-{next(numbers)}.jpg"
        drop_file(page, sample("receipt-lunch.jpg"), name)
        expect(page.locator("#tray")).to_contain_text("receipt")
        expect(card(page, name).locator(".headline")).to_contain_text("receipt")
        expect(card(page, name).locator(".panel")).to_have_count(3)
        assert page.evaluate("window.neverReloaded")

    def test_chosen_files_show_verdicts_and_rejections(self, visit: Visit, documents: None) -> None:
        page = visit.to("/")
        files = [sample("slide-07.png"), sample("letter.tif"), sample("meeting-notes.zip")]
        page.set_input_files("#files", files)
        tray = page.locator("#tray li.done")
        expect(tray).to_have_count(3)
        expect(page.locator("#tray")).to_contain_text("rejected")

    def test_documents_of_other_clients_appear_automatically(self, visit: Visit, documents: None) -> None:
        page = visit.to("/")
        other, name = connection.connect_local(), f"from-elsewhere-{next(numbers)}.pdf"
        inbox.put_file(other.s3, other.bucket, FileUpload(sample("paper.pdf"), name))
        expect(card(page, name).locator(".headline")).to_contain_text("scientific paper")
        picture = card(page, name).locator("img")
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalHeight") > 100  # the page itself, not the placeholder

    def test_filter_is_in_the_address_and_applied(self, visit: Visit, documents: None) -> None:
        page = visit.to("/")
        page.get_by_label("Show").select_option("status:REJECTED")
        expect(page).to_have_url(re.compile("show=status%3AREJECTED"))
        headlines = page.locator(".card .headline")
        expect(headlines.first).to_have_text("rejected")
        assert set(headlines.all_inner_texts()) == {"rejected"}

    def test_keyboard_navigation(self, visit: Visit, documents: None) -> None:
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
        expect(page.locator("h1")).to_have_text("Versions")


def test_document_page_shows_pages_and_every_version(visit: Visit, stack: Stack) -> None:
    classify("fax.tif", "two-pages.tif")  # now, because tests before this one may have filled the first page
    page = visit.to("/")
    card(page, "two-pages.tif").locator(".open").click()
    pages = page.locator("img.page")
    expect(pages).to_have_count(2)
    expect(pages.first).to_have_js_property("complete", True)
    assert pages.first.evaluate("image => image.naturalWidth") > 400
    expect(page.locator(".distributions thead th")).to_have_count(3)
    expect(page.locator(".waterfall")).to_contain_text("v3 infer")
    page.get_by_text("Record", exact=True).click()
    expect(page.locator("pre")).to_contain_text('"sequencer"')


class TestReview:
    def test_ten_labels_by_keyboard_update_the_report(self, visit: Visit, stack: Stack, documents: None) -> None:
        local = connection.connect_local()
        fill_queue(local, 11)
        page = visit.to("/versions")
        before = labels_counted(page)

        page.keyboard.press("r")
        expect(page.locator(".choice").first).to_be_visible()
        labelled = []
        started = time.monotonic()
        for number in range(1, 11):
            labelled.append(current_upload(page))
            page.keyboard.press(str(number % 9 + 1))
            expect(page.locator(".progress b")).to_have_text(str(number))
        print(f"ten labels in {time.monotonic() - started:.1f} s")
        assert len(set(labelled)) == 10

        page.keyboard.press("u")
        expect(page.locator(".progress b")).to_have_text("9")
        assert current_upload(page) == labelled[-1]
        page.keyboard.press("0")
        expect(page.locator(".progress b")).to_have_text("10")

        stored = [record for record in Reviews(local.table).labelled() if record.review and record.review.by == "ann"]
        assert {(record.upload.document, record.upload.sort_key) for record in stored} >= set(labelled)
        assert "none-of-these" in {record.review.label for record in stored if record.review}

        page.keyboard.press("v")
        expect(page.locator(".advice")).to_be_visible()
        assert labels_counted(page) == before + 10  # whether that suffices for charts depends on the other documents

    def test_any_of_forty_labels_can_be_assigned_by_keyboard(self, chromium: Browser, forty_labels: str) -> None:
        with open_page(chromium, forty_labels, WIDE, "light") as visit:
            page = visit.to("/review")
            expect(page.locator("datalist option")).to_have_count(41)
            check_accessibility(page, "review of forty labels")
            page.keyboard.press("/")
            page.keyboard.type("kind 39")
            page.keyboard.press("Enter")
            expect(page.locator(".progress b")).to_have_text("1")
            expect(page.locator(".toast")).to_contain_text("kind 39")
            page.keyboard.press("1")  # the keys work again
            expect(page.locator(".progress b")).to_have_text("2")
            expect(page.locator(".toast")).to_contain_text("kind 00")
            assert visit.errors == []

    def test_shortcuts_are_disabled_in_text_fields(self, visit: Visit, documents: None) -> None:
        page = visit.to("/versions")
        page.locator("[name=why]").press_sequentially("lrv? 1")
        expect(page.locator("[name=why]")).to_have_value("lrv? 1")
        expect(page).to_have_url(re.compile("/versions$"))


def test_theme_follows_the_system_until_the_user_chooses(visit: Visit, documents: None) -> None:
    page, root = visit.to("/"), visit.page.locator("html")
    expect(root).to_have_attribute("data-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-theme", "dark")
    page.locator("#theme").click()
    expect(root).to_have_attribute("data-theme", "light")
    page.reload()
    expect(root).to_have_attribute("data-theme", "light")


def test_promotion_is_recorded_and_displayed(visit: Visit, documents: None) -> None:
    page = visit.to("/versions")
    weights = page.locator(".promote [name=weight]")
    weights.nth(0).fill("0")
    weights.nth(2).fill("3")
    page.locator(".promote [name=champion]").nth(2).check()
    page.locator("[name=why]").fill("tried in a browser")
    page.get_by_role("button", name="Promote").click()
    expect(page.locator("#policy")).to_contain_text("champion v3, by ann")
    expect(page.locator("#policy")).to_contain_text("tried in a browser")


@every_appearance
def test_pages_are_accessible(
    chromium: Browser, address: str, documents: None, size: tuple[int, int], theme: str
) -> None:
    fill_queue(connection.connect_local(), 2)
    with open_page(chromium, address, size, theme) as visit:
        for name, path in PAGES.items():
            page = visit.to(path)
            page.wait_for_load_state("networkidle")
            if name == "document":
                page.locator(".card .open").first.click()
                page.wait_for_load_state("networkidle")
                page.locator("summary", has_text=re.compile("^Label$|^Change label$")).click()
            check_accessibility(page, f"{name} at {size}, {theme}")
            if name != "versions":  # its screenshot is taken in the test below
                take_screenshot(page, name, size, theme)
        assert visit.errors == []


@every_appearance
def test_full_report_is_accessible(chromium: Browser, month_of_records: str, size: tuple[int, int], theme: str) -> None:
    """The Versions page with intervals, confusion matrices, the charts, and a version to promote."""
    with open_page(chromium, month_of_records, size, theme) as visit:
        page = visit.to("/versions")
        expect(page.locator(".chart canvas")).to_have_count(3)
        expect(page.locator(".confusion")).to_have_count(3)
        expect(page.locator(".advice")).to_contain_text("v3")
        page.get_by_role("button", name="Compare").click()
        expect(page.locator("#candidate")).to_contain_text("v4@")
        take_screenshot(page, "versions", size, theme)
        page.locator("summary", has_text="Figures").click()
        check_accessibility(page, f"versions at {size}, {theme}")
        page.get_by_role("link", name="Promote v3").click()
        expect(page.locator(".promote [name=weight]").nth(2)).to_have_value("1")
        expect(page.locator(".promote [name=why]")).to_have_value(re.compile("v3 is better"))
        assert visit.errors == []


def check_accessibility(page: Page, description: str) -> None:
    """Fail for violations that axe-core finds, and for horizontal scrolling."""
    violations = [
        (each["impact"], each["id"], [node["html"][:120] for node in each["nodes"][:3]])
        for each in Axe().run(page).response["violations"]
        if each["impact"] in ("moderate", "serious", "critical")
    ]
    assert violations == [], description
    excess_width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert excess_width <= 0, f"{description}: scrolls horizontally"


PAGES = {"live": "/", "document": "/?show=label%3Aform", "review": "/review", "versions": "/versions"}


def test_console_reports_a_missing_stack_and_finds_it_later(chromium: Browser, home: Home, tmp_path: Path) -> None:
    command = [str(COMMAND), "console", "--no-browser"]
    environment = {**os.environ, "TRIPTYCH_HOME": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        match = re.search(r"http://\S+", process.stderr.readline())
        assert match
        with open_page(chromium, match[0], WIDE, "light") as visit:
            expect(visit.page.locator(".error")).to_contain_text("triptych up")
            (tmp_path / "state.json").write_bytes(home.state_file.read_bytes())  # as if the stack had been started here
            expect(visit.page.locator("#documents")).to_be_visible(timeout=TIMEOUT_MS)
        process.terminate()


def fill_queue(local: connection.StackConnection, size: int) -> None:
    """Upload documents until the review queue has this size, with all of them in the audit sample."""
    reviews, results = Reviews(local.table), Results(local.table)
    promotions = Promotions(PolicyTable(local.table), results)
    if promotions.current().audit_share < 1:
        promotions.promote(PolicyChange(audit_share=1.0), by="ann", why="test")
    while (counts := reviews.counts(most=100)).review + counts.audit < size:
        number = next(numbers)
        name = READABLE[number % len(READABLE)]
        stored = inbox.put_file(local.s3, local.bucket, FileUpload(sample(name), f"{number:03}-{name}"))
        assert results.wait_for(stored, TIMEOUT_MS / 1000)


def current_upload(page: Page) -> tuple[str | None, str | None]:
    """Return document and sequencer of the displayed upload."""
    document, sequencer = (page.locator(f"#session [name={name}]") for name in ("document", "sequencer"))
    return document.get_attribute("value"), sequencer.get_attribute("value")


def labels_counted(page: Page) -> int:
    text = page.locator(".advice .meta span").first.inner_text()
    return int(text.split()[0])


def take_screenshot(page: Page, name: str, size: tuple[int, int], theme: str) -> None:
    """Take a screenshot for the README, as a small file because Git keeps every version."""
    folder = os.environ.get("TRIPTYCH_SCREENSHOTS")
    documented = {
        ("live", WIDE, "light"),
        ("review", WIDE, "light"),
        ("versions", WIDE, "light"),
        ("live", NARROW, "dark"),
    }
    if not folder or (name, size, theme) not in documented:
        return
    from PIL import Image

    file = Path(folder) / f"console-{name}{'-narrow' if size == NARROW else ''}.png"
    page.evaluate("scrollTo(0, 0)")  # a comparison that was opened scrolls the page of versions
    page.screenshot(path=file)
    Image.open(file).convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=4).save(file, optimize=True)

"""The explorer in a real browser: what its reader does, with no request, no error, and nothing that axe finds."""

import shutil

import pytest

from incdsl.analysis.sizes import SizeSet
from incdsl.drawing.drawing import Look, drawing
from incdsl.drawing.part import part_of
from incdsl.subject import Asked

pytestmark = pytest.mark.browser
SPECS = [
    "specs/v3.inc",
    "specs/googlenet.inc",
    "examples/fpn.inc::FPN",
    "examples/unet.inc",
    "specs/modules/inception.inc::Naive",
]


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "the tests of the page need chromium"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        made = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def opened(browser, tmp_path):
    """`opened(spec)`: its page, ready. Afterwards there was no error, and no request but that for the file."""
    errors, requests, pages = [], [], []

    def open_page(spec, **more):
        file = tmp_path / "page.html"
        drawing(part_of(spec, Asked()), Look()).save(file)
        page = browser.new_page(viewport={"width": 1440, "height": 900}, **more)
        page.on(
            "console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        pages.append(page)
        return page

    yield open_page
    assert errors == []
    assert {url.partition("#")[0].rpartition("/")[2] for url in requests} == {"page.html"}
    for page in pages:
        page.close()


def box(path):
    return f'#figure g[data-path="{path}"]'


def violations(page):
    """What axe finds."""
    from axe_playwright_python.sync_playwright import Axe

    return Axe().run(page).response["violations"]


def slide(page, size):
    page.evaluate(
        "size => { const s = document.getElementById('slider'); s.value = size; s.dispatchEvent(new Event('input')) }",
        size,
    )


def shown_shapes(page):
    """The shape of each node in the figure."""
    found = page.eval_on_selector_all("#figure [data-node]", "all => all.map(e => [e.dataset.node, e.textContent])")
    return dict(found)


def test_blocks_open_and_close(opened):
    page = opened("specs/v3.inc")
    assert page.locator(box("Mixed_6b.branch1x1")).count() == 0
    page.click(box("Mixed_6b"))
    assert page.locator(box("Mixed_6b.branch1x1")).count() == 1
    assert page.get_attribute(box("Mixed_6b"), "aria-expanded") == "true"
    page.click(box("Mixed_6b"), position={"x": 8, "y": 8})
    assert page.locator(box("Mixed_6b.branch1x1")).count() == 0
    page.click("#modes button[data-state=all]")
    assert page.locator(box("Mixed_5b.branch1x1")).count() == 1
    assert page.locator(box("Mixed_7b.branch1x1")).count() == 1


def test_the_slider_moves_shapes_to_what_the_compiler_says(opened):
    page = opened("specs/v3.inc")
    net = part_of("specs/v3.inc", Asked()).found
    shapes = net.net.graph.shapes()
    for size in (75, 139, 224, 299, 395, 480):
        slide(page, size)
        for node, text in shown_shapes(page).items():
            sizes = shapes[node].at({"H": size, "W": size})
            assert text == " × ".join(map(str, sizes)), (size, node)
        assert page.text_content("#size") == f"input {size} × {size}"
    slide(page, 60)
    assert isinstance(net.sizes.evaluation["H"], SizeSet)
    assert 60 not in net.sizes.evaluation["H"]
    assert "not a legal size" in page.text_content("#grid")
    assert set(shown_shapes(page).values()) <= {"–", "1000"}


def test_search_finds_and_opens_what_is_inside(opened):
    page = opened("specs/v3.inc")
    page.keyboard.press("/")
    page.keyboard.type("mixed_6c 7x7dbl")
    assert page.locator("#found li").count() == 5
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert "Mixed_6c.branch7x7dbl_2" in page.text_content("#card h2")
    assert page.locator(f"{box('Mixed_6c.branch7x7dbl_2')}.on").count() == 1
    page.fill("#find", "no such step")
    assert "nothing of that name" in page.text_content("#found")


def test_figure_and_spec_point_at_each_other(opened):
    page = opened("specs/v3.inc")
    page.click(box("Conv2d_2b_3x3"))
    assert page.eval_on_selector_all("#spec .on", "all => all.map(e => e.textContent).join(' ')") == "conv 3x3 @ 64"
    assert page.locator("#spec .near").count() == 1
    line = page.locator("#spec .line", has_text="branch3x3dbl: conv 1x1 @64")
    line.locator("[data-at]", has_text="5x5").click()
    assert page.text_content("#card h2").endswith("branch3x3dbl_2")
    assert page.locator("#figure .on").count() == 1


def test_a_card_says_what_is_known(opened):
    page = opened("specs/v3.inc")
    page.hover(box("Conv2d_1a_3x3"))
    text = page.text_content("#card")
    for words in (
        "3 × 299 × 299 → 32 × 149 × 149",
        "928",
        "19.2 M",
        "3 pixels",
        "line 15",
        "keys",
        "(299 − 3)//2 + 1 = 149",
    ):
        assert words in text, words
    page.mouse.move(5, 300)
    assert page.locator("#card").is_hidden()


def test_a_keyboard_is_enough(opened):
    page = opened("specs/v3.inc")
    page.focus(box("Conv2d_1a_3x3"))
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.path") == "Conv2d_2a_3x3"
    page.focus(box("Mixed_5b"))
    page.keyboard.press("Enter")
    assert page.locator(box("Mixed_5b.branch1x1")).count() == 1
    assert page.evaluate("document.activeElement.dataset.path") == "Mixed_5b"
    page.keyboard.press("Escape")
    assert page.locator("#card").is_hidden()
    page.focus("#tab-spec")
    page.keyboard.press("ArrowRight")
    assert page.locator("#rewrites").is_visible()
    page.focus("#slider")
    page.keyboard.press("ArrowRight")
    assert page.text_content("#size") == "input 300 × 300"


def test_what_the_optimizer_does(opened):
    page = opened("specs/v3.inc")
    page.click("#tab-rewrites")
    text = page.text_content("#rewrites")
    assert "FoldBatchNorm: 94 applied" in text
    assert "declined" in text
    page.locator("#rewrites button", has_text="Mixed_5b.branch1x1.bn").first.click()
    assert page.text_content("#card h2") == "Mixed_5b.branch1x1"
    page.click("#tab-streams")
    assert page.locator("#streams .stream").count() > 10


def test_a_link_leads_to_a_step(opened):
    page = opened("specs/v3.inc")
    page.goto(f"{page.url}#Mixed_7a")
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.text_content("#card h2") == "Mixed_7a"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("spec", SPECS)
def test_axe_finds_nothing(opened, spec, scheme):
    page = opened(spec, color_scheme=scheme)
    for tab in page.locator("#tabs button").all():
        tab.click()
        found = violations(page)
        assert found == [], [(each["id"], each["nodes"][0]["html"]) for each in found]
    first = page.locator("#figure g[data-path][role=button]").first
    first.click()
    assert violations(page) == []

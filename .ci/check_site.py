"""Check the built site: links, and, if there is a browser, errors and width of pages.

    python .ci/check_site.py FOLDER

Each link to a page, an anchor or a file of the site must lead somewhere. With Chromium
and the package playwright, each page is opened: nothing may be written to the console
as an error, nothing be missing or asked of the network, on a phone nothing hang over,
and on a laptop no code. Listings of modules, a third of all pages, stay closed.
"""

import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

BROWSERS = "chromium", "chromium-browser", "google-chrome"
PHONE = {"width": 390, "height": 844}
LAPTOP = {"width": 1300, "height": 900}
# The first line of each block of code that is wider than its column.
WIDE_CODE = """
[...document.querySelectorAll("article pre")]
    .filter(each => each.scrollWidth > each.clientWidth + 1)
    .map(each => each.textContent.split("\\n")[0])
"""
# The theme moves its columns in steps when the window changes.
FINISH_TRANSITIONS = "document.getAnimations().forEach(each => each.finish())"
# Parts of the theme.
SKIPPED = "_static"
LISTINGS = "_modules"


class Page(HTMLParser):
    """The anchors of a page, and what it links to."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = set(), set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors.update(attrs[key] for key in ("id", "name") if attrs.get(key))
        self.links.update(attrs[key] for key in ("href", "src") if attrs.get(key))


def pages_of(folder):
    """All pages of the site."""
    paths = sorted(folder.rglob("*.html"))
    return [path for path in paths if within(path, folder) != SKIPPED]


def within(path, folder):
    """The part of the site that a page is in."""
    return path.relative_to(folder).parts[0]


def broken_links(folder):
    """Yield what leads nowhere."""
    pages = {path: Page(path) for path in pages_of(folder)}
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path
            if parts.path:
                target = (path.parent / unquote(parts.path)).resolve()
            anchor = unquote(parts.fragment)
            if not target.exists():
                yield f"{path.relative_to(folder)}: no file {link}"
            elif anchor and target in pages and anchor not in pages[target].anchors:
                yield f"{path.relative_to(folder)}: no anchor {link}"


def faults_in_browsers(folder, executable):
    """Yield the faults of all pages; there is a browser for each processor."""
    pages, n = pages_of(folder), os.cpu_count() or 1
    pages = [path for path in pages if within(path, folder) != LISTINGS]
    parts = [pages[start::n] for start in range(n)]
    with ProcessPoolExecutor(n) as pool:
        check = partial(faults_in_browser, folder, executable)
        for found in pool.map(check, filter(None, parts)):
            yield from found


def faults_in_browser(folder, executable, paths):
    """List what a browser complains of, and what is too wide."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox"]
        )
        page, found, all_found = browser.new_page(viewport=PHONE, offline=True), [], []
        page.on("requestfailed", lambda request: found.append(f"needs {request.url}"))
        page.on("pageerror", lambda error: found.append(str(error)))
        page.on("console", lambda m: m.type == "error" and found.append(m.text))
        for path in paths:
            page.goto(path.as_uri(), wait_until="load")
            page.evaluate("window.MathJax?.startup?.promise.then(() => true)")
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > PHONE["width"]:
                found.append(f"is {wide} pixels wide on a phone")
            page.set_viewport_size(LAPTOP)
            page.evaluate(FINISH_TRANSITIONS)
            found += [f"code is cut off: {each}" for each in page.evaluate(WIDE_CODE)]
            page.set_viewport_size(PHONE)
            all_found += [f"{path.relative_to(folder)}: {each}" for each in found]
            found.clear()
        browser.close()
    return all_found


def main():
    folder = Path(sys.argv[1]).resolve()
    faults = list(broken_links(folder))
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        print("There is no Chromium: the pages were not opened.")
    else:
        faults += faults_in_browsers(folder, executable)
    print(*faults, sep="\n")
    print(f"{len(faults)} faults")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())

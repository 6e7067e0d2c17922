"""`python -m deploy.manual`: write the pages."""

from deploy.manual.pages import PAGES

if __name__ == "__main__":
    for path, page in PAGES.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(page(), encoding="utf-8")

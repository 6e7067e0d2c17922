"""`python -m deploy.openapi`: write `docs/openapi.yaml`."""

import sys

from deploy.clients import ROOT, Missing
from deploy.openapi.document import make

PAGE = ROOT / "docs" / "openapi.yaml"


def main() -> int:
    """Write it; returns the exit code: 1 where Go is missing, with a line that says how to get it."""
    try:
        PAGE.write_text(make(), encoding="utf-8")
    except Missing as missing:
        print(f"docs/openapi.yaml is made with {missing}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

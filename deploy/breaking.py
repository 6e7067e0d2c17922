"""`python -m deploy.breaking`: whether the contracts in gen/ still keep what the last commit and the last tag promised.

The contracts are compared as images that protoc makes, so buf needs no registry.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path

from deploy.protos import make_image

_ROOT = Path(__file__).parents[1]


def main(root: Path = _ROOT) -> int:
    """Compare what `make proto` made with the previous commit and with the last tag; returns the exit code.

    Args:
        root: the repository, with `gen/tessera.binpb` in it.
    """
    if shutil.which("git") is None or _git(root, "rev-parse", "--git-dir") is None:
        print("breaking: no git repository here, nothing to compare with")
        return 0
    # A last tag on the previous commit is one comparison, not two.
    revisions = {
        _git(root, "rev-parse", name + "^{commit}") for name in (_previous_commit(root), _last_tag(root)) if name
    }
    compared = [
        _compare(root, each) for each in sorted(filter(None, revisions)) if _git(root, "ls-tree", each, "proto/")
    ]
    if not compared:
        print("breaking: no earlier protos, nothing to compare with")
    return max(compared, default=0)


def _previous_commit(root: Path) -> str | None:
    """What a change to proto/ goes on top of: HEAD while it is uncommitted, HEAD's parent once HEAD may hold it."""
    name = "HEAD" if _git(root, "status", "--porcelain", "--", "proto/") else "HEAD~1"
    return name if _git(root, "rev-parse", "--verify", "--quiet", name) else None


def _last_tag(root: Path) -> str | None:
    return _git(root, "describe", "--tags", "--abbrev=0")


def _compare(root: Path, revision: str) -> int:
    print(f"breaking: against {revision}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        command = ["git", "archive", "--format=zip", revision, "proto"]
        archive = subprocess.run(command, cwd=root, check=True, capture_output=True)
        with zipfile.ZipFile(BytesIO(archive.stdout)) as content:
            content.extractall(folder)
        image = Path(folder, "image.binpb")
        make_image(Path(folder, "proto"), image)
        buf = Path(sys.executable).with_name("buf")
        command = [str(buf), "breaking", "gen/tessera.binpb", "--against", str(image)]
        return subprocess.run(command, cwd=root, check=False).returncode


def _git(root: Path, *arguments: str) -> str | None:
    """What git answers; nothing where it fails, as it does where there is no such revision."""
    answer = subprocess.run(["git", *arguments], cwd=root, check=False, capture_output=True, text=True)
    return answer.stdout.strip() if answer.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())

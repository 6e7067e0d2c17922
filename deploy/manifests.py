"""`python -m deploy.manifests`: whether the files for containers are what their tools take.

Dockerfiles by hadolint, compose.yaml by docker-compose, the Kubernetes manifests by kustomize and then, against the
schemas of Kubernetes' objects, by kubeconform. Where docker-compose or Go's programs are missing, one line says what
was left out; where `CI` is set, that is a failure.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate

from deploy import secrets

HERE = Path(__file__).parent
_KUBERNETES = HERE / "kubernetes"
# The oldest that must take the manifests. All that they use is stable, so that later ones do, too.
_RELEASE = "1.29"
_SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
_DEFINITIONS = "_definitions.json"


def main() -> int:
    """Check everything; answers the exit status."""
    missing = [name for name in ("docker-compose", "kustomize", "kubeconform") if tool(name) is None]
    for name in missing:
        print(f"manifests: {name} is not here; what it checks was left out", file=sys.stderr)
    passed = [_run("hadolint", *map(str, sorted((HERE / "docker").glob("*.Dockerfile"))))]
    if "docker-compose" not in missing:
        passed.append(_run("docker-compose", "--file", str(HERE / "compose.yaml"), "config", "--quiet"))
    if not {"kustomize", "kubeconform"} & set(missing):
        passed.append(_conform())
    return 0 if all(passed) and not (missing and os.environ.get("CI")) else 1


def tool(name: str) -> str | None:
    """A program: the one beside this Python first."""
    return shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")


def build(overlay: str, folder: Path) -> str:
    """The manifests of `base` or `overlays/example` as kustomize makes them, with secrets of their own.

    Args:
        overlay: which, as a path below deploy/kubernetes.
        folder: where a copy is made, so that no secrets come into the repository and none there are read.

    Raises:
        CalledProcessError: kustomize does not take them; it has said why.
    """
    copy = folder / "kubernetes"
    if not copy.exists():
        shutil.copytree(_KUBERNETES, copy, ignore=shutil.ignore_patterns("secrets"))
        secrets.make(copy / "overlays" / "example" / "secrets", host="postgres", port=5432, sslmode=None)
    command = [str(tool("kustomize")), "build", str(copy / overlay)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _conform() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        manifests = "---\n".join(build(each, Path(folder)) for each in ("base", "overlays/example"))
        schemas = _schemas(Path(folder, "schemas"))
        command = ("kubeconform", "-strict", "-summary", "-schema-location", schemas)
        return _run(*command, standard_input=manifests)


def _schemas(folder: Path) -> str:
    """Copies the schemas so that they refer to each other as files, no longer by a site's address."""
    folder.mkdir()
    for schema in (_SCHEMAS / f"v{_RELEASE}.0-local-strict").glob("*.json"):
        text = schema.read_text(encoding="utf-8").replace('"$id"', '"x-id"')
        (folder / schema.name).write_text(text.replace(f"/api/{_DEFINITIONS}", _DEFINITIONS), encoding="utf-8")
    return f"{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"


def _run(name: str, *arguments: str, standard_input: str | None = None) -> bool:
    return subprocess.run([str(tool(name)), *arguments], check=False, input=standard_input, text=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main())

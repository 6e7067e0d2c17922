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

from deploy import secrets

HERE = Path(__file__).parent
_KUBERNETES = HERE / "kubernetes"
# The oldest that must take the manifests. All that they use is stable, so that later ones do, too.
_RELEASE = "1.29"
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


def copied(folder: Path, *, host: str = "postgres", port: int = 5432) -> Path:
    """A copy of deploy/kubernetes with secrets of its own: none come into the repository, none there are read.

    Args:
        folder: where it is made.
        host: of Postgres.
        port: of Postgres.
    """
    copy = folder / "kubernetes"
    shutil.copytree(_KUBERNETES, copy, ignore=shutil.ignore_patterns("secrets"))
    secrets.make(copy / "overlays" / "example" / "secrets", host=host, port=port, sslmode=None)
    return copy


def build(kustomization: Path) -> str:
    """The manifests of a folder as kustomize makes them. Raises `CalledProcessError`, when it has said why."""
    command = [str(tool("kustomize")), "build", str(kustomization)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _conform() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder))
        manifests = "---\n".join(build(copy / each) for each in ("base", "overlays/example"))
        schemas = _schemas(Path(folder, "schemas"))
        command = ("kubeconform", "-strict", "-summary", "-schema-location", schemas)
        return _run(*command, standard_input=manifests)


def _schemas(folder: Path) -> str:
    """Copies the schemas so that they refer to each other as files, no longer by a site's address."""
    import kubernetes_validate  # the checkers alone have it; who only builds does without

    folder.mkdir()
    package = Path(kubernetes_validate.__file__).parent
    for schema in (package / "kubernetes-json-schema" / f"v{_RELEASE}.0-local-strict").glob("*.json"):
        text = schema.read_text(encoding="utf-8").replace('"$id"', '"x-id"')
        (folder / schema.name).write_text(text.replace(f"/api/{_DEFINITIONS}", _DEFINITIONS), encoding="utf-8")
    return f"{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"


def _run(name: str, *arguments: str, standard_input: str | None = None) -> bool:
    return subprocess.run([str(tool(name)), *arguments], check=False, input=standard_input, text=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main())

"""The manifests of deploy/kubernetes, as kustomize makes them, as containers of this machine."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.calls import healthy
from tests.support.containers import Container, Host, writable
from tests.support.images import Builder, Image

ROOT = Path(__file__).parents[2]
Object = dict[str, Any]


class Kubernetes:
    """The objects of a namespace, the images of its pods built.

    Args:
        manifests: as kustomize prints them.
        builder: builds the images.
        folder: for volumes.
    """

    def __init__(self, manifests: str, builder: Builder, folder: Path) -> None:
        self.objects: list[Object] = list(yaml.safe_load_all(manifests))
        self._builder = builder
        self._folder = folder

    def named(self, kind: str) -> dict[str, Object]:
        """All objects of a kind, by name."""
        return {each["metadata"]["name"]: each for each in self.objects if each["kind"] == kind}

    def container(self, workload: Object) -> Container:
        """The one container of a Deployment's or a Job's pod."""
        pod = workload["spec"]["template"]["spec"]
        (spec,) = pod["containers"]
        image = self._image(spec["image"])
        security = pod["securityContext"]
        assert image.user == f"{security['runAsUser']}:{security['runAsGroup']}"
        name = workload["metadata"]["name"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        return Container(
            name=name,
            image=image,
            arguments=tuple(spec["args"]),
            environment={each["name"]: each["value"] for each in spec["env"]},
            mounts={
                mount["mountPath"]: self._mounted(name, volumes[mount["name"]], image) for mount in spec["volumeMounts"]
            },
            grace=float(pod.get("terminationGracePeriodSeconds", 30)),
        )

    def _image(self, name: str) -> Image:
        service = name.rpartition("/")[2].partition(":")[0]
        dockerfile = "gateway" if service == "gateway" else "services"
        arguments = {} if service == "gateway" else {"SERVICE": service}
        return self._builder.build(ROOT / "deploy" / "docker" / f"{dockerfile}.Dockerfile", **arguments)

    def _mounted(self, pod: str, volume: Object, image: Image) -> Path:
        folder = self._folder / pod / volume["name"]
        if folder.exists():
            return folder
        if "emptyDir" in volume:
            return writable(folder, image.user)
        folder.mkdir(parents=True)
        for name, items, optional in _sources(volume):
            if optional and name not in self.named("Secret"):
                continue
            content = self.named("Secret")[name]["data"]
            for key, path in items or [(key, key) for key in content]:
                (folder / path).write_bytes(base64.b64decode(content[key]))
        return folder


def _sources(volume: Object) -> Iterator[tuple[str, list[tuple[str, str]], bool]]:
    """The Secrets of a volume, with the keys that are taken of each (none: all), and whether one may be absent."""
    sources = (
        [each["secret"] for each in volume["projected"]["sources"]] if "projected" in volume else [volume["secret"]]
    )
    for secret in sources:
        keys = [(item["key"], item["path"]) for item in secret.get("items", ())]
        yield secret.get("secretName") or secret["name"], keys, secret.get("optional", False)


def probe(host: Host, container: Container, spec: Object, kind: str) -> bool:
    """Whether a probe of a running pod's succeeds."""
    probe = spec[kind]
    ports = {port["name"]: port["containerPort"] for port in spec["ports"]}
    if "grpc" in probe:
        asked = probe["grpc"]
        assert asked["port"] in ports.values()
        return healthy(f"127.0.0.1:{host.port(container.name, asked['port'])}", asked.get("service", ""))
    asked = probe["httpGet"]
    port = host.port(container.name, ports[asked["port"]])
    try:
        return httpx.get(f"http://127.0.0.1:{port}{asked['path']}", trust_env=False).is_success
    except httpx.TransportError:
        return False

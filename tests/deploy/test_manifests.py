"""What a cluster would make of the manifests where they speak of each other: no process shows that."""

import dataclasses
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from deploy import manifests
from gateway.config import ServeSettings
from services.runtime.settings import ServerSettings
from tests.support.compose import ROOT, read

pytestmark = pytest.mark.skipif(
    manifests.tool("kustomize") is None and not os.environ.get("CI"), reason="kustomize is missing: make .venv/.tools"
)

Object = dict[str, Any]
_ADDRESS = re.compile(r"(?P<host>[a-z]+):(?P<port>\d+)")


class Cluster:
    """The objects of the example, found by kind and name."""

    def __init__(self, text: str) -> None:
        self._objects: list[Object] = list(yaml.safe_load_all(text))
        self.pods = {
            name: workload["spec"]["template"]
            for kind in ("Deployment", "Job")
            for name, workload in self.all(kind).items()
        }

    def all(self, kind: str) -> dict[str, Object]:
        return {each["metadata"]["name"]: each for each in self._objects if each["kind"] == kind}

    def selected(self, selector: Object) -> set[str]:
        """The workloads whose pods a label selector means."""
        return {name for name, pod in self.pods.items() if _matches(selector, pod["metadata"]["labels"])}

    def environment(self, name: str) -> dict[str, str]:
        return {each["name"]: each["value"] for each in only(self.pods[name])["env"]}

    def ports(self, name: str) -> dict[str, int]:
        return {port["name"]: port["containerPort"] for port in only(self.pods[name]).get("ports", ())}

    def rules(self, direction: str, peer: str) -> Iterator[tuple[str, Object, int]]:
        """What the policies let pass: a workload, the other side (nothing: anybody), a TCP port."""
        for policy in self.all("NetworkPolicy").values():
            assert {key for key in ("ingress", "egress") if key in policy["spec"]} <= {
                each.lower() for each in policy["spec"]["policyTypes"]
            }
            for rule in policy["spec"].get(direction, ()):
                for name in self.selected(policy["spec"]["podSelector"]):
                    for other in rule.get(peer, ({},)):
                        for port in rule["ports"]:
                            if port["protocol"] == "TCP":
                                yield name, other, port["port"]

    def between(self, direction: str, peer: str) -> set[tuple[str, str, int]]:
        """What passes between pods by the policies of one side: whose, to or from whom, by which port."""
        return {
            (name, other, port)
            for name, selector, port in self.rules(direction, peer)
            if "podSelector" in selector
            for other in self.selected(selector["podSelector"])
        }


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    copy = manifests.copied(tmp_path_factory.mktemp("manifests"))
    return Cluster(manifests.build(copy / "overlays" / "example"))


def only(pod: Object) -> Object:
    (container,) = pod["spec"]["containers"]
    assert "initContainers" not in pod["spec"]
    return container  # type: ignore[no-any-return]


def _matches(selector: Object, labels: dict[str, str]) -> bool:
    assert selector.keys() <= {"matchLabels", "matchExpressions"}
    wanted = {key: [value] for key, value in selector.get("matchLabels", {}).items()}
    for each in selector.get("matchExpressions", ()):
        assert each["operator"] == "In"
        wanted[each["key"]] = each["values"]
    return all(labels.get(key) in values for key, values in wanted.items())


def test_pods_reach_whom_their_settings_name_and_nobody_else(cluster: Cluster) -> None:
    named = {
        (name, found["host"], int(found["port"]))
        for name in cluster.pods
        for setting, value in cluster.environment(name).items()
        if setting.endswith("_ADDRESS")
        for found in _ADDRESS.finditer(value)
    }
    assert len(named) == 5
    assert cluster.between("egress", "to") == named
    assert cluster.between("ingress", "from") == {(host, name, port) for name, host, port in named}
    for _, host, port in named:
        assert port in cluster.ports(host).values()
        assert port in {each["port"] for each in cluster.all("Service")[host]["spec"]["ports"]}


def test_everybody_is_held_to_the_policies_and_finds_names(cluster: Cluster) -> None:
    nobody = cluster.all("NetworkPolicy")["nobody"]["spec"]
    assert nobody == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    dns = cluster.all("NetworkPolicy")["dns"]["spec"]
    assert cluster.selected(dns["podSelector"]) == set(cluster.pods)
    assert {(each["protocol"], each["port"]) for each in dns["egress"][0]["ports"]} == {("UDP", 53), ("TCP", 53)}


def test_who_has_a_dsn_reaches_postgres_and_nobody_else(cluster: Cluster) -> None:
    told = {name for name in cluster.pods if "TESSERA_DSN_FILE" in cluster.environment(name)}
    outside = {(name, port) for name, peer, port in cluster.rules("egress", "to") if "ipBlock" in peer}
    assert outside == {(name, 5432) for name in told}
    assert not [peer for _, peer, _ in cluster.rules("egress", "to") if not peer], "to anybody"


def test_who_comes_from_other_namespaces_finds_a_port(cluster: Cluster) -> None:
    entered = {
        (name, port)
        for name, peer, port in cluster.rules("ingress", "from")
        if "namespaceSelector" in peer and port in cluster.ports(name).values()
    }
    # Probes come from the node, past the policies.
    every = {(name, port) for name in cluster.pods for kind, port in cluster.ports(name).items() if kind != "health"}
    assert entered == every
    assert not [peer for _, peer, _ in cluster.rules("ingress", "from") if not peer], "from anybody"


def test_every_setting_is_one(cluster: Cluster) -> None:
    """A process passes over what it does not know: a misspelt name would be a default."""
    known = set(re.findall(r"`(TESSERA_\w+)`", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")))
    given = {name for pod in cluster.pods for name in cluster.environment(pod)}
    for service in read()["services"].values():
        if service["image"].startswith("tessera/"):
            given |= service["environment"].keys()
    for dockerfile in (ROOT / "deploy" / "docker").iterdir():
        given |= set(re.findall(r"\b(TESSERA_\w+)=", dockerfile.read_text(encoding="utf-8")))
    assert {name.removesuffix("_FILE") for name in given} - known == set()


def test_selectors_and_references_mean_the_workload_of_their_name(cluster: Cluster) -> None:
    deployments = cluster.all("Deployment")
    for name, deployment in deployments.items():
        spec = deployment["spec"]
        assert cluster.selected(spec["selector"]) == {name}
        assert cluster.selected(spec["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"]) == {name}
        assert "replicas" not in spec, "the autoscaler's business"
        budget, autoscaler = cluster.all("PodDisruptionBudget")[name], cluster.all("HorizontalPodAutoscaler")[name]
        assert cluster.selected(budget["spec"]["selector"]) == {name}
        assert autoscaler["spec"]["scaleTargetRef"]["name"] == name
        assert autoscaler["spec"]["minReplicas"] > budget["spec"]["maxUnavailable"]
        service = cluster.all("Service")[name]["spec"]
        assert cluster.selected({"matchLabels": service["selector"]}) == {name}
        assert {each["targetPort"] for each in service["ports"]} <= cluster.ports(name).keys()
    for pod in cluster.pods.values():
        assert pod["spec"]["serviceAccountName"] in cluster.all("ServiceAccount")
    way_in = cluster.all("Ingress")["gateway"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    ports = cluster.all("Service")[way_in["name"]]["spec"]["ports"]
    assert way_in["port"]["name"] in {each["name"] for each in ports}


def test_every_pod_meets_the_restricted_standard(cluster: Cluster) -> None:
    (namespace,) = cluster.all("Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for pod in cluster.pods.values():
        security = pod["spec"]["securityContext"]
        assert (security["runAsNonRoot"], security["runAsUser"], security["fsGroup"]) == (True, 10001, 10001)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert only(pod)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        for volume in pod["spec"]["volumes"]:
            assert volume.keys() - {"name"} <= {"secret", "projected", "emptyDir"}


def test_whoever_ends_has_the_time(cluster: Cluster) -> None:
    services = read()["services"]
    for name, deployment in cluster.all("Deployment").items():
        environment = cluster.environment(name)
        pod = deployment["spec"]["template"]
        grace = pod["spec"]["terminationGracePeriodSeconds"]
        hook = only(pod).get("lifecycle", {"preStop": {"exec": {"command": ["sleep", "0"]}}})
        program, seconds = hook["preStop"]["exec"]["command"]
        assert program == "sleep"
        ending = _seconds(ServeSettings if name == "gateway" else ServerSettings, environment)
        # To start the hook, and to close what is open.
        assert float(services[name]["stop_grace_period"].removesuffix("s")) >= ending + 5
        assert grace >= ending + int(seconds) + 5


def _seconds(settings: Callable[..., Any], environment: dict[str, str]) -> float:
    """Lame duck and drain, as the environment has them, or by default."""
    fields = dataclasses.fields(settings)  # type: ignore[arg-type]
    ends = [field for field in fields if field.name.endswith(("lame_duck", "drain"))]
    assert len(ends) == 2
    return sum(float(environment.get(f"TESSERA_{each.name.upper()}", each.default.total_seconds())) for each in ends)

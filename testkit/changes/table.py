"""The table of docs/rollout.md: what a change of each parameter does to a live stack."""

import re
from collections.abc import Iterable

from testkit.changes.resource_changes import Action, Update
from testkit.changes.rule import Finding, Severity
from testkit.changes.service_rules import findings
from testkit.changes.transitions import ENVIRONMENTS, changeable_parameters, updates

BEGIN, END = "<!-- begin: python -m tools.update_table -->", "<!-- end -->"
"""The lines around the table in the page."""

HEADER = (
    "| parameter | orchestrator | tasks | also created or deleted | also replaced |",
    "|---|---|---|---|---|",
)

_TOGETHER = {"CertificateArn": "ModelDomain", "ZoneA": "ZoneB"}
"""Parameters that change together with another one, which has no row."""

_TASK_REPLACING = {
    "CapacityProviderStrategy",
    "ForceNewDeployment",
    "LoadBalancers",
    "NetworkConfiguration",
    "TaskDefinition",
}
"""Properties of a service whose change starts new tasks."""


def update_table() -> list[str]:
    """Return the lines of the table, in the order of the template's parameters."""
    return [*HEADER, *(_row(parameter) for parameter in changeable_parameters())]


def write_update_table(page: str) -> str:
    """Return a page with its table replaced by the current one."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n".join([before + BEGIN, *update_table(), END + after])


def _row(parameter: str) -> str:
    """Return the row of a parameter: everything that any change of its value does, from any environment."""
    found = [(transition.environment, update) for transition, update in updates(parameter)]
    name = " and ".join(f"`{each}`" for each in (parameter, _TOGETHER.get(parameter)) if each)
    refused = sorted({finding.rule for _, update in found for finding in _refusals(update)})
    if refused:
        return f"| {name} | refused: {', '.join(refused)} | | | |"
    created = {each for _, update in found for each in update.names(Action.CREATE) | update.names(Action.DELETE)}
    replaced = {each for _, update in found for each in update.names(Action.REPLACE)}
    version = "new version" if any(each.startswith("OrchestratorVersion") for each in replaced) else ""
    others = {
        each
        for each in replaced
        if not re.match(r"OrchestratorVersion|ImageBuilderVersion|Task(V|Shared|Converter)", each)
    }
    cells = [name, version, _tasks(found), _names(created), _names(others)]
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


def _refusals(update: Update) -> list[Finding]:
    return [finding for finding in findings(update) if finding.severity is Severity.REFUSED]


def _tasks(found: Iterable[tuple[str, Update]]) -> str:
    """Return which versions get new tasks, and from which environments."""
    changed = {
        (environment, name.removeprefix("Service").lower())
        for environment, update in found
        for name in update.names(Action.UPDATE, "AWS::ECS::Service")
        if update.changes[name].properties & _TASK_REPLACING
    }
    versions, environments = {version for _, version in changed}, {environment for environment, _ in changed}
    which = f"of {versions.pop()} " if len(versions) == 1 else ""
    where = "" if len(environments) == len(ENVIRONMENTS) else f" ({', '.join(sorted(environments))})"
    return f"{which}replaced{where}" if changed else ""


def _names(resources: Iterable[str]) -> str:
    """Return the names of resources, with `V*` for all versions and `ImageBuild*` for what builds images."""
    families = (re.sub(r"V[123]$", "V*", re.sub(r"^ImageBuild.*", "ImageBuild*", name)) for name in resources)
    return ", ".join(f"`{name}`" for name in sorted(set(families)))

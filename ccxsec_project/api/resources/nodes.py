"""Nodes, and what their stores hold; deploying to them."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema, Status

from ccxsec_project.api.authentication import actor_of
from ccxsec_project.api.fields import Body, KeyInPath, moment
from ccxsec_project.api.resources.jobs import JobOut, told
from certificates.access import Permission
from certificates.models import Deployment, Node, Service
from certificates.operations import request_check, request_deploy
from certificates.refusal import Refused

router = Router(tags=["Nodes"])


class StoreOut(Schema):
    """What a node holds for a service, against what it should hold."""

    service: Service
    generation: int
    in_force: int
    is_in_force: bool
    in_force_at: str | None
    checked_at: str | None
    differs: list[str] = Field(description="What was changed on the node by hand.")
    trouble: str
    can_restart: bool


class NodeOut(Schema):
    id: int
    host_name: str
    addresses: list[str]
    role: str
    is_local: bool
    is_reached: bool
    is_ready: bool
    description: str


class NodeDetails(NodeOut):
    stores: list[StoreOut]


class DeployIn(Body):
    overwrite: bool = Field(False, description="Also what was changed there by hand.")


def _node(row: Node) -> dict[str, object]:
    return {
        "id": row.pk,
        "host_name": row.host_name,
        "addresses": [str(one) for one in row.addresses],
        "role": row.role,
        "is_local": row.is_local,
        "is_reached": row.is_reached,
        "is_ready": row.is_ready,
        "description": row.description,
    }


def _store(row: Deployment) -> dict[str, object]:
    return {
        "service": row.service,
        "generation": row.generation,
        "in_force": row.in_force,
        "is_in_force": row.is_in_force,
        "in_force_at": moment(row.in_force_at),
        "checked_at": moment(row.checked_at),
        "differs": [str(line) for line in row.differs],
        "trouble": row.trouble,
        "can_restart": row.can_restart,
    }


@router.get("", response=list[NodeOut], summary="List the nodes")
def list_nodes(request: HttpRequest) -> list[dict[str, object]]:
    """Needs the scope `certificates.view_node`."""
    actor_of(request).require(Permission.VIEW_NODES)
    return [_node(row) for row in Node.objects.in_restart_order()]


@router.get("/{int:node}", response=NodeDetails, summary="Show a node and its stores")
def show_node(request: HttpRequest, node: KeyInPath) -> dict[str, object]:
    """Needs the scope `certificates.view_node`."""
    actor_of(request).require(Permission.VIEW_NODES)
    row = get_object_or_404(Node, pk=node)
    places = row.deployments.select_related("node").order_by("service")
    return _node(row) | {"stores": [_store(place) for place in places]}


@router.post(
    "/{int:node}/stores/{service}/deploy",
    response={202: JobOut},
    summary="Deploy to a node's store",
)
def deploy_store(
    request: HttpRequest, node: KeyInPath, service: Service, body: DeployIn
) -> Status[dict[str, object]]:
    """A job that still waits is returned instead of a second one.

    Needs the scope `certificates.deploy_certificate`.
    """
    place = _place(node, service)
    job = request_deploy(place.node, service, overwrite=body.overwrite, actor=actor_of(request))
    return Status(202, told(job))


@router.post(
    "/{int:node}/stores/{service}/check", response={202: JobOut}, summary="Look at a node's store"
)
def check_store(
    request: HttpRequest, node: KeyInPath, service: Service
) -> Status[dict[str, object]]:
    """The job says what differs; nothing is written.

    Needs the scope `certificates.deploy_certificate`.
    """
    place = _place(node, service)
    return Status(202, told(request_check(place.node, service, actor=actor_of(request))))


def _place(node: int, service: Service) -> Deployment:
    """Raises `Http404`, and `Refused` reach.by-hand."""
    place = Deployment.objects.place(get_object_or_404(Node, pk=node), service)
    if not place.node.is_reached:
        wrong = f"{place.node} is not reached from here."
        raise Refused("reach.by-hand", wrong, "Copy its files by hand, or set how it is reached.")
    return place

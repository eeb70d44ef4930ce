"""What may lie in the server's directory: published files that are whole, and a dead one's rest."""

from collections.abc import Mapping
from io import BytesIO

from bulk.exchange.consolidated import read_consolidated
from bulk.exchange.export import read_export
from bulk.exchange.names import (
    ConsolidatedName,
    ExportName,
    LockName,
    PartName,
    consolidated_name,
    export_name,
    read_name,
)
from certificates.refusal import Refused


def whole(files: Mapping[str, bytes]) -> list[str]:
    """The published ones, each read to its end; parts and locks may be there besides."""
    published = []
    for file, content in files.items():
        name = read_name(file)
        if isinstance(name, ExportName):
            made = read_export(BytesIO(content)).manifest
            assert file == export_name(made.service, made.cluster.cluster_id, made.number)
            published.append(file)
        elif isinstance(name, ConsolidatedName):
            read = read_consolidated(BytesIO(content))
            assert file == consolidated_name(read.manifest.number)
            assert not [one for one in read.exports if isinstance(one.export, Refused)]
            published.append(file)
        else:
            assert isinstance(name, PartName | LockName), file
    return published


def leftovers(files: Mapping[str, bytes]) -> list[str]:
    """What an upload that died has left."""
    return [file for file in files if isinstance(read_name(file), PartName)]


def exports_of(files: Mapping[str, bytes], cluster_id: str) -> dict[str, bytes]:
    """What one cluster has published."""
    names = {file: read_name(file) for file in files}
    return {
        file: files[file]
        for file, name in names.items()
        if isinstance(name, ExportName) and name.cluster_id == cluster_id
    }


def kept(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> None:
    """What was published is there still, or a newer one has taken its place."""
    newest = {_place(name): _number(name) for name in sorted(after) if _place(name)}
    for name, content in before.items():
        if _place(name) and name not in after:
            assert newest[_place(name)] > _number(name), name
        elif _place(name):
            assert after[name] == content, name


def _place(name: str) -> tuple[str, ...]:
    """What a published file stands for; () for what is not published."""
    read = read_name(name)
    if isinstance(read, ExportName):
        return read.service, read.cluster_id
    return ("consolidated",) if isinstance(read, ConsolidatedName) else ()


def _number(name: str) -> int:
    read = read_name(name)
    assert isinstance(read, ExportName | ConsolidatedName)
    return read.number

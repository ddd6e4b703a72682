"""Tables for people: what a build wrote, what a model or a bundle holds."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from packager.manifest import first_visit_bytes

if TYPE_CHECKING:
    from rich.console import Console

    from packager._manifest_types import Manifest, Parity
    from packager.difference import Difference
    from packager.pipeline import BuildResult
    from packager.verify import Verdict

# More names of changed tensors than this say less than their number.
_MOST_NAMES = 6


def size(count: float) -> str:
    """Bytes for people, in decimal units as browsers show them."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def show_build(console: Console, result: BuildResult) -> None:
    """The tables at the end of a build: what a visitor downloads, and how well each variant agrees with the original."""
    manifest = result.manifest
    downloads = _table("first visit, in bytes as stored", "variant", "shards", "weights", "engine", "page", "in all")
    for variant in manifest["variants"]:
        visit = first_visit_bytes(manifest, variant)
        count = len(variant["graph"]) + sum(len(weights["content"]) for weights in variant["weights"])
        sizes = [visit["weights"], visit["engine"], visit["shell"], sum(visit.values())]
        downloads.add_row(variant["id"], str(count), *(size(number) for number in sizes))
    console.print(f"[bold]{escape(manifest['name'])}[/]: {manifest['task']['kind']}")
    console.print(downloads)
    _show_parity(console, [(variant["id"], variant["parity"]) for variant in manifest["variants"]])
    _show_trade(console, manifest)
    for warning in result.warnings:
        console.print(f"[yellow]![/] {escape(warning)}")
    if result.update is not None:
        show_difference(console, result.update)
    site = str(result.site)
    console.print(f"The site is in [bold]{escape(site)}[/]. Open it with: [bold]packager serve {escape(shlex.quote(site))}[/]")


def _show_trade(console: Console, manifest: Manifest) -> None:
    """Where a target has several precisions: what each saves, and what of the model it keeps."""
    for target in dict.fromkeys(variant["target"] for variant in manifest["variants"]):
        variants = [variant for variant in manifest["variants"] if variant["target"] == target]
        if len(variants) < 2:
            continue
        visits = {variant["id"]: sum(first_visit_bytes(manifest, variant).values()) for variant in variants}
        most = max(visits.values())
        table = _table(f"bytes against agreement, {target}", "precision", "first visit", "", "relative", "cosine")
        for variant in sorted(variants, key=lambda variant: -visits[variant["id"]]):
            _, relative, cosine, *_ = _figures(variant["parity"])
            bytes_ = visits[variant["id"]]
            table.add_row(variant["precision"], size(bytes_), "\u2588" * round(20 * bytes_ / most), relative, cosine)
        console.print(table)


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column(first, overflow="fold")
    for heading in others:
        table.add_column(heading, justify="right", overflow="fold")
    return table


def _show_parity(console: Console, entries: list[tuple[str, Parity]]) -> None:
    table = _table(
        "agreement with the original model", "variant", "samples", "max diff", "relative", "cosine", "top-1", "proven in"
    )
    for name, parity in entries:
        table.add_row(name, f"{parity['samples']}{' made up' if parity['generated'] else ''}", *_figures(parity))
    console.print(table)


def _figures(parity: Parity) -> list[str]:
    """The worst figures over the outputs of a variant."""
    outputs = parity["outputs"]
    top1 = [output["top1"] for output in outputs if output["top1"] is not None]
    return [
        f"{max(output['max_abs'] for output in outputs):.2g}",
        f"{max(output['relative'] for output in outputs):.2g}",
        f"{min(output['cosine'] for output in outputs):.6f}",
        f"{min(top1):.1%}" if top1 else "-",
        _short(parity["runner"]),
    ]


def _short(runner: str) -> str:
    """A program and its version, of a browser the main one: the full one is in the manifest."""
    program, _, version = runner.rpartition(" ")
    return f"{program} {version.split('.')[0] if program == 'Chromium' else version}"


def show_difference(console: Console, found: Difference) -> None:
    """What a returning visitor fetches, variant by variant, and of its weights which tensors they are fetched for."""
    if found.old == found.new:
        console.print("Nothing changed: the server says so of the manifest, and nothing is fetched.")
        return
    table = _table("a returning visitor fetches, in bytes as stored", "variant", "weights", "graph", "engine", "page", "in all")
    around = found.page.new_bytes + found.manifest.new_bytes
    for variant in found.variants:
        weights = sum(part.new_bytes for part in variant.weights)
        sizes = [weights, variant.graph.new_bytes, variant.engine.new_bytes, around, variant.new_bytes + around]
        was = "" if variant.was == variant.id else f" (was {variant.was})"
        table.add_row(f"{variant.id}{was}", *(size(number) for number in sizes))
    console.print(table)
    for variant in found.variants:
        for part in (part for part in variant.weights if part.new):
            names = ", ".join(part.tensors[:_MOST_NAMES])
            more = f" and {len(part.tensors) - _MOST_NAMES} more" if len(part.tensors) > _MOST_NAMES else ""
            shards = f"{part.new} of {part.new + part.kept} shards, {size(part.new_bytes)}"
            console.print(
                f"{variant.id}, {escape(part.name)}: {shards}, for {escape(names or 'tensors without names')}{more}",
                soft_wrap=True,
                highlight=False,
            )


def show_verdict(console: Console, verdict: Verdict, *, trusted: bool) -> None:
    """What `verify` found: a line for each fault, then the notes, then the sum."""
    for path, fault in verdict.problems:
        console.print(f"[red]✗[/] {escape(path)} {escape(fault)}.", soft_wrap=True, highlight=False)
    for remark, paths in _by_remark(verdict.notes):
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        console.print(f"[yellow]![/] {escape(paths[0])}{more} {escape(remark)}.", soft_wrap=True, highlight=False)
    if verdict.signed_by is not None:
        whose = "the given key" if trusted else "the key that it names itself; hold it to one that you know with --key PUB"
        console.print(f"It is signed with {whose}: {verdict.signed_by}", soft_wrap=True, highlight=False)
    found = f"{len(verdict.problems)} wrong" if verdict.problems else "all is as the manifest says"
    console.print(f"{escape(verdict.target)}: {verdict.files} files, {size(verdict.bytes)}: [bold]{found}[/].", highlight=False)


def _by_remark(notes: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """What is said of many files, once."""
    paths: dict[str, list[str]] = {}
    for path, remark in notes:
        paths.setdefault(remark, []).append(path)
    return list(paths.items())


def show_inspection(console: Console, facts: dict[str, Any]) -> None:
    """What `inspect` found."""
    if facts["kind"] == "model":
        _show_model(console, facts)
    else:
        _show_bundle(console, facts)


def _show_signature(console: Console, signature: Any) -> None:
    table = Table(title="signature", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("", "name", "dtype", "shape"):
        table.add_column(heading)
    for kind in ("inputs", "outputs"):
        for entry in signature[kind]:
            table.add_row(
                kind[:-1], escape(entry["name"]), entry["dtype"], escape(f"[{', '.join(str(dim) for dim in entry['shape'])}]")
            )
    console.print(table)


def _show_model(console: Console, facts: dict[str, Any]) -> None:
    opset = f", opset {facts['opset']}" if "opset" in facts else ""
    made = f", {'made' if opset else 'read'} by {facts['producer']}" if facts["producer"] else ""
    console.print(f"[bold]{escape(facts['path'])}[/]: {facts['format']}{opset}{made}")
    console.print(f"{facts['parameters']:,} parameters, {size(facts['bytes'])}")
    _show_signature(console, facts["signature"])
    console.print("ops: " + ", ".join(f"{name} x{count}" for name, count in facts["ops"].items()))
    table = Table(title="targets", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("target", "verdict", "why"):
        table.add_column(heading)
    for verdict in facts["targets"]:
        table.add_row(
            verdict["target"],
            "fits" if verdict["fits"] else "does not fit",
            " ".join([*verdict["problems"], *verdict["notes"]]),
        )
    console.print(table)


def _show_bundle(console: Console, facts: dict[str, Any]) -> None:
    console.print(f"[bold]{escape(facts['name'])}[/] ({escape(facts['path'])}): {facts['task']}, bundle {facts['id'][:12]}")
    _show_signature(console, facts["signature"])
    table = _table("variants", "variant", "shards", "encoded", "decoded", "first visit")
    for variant in facts["variants"]:
        sizes = [variant["encoded_bytes"], variant["decoded_bytes"], sum(variant["first_visit"].values())]
        table.add_row(variant["id"], str(variant["shards"]), *(size(number) for number in sizes))
    console.print(table)
    _show_parity(console, [(variant["id"], variant["parity"]) for variant in facts["variants"]])
    shards, files = facts["shards"], facts["files"]
    console.print(
        f"{shards['count']} shards, {size(shards['encoded_bytes'])} encoded; "
        f"{files['count']} other files, {size(files['bytes'])}"
    )

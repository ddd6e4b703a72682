"""The story of a build: read → optimise → lower → shard → prove → manifest → site."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from packager import __version__, parity, tasks
from packager import manifest as manifests
from packager import samples as sampling
from packager.errors import BuildError, MissingToolError
from packager.hosts import check_limits, host_files
from packager.lowered import Item, Lowered
from packager.optimise import optimise
from packager.progress import Silent
from packager.readers import read
from packager.shard import Shards
from packager.site import Site, finish, folder_bytes
from packager.staging import check_output, staged
from packager.targets import ort_wasm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from packager._manifest_types import Manifest, Parity, Variant
    from packager.model import Model, Sample, Tensors
    from packager.options import BuildOptions, Target
    from packager.progress import Progress
    from packager.tasks import AnyTask


@dataclass
class BuildResult:
    """What a build wrote: the bundle's folder, its manifest, and what the user should know."""

    site: Path
    manifest: Manifest
    warnings: list[str] = field(default_factory=list)


def build(options: BuildOptions, progress: Progress = Silent()) -> BuildResult:  # noqa: B008 (it holds nothing)
    """Builds a bundle. Raises PackagerError; then nothing was written and an older bundle is as it was."""
    warnings: list[str] = []
    check_output(options.output, options.model)
    with progress.step("Reading the model"):
        model = read(options.model, options.dims)
        task = tasks.configure(model, options, warnings.append)
    with progress.step("Running the original"):
        samples = sampling.collect(model, task, options.samples)
        feeds = sampling.batches(task, samples)
        reference = parity.run_reference(model, feeds)
        _check_classes(task, reference, options)
    with progress.step("Optimising the graph"):
        optimised = optimise(model, warnings.append)
    with staged(options.output) as folder:
        draft = _write_bundle(folder, options, optimised, task, samples, progress)
        manifest = _prove(folder, draft, feeds, reference, options, progress, warnings.append)
        with progress.step("Writing the site"):
            finish(folder, manifest, host_files(options.host))
            problems = check_limits(options.host, folder_bytes(folder))
            if problems:
                raise BuildError(f"The host {options.host} would refuse this bundle: {' '.join(problems)}", where="--host")
    return BuildResult(options.output, manifest, warnings)


def _check_classes(task: AnyTask, reference: list[Tensors], options: BuildOptions) -> None:
    """One label a class also where the signature does not tell how many classes there are."""
    if isinstance(task, tasks.ImageTask) and task.labels is not None:
        tasks.check_labels(task.labels, reference[0][task.postprocess["output"]].shape[1], options.labels)


def _write_bundle(
    folder: Path, options: BuildOptions, model: Model, task: AnyTask, samples: list[Sample], progress: Progress
) -> dict[str, Any]:
    """All shards and page files; the manifest as far as it is known before the proof."""
    lowered = {target: _lower(target, model, options.shard_size) for target in options.targets}
    site, shards = Site(folder), Shards(folder, options.shard_size)
    with progress.bar("Writing shards", sum(entry.bytes for entry in lowered.values())) as advance:
        variants = [_variant(target, entry, shards, advance) for target, entry in lowered.items()]
    with progress.step("Adding the runtime and the page"):
        name = options.name or options.model.stem
        engines = {target: site.add_engine(target, shards.write) for target in options.targets}
        site.add_page(name, task.kind, model.signature)
        return {
            "format": manifests.FORMAT,
            "version": manifests.VERSION,
            "name": name,
            "generator": f"packager {__version__}",
            "task": task.manifest(lambda data: shards.write([Item(data)])),
            "signature": model.signature,
            "engines": engines,
            "variants": variants,
            "samples": site.add_samples(samples, shards.write),
            "files": site.files,
        }


def _lower(target: Target, model: Model, shard_size: int) -> Lowered:
    verdict = ort_wasm.check(model)
    if not verdict.fits:
        raise BuildError(f"The target {target} cannot take this model: {' '.join(verdict.problems)}", where=str(model.path))
    return ort_wasm.lower(model, shard_size)


def _variant(target: Target, lowered: Lowered, shards: Shards, done: Callable[[int], None]) -> dict[str, Any]:
    return {
        "id": f"{target}-fp32",
        "target": target,
        "precision": "fp32",
        "graph": shards.write([Item(lowered.graph)], done),
        "weights": [
            {"location": weights.location, "content": shards.write(weights.items, done)} for weights in lowered.weights
        ],
    }


def _prove(
    folder: Path,
    manifest: dict[str, Any],
    feeds: list[Tensors],
    reference: list[Tensors],
    options: BuildOptions,
    progress: Progress,
    warn: Callable[[str], None],
) -> Manifest:
    """Every variant against the reference: natively on the bytes as shipped, then in a browser. Raises ParityError."""
    generated = not options.samples

    def record(variant: Variant, outputs: list[Tensors], proof: Literal["browser", "native"], runner: str) -> Parity:
        agreement = parity.compare(manifest["signature"], reference, outputs, variant["id"])
        agreement.hold(options.tolerance, variant["id"])
        return {
            "proof": proof, "runner": runner, "samples": len(feeds), "generated": generated,
            "tolerance": options.tolerance, "outputs": agreement.outputs,
        }  # fmt: skip

    with progress.step("Proving the shipped bytes natively"):
        for variant in manifest["variants"]:
            outputs = parity.run_natively(folder, manifest["signature"], variant, feeds)
            variant["parity"] = record(variant, outputs, "native", parity.NATIVE_RUNNER)
    sealed = manifests.seal(manifest)
    reason = "--browser off was given" if options.browser == "off" else parity.browser_reason()
    if reason is not None and options.browser != "required":
        if options.browser == "auto":
            warn(f"{reason}, so the bundle was proven in native onnxruntime only. {parity.BROWSER_REMEDY}")
        return sealed
    try:
        for variant in manifest["variants"]:
            with progress.bar("Proving in a browser", len(feeds)) as advance:
                outputs, runner = parity.run_in_browser(
                    folder,
                    manifests.encode(sealed),
                    variant["id"],
                    manifest["signature"],
                    feeds,
                    lambda: advance(1),
                )
            variant["parity"] = record(variant, outputs, "browser", runner)
    except MissingToolError as error:
        if options.browser == "required":
            raise
        warn(f"{error.what} The bundle was proven in native onnxruntime only. {error.remedy}")
        return sealed
    return manifests.seal(manifest)

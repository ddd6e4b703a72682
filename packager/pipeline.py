"""The story of a build: read → optimise → quantise → lower → shard → prove → choose → manifest → site."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packager import __version__, parity, tasks
from packager import manifest as manifests
from packager import samples as sampling
from packager.difference import diff
from packager.errors import BuildError, InputError
from packager.hosts import check_limits, host_files
from packager.lowered import Item, Kept, Lowered
from packager.model import Model
from packager.optimise import optimise
from packager.options import GPU_TARGETS
from packager.progress import Silent
from packager.proof import Proof, browser_obstacle, prove
from packager.quantise import BUDGETS, Quantiser
from packager.readers import read
from packager.shard import Shards
from packager.signing import read_signer
from packager.site import Site, finish, folder_bytes, golden, others
from packager.staging import check_output, staged
from packager.targets import Candidate, candidates, check, lower

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from packager._manifest_types import Manifest
    from packager.difference import Difference
    from packager.model import AnyModel, Sample, Tensors
    from packager.options import BuildOptions
    from packager.progress import Progress
    from packager.tasks import AnyTask


@dataclass
class BuildResult:
    """What a build wrote: the bundle's folder, its manifest, and what the user should know."""

    site: Path
    manifest: Manifest
    warnings: list[str] = field(default_factory=list)
    update: Difference | None = None


def build(options: BuildOptions, progress: Progress = Silent()) -> BuildResult:  # noqa: B008 (it holds nothing)
    """Builds a bundle. Raises PackagerError; then nothing was written and an older bundle is as it was."""
    warnings: list[str] = []
    check_output(options.output, options.model)
    if options.update is not None:
        manifests.read_manifest(options.update)  # says now what is wrong with it, not after the work
    signer = None if options.sign is None else read_signer(options.sign)
    with progress.step("Reading the model"):
        model = read(options.model, options.dims)
        task = tasks.configure(model, options, warnings.append)
        wanted = candidates(options, browser=browser_obstacle(options) is None, onnx=isinstance(model, Model))
    with progress.step("Running the original"):
        samples = sampling.collect(model, task, options.samples)
        feeds = sampling.batches(task, samples)
        reference = parity.run_reference(model, feeds)
        _check_classes(task, reference, options)
    with progress.step("Optimising the graph"):
        optimised = optimise(model, warnings.append)
    asked = frozenset(candidate.id for candidate in wanted if candidate.asked)
    proof = Proof(optimised.signature, task, feeds, reference, options, asked, signer, parity.referee(model))
    with progress.step("Lowering the model"):
        rounds = options.calibration is not None or any(candidate.precision in BUDGETS for candidate in wanted)
        calibration = sampling.calibration(model, task, options.calibration, samples) if rounds else []
        lowered = _lower(optimised, wanted, calibration, options, warnings.append)
    with staged(options.output) as folder:
        draft = _write_bundle(folder, options, lowered, task, samples, proof, progress)
        manifest = prove(folder, draft, proof, progress, warnings.append)
        with progress.step("Writing the site"):
            hosted = host_files(options.host)
            manifest = proof.seal({**manifest, "others": others(hosted)})
            finish(folder, manifest, hosted)
            problems = check_limits(options.host, folder_bytes(folder))
            if problems:
                raise BuildError(f"The host {options.host} would refuse this bundle: {' '.join(problems)}", where="--host")
        update = None if options.update is None else diff(options.update, folder)
    return BuildResult(options.output, manifest, warnings, update)


def _check_classes(task: AnyTask, reference: list[Tensors], options: BuildOptions) -> None:
    """One label a class also where the signature does not tell how many classes there are."""
    if isinstance(task, tasks.ImageTask) and task.labels is not None:
        tasks.check_labels(task.labels, reference[0][task.postprocess["output"]].shape[1], options.labels)


def _write_bundle(
    folder: Path,
    options: BuildOptions,
    lowered: dict[Candidate, Lowered],
    task: AnyTask,
    samples: list[Sample],
    proof: Proof,
    progress: Progress,
) -> dict[str, Any]:
    """All shards and page files; the manifest as far as it is known before the proof."""
    signature = proof.signature
    site, shards = Site(folder), Shards(folder, options.shard_size)
    with progress.bar("Writing shards", sum(entry.bytes for entry in lowered.values())) as advance:
        variants = [_variant(candidate, entry, shards, advance) for candidate, entry in lowered.items()]
    with progress.step("Adding the runtime and the page"):
        name = options.name or options.model.resolve().stem
        targets = dict.fromkeys(candidate.target for candidate in lowered)
        devices = options.race or bool(set(targets) & set(GPU_TARGETS))
        tried = {"golden": golden(signature, proof.feeds[0], proof.reference[0], shards.write)} if devices else {}
        engines = {target: site.add_engine(target, shards.write) for target in targets}
        public_key = proof.signer.public_key if proof.signer else ""
        site.add_page(name, task.kind, signature, public_key, devices=devices)
        return {
            "format": manifests.FORMAT,
            "version": manifests.VERSION,
            "name": name,
            "generator": f"packager {__version__}",
            "task": task.manifest(lambda data: shards.write([Item(data)])),
            "signature": signature,
            "engines": engines,
            "variants": variants,
            **({"race": True} if options.race else {}),
            **tried,
            "samples": site.add_samples(samples, shards.write),
            "files": site.files,
        }


def _lower(
    model: AnyModel, wanted: list[Candidate], calibration: list[Tensors], options: BuildOptions, warn: Callable[[str], None]
) -> dict[Candidate, Lowered]:
    """The model for each variant that takes it; one that was asked for must."""
    lowered: dict[Candidate, Lowered] = {}
    older = [] if options.update is None else manifests.read_manifest(options.update)["variants"]
    kept = Kept(weights["content"] for variant in older for weights in variant["weights"])
    quantiser = Quantiser(model, calibration)
    for target in dict.fromkeys(candidate.target for candidate in wanted):
        verdict = check(target, model)
        if verdict.fits:
            for each in wanted:
                if each.target == target:
                    taken = quantiser.model(each.precision) if target in ("wasm", "webgl") else model
                    lowered[each] = lower(each, taken, options.shard_size, kept)
        elif target in options.targets:
            raise InputError(f"The target {target} does not cover this model: {_some(verdict.problems)}", where=str(model.path))
        elif target == wanted[-1].target:
            raise BuildError(f"The target {target} cannot take this model: {_some(verdict.problems)}", where=str(model.path))
        else:
            rest = dict.fromkeys(each.target for each in wanted if each.target != target)
            warn(
                f"The model runs on {', '.join(rest)} only, as the target {target} does not cover it: {_some(verdict.problems)}"
            )
    return lowered


def _some(problems: list[str], most: int = 4) -> str:
    more = [f"And {len(problems) - most} more; packager inspect lists them."] if len(problems) > most else []
    return " ".join([*problems[:most], *more])


def _variant(candidate: Candidate, lowered: Lowered, shards: Shards, done: Callable[[int], None]) -> dict[str, Any]:
    return {
        "id": candidate.id,
        "target": candidate.target,
        "precision": candidate.precision,
        "graph": shards.write([Item(lowered.graph)], done),
        "weights": [
            {"location": weights.location, "content": shards.write(weights.items, done)} for weights in lowered.weights
        ],
    }

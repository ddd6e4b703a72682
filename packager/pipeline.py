"""The story of a build: read → optimise → lower → shard → prove → choose → manifest → site."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from packager import __version__, parity, tasks
from packager import manifest as manifests
from packager import samples as sampling
from packager.choose import choose, measured
from packager.errors import BuildError, InputError, MissingToolError
from packager.hosts import check_limits, host_files
from packager.lowered import Item, Lowered
from packager.optimise import optimise
from packager.progress import Silent
from packager.readers import read
from packager.shard import Shards
from packager.signing import read_signer
from packager.site import Site, drop_unneeded, finish, folder_bytes, others
from packager.staging import check_output, staged
from packager.targets import ort_wasm, wasm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from packager._manifest_types import Manifest, OutputParity, Parity, Signature
    from packager.model import Model, Sample, Tensors
    from packager.options import BuildOptions, Target
    from packager.progress import Progress
    from packager.signing import Signer
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
    signer = None if options.sign is None else read_signer(options.sign)
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
        draft = _write_bundle(folder, options, optimised, task, samples, signer, progress, warnings.append)
        proof = _Proof(optimised.signature, feeds, reference, options, signer)
        manifest = _prove(folder, draft, proof, progress, warnings.append)
        with progress.step("Writing the site"):
            hosted = host_files(options.host, manifest["engines"])
            manifest = proof.seal({**manifest, "others": others(manifest["engines"], hosted)})
            finish(folder, manifest, hosted)
            problems = check_limits(options.host, folder_bytes(folder))
            if problems:
                raise BuildError(f"The host {options.host} would refuse this bundle: {' '.join(problems)}", where="--host")
    return BuildResult(options.output, manifest, warnings)


def _check_classes(task: AnyTask, reference: list[Tensors], options: BuildOptions) -> None:
    """One label a class also where the signature does not tell how many classes there are."""
    if isinstance(task, tasks.ImageTask) and task.labels is not None:
        tasks.check_labels(task.labels, reference[0][task.postprocess["output"]].shape[1], options.labels)


def _write_bundle(
    folder: Path,
    options: BuildOptions,
    model: Model,
    task: AnyTask,
    samples: list[Sample],
    signer: Signer | None,
    progress: Progress,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """All shards and page files; the manifest as far as it is known before the proof."""
    with progress.step("Lowering the model"):
        lowered = _lower(model, options, warn)
    site, shards = Site(folder), Shards(folder, options.shard_size)
    with progress.bar("Writing shards", sum(entry.bytes for entry in lowered.values())) as advance:
        variants = [_variant(target, options, entry, shards, advance) for target, entry in lowered.items()]
    with progress.step("Adding the runtime and the page"):
        name = options.name or options.model.stem
        engines = {target: site.add_engine(target, shards.write) for target in lowered}
        site.add_page(name, task.kind, model.signature, signer.public_key if signer else "")
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


def _lower(model: Model, options: BuildOptions, warn: Callable[[str], None]) -> dict[Target, Lowered]:
    """The model for each target that was asked for, or else for each that takes it and can be proven here."""
    lowered: dict[Target, Lowered] = {}
    obstacle = _no_browser(options)
    if "wasm" in options.targets or not (options.targets or obstacle):
        verdict = wasm.check(model)
        if verdict.fits:
            lowered["wasm"] = wasm.lower(model, options.shard_size, options.precision)
        elif "wasm" in options.targets:
            raise InputError(f"The target wasm does not cover this model: {_some(verdict.problems)}", where=str(model.path))
        else:
            warn(f"The model runs on ort-wasm only, as the target wasm does not cover it: {_some(verdict.problems)}")
    if "ort-wasm" in options.targets or not options.targets:
        verdict = ort_wasm.check(model)
        if not verdict.fits:
            raise BuildError(f"The target ort-wasm cannot take this model: {_some(verdict.problems)}", where=str(model.path))
        lowered["ort-wasm"] = ort_wasm.lower(model, options.shard_size)
    return lowered


def _some(problems: list[str], most: int = 4) -> str:
    more = [f"And {len(problems) - most} more; packager inspect lists them."] if len(problems) > most else []
    return " ".join([*problems[:most], *more])


def _variant(
    target: Target, options: BuildOptions, lowered: Lowered, shards: Shards, done: Callable[[int], None]
) -> dict[str, Any]:
    precision = options.precision if target == "wasm" else "fp32"
    return {
        "id": f"{target}-{precision}",
        "target": target,
        "precision": precision,
        "graph": shards.write([Item(lowered.graph)], done),
        "weights": [
            {"location": weights.location, "content": shards.write(weights.items, done)} for weights in lowered.weights
        ],
    }


def _no_browser(options: BuildOptions) -> str | None:
    """Why no browser is to be used, or None."""
    return "--browser off was given" if options.browser == "off" else parity.browser_reason()


@dataclass(frozen=True)
class _Proof:
    """What every variant is held to."""

    signature: Signature
    feeds: list[Tensors]
    reference: list[Tensors]
    options: BuildOptions
    signer: Signer | None

    def seal(self, manifest: dict[str, Any]) -> Manifest:
        """A draft as the page takes it: its runtime wants a signed one where the bundle will be."""
        sealed = manifests.seal(manifest)
        return self.signer.sign(sealed) if self.signer else sealed

    def record(self, variant: str, outputs: list[Tensors], proof: Literal["browser", "native"], runner: str) -> Parity:
        """The figures of a variant's outputs. Raises ParityError past the tolerance."""
        agreement = parity.compare(self.signature, self.reference, outputs, variant)
        agreement.hold(self.options.tolerance, variant)
        return self._parity(proof, runner, agreement.outputs)

    def pending(self) -> Parity:
        """What the manifest says before a browser has run a variant that nothing else can run."""
        names = [entry["name"] for entry in self.signature["outputs"]]
        return self._parity(
            "browser", "none yet", [{"name": name, "max_abs": 0, "relative": 0, "cosine": 1, "top1": None} for name in names]
        )

    def _parity(self, proof: Literal["browser", "native"], runner: str, outputs: list[OutputParity]) -> Parity:
        return {
            "proof": proof, "runner": runner, "samples": len(self.feeds), "generated": not self.options.samples,
            "tolerance": self.options.tolerance, "outputs": outputs,
        }  # fmt: skip


def _prove(folder: Path, manifest: dict[str, Any], proof: _Proof, progress: Progress, warn: Callable[[str], None]) -> Manifest:
    """Every variant against the reference: natively on the bytes as shipped, then in a browser. Raises ParityError."""
    options = proof.options
    with progress.step("Proving the shipped bytes natively"):
        for variant in manifest["variants"]:
            if variant["target"] == "wasm":
                variant["parity"] = proof.pending()
                continue
            outputs = parity.run_natively(folder, proof.signature, variant, proof.feeds)
            variant["parity"] = proof.record(variant["id"], outputs, "native", parity.NATIVE_RUNNER)
    reason = _no_browser(options)
    if reason is not None and options.browser != "required" and "wasm" not in options.targets:
        if options.browser == "auto":
            warn(f"{reason}, so the bundle was proven in native onnxruntime only. {parity.BROWSER_REMEDY}")
        return manifests.seal(manifest)
    try:
        _prove_in_browser(folder, manifest, proof, progress, warn)
    except MissingToolError as error:
        if options.browser == "required" or "wasm" in options.targets:
            raise
        warn(f"{error.what} The bundle was proven in native onnxruntime only. {error.remedy}")
        _keep(folder, manifest, [variant for variant in manifest["variants"] if variant["target"] != "wasm"])
        return manifests.seal(manifest)
    chosen, notes = choose(manifests.seal(manifest))
    if not options.targets:
        for note in notes:
            warn(note)
        _keep(folder, manifest, chosen)
    else:
        # What was asked for stays.
        manifest["variants"] = [*chosen, *(variant for variant in manifest["variants"] if variant not in chosen)]
    return manifests.seal(manifest)


def _prove_in_browser(
    folder: Path, manifest: dict[str, Any], proof: _Proof, progress: Progress, warn: Callable[[str], None]
) -> None:
    """Fills in parity and measurements. A variant that nobody asked for goes where it does not stand the proof."""
    names = [variant["id"] for variant in manifest["variants"]]
    sealed = manifests.encode(proof.seal(manifest))
    with progress.bar("Proving in a browser", len(names) * len(proof.feeds)) as advance:
        runs, runner = parity.run_in_browser(folder, sealed, names, proof.signature, proof.feeds, lambda: advance(1))
    for variant in list(manifest["variants"]):
        run = runs[variant["id"]]
        try:
            if isinstance(run, BuildError):
                raise run
            variant["parity"] = proof.record(variant["id"], run.outputs, "browser", runner)
        except BuildError as error:
            if variant["target"] != "wasm" or proof.options.targets:
                raise
            warn(f"{variant['id']} was left out: {error.what}")
            _keep(folder, manifest, [other for other in manifest["variants"] if other is not variant])
            continue
        if run.times:
            variant["measured"] = measured(runner, run.threads, run.times)


def _keep(folder: Path, manifest: dict[str, Any], variants: Sequence[Any]) -> None:
    """Leaves these variants in a bundle, in this order, and nothing that only others need."""
    targets = {variant["target"] for variant in variants}
    manifest["variants"] = list(variants)
    manifest["engines"] = {target: engine for target, engine in manifest["engines"].items() if target in targets}
    manifest["files"] = drop_unneeded(folder, manifests.seal(manifest))

"""The part of a build's story that decides what ships: prove every variant, measure, choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from packager import manifest as manifests
from packager import parity, tasks
from packager.choose import choose, measured
from packager.errors import MissingToolError, PackagerError
from packager.options import BROWSER_TARGETS, GPU_TARGETS
from packager.site import drop_unneeded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from packager._manifest_types import Manifest, OutputParity, Parity, Signature, Variant
    from packager.model import Tensors
    from packager.options import BuildOptions
    from packager.progress import Progress
    from packager.signing import Signer
    from packager.tasks import AnyTask


@dataclass(frozen=True)
class Proof:
    """What every variant is held to.

    ``asked`` holds the ids of those without which the build fails, ``referee`` is what ran the reference, or None for native
    onnxruntime.
    """

    signature: Signature
    task: AnyTask
    feeds: list[Tensors]
    reference: list[Tensors]
    options: BuildOptions
    asked: frozenset[str]
    signer: Signer | None
    referee: str | None = None

    def seal(self, manifest: dict[str, Any]) -> Manifest:
        """A draft as the page takes it: its runtime wants a signed one where the bundle will be."""
        sealed = manifests.seal(manifest)
        return self.signer.sign(sealed) if self.signer else sealed

    def record(
        self, variant: Variant | dict[str, Any], outputs: list[Tensors], proof: Literal["browser", "native"], runner: str
    ) -> Parity:
        """The figures of a variant's outputs. Raises ParityError past the tolerance.

        Fewer bits that the build may choose or leave may not turn an answer either.
        """
        text = isinstance(self.task, tasks.TextTask)
        agreement = parity.compare(self.signature, self.reference, outputs, variant["id"], self._masks(), ranks=not text)
        agreement.hold(self._tolerance(variant), variant["id"])
        chosen = self.options.precision_of(variant["target"]) == "auto" and variant["precision"] != "fp32"
        if chosen and isinstance(self.task, tasks.ImageTask):
            agreement.hold_classes(self.task.postprocess["output"], variant["id"])
        return self._parity(variant, proof, runner, agreement.outputs)

    def pending(self, variant: dict[str, Any]) -> Parity:
        """What the manifest says before a browser has run a variant that nothing else can run."""
        names = [entry["name"] for entry in self.signature["outputs"]]
        blank: list[OutputParity] = [
            {"name": name, "max_abs": 0, "relative": 0, "cosine": 1, "top1": None} for name in names
        ]  # fmt: skip
        return self._parity(variant, "browser", "none yet", blank)

    def _masks(self) -> list[Any] | None:
        """What tells text from padding in each input, where that is text."""
        mask = self.task.preprocess["inputs"]["mask"] if isinstance(self.task, tasks.TextTask) else None
        return None if mask is None else [feed[mask] for feed in self.feeds]

    def _tolerance(self, variant: Any) -> float:
        return self.options.tolerance_of(variant["precision"], asked=variant["id"] in self.asked)

    def _parity(
        self, variant: Any, proof: Literal["browser", "native"], runner: str, outputs: list[OutputParity]
    ) -> Parity:  # fmt: skip
        figures: Parity = {
            "proof": proof, "runner": runner, "samples": len(self.feeds), "generated": not self.options.samples,
            "tolerance": self._tolerance(variant), "outputs": outputs,
        }  # fmt: skip
        return {**figures, "reference": self.referee} if self.referee else figures


def prove(folder: Path, manifest: dict[str, Any], proof: Proof, progress: Progress, warn: Callable[[str], None]) -> Manifest:
    """Every variant against the reference: natively on the bytes as shipped, then in a browser. Raises ParityError.

    What is left in the bundle is what was asked for, and of the rest what the measurements speak for.
    """
    options = proof.options
    with progress.step("Proving the shipped bytes natively"):
        failed: list[tuple[dict[str, Any], PackagerError]] = []
        for variant in manifest["variants"]:
            # A variant for webgpu is a graph that native onnxruntime takes as well, but a browser has to have the last word.
            if variant["target"] in BROWSER_TARGETS and not _half_floats(variant):
                variant["parity"] = proof.pending(variant)
                continue
            outputs = parity.run_natively(folder, proof.signature, variant, proof.feeds)
            try:
                variant["parity"] = proof.record(variant, outputs, "native", parity.NATIVE_RUNNER)
            except PackagerError as error:
                failed.append((variant, error))
        for variant, fault in failed:
            _leave_out(folder, manifest, variant, proof, fault, warn)
    reason = browser_obstacle(options)
    needed = options.browser == "required" or any(variant["target"] in BROWSER_TARGETS for variant in manifest["variants"])
    if reason is not None and not needed:
        if options.browser == "auto":
            warn(f"{reason}, so the bundle was proven in native onnxruntime only. {parity.BROWSER_REMEDY}")
        return manifests.seal(manifest)
    try:
        _prove_in_browser(folder, manifest, proof, progress, warn)
    except MissingToolError as error:
        rest = [variant for variant in manifest["variants"] if variant["target"] not in BROWSER_TARGETS]
        if options.browser == "required" or set(options.targets) & set(BROWSER_TARGETS) or not rest:
            raise
        warn(f"{error.what} The bundle was proven in native onnxruntime only. {error.remedy}")
        _keep(folder, manifest, rest)
        return manifests.seal(manifest)
    chosen, notes = choose(manifests.seal(manifest), proof.asked)
    for note in notes:
        warn(note)
    _keep(folder, manifest, chosen)
    return manifests.seal(manifest)


def browser_obstacle(options: BuildOptions) -> str | None:
    """Why no browser is to be used, or None."""
    return "--browser off was given" if options.browser == "off" else parity.browser_reason()


def _prove_in_browser(
    folder: Path, manifest: dict[str, Any], proof: Proof, progress: Progress, warn: Callable[[str], None]
) -> None:
    """Fills in parity and measurements. A variant that nobody asked for goes where it does not stand the proof."""
    names = [variant["id"] for variant in manifest["variants"]]
    groups = [
        [variant["id"] for variant in manifest["variants"] if (variant["target"] in GPU_TARGETS) == gpu]
        for gpu in (False, True)
    ]
    sealed = manifests.encode(proof.seal(manifest))
    with progress.bar("Proving in a browser", len(names) * len(proof.feeds)) as advance:
        runs, runner = parity.run_in_browser(folder, sealed, groups, proof.signature, proof.feeds, lambda: advance(1))
    for variant in list(manifest["variants"]):
        run = runs[variant["id"]]
        try:
            if isinstance(run, MissingToolError) and variant["id"] in proof.asked and _half_floats(variant):
                warn(
                    f"{variant['id']} was proven in native onnxruntime only, as no graphics card with half floats is here. "
                    "The page tries it on each device before it trusts it."
                )
                continue
            if isinstance(run, PackagerError):
                raise run
            variant["parity"] = proof.record(variant, run.outputs, "browser", runner)
        except PackagerError as error:
            _leave_out(folder, manifest, variant, proof, error, warn)
            continue
        if run.times:
            variant["measured"] = measured(runner, run.device, run.threads, run.times)


def _leave_out(
    folder: Path, manifest: dict[str, Any], variant: Any, proof: Proof, error: PackagerError, warn: Callable[[str], None]
) -> None:
    """Goes on without a variant that did not stand the proof; raises ``error`` where it was asked for or nothing is left."""
    others = [other for other in manifest["variants"] if other is not variant]
    if variant["id"] in proof.asked or not others or (variant["target"], variant["precision"]) == ("ort-wasm", "fp32"):
        raise error
    warn(f"{variant['id']} was left out: {error.what}")
    _keep(folder, manifest, others)


def _half_floats(variant: Variant | dict[str, Any]) -> bool:
    """Whether it needs more than every graphics card has, as the one that browsers make of the processor has not."""
    return variant["target"] == "webgpu" and variant["precision"] == "fp16"


def _keep(folder: Path, manifest: dict[str, Any], variants: Sequence[Any]) -> None:
    """Leaves these variants in a bundle, in this order, and nothing that only others need."""
    targets = {variant["target"] for variant in variants}
    manifest["variants"] = list(variants)
    manifest["engines"] = {target: engine for target, engine in manifest["engines"].items() if target in targets}
    if not targets & set(GPU_TARGETS) and not manifest.get("race"):
        manifest.pop("golden", None)
    manifest["files"] = drop_unneeded(folder, manifests.seal(manifest))

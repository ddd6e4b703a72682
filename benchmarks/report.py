"""Results → docs/benchmarks.md, between its marks, and the plots beside it. What stands outside the marks is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contenders import PEERS, THREADS
from benchmarks.pictures import draw
from benchmarks.sections import against_peers, inference, overview, visits
from scripts.models.fetch import ROOT

if TYPE_CHECKING:
    from collections.abc import Collection

    from benchmarks.results import Results, WorkloadResult

PAGE = ROOT / "docs" / "benchmarks.md"
PLOTS = ROOT / "docs" / "benchmarks"
BEGIN = "<!-- scripts/compare writes what follows, down to its end mark. -->"
END = "<!-- The end of what scripts/compare writes. -->"
_EMPTY = f"# Benchmarks\n\n{BEGIN}\n{END}\n"

_METHOD = """\
The same model, the same input, the same Chromium and the same server: `packager serve`, with brotli or gzip as negotiated,
all content immutable, COOP and COEP on. Each page runs in a browser process and a profile of its own. In every round each
contender has its turn of about a tenth of a second, native onnxruntime too, in an order drawn anew, and a ratio is taken
within a round. Figures are medians over rounds; in brackets stands the interval that holds the true value in 95 of 100
measurements (a bootstrap over rounds; Student's t for the few visits).

- *First visit*: an empty profile. *Return visit*: the same profile in a new browser process. Both last from the start of the
  navigation to the first *answer*, over loopback: what is timed is work, not a network.
- *Ready*: from the arrival of the last byte (in this project after it was verified) until the model can be asked. *Run*:
  from then to the first answer.
- *Sent*: bodies as they went over the wire, without the inputs. Model files are sent as they are, since hosts compress no
  types that they do not know; gzip would take about 7 % off weights in fp32. This project's shards are compressed in the
  bundle.
- *Gain of the second* thread: both measured beside native onnxruntime with one thread.
- *Memory*: the most that each of the browser's processes had resident, added up, above that of a browser with an empty page.
- *Off by*: the largest difference to native onnxruntime on the original file, relative to the output's largest value. Whoever
  is off by more than 1e-3 (or the tolerance of the bundle; for int8 arithmetic a cosine under 0.9) is listed as wrong below,
  without times.
- This project and Transformers.js take text, and their visits to MiniLM include the tokenizer; the others take tokens only.
- The pages have no content security policy, because the larger modules of ONNX Runtime Web compile code from text and
  Transformers.js loads its module from a blob, which this project's own policy forbids.
- TensorFlow.js and LiteRT.js run the ONNX file as benchmarks/convert writes it for them."""


def write_report(found: Results) -> None:
    """Rewrites the page's part of this comparison and all of its plots."""
    PLOTS.mkdir(parents=True, exist_ok=True)
    plots = draw(found)
    for path in PLOTS.glob("compare-*.svg"):
        if path.name not in plots:
            path.unlink()
    for name, svg in plots.items():
        (PLOTS / name).write_text(svg, encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else _EMPTY
    PAGE.write_text(replaced(page, text(found, plots)), encoding="utf-8")


def replaced(page: str, part: str, begin: str = BEGIN, end: str = END) -> str:
    """The page with what lies between its marks replaced; where it has none, they are added at its end."""
    if begin not in page or end not in page:
        page = f"{page.rstrip()}\n\n{begin}\n{end}\n"
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n\n{part.strip()}\n\n{end}{rest.partition(end)[2]}"


def text(found: Results, plots: Collection[str] = ()) -> str:
    """The comparison in Markdown; a plot is shown where its file is among ``plots``."""
    machine = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    parts = [
        "## Side by side with its peers",
        f"Measured on {machine['date']} by `scripts/compare` in {found['seconds'] / 60:.0f} minutes: {machine['processor']}, "
        f"{machine['cores']} logical processors, {machine['system']}, {machine['browser']}.",
        f"{versions}.",
        _METHOD,
        "### Inference, in times of native onnxruntime with as many threads",
        *(overview(found, threads) for threads in THREADS),
    ]
    for name, workload in found["workloads"].items():
        parts += _workload(name, workload, found["empty_page_bytes"], plots)
    return "\n\n".join([*parts, "### Settings", _settings(found), "### Not run", _absent(found)])


def _workload(name: str, workload: WorkloadResult, empty_page: int, plots: Collection[str]) -> list[str]:
    tables = [inference(workload, empty_page), visits(workload), against_peers(workload)]
    pictures = {
        f"compare-steady-{name}.svg": "inference in times of native onnxruntime",
        f"compare-visits-{name}.svg": "from navigation to the first answer",
    }
    shown = [f"![{workload['title']}: {what}](benchmarks/{file})" for file, what in pictures.items() if file in plots]
    return [f"### {workload['title']}", *(each for each in tables if each), *shown]


def _settings(found: Results) -> str:
    lines = [
        "- **packager**: the bundle as `packager build` writes it, with the variants that a default build would leave out for "
        "losing beside the others, through its own packager.js: `load(…, { variant, threads })`.",
        "- **native onnxruntime**: the CPU provider, all graph optimisations, `intra_op_num_threads` as stated.",
    ]
    for peer in PEERS:
        renderer = f" Here it is {found['machine']['renderer']}." if peer.graphics else ""
        lines.append(f"- **{peer.title}**: {peer.settings}{renderer}")
    return "\n".join(lines)


def _absent(found: Results) -> str:
    """Reasons, each with whom and what it is about."""
    titles = {peer.id: peer.title for peer in PEERS}
    places: dict[tuple[str, str], list[str]] = {}
    for workload in found["workloads"].values():
        for name, reason in workload["absent"].items():
            places.setdefault((reason, titles.get(name, name)), []).append(workload["title"])
    names: dict[tuple[str, str], list[str]] = {}
    for (reason, title), where in places.items():
        names.setdefault((reason, "; ".join(where)), []).append(title)
    lines = [f"- **{'; '.join(who)}** on {where}: {reason}" for (reason, where), who in names.items()]
    return "\n".join(lines) or "Everything ran."

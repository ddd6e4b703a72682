"""errors ← nouns ← stages ← pipeline ← cli: who may import whom, read from the imports themselves."""

import ast
from pathlib import Path

import packager

ROOT = Path(packager.__file__).parent
LAYERS = [
    {"errors", "_manifest_types"},
    {
        "assembly",
        "model",
        "options",
        "consistency",
        "content",
        "external_data",
        "lower",
        "lowered",
        "manifest",
        "signing",
        "processing",
        "tasks",
        "bounds",
        "browser",
        "native",
        "tensorflow",
        "progress",
        "scratch",
        "headers",
        "declarations",
    },
    {"readers", "optimise", "quantise", "samples", "targets", "shard", "parity", "choose", "site", "staging", "hosts", "serve"},
    {"pipeline", "proof", "inspection", "bench", "verify", "difference"},
    {"report"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
# The surface: imports what it re-exports.
SURFACE = "__init__"


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "packager":
            parts = node.module.split(".")
            found |= (
                {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names if (LEVEL.get(alias.name) is not None)}
            )
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("packager.")}
    return found


def test_every_module_has_a_layer() -> None:
    parts = {part(path) for path in ROOT.rglob("*.py") if "web" not in path.relative_to(ROOT).parts}
    assert parts - set(LEVEL) == {SURFACE}
    assert set(LEVEL) - parts == set()


def test_imports_point_down() -> None:
    wrong = []
    for path in ROOT.rglob("*.py"):
        name = part(path)
        if name == SURFACE:
            continue
        for target in imports(path) - {name}:
            stage = LEVEL[name] == LEVEL["readers"] and LEVEL[target] == LEVEL["readers"]
            if LEVEL[target] > LEVEL[name] or stage:
                wrong.append(f"{path.relative_to(ROOT)} imports packager.{target}")
    assert wrong == []


def test_parts_of_bench_import_no_stage() -> None:
    """Its pipeline may, as the build's does."""
    stages = {name for name, level in LEVEL.items() if level == LEVEL["readers"]}
    parts = [path for path in (ROOT / "bench").rglob("*.py") if path.name != "pipeline.py"]
    assert {str(path.relative_to(ROOT)): sorted(found) for path in parts if (found := imports(path) & stages)} == {}

"""Keys, signed bundles, and `verify`: what it sees of each fault that a bundle can have."""

from __future__ import annotations

import contextlib
import json
import shutil
import stat
from pathlib import Path

import pytest

from packager import BuildOptions, build
from packager.cli import main
from packager.content import shard_path
from packager.errors import InputError, MissingToolError
from packager.manifest import contents, encode, parse_manifest, read_manifest
from packager.signing import make_key, read_public_key, read_signer, signing_fault
from packager.verify import verify
from tests import models
from tests.serving import serving


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "site.key"
    make_key(path)
    return path


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Path:
    folder = tmp_path_factory.mktemp("signed")
    model = models.save(models.dense(), folder / "m.onnx")
    build(BuildOptions(model, folder / "site", browser="off", sign=key))
    return folder / "site"


@pytest.fixture
def copy(signed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed, tmp_path / "site"))


def flip(path: Path) -> None:
    """One bit of the byte in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def files(site: Path) -> list[Path]:
    return [path for path in sorted(site.rglob("*")) if path.is_file()]


def test_keys_are_pem_files_and_the_private_one_is_the_owners_alone(tmp_path: Path) -> None:
    assert main(["keygen", "-o", str(tmp_path / "k")]) == 0
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    assert (tmp_path / "k").read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert (tmp_path / "k.pub").read_text().startswith("-----BEGIN PUBLIC KEY-----")
    assert read_signer(tmp_path / "k").public_key == read_public_key(tmp_path / "k.pub")
    before = (tmp_path / "k").read_bytes()
    assert main(["keygen", "-o", str(tmp_path / "k")]) == 2
    assert (tmp_path / "k").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no key", b"\x00" * 100], ids=["nothing", "text", "zeros"])
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes, key: Path) -> None:
    (tmp_path / "k").write_bytes(content)
    with pytest.raises(InputError, match="not a private key"):
        read_signer(tmp_path / "k")
    with pytest.raises(InputError, match="not a public key"):
        read_public_key(tmp_path / "k")
    with pytest.raises(InputError, match="not a public key"):
        read_public_key(key)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    other = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "k").write_bytes(other.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    with pytest.raises(InputError, match="not one of Ed25519"):
        read_signer(tmp_path / "k")


def test_without_the_extra_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    with pytest.raises(MissingToolError, match=r"packager\[sign\]"):
        make_key(tmp_path / "k")
    assert list(tmp_path.iterdir()) == []


def test_a_signed_bundle_is_right_and_pins_its_key(signed: Path, key: Path) -> None:
    public = read_public_key(key.with_name("site.key.pub"))
    verdict = verify(str(signed), public)
    assert (verdict.problems, verdict.notes, verdict.signed_by) == ([], [], public)
    assert verdict.files == len(files(signed)) - 1, "all but the manifest, which is what they are held to"
    assert public in (signed / "packager.js").read_text()


def test_an_unsigned_bundle_has_nothing_of_it(tmp_path: Path, key: Path) -> None:
    model = models.save(models.dense(), tmp_path / "m.onnx")
    build(BuildOptions(model, tmp_path / "site", browser="off"))
    assert not list((tmp_path / "site/assets").glob("signed-*"))
    assert "__PUBLIC_KEY__" not in (tmp_path / "site/packager.js").read_text()
    verdict = verify(str(tmp_path / "site"))
    assert verdict.problems == []
    assert [note for _, note in verdict.notes] == ["is not signed: it tells what fits together, not who made it"]
    verdict = verify(str(tmp_path / "site"), read_public_key(key.with_name("site.key.pub")))
    assert verdict.problems == [("manifest.json", "is not signed")]


def test_a_flipped_bit_is_caught_in_every_file_by_itself(copy: Path) -> None:
    paths = [path for path in files(copy) if path.stat().st_size]
    assert len(paths) > 15
    assert [path.name for path in files(copy) if path not in paths] == [".nojekyll"], "only that is empty"
    for path in paths:
        right = path.read_bytes()
        flip(path)
        if path.name != "manifest.json":
            assert [file for file, _ in verify(str(copy)).problems] == [path.relative_to(copy).as_posix()]
        else:
            assert "manifest.json" in dict(verify(str(copy)).problems)
        path.write_bytes(right)
    (copy / ".nojekyll").write_text("x")
    assert [file for file, _ in verify(str(copy)).problems] == [".nojekyll"]


def test_every_byte_of_the_manifest_counts(signed: Path) -> None:
    data = (signed / "manifest.json").read_bytes()
    judged = 0
    for place in range(0, len(data), 29):
        wrong = bytearray(data)
        wrong[place] ^= 0x01
        with contextlib.suppress(InputError):
            assert signing_fault(parse_manifest(bytes(wrong), "manifest.json"), bytes(wrong), None) is not None
            judged += 1
    assert judged > 15, "most others are no manifest any more"


def test_missing_and_surplus_files_are_named(copy: Path) -> None:
    shard = next(content[0] for content in contents(read_manifest(copy)))
    (copy / shard_path(shard)).unlink()
    (copy / "assets/extra.js").write_text("alert(1)")
    (copy / "packager.d.ts").write_bytes((copy / "packager.d.ts").read_bytes() + b"\n")
    assert dict(verify(str(copy)).problems) == {
        shard_path(shard): "is missing",
        "assets/extra.js": "is no file of this bundle",
        "packager.d.ts": f"has more bytes, not {(copy / 'packager.d.ts').stat().st_size - 1:,}",
    }


def test_a_bundle_of_another_key_is_refused(copy: Path, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    manifest = read_manifest(copy)
    (copy / "manifest.json").write_bytes(encode(read_signer(tmp_path / "other").sign(manifest)))
    public = manifest["signed"]["public_key"]
    assert ("manifest.json", "has another id than its content gives") not in verify(str(copy), public).problems
    assert "another key" in dict(verify(str(copy), public).problems)["manifest.json"]


def test_a_host_that_serves_it_well(signed: Path, capsys: pytest.CaptureFixture[str], key: Path) -> None:
    with serving(signed) as server:
        address = f"http://{server.host}:{server.port}/"
        assert main(["verify", f"{address}manifest.json", "--key", f"{key}.pub", "--json"]) == 0
        verdict = json.loads(capsys.readouterr().out)
        assert (verdict["ok"], verdict["problems"], verdict["notes"]) == (True, [], [])
        (signed / "manifest.json").rename(signed / "aside")
        try:
            assert main(["verify", address]) == 2
        finally:
            (signed / "aside").rename(signed / "manifest.json")
    assert main(["verify", address]) == 2
    assert capsys.readouterr().err.count("This is not a bundle: manifest.json") == 2


def test_a_manifest_of_absurd_sizes_costs_nothing(copy: Path) -> None:
    manifest = read_manifest(copy)
    shard = manifest["variants"][0]["graph"][0]
    shard["decoded_bytes"] = 2**50
    manifest["files"][0]["bytes"] = 2**50
    (copy / "manifest.json").write_bytes(encode(manifest))
    problems = dict(verify(str(copy)).problems)
    assert "more than any shard" in problems[shard_path(shard)]
    assert "more than any file" in problems[manifest["files"][0]["path"]]

"""Signed bundles: Ed25519 over the manifest, which hashes everything else. docs/manifest.md has the rules.

A key is a PEM file as OpenSSL reads and writes it: PKCS #8 for the private half, SubjectPublicKeyInfo for the public one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from packager.errors import BuildError, InputError, MissingToolError
from packager.manifest import encode, encode_unsigned

if TYPE_CHECKING:
    from pathlib import Path

    from packager._manifest_types import Manifest

# A key has about a hundred bytes; nothing that a user names by mistake is read further than this.
_LARGEST = 64 * 2**10


class Signer:
    """Holds a private key. ``public_key`` is its public half in 64 hexadecimal digits, as a signed bundle pins it."""

    def __init__(self, key: Any) -> None:
        self._key = key
        self.public_key: str = key.public_key().public_bytes_raw().hex()

    def sign(self, manifest: Manifest) -> Manifest:
        """The manifest, signed."""
        ed25519 = self._key.sign(encode_unsigned(manifest)).hex()
        return {**manifest, "signed": {"public_key": self.public_key, "ed25519": ed25519}}


def read_signer(path: Path) -> Signer:
    """The private key in a PEM file. Raises InputError where there is none, MissingToolError without the extra."""
    serialization, private_key, _ = _library()
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except Exception as error:  # ValueError, TypeError of one with a password, UnsupportedAlgorithm
        raise InputError(
            "This is not a private key that can be read.",
            where=str(path),
            remedy="Make one with packager keygen, or give a PKCS #8 PEM file without a password.",
        ) from error
    if not isinstance(key, private_key):
        raise InputError("The key is not one of Ed25519.", where=str(path), remedy="Make one with packager keygen.")
    return Signer(key)


def read_public_key(path: Path) -> str:
    """The public key in a PEM file, in hexadecimal digits. Raises InputError, MissingToolError."""
    serialization, _, public_key = _library()
    try:
        key = serialization.load_pem_public_key(_read(path))
    except Exception as error:  # ValueError, UnsupportedAlgorithm
        raise InputError(
            "This is not a public key that can be read.",
            where=str(path),
            remedy="Give the .pub file that packager keygen wrote beside the private key.",
        ) from error
    if not isinstance(key, public_key):
        raise InputError("The key is not one of Ed25519.", where=str(path), remedy="Make one with packager keygen.")
    return key.public_bytes_raw().hex()  # type: ignore[no-any-return]


def signing_fault(manifest: Manifest, data: bytes, public_key: str | None) -> str | None:
    """Why the file ``data`` of a manifest was not signed by ``public_key``, or by the key that it names; None where it was.

    Raises MissingToolError without the extra.
    """
    signed = manifest.get("signed")
    if signed is None:
        return "is not signed"
    if public_key is not None and signed["public_key"] != public_key:
        return f"is signed by another key, {signed['public_key'][:12]}…"
    if data != encode(manifest):
        return "is not canonical, so that what was signed cannot be told"
    from cryptography.exceptions import InvalidSignature

    _, _, public = _library()
    try:
        public.from_public_bytes(bytes.fromhex(signed["public_key"])).verify(
            bytes.fromhex(signed["ed25519"]), encode_unsigned(manifest)
        )
    except (InvalidSignature, ValueError):
        return "is not what was signed"
    return None


def make_key(path: Path) -> Path:
    """Writes a new private key to ``path``, readable by its owner alone, and the public one beside it, whose path is returned.

    Raises InputError where either is there already, BuildError where the disk refuses, MissingToolError without the extra.
    """
    serialization, private_key, _ = _library()
    public_path = path.with_name(f"{path.name}.pub")
    for there in (path, public_path):
        if os.path.lexists(there):
            raise InputError("There is a file already, which is not overwritten.", where=str(there), remedy="Choose another.")
    key = private_key.generate()
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for target, data, mode in ((path, private, 0o600), (public_path, public, 0o644)):
            # Made with its mode and never opened when it is there: nobody can read it in between, or have put a link there.
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
                stream.write(data)
    except OSError as error:
        raise BuildError(f"The key cannot be written: {error.strerror}.", where=str(error.filename or path)) from error
    return public_path


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_LARGEST)
    except OSError as error:
        raise InputError(f"The key cannot be read: {error.strerror}.", where=str(path)) from error


def _library() -> tuple[Any, Any, Any]:
    """Cryptography's serialization, and its classes of Ed25519 keys: the private one and the public one."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    except ImportError as error:
        raise MissingToolError(
            "The package cryptography is not installed, which keys and signed bundles need.",
            remedy="Install it with: pip install 'packager[sign]'",
        ) from error
    return serialization, Ed25519PrivateKey, Ed25519PublicKey

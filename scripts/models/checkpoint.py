"""Reads a PyTorch state dict into NumPy without PyTorch, and without running anything that the file says.

A `.pth` of the older kind is a row of pickles (magic number, version, facts of the machine that wrote it, the state
dict, the keys of the storages) followed by the storages themselves: a 64-bit element count, then the elements. The
newer kind is a zip and is refused. A pickle may name any function to be called, so only the few names of a plain state
dict are admitted.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]
    length: int


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage whose elements come later in the file; sizes and strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def view(self, elements: NDArray[Any]) -> NDArray[Any]:
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if min(self.offset, *self.shape, *self.strides, 0) < 0 or (all(self.shape) and last >= elements.size):
            raise InputError(f"a tensor of shape {list(self.shape)} reaches outside its storage of {elements.size}.")
        strides = [s * elements.itemsize for s in self.strides]
        return np.lib.stride_tricks.as_strided(elements[self.offset :], self.shape, strides).copy()


def _rebuild(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


class _StateDictUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in _STORAGES:
            return np.dtype(_STORAGES[name])
        raise InputError(f"the checkpoint names {module}.{name}, which no plain state dict needs; it was not run.")

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", np.dtype() as dtype, str(key), str(), int(length), None):
                return _Storage(key, dtype, length)
        raise InputError(f"the checkpoint refers to {pid!r}, which is not a storage.")


def _elements(file: io.BytesIO, storage: _Storage) -> NDArray[Any]:
    length = int.from_bytes(file.read(8), "little")
    data = file.read(length * storage.dtype.itemsize)
    if length != storage.length or len(data) != length * storage.dtype.itemsize:
        raise InputError(f"storage {storage.key} of the checkpoint is cut short.", remedy="Fetch the file again.")
    return np.frombuffer(data, storage.dtype)


def read_state_dict(data: bytes) -> dict[str, NDArray[Any]]:
    """Tensors by name, as C-contiguous arrays, in the order of the file.

    Raises InputError where the bytes are no such checkpoint, are damaged, or name anything but tensors.
    """
    file = io.BytesIO(data)
    try:
        magic, _version, _machine = (_StateDictUnpickler(file).load() for _ in range(3))
        if magic != _MAGIC:
            raise InputError("this is no PyTorch checkpoint of the stream kind.")
        tensors, keys = (_StateDictUnpickler(file).load() for _ in range(2))
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        raise InputError(f"the checkpoint cannot be read: {error}.") from error
    if not isinstance(tensors, dict) or not all(isinstance(t, _Tensor) for t in tensors.values()):
        raise InputError("the checkpoint holds something else than named tensors.")
    storages = {t.storage.key: t.storage for t in tensors.values()}
    if not isinstance(keys, list) or set(keys) != set(storages):
        raise InputError("the checkpoint's storages are not those that its tensors use.")
    elements = {key: _elements(file, storages[key]) for key in keys}
    return {name: tensor.view(elements[tensor.storage.key]) for name, tensor in tensors.items()}

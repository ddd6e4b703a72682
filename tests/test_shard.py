import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.content import read_content, read_shard, shard_path, shuffle, unshuffle
from packager.errors import BuildError
from packager.lowered import Item, Kept, group
from packager.shard import Shards

sizes = st.lists(st.integers(0, 5000), min_size=1, max_size=12)


@given(sizes=sizes, element=st.sampled_from([1, 2, 4, 8]), shard_size=st.integers(1, 4096), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_what_was_cut_comes_back(tmp_path_factory: pytest.TempPathFactory, sizes, element, shard_size, seed) -> None:
    bundle = tmp_path_factory.mktemp("bundle")
    random = np.random.default_rng(seed)
    # Half noise, half a slope: some shards are worth compressing and some are not.
    items = [
        Item((random.bytes(size) if index % 2 else (np.arange(size) // 7).astype(np.uint8).tobytes()), element)
        for index, size in enumerate(sizes)
    ]
    whole = b"".join(item.data for item in items)

    content = Shards(bundle, shard_size).write(items)

    assert read_content(bundle, content) == whole
    assert all(0 < shard["decoded_bytes"] <= shard_size for shard in content) or whole == b""
    for index, shard in enumerate(content):
        piece = whole[index * shard_size : (index + 1) * shard_size]
        assert shard["sha256"] == hashlib.sha256(piece).hexdigest()
        assert (bundle / shard_path(shard)).stat().st_size == shard["encoded_bytes"]
        assert shard["encoded_bytes"] <= shard["decoded_bytes"] or shard["decoded_bytes"] == 0


@given(data=st.binary(max_size=4000), stride=st.sampled_from([1, 2, 4, 8]))
def test_unshuffle_undoes_shuffle(data: bytes, stride: int) -> None:
    data = data[: len(data) // stride * stride]
    assert unshuffle(shuffle(data, stride), stride) == data


def test_shuffle_puts_first_bytes_first() -> None:
    assert shuffle(b"a1b2c3", 2) == b"abc123"


@given(sizes=st.lists(st.integers(0, 100), max_size=40), limit=st.integers(1, 120))
def test_groups_cover_all_in_order_and_fit(sizes: list[int], limit: int) -> None:
    groups = list(group([bytes(size) for size in sizes], limit, Kept()))
    assert [index for indices in groups for index in indices] == list(range(len(sizes)))
    for indices in groups:
        assert len(indices) == 1 or sum(sizes[index] for index in indices) <= limit


def test_the_same_bytes_give_the_same_files(tmp_path: Path) -> None:
    data = np.random.default_rng(0).standard_normal(50_000).astype(np.float32).tobytes()
    first, second = (Shards(tmp_path / name, 65536).write([Item(data, 4)]) for name in ("one", "two"))
    assert first == second
    for shard in first:
        assert (tmp_path / "one" / shard_path(shard)).read_bytes() == (tmp_path / "two" / shard_path(shard)).read_bytes()


def test_weights_are_shuffled_and_noise_is_left_as_it_is(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    weights = random.standard_normal(20_000).astype(np.float32).tobytes()
    shards = Shards(tmp_path, 2**20)
    (weight,) = shards.write([Item(weights, 4)])
    (noise,) = shards.write([Item(random.bytes(80_000), 4)])
    assert (weight["encoding"], weight["filter"]) == ("gzip", "shuffle4")
    assert (noise["encoding"], noise["filter"]) == ("none", "none")
    assert shard_path(weight) == f"shards/{weight['sha256']}.shuffle4.gzip.bin"
    assert shard_path(noise) == f"shards/{noise['sha256']}.bin"
    assert gzip.decompress((tmp_path / shard_path(weight)).read_bytes()) == shuffle(weights, 4)


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "remove", "html"])
def test_a_damaged_shard_is_refused(tmp_path: Path, damage: str) -> None:
    (shard,) = Shards(tmp_path, 2**20).write([Item(b"weights" * 1000)])
    path = tmp_path / shard_path(shard)
    data = path.read_bytes()
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes(
            {
                "flip": data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
                "truncate": data[:-5],
                "empty": b"",
                "html": b"<!doctype html><title>404</title>",
            }[damage]
        )
    with pytest.raises(BuildError, match=shard["sha256"]):
        read_shard(tmp_path, shard)


def test_decoding_stops_at_the_stated_size(tmp_path: Path) -> None:
    (shard,) = Shards(tmp_path, 2**20).write([Item(b"\0" * 1000)])
    (tmp_path / shard_path(shard)).write_bytes(gzip.compress(b"\0" * 50_000_000))
    with pytest.raises(BuildError, match="wrong bytes"):
        read_shard(tmp_path, shard)

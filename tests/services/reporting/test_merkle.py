"""The Merkle tree against RFC 6962's own vectors, another implementation, and whatever hypothesis finds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from services.reporting import merkle

VECTORS = [bytes.fromhex(data) for data in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
VECTORS.append(bytes(range(0x60, 0x70)))
"""The leaves of the reference implementation's tests (Certificate Transparency)."""

ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

LEAVES = [merkle.leaf_hash(data) for data in VECTORS]
SIZES = st.integers(1, 70)


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(number).encode()) for number in range(count)]


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_the_reference_roots(size: int) -> None:
    """The roots over the first leaves, from none to eight."""
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size]


def test_the_reference_inclusion_proof() -> None:
    """Leaf 0 of 8, as the reference implementation proves it."""
    assert [step.hex() for step in merkle.inclusion_proof(LEAVES, 0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


def test_the_reference_consistency_proof() -> None:
    """The first 6 of 8, as the reference implementation proves it."""
    assert [step.hex() for step in merkle.consistency_proof(LEAVES, 6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(st.lists(st.binary(max_size=8), max_size=40))
@settings(deadline=None)
def test_the_roots_of_another_implementation(entries: list[bytes]) -> None:
    """pymerkle hashes the same tree."""
    tree = InmemoryTree(algorithm="sha256")  # type: ignore[no-untyped-call]  # pymerkle has no types.
    for entry in entries:
        tree.append_entry(entry)

    assert merkle.root(map(merkle.leaf_hash, entries)) == tree.get_root()


@given(SIZES, st.data())
@settings(deadline=None)
def test_every_leaf_can_be_proved(size: int, data: st.DataObject) -> None:
    """And not under another index, another size, another leaf or another root."""
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, 2 * size))
    hashes = leaves(size)
    proof, root = merkle.inclusion_proof(hashes, index), merkle.root(hashes)

    assert merkle.verify_inclusion(hashes[index], index, size, proof, root)
    assert not merkle.verify_inclusion(merkle.leaf_hash(b"forged"), index, size, proof, root)
    assert not merkle.verify_inclusion(hashes[index], index, size, proof, merkle.EMPTY_ROOT)
    assert not merkle.verify_inclusion(hashes[index], index, size, (*proof, root), root)
    assert other == index or not merkle.verify_inclusion(hashes[index], other, size, proof, root)
    assert not proof or not merkle.verify_inclusion(hashes[index], index, size, proof[:-1], root)


@given(SIZES, st.data())
@settings(deadline=None)
def test_every_beginning_can_be_proved(size: int, data: st.DataObject) -> None:
    """And no tree that rewrites an earlier leaf is consistent with it."""
    first = data.draw(st.integers(1, size))
    hashes, rewritten = leaves(size), leaves(size)
    rewritten[data.draw(st.integers(0, first - 1))] = merkle.leaf_hash(b"forged")
    proof = merkle.consistency_proof(hashes, first)
    old, new, forged = merkle.root(hashes[:first]), merkle.root(hashes), merkle.root(rewritten)

    assert merkle.verify_consistency(first, size, old, new, proof)
    assert not merkle.verify_consistency(first, size, old, forged, proof)
    assert not merkle.verify_consistency(first, size, old, forged, merkle.consistency_proof(rewritten, first))
    assert not merkle.verify_consistency(first, size, merkle.EMPTY_ROOT, new, proof)
    assert not merkle.verify_consistency(first, size, old, new, (*proof, new))
    assert not proof or not merkle.verify_consistency(first, size, old, new, proof[:-1])


def test_what_cannot_be_proved_is_an_error_or_false() -> None:
    """No leaf 8 of 8, no first 0 or 9 of 8, and no proof about an empty tree."""
    for wrong in (-1, 8):
        with pytest.raises(IndexError):
            merkle.inclusion_proof(LEAVES, wrong)
    for wrong in (0, 9):
        with pytest.raises(IndexError):
            merkle.consistency_proof(LEAVES, wrong)
    assert not merkle.verify_consistency(0, 8, merkle.EMPTY_ROOT, merkle.root(LEAVES), ())
    assert not merkle.verify_consistency(3, 8, merkle.root(LEAVES[:3]), merkle.root(LEAVES), ())


@given(st.integers(0, 70), st.integers(0, 70))
@settings(deadline=None)
def test_a_stored_frontier_goes_on_where_it_stopped(before: int, after: int) -> None:
    """The root is that of all leaves, and storing changes nothing."""
    hashes = leaves(before + after)
    frontier = merkle.Frontier()
    for leaf in hashes[:before]:
        frontier.append(leaf)
    frontier = merkle.Frontier.decode(frontier.encode())
    for leaf in hashes[before:]:
        frontier.append(leaf)

    assert (frontier.size, frontier.root()) == (before + after, merkle.root(hashes))


@pytest.mark.parametrize("stored", [b"", b"\0" * 7, b"\0" * 7 + b"\1", b"\0" * 8 + b"x" * 32, b"\0" * 7 + b"\1" + b"x"])
def test_a_damaged_frontier_is_refused(stored: bytes) -> None:
    """Too short, or with more or fewer hashes than its size needs."""
    with pytest.raises(ValueError, match="leaves"):
        merkle.Frontier.decode(stored)

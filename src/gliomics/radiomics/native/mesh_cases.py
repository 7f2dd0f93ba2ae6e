"""The triangles of each marching cube, made from thirteen base cases by turning the cube."""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CORNERS = ((0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0))
"""Corners of the cube as (z, y, x); bit k of a case is set when corner k lies inside."""

EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))
"""Edges of the cube as pairs of corners; the mesh has its points in the middle of edges."""

BASE_CASES = {
    (0,): "0 8 3",
    (0, 1): "1 8 3  1 9 8",
    (0, 1, 2): "2 8 3  2 10 8  10 9 8",
    (0, 1, 2, 3): "9 8 10  11 10 8",
    (0, 1, 2, 4): "2 10 9  2 9 7  2 7 3  4 7 9",
    (0, 1, 2, 6): "5 9 8  5 8 2  5 2 6  8 3 2",
    (0, 1, 3, 4): "4 7 11  9 4 11  11 2 9  1 9 2",
    (0, 1, 2, 3, 4): "4 7 11  4 11 9  9 11 10",
    (0, 2, 3, 4, 5): "5 7 0  5 0 9  7 11 0  10 1 0  11 10 0",
    (0, 1, 2, 3, 4, 5): "11 10 5  5 7 11",
    (0, 1, 2, 3, 4, 6): "6 5 9  6 9 11  4 7 9  7 11 9",
    (0, 2, 3, 4, 5, 6): "0 9 1  7 11 6",
    (0, 1, 2, 3, 4, 5, 6): "7 11 6",
}
"""Corners inside and the edges that each triangle joins, for every set of corners that hangs together.

The triangulation is the one whose area and volume pyradiomics gives (Lorensen and Cline 1987 with faces
of two opposite corners always keeping the corners apart); sets that do not hang together add up.
"""

MAX_TRIANGLES = 5
Triangle = tuple[int, int, int]


def _rotations() -> list[NDArray[np.int64]]:
    turns = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        matrix = np.zeros((3, 3), dtype=np.int64)
        for row, (column, sign) in enumerate(zip(order, signs, strict=True)):
            matrix[row, column] = sign
        if round(np.linalg.det(matrix)) == 1:
            turns.append(matrix)
    return turns


def _turn_corners(turn: NDArray[np.int64]) -> list[int]:
    """For each corner, the corner that it becomes."""
    centred = 2 * np.array(CORNERS) - 1
    moved = (centred @ turn.T + 1) // 2
    return [CORNERS.index((int(z), int(y), int(x))) for z, y, x in moved]


def _connected_cases() -> dict[frozenset[int], list[Triangle]]:
    edge_of = {frozenset(pair): number for number, pair in enumerate(EDGES)}
    cases: dict[frozenset[int], list[Triangle]] = {}
    for turn in _rotations():
        corner_to = _turn_corners(turn)
        edge_to = [edge_of[frozenset(corner_to[corner] for corner in pair)] for pair in EDGES]
        for inside, text in BASE_CASES.items():
            points = [edge_to[int(edge)] for edge in text.split()]
            triangles = [(points[k], points[k + 1], points[k + 2]) for k in range(0, len(points), 3)]
            cases.setdefault(frozenset(corner_to[corner] for corner in inside), triangles)
    return cases


def _components(inside: set[int]) -> list[frozenset[int]]:
    parts: list[set[int]] = []
    for corner in sorted(inside):
        near = {b if a == corner else a for a, b in EDGES if corner in (a, b)}
        touching = [part for part in parts if part & near]
        parts = [part for part in parts if not part & near]
        parts.append({corner}.union(*touching))
    return [frozenset(part) for part in parts]


def triangle_table() -> NDArray[np.int8]:
    """List the triangles of the 128 cases that leave corner 7 outside.

    The other 128 are these with inside and outside exchanged.

    Returns
    -------
    ndarray, shape (128, 15)
        Edge numbers, three a triangle; -1 after the last.
    """
    cases = _connected_cases()
    table = np.full((128, 3 * MAX_TRIANGLES), -1, dtype=np.int8)
    for number in range(1, 128):
        parts = _components({corner for corner in range(8) if number >> corner & 1})
        points = [edge for part in parts for triangle in cases[part] for edge in triangle]
        table[number, : len(points)] = points
    return table


def edge_points() -> NDArray[np.float64]:
    """Give the middle of each edge, as (z, y, x) in voxels from the cube's first corner.

    Returns
    -------
    ndarray, shape (12, 3)
        Coordinates 0, 0.5 or 1.
    """
    corners = np.array(CORNERS, dtype=np.float64)
    return np.array([(corners[a] + corners[b]) / 2 for a, b in EDGES])

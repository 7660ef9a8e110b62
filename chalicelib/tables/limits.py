"""How much a file may ask of us. Guards count while they stream, so a hostile file is stopped before memory is spent.

Excel's own limits pass (1,048,576 rows, 16,384 columns, 32,767 characters a cell). The other values refuse none of
1,867 real workbooks that were surveyed: the largest unpacked to 60 MB, the densest by a factor of 69.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Frozen limits of one reading; sizes are bytes unless the name says otherwise."""

    max_rows: int = 5_000_000
    max_columns: int = 16_384
    max_cell_chars: int = 32_767
    max_row_chars: int = 8 * MIB
    """Most text in one row: bounds the memory of a row whose cells are each legal."""
    max_unpacked_bytes: int = 4096 * MIB
    max_ratio: int = 200
    """Unpacked to packed, judged once `free_unpacked_bytes` have come out."""
    free_unpacked_bytes: int = 128 * MIB
    max_parts: int = 20_000
    """Members of an archive; the directory alone of a 100 MB archive could name two million."""
    max_files: int = 100
    """Files in an archive of spreadsheets."""
    merges_within: int = 8 * MIB
    """Largest sheet (unpacked) whose merged cells are looked for: they stand behind its rows, so it is read twice."""
    max_hollow_cells: int = 50_000_000
    """Empty cells before filled ones, summed over a sheet that is also less than 1 % filled."""
    strings_in_memory: int = 12 * MIB
    """Shared strings beyond this many bytes of text live on disk."""
    native_bytes: int = 400 * MIB
    """Address space of the child process that reads xls, xlsb and ods."""
    native_seconds: int = 120
    """CPU seconds of that child."""

"""Brings together what belongs together: values, labels, and training, validation, test parts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError
from ..progress import Progress
from .arrays import Container, StoredArray
from .choosing import best_labels, choose_data, choose_labels
from .libsvm import counted_from, first_place
from .names import DATA, LABELS, PARTS, TEST, TRAIN, Role, role_of
from .opening import SUFFIXES, is_array_file, opened
from .table_header import AUTO


@dataclass(frozen=True)
class Sources:
    """The files of an import, as the user named them; empty where there is none.

    Attributes:
        path: with the image or the samples.
        variable: array of it.
        reference: with the labels.
        reference_variable: array or column with the labels.
        test: with the samples to test on.
        test_reference: with their labels.
    """

    path: str
    variable: str = ""
    reference: str = ""
    reference_variable: str = ""
    test: str = ""
    test_reference: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """All that are named."""
        named = (self.path, self.reference, self.test, self.test_reference)
        return tuple(filter(None, named))


@dataclass(frozen=True, eq=False)
class Part:
    """Values and the labels that belong to them.

    Attributes:
        name: ``train``, ``validation``, ``test``; empty where nothing says.
        container: the file of the values.
        data: the values.
        labels: array of labels; None where there is none.
        labels_file: name of its file.
        raster: path of a label raster that GDAL opens, instead.
    """

    name: str
    container: Container
    data: StoredArray
    labels: StoredArray | None = None
    labels_file: str = ""
    raster: str = ""


class Gathering:
    """Opens files, and says what was found beside them.

    Args:
        stack: closes the files.
        progress: told.
        header: whether the first line of tables holds names, one of ``HEADERS``.
    """

    def __init__(self, stack: ExitStack, progress: Progress, header: str = AUTO) -> None:
        self._stack = stack
        self._header = header
        self._progress = progress
        self._opened: list[Path] = []

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of arrays that were opened, those found beside others too."""
        return tuple(self._opened)

    def gather(self, sources: Sources) -> tuple[Part, ...]:
        """Return the parts, the one of INPUT first.

        Raises:
            InputError: a file cannot be read, or an array not be chosen.
        """
        return self._counted_alike(self._gathered(sources))

    def _gathered(self, sources: Sources) -> tuple[Part, ...]:
        if sources.test_reference and not sources.test:
            raise InputError("TEST_REFERENCE is given without TEST, the samples it belongs to.")
        inside = "" if sources.reference else sources.reference_variable
        container = self._open(sources.path, sources.variable, inside)
        data = choose_data(container, sources.variable)
        role = _role(container, data)
        first = self._with_labels(Part(role.part, container, data), sources, role)
        if sources.test:
            return (_called(first, TRAIN), self._test(sources))
        own = role.part or TRAIN
        others = [
            self._companion(container, data, role, part, not sources.reference)
            for part in PARTS
            if part != own
        ]
        found = [part for part in others if part is not None]
        return (_called(first, own), *found) if found else (first,)

    def _counted_alike(self, parts: Sequence[Part]) -> tuple[Part, ...]:
        """Let the places of LibSVM's lines count from the same number in all parts."""
        tables = [part.data for part in parts if part.data.open_ended]
        if not tables:
            return tuple(parts)
        first = first_place(tables)
        why = "a line has a place 0" if first == 0 else "as LibSVM does: no line has a place 0"
        self._progress.log(f"The places of the bands count from {first} ({why}).")
        return tuple(
            replace(part, data=counted_from(part.data, first)) if part.data.open_ended else part
            for part in parts
        )

    def _open(self, path: str, variable: str = "", label: str = "") -> Container:
        found = self._stack.enter_context(
            opened(path, self._progress, variable=variable, label=label, header=self._header)
        )
        self._opened.append(found.path)
        for note in found.notes:
            self._progress.log(note)
        return found

    def _with_labels(self, part: Part, sources: Sources, role: Role) -> Part:
        """Add the labels of the part of INPUT."""
        container, data = part.container, part.data
        if sources.reference:
            if not is_array_file(sources.reference):
                return Part(part.name, container, data, raster=sources.reference)
            # A table of labels may have its column named.
            file = self._open(sources.reference, "", sources.reference_variable)
            labels = _named_labels(file, sources.reference_variable)
            return Part(part.name, container, data, labels, file.name)
        if sources.reference_variable:
            labels = _named_labels(container, sources.reference_variable)
            return Part(part.name, container, data, labels, container.name)
        return self._labels_by_name(part, role)

    def _test(self, sources: Sources) -> Part:
        """Return the part of TEST."""
        label = "" if sources.test_reference else sources.reference_variable
        container = self._open(sources.test, sources.variable, label)
        same = container.array(sources.variable) if sources.variable else None
        data = same or choose_data(container, "", part=TEST)
        part = Part(TEST, container, data)
        if sources.test_reference:
            named = sources.reference_variable
            file = self._open(sources.test_reference, "", named)
            # Labels for testing are often called otherwise than those for training.
            known = file.array(named) or file.array(f"column {named}")
            labels = _named_labels(file, named if known else "")
            return Part(TEST, container, data, labels, file.name)
        if label:
            return Part(TEST, container, data, _named_labels(container, label), container.name)
        return self._labels_by_name(part, _role(container, data))

    def _labels_by_name(self, part: Part, role: Role) -> Part:
        """Look for labels in the same file, then in one beside it."""
        container = part.container
        others = [item for item in container.arrays if item is not part.data]
        inside = best_labels(others, role.part, role.rest) or best_labels(others)
        if inside is not None:
            return Part(part.name, container, part.data, inside, container.name)
        path = _beside(container.path, role.part, LABELS)
        if path is None:
            return part
        self._progress.log(f"{path.name} lies beside {container.name}: its labels are used.")
        file = self._open(str(path))
        return Part(part.name, container, part.data, choose_labels(file, ""), file.name)

    def _companion(
        self, container: Container, data: StoredArray, role: Role, part: str, beside: bool
    ) -> Part | None:
        """Return another part, of the same file or of one beside it."""
        wanted = Role(part, DATA, role.rest)
        inside = [
            item
            for item in container.arrays
            if item.numeric and item is not data and role_of(item.name) == wanted
        ]
        if len(inside) == 1:
            return self._complete(Part(part, container, inside[0]), wanted)
        path = _beside(container.path, part, DATA) if beside and role.part else None
        if path is None:
            return None
        self._progress.log(f"{path.name} lies beside {container.name}: it is used for {part}.")
        file = self._open(str(path))
        return self._complete(Part(part, file, choose_data(file, "", part=part)), wanted)

    def _complete(self, part: Part, role: Role) -> Part | None:
        """Add labels; a part without any is left out and named."""
        found = self._labels_by_name(part, role)
        if found.labels is None:
            self._progress.warn(
                f"'{part.data.name}' of {part.container.name} is left out: no labels for it were "
                "found."
            )
            return None
        return found


def _role(container: Container, data: StoredArray) -> Role:
    """Return what the name of an array says, or else that of its file."""
    own = role_of(data.name)
    if own.part:
        return own
    stem = role_of(container.path.stem)
    return stem if stem.kind == DATA else Role("", DATA, own.rest)


def _called(part: Part, name: str) -> Part:
    return Part(name, part.container, part.data, part.labels, part.labels_file, part.raster)


def _named_labels(container: Container, name: str) -> StoredArray:
    if container.array(name) is None and container.array(f"column {name}") is not None:
        name = f"column {name}"  # a table without a line of names
    return choose_labels(container, name)


def _beside(path: Path, part: str, kind: str) -> Path | None:
    """Return the file of the same folder whose name says that it is another part or its labels."""
    own = role_of(path.stem)
    if own.kind != DATA:
        return None
    try:
        files: Sequence[Path] = sorted(path.parent.iterdir())
    except OSError:
        return None
    wanted = Role(part, kind, own.rest)
    fitting = [
        item
        for item in files
        if item.suffix.lower() in SUFFIXES and item != path and item.is_file()
        and _without_rank(role_of(item.stem)) == wanted
    ]  # fmt: skip
    same = [item for item in fitting if item.suffix.lower() == path.suffix.lower()]
    chosen = same or fitting
    return chosen[0] if len(chosen) == 1 else None


def _without_rank(role: Role) -> Role:
    return Role(role.part, role.kind, role.rest)

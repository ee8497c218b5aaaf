"""The environment doctor: what is installed, which devices work, what to do about the rest."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import DependencyError
from ..progress import Progress
from ..report import html
from ..report.files import write_text
from . import dependencies, devices, jobs

#: A table's title, headers and rows.
_Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]

#: What training and classifying must have; what else is missing does not stop them.
_NEEDED = (*jobs.JOBS["train_classifier"].needs, *jobs.JOBS["classify_raster"].needs)


@dataclass(frozen=True)
class DeviceReport:
    """A device and how it did in its test.

    Attributes:
        name: what torch calls it.
        title: its name for people.
        failure: why it cannot be used; empty: it works.
    """

    name: str
    title: str
    failure: str


@dataclass(frozen=True)
class DevicesResult:
    """What the machine can compute on.

    Attributes:
        chosen: the device that ``auto`` stands for.
        devices: every device, the CPU last.
        advice: what to do about a card that cannot be used.
    """

    chosen: str
    devices: tuple[DeviceReport, ...]
    advice: tuple[str, ...]


@dataclass(frozen=True)
class EnvironmentResult:
    """What the doctor found.

    Attributes:
        report: path of the HTML report; empty if none was asked for.
        ready: whether training and classifying can run.
        facts: rows of name and value: versions and places.
        packages: rows of package, version (empty: missing) and what it is for.
        devices: what the machine can compute on; empty without torch.
        advice: what to do, one sentence each.
    """

    report: str
    ready: bool
    facts: tuple[tuple[str, str], ...]
    packages: tuple[tuple[str, str, str], ...]
    devices: tuple[DeviceReport, ...]
    advice: tuple[str, ...]


def detect_devices(*, progress: Progress) -> DevicesResult:
    """Try every device with a real kernel: the job behind the desktop's device detection."""
    there = devices.accelerators()
    reports = []
    for position, name in enumerate((*there, "cpu")):
        progress.check_cancel()
        progress.report(position / (len(there) + 1), f"Trying {name}")
        reports.append(DeviceReport(name, devices.device_title(name), devices.kernel_failure(name)))
    working = [report.name for report in reports if not report.failure]
    progress.report(1.0)
    return DevicesResult(
        working[0] if working else "", tuple(reports), devices.driver_advice(there)
    )


def check_environment(
    *,
    report: str = "",
    host: Mapping[str, str] | None = None,
    interpreters: Sequence[str] = (),
    progress: Progress,
) -> EnvironmentResult:
    """Look at packages and devices from inside the worker and write a report to copy.

    Args:
        report: path of the HTML report; empty: none.
        host: facts about the program that asks, such as its version, for the report.
        interpreters: what trying the interpreters of this machine has shown, a line each.
        progress: hears every finding.

    Raises:
        InputError: the report cannot be written.
    """
    facts = (*(host or {}).items(), *_facts())
    packages = tuple(
        (package.title, _version(package.module), package.purpose)
        for package in dependencies.PACKAGES.values()
    )
    absent = dependencies.missing(dependencies.PACKAGES)
    advice: list[str] = []
    if absent:
        command = dependencies.install_command(
            sys.executable, absent, dependencies.version("numpy")
        )
        advice.append(f"{dependencies.what_is_missing(absent)} Install with: {command}")
    found, problems = _try_devices(progress, absent)
    advice.extend(problems)
    result = EnvironmentResult(
        report=report,
        ready=not {*_NEEDED} & set(absent) and bool(found),
        facts=facts,
        packages=packages,
        devices=found,
        advice=tuple(advice),
    )
    for line in in_words(result):
        progress.log(line)
    if report:
        write_report(report, result, interpreters)
    progress.report(1.0)
    return result


def _try_devices(
    progress: Progress, absent: Sequence[str]
) -> tuple[tuple[DeviceReport, ...], tuple[str, ...]]:
    if "torch" in absent:
        return (), ()
    try:
        dependencies.load_torch()
    except DependencyError as error:
        return (), (str(error),)
    found = detect_devices(progress=progress)
    return found.devices, found.advice


def _version(module: str) -> str:
    if not dependencies.installed(module):
        return ""
    return dependencies.version(module) or "present"


def _facts() -> tuple[tuple[str, str], ...]:
    facts = [
        ("Python of the worker", f"{platform.python_version()}, {sys.executable}"),
        ("System", f"{platform.platform()}, {platform.machine()}"),
    ]
    if dependencies.installed("torch"):
        try:
            dependencies.load_torch()
        except DependencyError:
            return tuple(facts)
        import torch

        cuda = f"CUDA {torch.version.cuda}" if torch.version.cuda else "no CUDA"
        facts.append(("PyTorch build", f"{torch.__version__}, {cuda}"))
        facts.append(("PyTorch threads", str(torch.get_num_threads())))
    return tuple(facts)


def in_words(result: EnvironmentResult) -> tuple[str, ...]:
    """Return the findings as lines of text."""
    lines = [f"{name}: {value}" for name, value in result.facts]
    lines += [f"{title}: {version or 'MISSING'}" for title, version, _ in result.packages]
    lines += [
        f"Device {device.name} ({device.title}): {device.failure or 'works'}"
        for device in result.devices
    ]
    lines += list(result.advice)
    lines.append(
        "Training and classifying can run."
        if result.ready
        else "Training and classifying cannot run yet; see above."
    )
    return tuple(lines)


def write_report(path: str, result: EnvironmentResult, interpreters: Sequence[str]) -> None:
    """Write the findings as a page of HTML.

    Raises:
        InputError: the file cannot be written.
    """
    tried = [(device.name, device.title, device.failure or "works") for device in result.devices]
    packages = [(title, version or "missing", use) for title, version, use in result.packages]
    _write_page(
        path,
        [html.paragraph(in_words(result)[-1], "lead"), html.warnings(result.advice)],
        [
            ("Devices, tried with a 3-D convolution", ("Device", "Name", "Finding"), tried),
            ("Packages", ("Package", "Version", "Needed for"), packages),
        ],
        result.facts,
        interpreters,
    )


def write_failure(
    path: str, problem: str, host: Mapping[str, str], interpreters: Sequence[str]
) -> None:
    """Write a page for a machine on which no worker runs.

    Raises:
        InputError: the file cannot be written.
    """
    verdict = html.paragraph("Training and classifying cannot run yet.", "lead")
    # The lines of the message are what was tried and the command to copy.
    _write_page(
        path, [verdict, html.warnings(problem.splitlines())], [], (*host.items(),), interpreters
    )


def _write_page(
    path: str,
    findings: Sequence[str],
    tables: Sequence[_Table],
    facts: Sequence[tuple[str, str]],
    interpreters: Sequence[str],
) -> None:
    """Write findings, tables with rows, and what is known of the machine."""
    body = [*findings]
    for title, headers, rows in (*tables, ("This machine", ("Fact", "Value"), facts)):
        if rows:
            body += [html.heading(title), html.table(headers, rows, words=True)]
    if interpreters:
        body += [html.heading("Pythons tried for the worker"), html.bullets(interpreters)]
    write_text(path, html.page("hsicnn: environment", body))

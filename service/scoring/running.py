"""Runs cases on all cores, each once: what is done and still valid is not done again.

A case is recorded once for all sets of rules that it is watched with, one after another.
"""

import hashlib
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Final

import orjson
from pydantic import TypeAdapter, ValidationError

from service.errors import InputError
from service.scoring.comparing import Curve, curves_of
from service.scoring.folders import RecordedCase, read_case
from service.scoring.knowing import reference_delays
from service.scoring.recordings import Recording
from service.scoring.simulated import recorded
from service.scoring.suites import Case
from service.scoring.watching import Watched, watch
from service.settings.what_ifs import WhatIf

RESULTS: Final = "cases.jsonl"
# What a result rests on; None = the whole package. How results are judged and shown is not in them.
SOURCES: Final[Mapping[str, tuple[str, ...] | None]] = {
    "service.core": None,
    "service.settings": None,
    "service.sources": ("activities.py", "simulator.py"),
    "simulators": None,
    "service.scoring": (
        "comparing.py",
        "comparison.py",
        "judging.py",
        "knowing.py",
        "reference.py",
        "simulated.py",
        "truths.py",
        "watching.py",
    ),
}

AnyCase = Case | RecordedCase


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One case as it was watched; `version` tells the case and the code that it was made with.

    `what_if` names the rules, empty = those of the case. With these, `reference_s` has, for each
    growth, how long the reference took in each of its draws, None = it did not find it, and
    `compared` the detectors to compare with; other rules change neither, so they have none.
    """

    family: str
    level: str
    seed: int
    version: str
    what_if: str = ""
    watched: Watched
    reference_s: tuple[tuple[float | None, ...], ...]
    compared: dict[str, Curve]


_RESULT: Final = TypeAdapter(Result)


def run_cases(
    cases: Sequence[AnyCase], out: Path, jobs: int, what_ifs: Sequence[WhatIf] = ()
) -> Iterator[Result]:
    """Yield the results of every case, one by its own rules and one a what-if, and keep them.

    Those that are there already come first.

    Raises
    ------
    InputError, ConfigError
        If the directory cannot be written, a case has faults, or a what-if does not fit one.
    """
    path = out / RESULTS
    try:
        out.mkdir(parents=True, exist_ok=True)
        done = _kept(path)
        log = path.open("ab")
        if log.tell() and not path.read_bytes().endswith(b"\n"):
            log.write(b"\n")  # a crash cut the last line off
    except OSError as error:
        raise InputError(str(out), str(error.strerror), "give a directory to write to") from error
    context = get_context("spawn")
    with log, ProcessPoolExecutor(jobs, context, _end_with_parent) as pool:
        left = []
        for case in cases:
            missing: list[WhatIf | None] = []
            for what_if in (None, *what_ifs):
                if (found := done.get((case.name, version_of(case, what_if)))) is not None:
                    yield found if what_if is None else replace(found, what_if=what_if.name)
                else:
                    missing.append(what_if)
            if missing:
                left.append(pool.submit(_run, case, missing))
        try:
            for future in as_completed(left):
                for result in future.result():
                    log.write(orjson.dumps(result, option=orjson.OPT_APPEND_NEWLINE))
                    log.flush()
                    yield result
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def version_of(case: AnyCase, what_if: WhatIf | None = None) -> str:
    """Return a word that changes with the case, the rules and the code that its result rests on."""
    if isinstance(case, Case):
        about = orjson.dumps(case.tree, option=orjson.OPT_SORT_KEYS)
    else:
        files = [(f.name, f.stat()) for f in sorted(case.folder.iterdir())]
        about = repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in files]).encode()
    change = b"" if what_if is None else what_if.change.model_dump_json().encode()
    return hashlib.sha256(_code() + about + change).hexdigest()[:16]


@cache
def _code() -> bytes:
    found = hashlib.sha256()
    for package, names in SOURCES.items():
        files = [file for file in resources.files(package).iterdir() if file.name.endswith(".py")]
        for file in sorted(files, key=lambda file: file.name):
            if names is None or file.name in names:
                found.update(file.read_bytes())
    return found.digest()


def _end_with_parent() -> None:
    """Let this worker end when what started it has ended, killed or not."""
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    Thread(target=follow, daemon=True).start()


def _run(case: AnyCase, what_ifs: Sequence[WhatIf | None]) -> list[Result]:
    # Interrupted, a worker ends at once and its case is run again next time. Set here, for the libraries
    # that are imported before have handlers of their own.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    changed = [what_if for what_if in what_ifs if what_if is not None]
    recording = recorded(case, changed) if isinstance(case, Case) else read_case(case, changed)
    return [_result(case, recording, what_if) for what_if in what_ifs]


def _result(case: AnyCase, recording: Recording, what_if: WhatIf | None) -> Result:
    if what_if is not None:
        recording = replace(recording, policy=recording.supposed[what_if.name])
    watched = watch(recording, case.name)
    truth = watched.truth
    return Result(
        family=case.family,
        level=case.level,
        seed=case.seed,
        version=version_of(case, what_if),
        what_if="" if what_if is None else what_if.name,
        watched=watched,
        reference_s=() if what_if else reference_delays(recording, truth, case.seed),
        compared={} if what_if else curves_of(recording, truth),
    )


def _kept(path: Path) -> dict[tuple[str, str], Result]:
    """Read the results of earlier runs; a line cut off by a crash counts as not there."""
    if not path.exists():
        return {}
    found = {}
    for line in path.read_bytes().splitlines():
        try:
            result = _RESULT.validate_json(line)
        except ValidationError:
            continue
        found[f"{result.family}-{result.level}-{result.seed}", result.version] = result
    return found

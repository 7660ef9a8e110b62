"""What an examination finds: one line for each thing that was looked at, right or wrong, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """`fail` loses data, lets strangers in or stops work; `warn` will hurt later; `skip` could not be looked at."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """`id` names the check (`queue.visibility`), `subject` the thing; `wrong` and `remedy` are empty where it is ok."""

    id: str
    severity: Severity
    subject: str
    wrong: str = ""
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        return {"id": self.id, "severity": self.severity.value, "subject": self.subject, "wrong": self.wrong,
                "remedy": self.remedy}


def judged(
    check: str, subject: str, good: bool, wrong: str, remedy: str, *, severity: Severity = Severity.FAIL
) -> Finding:
    """`ok` where `good` holds, else what is wrong."""
    return Finding(check, Severity.OK, subject) if good else Finding(check, severity, subject, wrong, remedy)

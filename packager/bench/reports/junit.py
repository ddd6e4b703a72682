"""JUnit XML, which continuous integration reads: a case for each check and each setting."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET  # only written, never read

from packager.bench.figures import label

if TYPE_CHECKING:
    from packager.bench.report import Report

# XML 1.0 has no way to say these.
_UNSAYABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> str:
    """Violated checks and failed settings are failures; what is undecided is skipped, with the reason."""
    suite = ET.Element("testsuite", name="packager bench", time=f"{report['seconds']:.1f}", timestamp=report["started"])
    for setting in report["settings"]:
        case = ET.SubElement(suite, "testcase", classname="measured", name=_sayable(label(setting)))
        if setting["error"]:
            ET.SubElement(case, "error", message=_sayable(setting["error"]))
    if report["failure"]:
        case = ET.SubElement(suite, "testcase", classname="measured", name="to the end")
        ET.SubElement(case, "error", message=_sayable(report["failure"]))
    for verdict in report["verdicts"]:
        name = f"{verdict['setting']}: {verdict['figure']}"
        case = ET.SubElement(suite, "testcase", classname=verdict["source"], name=_sayable(name))
        if verdict["verdict"] != "passed":
            ET.SubElement(case, _TAGS[verdict["verdict"]], message=_sayable(verdict["sentence"]))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite)))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


_TAGS = {"violated": "failure", "undecided": "skipped"}


def _sayable(text: str) -> str:
    return _UNSAYABLE.sub("\ufffd", text)

"""Whether a text is JUnit XML as Jenkins and GitLab take it: by the schemas in tests/schemas, where xmllint is here, and by what
GitLab reads, which has no schema: names that tell tests apart, times, and counts that are right."""
import os
import shutil
import subprocess
import xml.etree.ElementTree as ET

SCHEMAS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "schemas")
XMLLINT = shutil.which("xmllint")
if not XMLLINT:
    print("SKIPPED: JUnit XML is not held against schemas: xmllint is not here (Debian: libxml2-utils)")


def check(test, text):
    """Asserts it, and returns the root."""
    if XMLLINT:
        for name in ("junit-ant.xsd", "junit-jenkins.xsd"):
            done = subprocess.run([XMLLINT, "--noout", "--schema", os.path.join(SCHEMAS, name), "-"],
                                  input=text.encode(), capture_output=True)
            test.assertEqual(done.returncode, 0, f"{name}: {done.stderr.decode(errors='replace')[:2000]}")
    root = ET.fromstring(text)
    names = [(t.get("classname"), t.get("name")) for t in root.iter("testcase")]
    test.assertEqual(len(names), len(set(names)), "GitLab reads only the first of two tests with one name")
    for suite in root.iter("testsuite"):
        test.assertEqual(int(suite.get("tests")), len(suite.findall("testcase")))
        for kind, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            test.assertEqual(int(suite.get(name)), len(suite.findall("testcase/" + kind)), name)
        test.assertEqual(suite.get("hostname"), "localhost")
    test.assertLess(len(text), 30 << 20, "GitLab reads no larger file")
    return root


def properties(suite):
    return {p.get("name"): p.get("value") for p in suite.iter("property")}

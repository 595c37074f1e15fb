"""Write a CodeRunner question for Moodle's import: python3 make_question.py rubric.json > question.xml"""

import base64
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

TEXT = "Write a line <code>name = value</code> for each value, such as <code>z = [1, 2]</code>."
FIELDS = {
    "defaultgrade": "1",
    "penalty": "0",
    "coderunnertype": "python3",
    "prototypetype": "0",
    "allornothing": "0",
    "penaltyregime": "0",
    "validateonsave": "0",
    "extractcodefromjson": "0",
    "iscombinatortemplate": "1",
    "grader": "TemplateGrader",
    "uiplugin": "none",
    "cputimelimitsecs": "60",
    "memlimitmb": "2000",
    "displayfeedback": "1",
}


def make_question(rubric: bytes, template: str) -> bytes:
    """Return the question as Moodle XML. Its points are a share of the marks that Moodle gives it."""
    quiz = ET.Element("quiz")
    question = ET.SubElement(quiz, "question", type="coderunner")
    ET.SubElement(ET.SubElement(question, "name"), "text").text = "Workings"
    text = ET.SubElement(question, "questiontext", format="html")
    ET.SubElement(text, "text").text = f"<p>{TEXT}</p>"
    for name, value in {**FIELDS, "template": template}.items():
        ET.SubElement(question, name).text = value
    cases = ET.SubElement(question, "testcases")
    case = ET.SubElement(cases, "testcase", testtype="0", useasexample="0", hiderestiffail="0", mark="1")
    for name, value in {"testcode": "", "stdin": "", "expected": "", "extra": "", "display": "SHOW"}.items():
        ET.SubElement(ET.SubElement(case, name), "text").text = value
    file = ET.SubElement(cases, "file", name="rubric.json", path="/", encoding="base64")
    file.text = base64.b64encode(rubric).decode()
    return ET.tostring(quiz, encoding="utf-8", xml_declaration=True)


if __name__ == "__main__":
    TEMPLATE = Path(__file__).with_name("template.py").read_text(encoding="utf-8")
    sys.stdout.buffer.write(make_question(Path(sys.argv[1]).read_bytes(), TEMPLATE))

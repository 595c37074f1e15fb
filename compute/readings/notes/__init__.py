"""The reading that remarks: what a person should know of the numbers that came out.

note         a remark, and how numbers and steps are written in it
witness      a namespace that sees where numbers stop being finite inside a step
tracing      from step to step: where that began, and how far it reaches
sites        the steps of a run, forward and backward
names        what the numbers of a run are called
explanation  from what was traced to notes
diagnosis    on request: numbers that are finite and still no good
masks        remarks of masks that look like booleans
reading      all of it for one answer
"""

from compute.readings.notes.masks import mask_notes
from compute.readings.notes.note import Note, Operand
from compute.readings.notes.reading import Observed, diagnose, observe

__all__ = ["Note", "Observed", "Operand", "diagnose", "mask_notes", "observe"]

"""Notes: what people should know about the numbers of an answer.

note         a note, and how numbers and steps are written in it
witness      a namespace that records where numbers stop being finite inside a step
tracing      trace from step to step where that began, and how far it reaches
sites        the steps of a run, forward and backward
names        names for the numbers of a run
explanation  turn traced origins into notes
diagnosis    on request: numbers that are finite but unreliable
masks        notes on masks that look like booleans
reading      all notes for one answer
"""

from compute.readings.notes.masks import mask_notes
from compute.readings.notes.note import Note, Operand
from compute.readings.notes.reading import Observed, diagnose, observe

__all__ = ["Note", "Observed", "Operand", "diagnose", "mask_notes", "observe"]

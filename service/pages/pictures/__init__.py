"""Pictures of documents: charts as data, how they are written, and which of them an answer gets."""
